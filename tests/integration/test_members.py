"""Members: what each role may do in a store, and how it ends."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from tests.people import get_store, invite, list_invitations, list_members, set_role
from tests.system import Client, Person, System, refused

Code = grpc.StatusCode
STAFF, ADMIN, OWNER = access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN, access_pb2.ROLE_OWNER
ME = members_pb2.GetMemberRequest(name="members/me")
State = members_pb2.Invitation.State


async def test_staff_read_and_do_not_write_on_every_service(system: System) -> None:
    store = await system.new_store()
    client = (await system.new_member(store, STAFF)).client
    await get_store(client, store)
    await client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))
    await client.keys.ListAuditEntries(keys_pb2.ListAuditEntriesRequest(parent=store))
    await client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store))
    assert len(await list_members(client, store)) == 1
    product = catalog_pb2.Product(display_name="Shea butter")
    endpoint = "https://example.com/hook"
    for call in (
        client.catalog.CreateProduct(catalog_pb2.CreateProductRequest(parent=store, product=product)),
        client.keys.CreateKey(keys_pb2.CreateKeyRequest(parent=store, display_name="X", scopes=["catalog.read"])),
        client.webhooks.CreateWebhookEndpoint(webhooks_pb2.CreateWebhookEndpointRequest(parent=store, url=endpoint)),
        client.members.ListInvitations(members_pb2.ListInvitationsRequest(parent=store)),
    ):
        await refused(call, Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")


async def test_admins_run_the_shop_and_not_its_people(system: System) -> None:
    store = await system.new_store()
    await system.new_member(store)
    admin = await system.new_member(store, ADMIN)
    product = catalog_pb2.Product(display_name="Shea butter")
    await admin.client.catalog.CreateProduct(catalog_pb2.CreateProductRequest(parent=store, product=product))
    for call in (
        invite(admin.client, store, "x@shop.example", STAFF),
        set_role(admin.client, admin.in_(store), OWNER),
        admin.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=admin.in_(store))),
    ):
        await refused(call, Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")


async def test_a_member_does_not_reach_another_store_whether_it_exists_or_not(system: System) -> None:
    person = await system.new_member(await system.new_store())
    for store in (await system.new_store(), "stores/st_nowhere"):
        await refused(get_store(person.client, store), Code.PERMISSION_DENIED, "STORE_NOT_ALLOWED")
        await refused(invite(person.client, store, "x@shop.example", STAFF), Code.PERMISSION_DENIED)
    listed = (await person.client.catalog.ListStores(catalog_pb2.ListStoresRequest())).stores
    assert [each.name for each in listed] == [person.member.memberships[0].store]


async def test_members_are_none_of_an_api_keys_business(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    for call in (
        client.members.ListMemberships(members_pb2.ListMembershipsRequest(parent=store)),
        client.members.GetMember(ME),
        invite(client, store, "x@shop.example", OWNER),
    ):
        await refused(call, Code.PERMISSION_DENIED, "AUDIENCE_NOT_ALLOWED")


async def test_a_lowered_role_holds_everywhere_when_the_call_has_returned(system: System) -> None:
    store = await system.new_store()
    owner, other = await system.new_member(store), await system.new_member(store, ADMIN)
    product = catalog_pb2.CreateProductRequest(parent=store, product=catalog_pb2.Product(display_name="Gari"))
    await other.client.catalog.CreateProduct(product)
    changed = await set_role(owner.client, other.in_(store), STAFF)
    assert (changed.role, changed.email) == (STAFF, other.email)
    await refused(other.client.catalog.CreateProduct(product), Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    await set_role(owner.client, other.in_(store), ADMIN)
    await other.client.catalog.CreateProduct(product)


@pytest.mark.parametrize("how", ["removed", "left"])
async def test_who_is_out_of_the_store_reaches_it_on_no_service_when_the_call_has_returned(
    system: System, how: str
) -> None:
    store = await system.new_store()
    owner, other = await system.new_member(store), await system.new_member(store, STAFF)
    for call in _reads(other.client, store):
        await call
    if how == "removed":
        await owner.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=other.in_(store)))
    else:
        await other.client.members.LeaveStore(members_pb2.LeaveStoreRequest(name=store))
    for call in _reads(other.client, store):
        await refused(call, Code.PERMISSION_DENIED, "STORE_NOT_ALLOWED")
    assert list((await other.client.members.GetMember(ME)).member.memberships) == [], "the account stays"
    await refused(set_role(owner.client, other.in_(store), STAFF), Code.NOT_FOUND, "MEMBERSHIP_NOT_FOUND")


async def test_the_last_owner_stays_one_until_there_is_another(system: System) -> None:
    store = await system.new_store()
    owner, other = await system.new_member(store), await system.new_member(store, STAFF)
    ways: list[Callable[[], Any]] = [
        lambda: set_role(owner.client, owner.in_(store), ADMIN),
        lambda: owner.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=owner.in_(store))),
        lambda: owner.client.members.LeaveStore(members_pb2.LeaveStoreRequest(name=store)),
        lambda: system.operator.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=owner.in_(store))),
    ]
    for way in ways:
        await refused(way(), Code.FAILED_PRECONDITION, "LAST_OWNER", says="somebody else an owner first")
    await set_role(owner.client, other.in_(store), OWNER)
    await owner.client.members.LeaveStore(members_pb2.LeaveStoreRequest(name=store))


async def test_two_owners_who_leave_at_once_do_not_both_go(system: System) -> None:
    store = await system.new_store()
    people = [await system.new_member(store) for _ in range(3)]
    leave = members_pb2.LeaveStoreRequest(name=store)
    done = await asyncio.gather(*(each.client.members.LeaveStore(leave) for each in people), return_exceptions=True)
    assert len([each for each in done if isinstance(each, grpc.aio.AioRpcError)]) == 1
    assert len(await list_members(system.operator, store)) == 1


async def test_everything_is_in_the_stores_audit_log_and_no_token_is(system: System) -> None:
    store = await system.new_store()
    owner = await system.new_member(store)
    other = await _joined(system, owner, store)
    await set_role(owner.client, other.in_(store), ADMIN)
    made = await invite(owner.client, store, "esi@shop.example", STAFF)
    await owner.client.members.RevokeInvitation(members_pb2.RevokeInvitationRequest(name=made.invitation.name))
    await owner.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=other.in_(store)))
    third = await _joined(system, owner, store)
    await third.client.members.LeaveStore(members_pb2.LeaveStoreRequest(name=store))
    entries = (await owner.client.keys.ListAuditEntries(keys_pb2.ListAuditEntriesRequest(parent=store))).audit_entries
    told = [(entry.action, entry.actor, entry.client_address) for entry in reversed(entries)]
    here = "127.0.0.1"
    assert told[1:] == [
        ("member.joined", owner.name, here),
        ("member.invited", owner.name, here),
        ("member.joined", other.name, here),
        ("member.roleChanged", owner.name, here),
        ("member.invited", owner.name, here),
        ("invitation.revoked", owner.name, here),
        ("member.removed", owner.name, here),
        ("member.invited", owner.name, here),
        ("member.joined", third.name, here),
        ("member.left", third.name, here),
    ]
    assert told[0][0] == "member.invited"
    assert told[0][1].startswith("operators/")
    changed = next(entry for entry in entries if entry.action == "member.roleChanged")
    assert changed.resource == other.in_(store)
    assert (changed.before["role"], changed.after["role"]) == ("staff", "admin")
    assert changed.after["email"] == other.email
    text = str([MessageToDict(entry) for entry in entries])
    assert "sdfx_" not in text
    assert "argon2" not in text


async def test_a_suspended_store_is_out_of_its_members_reach_until_it_is_resumed(system: System) -> None:
    store, open_store = await system.new_store(), await system.new_store()
    person = await system.new_member(store)
    await system.join(person, open_store)
    await get_store(person.client, store)
    await system.operator.keys.SuspendStore(keys_pb2.SuspendStoreRequest(name=store, reason="unpaid"))
    for call in _reads(person.client, store):
        await refused(call, Code.PERMISSION_DENIED, "STORE_SUSPENDED")
    await get_store(person.client, open_store)
    me = (await person.client.members.GetMember(ME)).member
    assert {each.store: each.suspended for each in me.memberships} == {store: True, open_store: False}
    newcomer = await system.new_member(store)
    await refused(get_store(newcomer.client, store), Code.PERMISSION_DENIED, "STORE_SUSPENDED")
    await system.operator.keys.ResumeStore(keys_pb2.ResumeStoreRequest(name=store))
    await get_store(person.client, store)


async def test_lists_come_in_pages(system: System) -> None:
    store = await system.new_store()
    people = [await system.new_member(store, STAFF) for _ in range(3)]
    for number in range(3):
        await system.invite(store, f"guest{number}@shop.example", STAFF)
    listed = [each.member for each in await list_members(system.operator, store, page_size=2)]
    assert listed == [each.name for each in people]
    emails = [each.email for each in await list_invitations(system.operator, store, page_size=2)]
    assert emails[:3] == [f"guest{number}@shop.example" for number in (2, 1, 0)]
    assert len(emails) == 6


async def test_a_member_chooses_what_they_are_called(system: System) -> None:
    person = await system.new_member(await system.new_store())
    wanted = members_pb2.Member(name="members/me", display_name="Ama Mensah", email="x@y.example")
    request = members_pb2.UpdateMemberRequest(member=wanted, update_mask=FieldMask(paths=["display_name"]))
    changed = (await person.client.members.UpdateMember(request)).member
    assert (changed.name, changed.display_name, changed.email) == (person.name, "Ama Mensah", person.email)
    for mask, name, says in ((["email"], "X", "display_name"), (["display_name"], "", "empty")):
        wanted = members_pb2.Member(name=person.name, display_name=name)
        request = members_pb2.UpdateMemberRequest(member=wanted, update_mask=FieldMask(paths=mask))
        await refused(person.client.members.UpdateMember(request), Code.INVALID_ARGUMENT, says=says)


async def test_nobody_sees_or_changes_another_members_account(system: System) -> None:
    store = await system.new_store()
    person, other = await system.new_member(store), await system.new_member(store)
    for call in (
        person.client.members.GetMember(members_pb2.GetMemberRequest(name=other.name)),
        person.client.members.ListSessions(members_pb2.ListSessionsRequest(parent=other.name)),
        person.client.members.EndOtherSessions(members_pb2.EndOtherSessionsRequest(parent=other.name)),
        person.client.members.UpdateMember(
            members_pb2.UpdateMemberRequest(member=members_pb2.Member(name=other.name, display_name="X"))
        ),
    ):
        await refused(call, Code.PERMISSION_DENIED, "MEMBER_NOT_ALLOWED")


async def test_a_membership_is_given_a_role_that_there_is(system: System) -> None:
    store = await system.new_store()
    owner = await system.new_member(store)
    request = members_pb2.UpdateMembershipRequest(
        membership=members_pb2.Membership(name=owner.in_(store)), update_mask=FieldMask(paths=["role"])
    )
    await refused(owner.client.members.UpdateMembership(request), Code.INVALID_ARGUMENT, says="ROLE_STAFF")
    await refused(invite(owner.client, store, "x@shop.example", access_pb2.ROLE_UNSPECIFIED), Code.INVALID_ARGUMENT)


async def _joined(system: System, owner: Person, store: str) -> Person:
    """Somebody whom an owner has invited as staff."""
    email, password = f"{uuid.uuid4().hex[:12]}@shop.example", uuid.uuid4().hex
    token = (await invite(owner.client, store, email, STAFF)).token
    request = members_pb2.AcceptInvitationRequest(token=token, display_name="Esi", password=password)
    joined = await system.as_(None).members.AcceptInvitation(request)
    return Person(email, password, system.as_(joined.token), joined.member)


def _reads(client: Client, store: str) -> list[Any]:
    return [
        get_store(client, store),
        client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store)),
        client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store)),
    ]
