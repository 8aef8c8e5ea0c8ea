"""Members: joining a store, what each role may do there, and how it ends."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import psycopg2
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from tests.system import Client, Person, System, refused

Code = grpc.StatusCode
STAFF, ADMIN, OWNER = access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN, access_pb2.ROLE_OWNER
ME = members_pb2.GetMemberRequest(name="members/me")
State = members_pb2.Invitation.State


async def test_whoever_accepts_an_invitation_belongs_to_the_store_and_is_signed_in(system: System) -> None:
    store = await system.new_store()
    person = await system.new_member(store, ADMIN)
    me = (await person.client.members.GetMember(ME)).member
    assert me == person.member
    assert (me.email, me.display_name) == (person.email, "Ama")
    assert [(each.store, each.role) for each in me.memberships] == [(store, ADMIN)]
    assert (await person.client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))).store.name == store


async def test_an_invitation_greets_whoever_holds_its_token(system: System) -> None:
    store = await system.new_store(display_name="Makola Corner")
    owner = await system.new_member(store)
    made = await _invite(owner.client, store, " Esi@Shop.Example ", STAFF)
    assert made.invitation.email == "esi@shop.example"
    assert made.uri == f"https://shops.example.com/admin/invitation#{made.token}"
    assert made.token.startswith("sdfx_inv_")
    told = await system.as_(None).members.LookUpInvitation(members_pb2.LookUpInvitationRequest(token=made.token))
    assert (told.store, told.store_display_name, told.email) == (store, "Makola Corner", "esi@shop.example")
    assert (told.role, told.inviter, told.has_account) == (STAFF, "Ama", False)
    assert told.expire_time.ToDatetime() - made.invitation.create_time.ToDatetime() == timedelta(days=7)


async def test_an_invitation_is_accepted_once_and_no_token_is_a_credential(system: System) -> None:
    store = await system.new_store()
    made = await system.invite(store, "kofi@shop.example", STAFF)
    await refused(_get_store(system.as_(made.token), store), Code.UNAUTHENTICATED)
    accept = members_pb2.AcceptInvitationRequest(token=made.token, display_name="Kofi", password="kenkey and shito")
    await system.as_(None).members.AcceptInvitation(accept)
    await refused(system.as_(None).members.AcceptInvitation(accept), Code.NOT_FOUND, "INVITATION_NOT_FOUND")
    (listed,) = (await _invitations(system.operator, store))[0:1]
    assert listed.state == State.STATE_ACCEPTED
    assert listed.member


async def test_of_many_who_accept_one_invitation_at_once_one_joins(system: System) -> None:
    store = await system.new_store()
    token = (await system.invite(store, "yaw@shop.example", STAFF)).token
    accept = members_pb2.AcceptInvitationRequest(token=token, display_name="Yaw", password="kenkey and shito")
    done = await asyncio.gather(
        *(system.as_(None).members.AcceptInvitation(accept) for _ in range(4)), return_exceptions=True
    )
    assert len([each for each in done if isinstance(each, members_pb2.AcceptInvitationResponse)]) == 1
    assert len(await _members(system.operator, store)) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"display_name": " "}, "INVALID_ARGUMENT"), ({"password": "short"}, "PASSWORD_NOT_ALLOWED"),
     ({"password": "Password123"}, "PASSWORD_NOT_ALLOWED"),
     ({"password": "akua@shop.example"}, "PASSWORD_NOT_ALLOWED")],
)  # fmt: skip
async def test_a_new_account_needs_a_name_and_a_sound_password(
    system: System, change: dict[str, str], reason: str
) -> None:
    store = await system.new_store()
    token = (await system.invite(store, "akua@shop.example", STAFF)).token
    values = {"token": token, "display_name": "Akua", "password": "kenkey and shito"} | change
    request = members_pb2.AcceptInvitationRequest(**values)
    await refused(system.as_(None).members.AcceptInvitation(request), Code.INVALID_ARGUMENT, reason)
    assert await _members(system.operator, store) == [], "the invitation waits on"


async def test_an_existing_account_joins_another_store_by_its_own_password_only(system: System) -> None:
    first, second = await system.new_store(), await system.new_store()
    person = await system.new_member(first)
    token = (await system.invite(second, person.email.upper(), STAFF)).token
    told = await system.as_(None).members.LookUpInvitation(members_pb2.LookUpInvitationRequest(token=token))
    assert told.has_account
    stranger = members_pb2.AcceptInvitationRequest(token=token, display_name="X", password="another password")
    await refused(system.as_(None).members.AcceptInvitation(stranger), Code.UNAUTHENTICATED, "SIGN_IN_NOT_ACCEPTED")
    right = members_pb2.AcceptInvitationRequest(token=token, password=person.password)
    await system.as_(None).members.AcceptInvitation(right)
    me = (await person.client.members.GetMember(ME)).member
    assert {(each.store, each.role) for each in me.memberships} == {(first, OWNER), (second, STAFF)}
    assert (await _get_store(person.client, second)).store.name == second, "the session from before reaches it at once"


async def test_whoever_belongs_to_the_store_is_not_invited_again(system: System) -> None:
    store = await system.new_store()
    owner = await system.new_member(store)
    info = await refused(_invite(owner.client, store, owner.email, STAFF), Code.ALREADY_EXISTS, "ALREADY_MEMBER")
    assert info.metadata["name"] == owner.in_(store)


async def test_a_new_invitation_takes_the_place_of_the_one_before(system: System) -> None:
    store = await system.new_store()
    first = await system.invite(store, "abena@shop.example", STAFF)
    await system.invite(store, "abena@shop.example", ADMIN)
    states = [(each.role, each.state) for each in await _invitations(system.operator, store)]
    assert states == [(ADMIN, State.STATE_PENDING), (STAFF, State.STATE_REVOKED)]
    look = members_pb2.LookUpInvitationRequest(token=first.token)
    await refused(system.as_(None).members.LookUpInvitation(look), Code.NOT_FOUND)


@pytest.mark.parametrize("how", ["revoked", "too old", "never made"])
async def test_an_invitation_that_ended_is_accepted_no_more(
    system: System, databases: dict[str, str], how: str
) -> None:
    store = await system.new_store()
    made = await system.invite(store, "kwame@shop.example", STAFF)
    token = made.token
    match how:
        case "revoked":
            revoke = members_pb2.RevokeInvitationRequest(name=made.invitation.name)
            for _ in range(2):
                revoked = (await system.operator.members.RevokeInvitation(revoke)).invitation
                assert revoked.state == State.STATE_REVOKED
        case "too old":
            moved = (
                "UPDATE invitation SET create_time = create_time - interval '8 d', expire_time = now() WHERE id = %s"
            )
            _sql(databases, moved, made.invitation.name.rpartition("/")[2])
        case _:
            token = "sdfx_inv_" + "a" * 38
    request = members_pb2.AcceptInvitationRequest(token=token, display_name="K", password="kenkey and shito")
    await refused(system.as_(None).members.AcceptInvitation(request), Code.NOT_FOUND, "INVITATION_NOT_FOUND")


async def test_staff_read_and_do_not_write_on_every_service(system: System) -> None:
    store = await system.new_store()
    client = (await system.new_member(store, STAFF)).client
    await _get_store(client, store)
    await client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))
    await client.keys.ListAuditEntries(keys_pb2.ListAuditEntriesRequest(parent=store))
    await client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store))
    assert len(await _members(client, store)) == 1
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
        _invite(admin.client, store, "x@shop.example", STAFF),
        _set_role(admin.client, admin.in_(store), OWNER),
        admin.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=admin.in_(store))),
    ):
        await refused(call, Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")


async def test_a_member_does_not_reach_another_store_whether_it_exists_or_not(system: System) -> None:
    person = await system.new_member(await system.new_store())
    for store in (await system.new_store(), "stores/st_nowhere"):
        await refused(_get_store(person.client, store), Code.PERMISSION_DENIED, "STORE_NOT_ALLOWED")
        await refused(_invite(person.client, store, "x@shop.example", STAFF), Code.PERMISSION_DENIED)
    listed = (await person.client.catalog.ListStores(catalog_pb2.ListStoresRequest())).stores
    assert [each.name for each in listed] == [person.member.memberships[0].store]


async def test_members_are_none_of_an_api_keys_business(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    for call in (
        client.members.ListMemberships(members_pb2.ListMembershipsRequest(parent=store)),
        client.members.GetMember(ME),
        _invite(client, store, "x@shop.example", OWNER),
    ):
        await refused(call, Code.PERMISSION_DENIED, "AUDIENCE_NOT_ALLOWED")


async def test_a_lowered_role_holds_everywhere_when_the_call_has_returned(system: System) -> None:
    store = await system.new_store()
    owner, other = await system.new_member(store), await system.new_member(store, ADMIN)
    product = catalog_pb2.CreateProductRequest(parent=store, product=catalog_pb2.Product(display_name="Gari"))
    await other.client.catalog.CreateProduct(product)
    changed = await _set_role(owner.client, other.in_(store), STAFF)
    assert (changed.role, changed.email) == (STAFF, other.email)
    await refused(other.client.catalog.CreateProduct(product), Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    await _set_role(owner.client, other.in_(store), ADMIN)
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
    await refused(_set_role(owner.client, other.in_(store), STAFF), Code.NOT_FOUND, "MEMBERSHIP_NOT_FOUND")


async def test_the_last_owner_stays_one_until_there_is_another(system: System) -> None:
    store = await system.new_store()
    owner, other = await system.new_member(store), await system.new_member(store, STAFF)
    ways: list[Callable[[], Any]] = [
        lambda: _set_role(owner.client, owner.in_(store), ADMIN),
        lambda: owner.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=owner.in_(store))),
        lambda: owner.client.members.LeaveStore(members_pb2.LeaveStoreRequest(name=store)),
        lambda: system.operator.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=owner.in_(store))),
    ]
    for way in ways:
        await refused(way(), Code.FAILED_PRECONDITION, "LAST_OWNER", says="somebody else an owner first")
    await _set_role(owner.client, other.in_(store), OWNER)
    await owner.client.members.LeaveStore(members_pb2.LeaveStoreRequest(name=store))


async def test_two_owners_who_leave_at_once_do_not_both_go(system: System) -> None:
    store = await system.new_store()
    people = [await system.new_member(store) for _ in range(3)]
    leave = members_pb2.LeaveStoreRequest(name=store)
    done = await asyncio.gather(*(each.client.members.LeaveStore(leave) for each in people), return_exceptions=True)
    assert len([each for each in done if isinstance(each, grpc.aio.AioRpcError)]) == 1
    assert len(await _members(system.operator, store)) == 1


@pytest.mark.parametrize("how", ["removed", "lowered"])
async def test_an_owner_who_goes_leaves_no_invitation_behind(system: System, how: str) -> None:
    store = await system.new_store()
    owner, other = await system.new_member(store), await system.new_member(store)
    kept = await _invite(owner.client, store, "kept@shop.example", STAFF)
    door = await _invite(other.client, store, "door@shop.example", OWNER)
    if how == "removed":
        await owner.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=other.in_(store)))
    else:
        await _set_role(owner.client, other.in_(store), ADMIN)
    states = {each.name: each.state for each in await _invitations(owner.client, store)}
    assert states == {
        kept.invitation.name: State.STATE_PENDING,
        door.invitation.name: State.STATE_REVOKED,
    } | {name: state for name, state in states.items() if state == State.STATE_ACCEPTED}


async def test_everything_is_in_the_stores_audit_log_and_no_token_is(system: System) -> None:
    store = await system.new_store()
    owner = await system.new_member(store)
    other = await _joined(system, owner, store)
    await _set_role(owner.client, other.in_(store), ADMIN)
    made = await _invite(owner.client, store, "esi@shop.example", STAFF)
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
    await _get_store(person.client, store)
    await system.operator.keys.SuspendStore(keys_pb2.SuspendStoreRequest(name=store, reason="unpaid"))
    for call in _reads(person.client, store):
        await refused(call, Code.PERMISSION_DENIED, "STORE_SUSPENDED")
    await _get_store(person.client, open_store)
    me = (await person.client.members.GetMember(ME)).member
    assert {each.store: each.suspended for each in me.memberships} == {store: True, open_store: False}
    newcomer = await system.new_member(store)
    await refused(_get_store(newcomer.client, store), Code.PERMISSION_DENIED, "STORE_SUSPENDED")
    await system.operator.keys.ResumeStore(keys_pb2.ResumeStoreRequest(name=store))
    await _get_store(person.client, store)


async def test_lists_come_in_pages(system: System) -> None:
    store = await system.new_store()
    people = [await system.new_member(store, STAFF) for _ in range(3)]
    for number in range(3):
        await system.invite(store, f"guest{number}@shop.example", STAFF)
    listed = [each.member for each in await _members(system.operator, store, page_size=2)]
    assert listed == [each.name for each in people]
    emails = [each.email for each in await _invitations(system.operator, store, page_size=2)]
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


async def test_an_invitation_to_a_store_that_is_not_there_is_not_made(system: System) -> None:
    await refused(system.invite("stores/st_nowhere", "x@shop.example"), Code.NOT_FOUND, "STORE_NOT_FOUND")


async def test_a_membership_is_given_a_role_that_there_is(system: System) -> None:
    store = await system.new_store()
    owner = await system.new_member(store)
    request = members_pb2.UpdateMembershipRequest(
        membership=members_pb2.Membership(name=owner.in_(store)), update_mask=FieldMask(paths=["role"])
    )
    await refused(owner.client.members.UpdateMembership(request), Code.INVALID_ARGUMENT, says="ROLE_STAFF")
    await refused(_invite(owner.client, store, "x@shop.example", access_pb2.ROLE_UNSPECIFIED), Code.INVALID_ARGUMENT)


async def _joined(system: System, owner: Person, store: str) -> Person:
    """Somebody whom an owner has invited as staff."""
    email, password = f"{owner.name[-8:]}.{len(await _invitations(owner.client, store))}@shop.example".lower(), "x1" * 8
    token = (await _invite(owner.client, store, email, STAFF)).token
    request = members_pb2.AcceptInvitationRequest(token=token, display_name="Esi", password=password)
    joined = await system.as_(None).members.AcceptInvitation(request)
    return Person(email, password, system.as_(joined.token), joined.member)


def _reads(client: Client, store: str) -> list[Any]:
    return [
        _get_store(client, store),
        client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store)),
        client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store)),
    ]


async def _get_store(client: Client, store: str) -> catalog_pb2.GetStoreResponse:
    found: catalog_pb2.GetStoreResponse = await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    return found


async def _invite(
    client: Client, store: str, email: str, role: access_pb2.Role.ValueType
) -> members_pb2.CreateInvitationResponse:
    invitation = members_pb2.Invitation(email=email, role=role)
    request = members_pb2.CreateInvitationRequest(parent=store, invitation=invitation)
    made: members_pb2.CreateInvitationResponse = await client.members.CreateInvitation(request)
    return made


async def _set_role(client: Client, name: str, role: access_pb2.Role.ValueType) -> members_pb2.Membership:
    wanted = members_pb2.Membership(name=name, role=role)
    changed: members_pb2.UpdateMembershipResponse = await client.members.UpdateMembership(
        members_pb2.UpdateMembershipRequest(membership=wanted)
    )
    return changed.membership


async def _members(client: Client, store: str, page_size: int = 0) -> list[members_pb2.Membership]:
    listed: list[members_pb2.Membership] = []
    token = ""
    while True:
        request = members_pb2.ListMembershipsRequest(parent=store, page_size=page_size, page_token=token)
        page = await client.members.ListMemberships(request)
        listed += page.memberships
        token = page.next_page_token
        if not token:
            return listed


async def _invitations(client: Client, store: str, page_size: int = 0) -> list[members_pb2.Invitation]:
    listed: list[members_pb2.Invitation] = []
    token = ""
    while True:
        request = members_pb2.ListInvitationsRequest(parent=store, page_size=page_size, page_token=token)
        page = await client.members.ListInvitations(request)
        listed += page.invitations
        token = page.next_page_token
        if not token:
            return listed


def _sql(databases: dict[str, str], statement: str, *values: object) -> None:
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
    connection.close()
