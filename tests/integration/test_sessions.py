"""Sessions: listed, ended, and over everywhere when the call has returned."""

import asyncio
from contextlib import suppress
from typing import Any

import grpc
import psycopg2
import pytest
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access.verdicts import not_accepted
from services.common.clients import service_channel
from services.keys.membership.sessions import LOOK_AGAIN, MAX_SESSIONS
from tests.partner import WAIT_S
from tests.system import Client, Person, System, refused

Code = grpc.StatusCode
ME = "members/me"
MINE = members_pb2.ListSessionsRequest(parent=ME)


@pytest.fixture
async def store(system: System) -> str:
    return await system.new_store()


@pytest.fixture
async def person(system: System, store: str) -> Person:
    return await system.new_member(store)


async def test_a_member_sees_their_sessions_and_which_one_this_is(system: System, person: Person) -> None:
    await _sign_in(system, person, "192.0.2.20", "Firefox")
    third = await _sign_in(system, person, "192.0.2.21", "Safari")
    listed = (await third.members.ListSessions(MINE)).sessions
    assert [(each.last_use_address, each.last_use_agent) for each in listed[:2]] == [
        ("192.0.2.21", "Safari"),
        ("192.0.2.20", "Firefox"),
    ]
    assert [each.current for each in listed] == [True, False, False]
    assert {each.name.rpartition("/sessions/")[0] for each in listed} == {person.name}


@pytest.mark.parametrize("how", ["sign out", "end", "end others", "change password"])
async def test_an_ended_session_is_refused_at_once_on_every_service(
    system: System, store: str, person: Person, how: str
) -> None:
    victim = await _sign_in(system, person, "192.0.2.22")
    listed = (await victim.members.ListSessions(MINE)).sessions
    ended = next(each.name for each in listed if each.current)
    for call in _calls(victim, store):
        await call
    match how:
        case "sign out":
            await victim.members.SignOut(members_pb2.SignOutRequest())
        case "end":
            for _ in range(2):
                await person.client.members.EndSession(members_pb2.EndSessionRequest(name=ended))
        case "end others":
            request = members_pb2.EndOtherSessionsRequest(parent=ME)
            assert (await person.client.members.EndOtherSessions(request)).ended == 1
        case "change password":
            change = members_pb2.ChangePasswordRequest(
                name=ME, password=person.password, new_password="waakye on a leaf"
            )
            await person.client.members.ChangePassword(change)
    for call in _calls(victim, store):
        await refused(call, Code.UNAUTHENTICATED, "CREDENTIAL_NOT_ACCEPTED")
    for call in _calls(person.client, store):
        await call
    assert len((await person.client.members.ListSessions(MINE)).sessions) == 1


async def test_nobody_ends_another_members_session(system: System, store: str, person: Person) -> None:
    other = await system.new_member(store)
    (theirs,) = (await other.client.members.ListSessions(MINE)).sessions
    for name in (theirs.name, theirs.name.replace(other.name, "members/me")):
        with suppress(grpc.aio.AioRpcError):
            await person.client.members.EndSession(members_pb2.EndSessionRequest(name=name))
    assert len((await other.client.members.ListSessions(MINE)).sessions) == 1


async def test_the_present_password_is_needed_for_another(system: System, person: Person) -> None:
    change = members_pb2.ChangePasswordRequest(name=ME, password="not this one", new_password="waakye on a leaf")
    call = person.client.members.ChangePassword(change)
    await refused(call, Code.PERMISSION_DENIED, "PASSWORD_NOT_ACCEPTED")
    weak = members_pb2.ChangePasswordRequest(name=ME, password=person.password, new_password="short")
    call = person.client.members.ChangePassword(weak)
    await refused(call, Code.INVALID_ARGUMENT, "PASSWORD_NOT_ALLOWED", "new_password")


async def test_a_member_proves_again_who_they_are(system: System, person: Person, databases: dict[str, str]) -> None:
    _sql(databases, "UPDATE member_session SET authenticate_time = now() - interval '1 h' WHERE member_id = %s", person)
    (before,) = (await person.client.members.ListSessions(MINE)).sessions
    request = members_pb2.ReauthenticateRequest(name=ME, password=person.password)
    after = (await person.client.members.Reauthenticate(request)).session
    assert after.name == before.name
    assert after.authenticate_time.seconds - before.authenticate_time.seconds >= 3600
    assert (await person.client.members.ListSessions(MINE)).sessions[0] == after


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param(
            "UPDATE member_session SET last_use_time = now() - interval '12 h' WHERE member_id = %s", id="idle"
        ),
        pytest.param(
            "UPDATE member_session SET create_time = now() - interval '14 d' WHERE member_id = %s", id="absolute"
        ),
    ],
)
async def test_a_session_ends_by_itself(system: System, person: Person, databases: dict[str, str], moved: str) -> None:
    _sql(databases, moved, person)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await _verify(system, person.client.token)
    assert failed.value.code() == Code.UNAUTHENTICATED
    later = await _sign_in(system, person, "192.0.2.23")
    (listed,) = (await later.members.ListSessions(MINE)).sessions
    assert listed.current, "the one that ended is not listed"


async def test_a_verdict_on_a_session_is_looked_at_again_within_a_minute(system: System, person: Person) -> None:
    verdict = await _verify(system, person.client.token)
    assert 0 < verdict.valid_duration.ToTimedelta().total_seconds() <= LOOK_AGAIN.total_seconds()
    assert verdict.principal == person.name


async def test_the_last_use_is_told_and_moves_forward_only(
    system: System, store: str, person: Person, databases: dict[str, str]
) -> None:
    client = system.from_("192.0.2.24", person.client.token, "Chrome")
    await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    session: Any = None
    async with asyncio.timeout(WAIT_S):
        while session is None or session.last_use_agent != "Chrome":
            (session,) = (await client.members.ListSessions(MINE)).sessions
            await asyncio.sleep(0.05)
    assert session.last_use_address == "192.0.2.24"
    assert session.last_use_time.ToDatetime() > session.create_time.ToDatetime()


async def test_too_many_sign_ins_end_the_session_unused_for_longest(
    system: System, store: str, person: Person, databases: dict[str, str]
) -> None:
    copies = """
        INSERT INTO member_session SELECT id || '-' || n, member_id, sha256((id || n)::bytea), pepper_version,
            create_time, authenticate_time, last_use_time + n * interval '1 s', '', ''
        FROM member_session, generate_series(1, 19) n
        WHERE member_id = %s
    """
    _sql(databases, copies, person)
    await person.client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    newest = await _sign_in(system, person, "192.0.2.25")
    assert len((await newest.members.ListSessions(MINE)).sessions) == MAX_SESSIONS
    async with asyncio.timeout(WAIT_S):
        while await _is_accepted(person.client):
            pass


async def test_a_mistyped_session_token_says_no_more_than_any(system: System, store: str) -> None:
    for token in ("sdfx_ses_" + "a" * 38, "sdfx_ses_", "sdfx_rst_" + "a" * 38):
        info = await refused(system.as_(token).members.ListSessions(MINE), Code.UNAUTHENTICATED)
        assert info.reason == not_accepted().reason


async def _is_accepted(client: Client) -> bool:
    try:
        await client.members.GetMember(members_pb2.GetMemberRequest(name=ME))
    except grpc.aio.AioRpcError as failure:
        if failure.code() != Code.UNAUTHENTICATED:
            raise
        return False
    return True


def _calls(client: Client, store: str) -> list[Any]:
    """One of each service."""
    return [
        client.members.GetMember(members_pb2.GetMemberRequest(name=ME)),
        client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store)),
        client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store)),
        client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store)),
    ]


async def _sign_in(system: System, person: Person, address: str, agent: str = "Browser") -> Client:
    request = members_pb2.SignInRequest(email=person.email, password=person.password)
    done = await system.from_(address, agent=agent).members.SignIn(request)
    return system.from_(address, done.token, agent)


async def _verify(system: System, token: str) -> keys_pb2.VerifyTokenResponse:
    """What Keys tells another service of a token."""
    secret = system.settings.keys.service_secret.get_secret_value()
    async with service_channel(system.settings.keys.keys_address, "catalog", secret) as channel:
        request = keys_pb2.VerifyTokenRequest(token=token)
        verdict: keys_pb2.VerifyTokenResponse = await keys_pb2_grpc.KeysServiceStub(channel).VerifyToken(request)
    return verdict


def _sql(databases: dict[str, str], statement: str, person: Person) -> None:
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute(statement, (person.name.removeprefix("members/"),))
    connection.close()
