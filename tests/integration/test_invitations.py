"""Invitations: how people join a store, once, and how nobody else does."""

import asyncio
from datetime import timedelta

import grpc
import psycopg2
import pytest
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import members_pb2

from tests.people import get_store, invite, list_invitations, list_members, set_role
from tests.system import System, refused

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
    made = await invite(owner.client, store, " Esi@Shop.Example ", STAFF)
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
    await refused(get_store(system.as_(made.token), store), Code.UNAUTHENTICATED)
    accept = members_pb2.AcceptInvitationRequest(token=made.token, display_name="Kofi", password="kenkey and shito")
    await system.as_(None).members.AcceptInvitation(accept)
    await refused(system.as_(None).members.AcceptInvitation(accept), Code.NOT_FOUND, "INVITATION_NOT_FOUND")
    (listed,) = (await list_invitations(system.operator, store))[0:1]
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
    assert len(await list_members(system.operator, store)) == 1


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
    assert await list_members(system.operator, store) == [], "the invitation waits on"


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
    assert (await get_store(person.client, second)).store.name == second, "the session from before reaches it at once"


async def test_whoever_belongs_to_the_store_is_not_invited_again(system: System) -> None:
    store = await system.new_store()
    owner = await system.new_member(store)
    info = await refused(invite(owner.client, store, owner.email, STAFF), Code.ALREADY_EXISTS, "ALREADY_MEMBER")
    assert info.metadata["name"] == owner.in_(store)


async def test_a_new_invitation_takes_the_place_of_the_one_before(system: System) -> None:
    store = await system.new_store()
    first = await system.invite(store, "abena@shop.example", STAFF)
    await system.invite(store, "abena@shop.example", ADMIN)
    states = [(each.role, each.state) for each in await list_invitations(system.operator, store)]
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


@pytest.mark.parametrize("how", ["removed", "lowered"])
async def test_an_owner_who_goes_leaves_no_invitation_behind(system: System, how: str) -> None:
    store = await system.new_store()
    owner, other = await system.new_member(store), await system.new_member(store)
    kept = await invite(owner.client, store, "kept@shop.example", STAFF)
    door = await invite(other.client, store, "door@shop.example", OWNER)
    if how == "removed":
        await owner.client.members.DeleteMembership(members_pb2.DeleteMembershipRequest(name=other.in_(store)))
    else:
        await set_role(owner.client, other.in_(store), ADMIN)
    states = {each.name: each.state for each in await list_invitations(owner.client, store)}
    assert states == {
        kept.invitation.name: State.STATE_PENDING,
        door.invitation.name: State.STATE_REVOKED,
    } | {name: state for name, state in states.items() if state == State.STATE_ACCEPTED}


async def test_an_invitation_to_a_store_that_is_not_there_is_not_made(system: System) -> None:
    await refused(system.invite("stores/st_nowhere", "x@shop.example"), Code.NOT_FOUND, "STORE_NOT_FOUND")


def _sql(databases: dict[str, str], statement: str, *values: object) -> None:
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
    connection.close()
