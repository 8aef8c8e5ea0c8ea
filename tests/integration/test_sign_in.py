"""Signing in: who gets in, who does not, what they are told, and how often they may try."""

import asyncio
import time
from typing import Any

import grpc
import psycopg2
import pytest
from argon2 import PasswordHasher
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sedifex.keys.v1 import members_pb2

from cli import members
from services.keys.membership import limits
from tests.partner import WAIT_S
from tests.system import Client, Person, System, code_of, refused

Code = grpc.StatusCode
ME = "members/me"
NOT_ACCEPTED = (Code.UNAUTHENTICATED, "SIGN_IN_NOT_ACCEPTED")


@pytest.fixture
async def person(system: System) -> Person:
    return await system.new_member(await system.new_store())


async def test_a_member_signs_in_however_the_email_is_written(system: System, person: Person) -> None:
    client = system.from_("192.0.2.1", agent="Firefox")
    done = await _sign_in(client, f" {person.email.upper()} ", person.password)
    assert done.token.startswith("sdfx_ses_")
    assert done.member == person.member
    session = done.session
    assert (session.last_use_address, session.last_use_agent, session.current) == ("192.0.2.1", "Firefox", True)
    assert session.expire_time.seconds - session.create_time.seconds == 14 * 24 * 3600
    me = await system.as_(done.token).members.GetMember(members_pb2.GetMemberRequest(name=ME))
    assert me.member.email == person.email


async def test_an_unknown_email_and_a_wrong_password_get_the_same_answer(system: System, person: Person) -> None:
    client = system.from_("192.0.2.2")
    answers = []
    for email in (person.email, "nobody@shop.example"):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await _sign_in(client, email, "not the password")
        answers.append((failed.value.code(), failed.value.details(), rpc_status.from_call(failed.value)))
    assert answers[0] == answers[1]


async def test_an_unknown_email_takes_as_long_as_a_known_one(system: System, person: Person) -> None:
    """By the processor time of this process, which holds the service: the machine's other work does not lengthen it."""
    client = system.from_("192.0.2.3")

    async def least(email: str) -> float:
        took = []
        for _ in range(4):
            began = time.process_time()
            await refused(_sign_in(client, email, "not the password"), *NOT_ACCEPTED)
            took.append(time.process_time() - began)
        return min(took)

    known, unknown = await least(person.email), await least("nobody.here@shop.example")
    assert 0.5 < known / unknown < 2


async def test_a_session_token_is_not_in_the_database_nor_a_password(
    system: System, person: Person, databases: dict[str, str]
) -> None:
    rows = str(_sql(databases, "SELECT s::text, m::text FROM member_session s JOIN member m ON m.id = s.member_id"))
    assert person.client.token not in rows
    assert person.client.token[10:30] not in rows
    assert person.password not in rows
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in rows


async def test_a_hash_with_old_parameters_is_renewed_at_the_next_sign_in(
    system: System, person: Person, databases: dict[str, str]
) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(person.password)
    _sql(databases, "UPDATE member SET password_hash = %s WHERE email = %s RETURNING 1", old, person.email)
    for _ in range(2):
        await _sign_in(system.from_("192.0.2.4"), person.email, person.password)
    ((kept,),) = _sql(databases, "SELECT password_hash FROM member WHERE email = %s", person.email)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_one_time_codes_are_asked_for_only_after_the_right_password(system: System, person: Person) -> None:
    secret, _ = await person.enable_totp()
    client = system.from_("192.0.2.5")
    await refused(_sign_in(client, person.email, "not the password"), *NOT_ACCEPTED)
    await refused(_sign_in(client, person.email, "not the password", code_of(secret, 1)), *NOT_ACCEPTED)
    await refused(_sign_in(client, person.email, person.password), Code.UNAUTHENTICATED, "TOTP_REQUIRED")
    wrong = _sign_in(client, person.email, person.password, "000000")
    await refused(wrong, Code.UNAUTHENTICATED, "TOTP_NOT_ACCEPTED")
    assert (await _sign_in(client, person.email, person.password, code_of(secret, 1))).member.totp_enabled


async def test_a_code_works_once_however_many_use_it_at_once(system: System, person: Person) -> None:
    secret, _ = await person.enable_totp()
    client, code = system.from_("192.0.2.6"), code_of(secret, 1)
    tries = (_sign_in(client, person.email, person.password, code) for _ in range(3))
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert len([each for each in done if isinstance(each, members_pb2.SignInResponse)]) == 1


async def test_a_recovery_code_stands_in_once(system: System, person: Person) -> None:
    _, codes = await person.enable_totp()
    client = system.from_("192.0.2.7")
    done = await _sign_in(client, person.email, person.password, codes[3].lower())
    assert done.member.recovery_codes_left == 9
    again = _sign_in(client, person.email, person.password, codes[3])
    await refused(again, Code.UNAUTHENTICATED, "TOTP_NOT_ACCEPTED")


async def test_codes_are_on_when_a_first_one_was_right_and_off_by_password_andcode_of(
    system: System, person: Person, databases: dict[str, str]
) -> None:
    mine = person.client.members
    start = members_pb2.StartTotpRequest(name=ME, password="not the password")
    await refused(mine.StartTotp(start), Code.PERMISSION_DENIED, "PASSWORD_NOT_ACCEPTED")
    start = members_pb2.StartTotpRequest(name=ME, password=person.password)
    confirm = members_pb2.ConfirmTotpRequest(name=ME, code="123456")
    await refused(mine.ConfirmTotp(confirm), Code.FAILED_PRECONDITION, "TOTP_NOT_STARTED")
    made = await mine.StartTotp(start)
    assert made.uri.startswith(f"otpauth://totp/Sedifex:{person.email.replace('@', '%40')}?secret={made.secret}")
    await refused(mine.ConfirmTotp(confirm), Code.INVALID_ARGUMENT, "TOTP_NOT_ACCEPTED")
    assert not (await _sign_in(system.from_("192.0.2.8"), person.email, person.password)).member.totp_enabled
    confirm = members_pb2.ConfirmTotpRequest(name=ME, code=code_of(made.secret))
    done = await mine.ConfirmTotp(confirm)
    assert (done.member.totp_enabled, done.member.recovery_codes_left, len(done.recovery_codes)) == (True, 10, 10)
    await refused(mine.StartTotp(start), Code.FAILED_PRECONDITION, "TOTP_ENABLED")
    rows = str(_sql(databases, "SELECT m::text, c::text FROM member m JOIN member_recovery_code c ON true"))
    assert made.secret not in rows
    assert made.secret.encode().hex() not in rows
    assert done.recovery_codes[0] not in rows
    disable = members_pb2.DisableTotpRequest(name=ME, password=person.password)
    await refused(mine.DisableTotp(disable), Code.PERMISSION_DENIED, "TOTP_REQUIRED")
    disable = members_pb2.DisableTotpRequest(name=ME, password=person.password, code=done.recovery_codes[0])
    off = (await mine.DisableTotp(disable)).member
    assert (off.totp_enabled, off.recovery_codes_left) == (False, 0)


async def test_after_ten_failures_strangers_must_wait_and_are_told_how_long(
    system: System, person: Person, databases: dict[str, str]
) -> None:
    await _fail(system.from_("198.51.100.1"), person.email, databases)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await _sign_in(system.from_("198.51.100.99"), person.email, person.password)
    assert failed.value.code() == Code.RESOURCE_EXHAUSTED
    assert 0 < _retry_after(failed.value) <= limits.WINDOW.total_seconds()


async def test_strangers_do_not_lock_a_member_out_where_they_have_signed_in_before(
    system: System, person: Person, databases: dict[str, str]
) -> None:
    home = system.from_("192.0.2.10")
    await _sign_in(home, person.email, person.password)
    await _fail(system.from_("203.0.113.1"), person.email, databases)
    await refused(_sign_in(system.from_("203.0.113.99"), person.email, "x"), Code.RESOURCE_EXHAUSTED)
    assert (await _sign_in(home, person.email, person.password)).token
    await refused(_sign_in(system.from_("203.0.113.99"), person.email, "x"), Code.RESOURCE_EXHAUSTED)


async def test_a_known_address_has_its_own_limit(system: System, person: Person, databases: dict[str, str]) -> None:
    home = system.from_("192.0.2.11")
    await _sign_in(home, person.email, person.password)
    await _fail(home, person.email, databases)
    await refused(_sign_in(home, person.email, person.password), Code.RESOURCE_EXHAUSTED)
    assert (await _sign_in(system.from_("192.0.2.12"), person.email, person.password)).token


async def test_an_account_that_does_not_exist_is_limited_as_one_that_does(
    system: System, databases: dict[str, str]
) -> None:
    email = "no.such.person@shop.example"
    await _fail(system.from_("203.0.113.100"), email, databases)
    await refused(_sign_in(system.from_("203.0.113.120"), email, "x"), Code.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")


async def test_success_clears_what_has_failed(system: System, person: Person, databases: dict[str, str]) -> None:
    client = system.from_("192.0.2.13")
    for _ in range(2):
        await _fail(client, person.email, databases, limits.PER_ACCOUNT - 1)
        await _sign_in(client, person.email, person.password)


async def test_guesses_side_by_side_do_not_slip_through_together(system: System, person: Person) -> None:
    tries = (
        _sign_in(system.from_(f"198.51.100.{100 + number}"), person.email, "not the password") for number in range(16)
    )
    done = await asyncio.gather(*tries, return_exceptions=True)
    codes = [each.code() for each in done if isinstance(each, grpc.aio.AioRpcError)]
    assert codes.count(Code.UNAUTHENTICATED) == limits.PER_ACCOUNT
    assert codes.count(Code.RESOURCE_EXHAUSTED) == 16 - limits.PER_ACCOUNT


async def test_an_address_may_try_so_many_accounts_and_no_more(
    system: System, person: Person, databases: dict[str, str]
) -> None:
    """Most of its failures are put into the database: making them all would keep the machine busy for long."""
    _sql(
        databases,
        "INSERT INTO sign_in_attempt (account, address, is_known, create_time) "
        "SELECT sha256(n::text::bytea), '2001:db8:1:2::/64', false, now() FROM generate_series(1, %s) n RETURNING 1",
        limits.PER_ADDRESS - 1,
    )
    await refused(_sign_in(system.from_("2001:db8:1:2::1"), "a.stranger@shop.example", "x"), *NOT_ACCEPTED)
    neighbour = system.from_("2001:db8:1:2::2")
    await refused(_sign_in(neighbour, person.email, person.password), Code.RESOURCE_EXHAUSTED)
    assert (await _sign_in(system.from_("2001:db8:1:3::1"), person.email, person.password)).token


async def test_what_failed_long_ago_does_not_count(system: System, person: Person, databases: dict[str, str]) -> None:
    await _fail(system.from_("198.51.100.200"), person.email, databases)
    _sql(databases, "UPDATE sign_in_attempt SET create_time = create_time - interval '15 min' RETURNING 1")
    assert (await _sign_in(system.from_("198.51.100.250"), person.email, person.password)).token


async def test_the_present_password_is_limited_too(system: System, person: Person) -> None:
    client = system.from_("192.0.2.14", person.client.token)
    request = members_pb2.ReauthenticateRequest(name=ME, password="not the password")
    for _ in range(limits.PER_ACCOUNT):
        await refused(client.members.Reauthenticate(request), Code.PERMISSION_DENIED, "PASSWORD_NOT_ACCEPTED")
    request = members_pb2.ReauthenticateRequest(name=ME, password=person.password)
    await refused(client.members.Reauthenticate(request), Code.RESOURCE_EXHAUSTED)


async def test_whoever_has_session_and_password_cannot_guess_codes_for_ever(system: System, person: Person) -> None:
    """A call that takes the password alone, and succeeds, clears nothing."""
    await person.enable_totp()
    mine = system.from_("192.0.2.17", person.client.token).members
    disable = members_pb2.DisableTotpRequest(name=ME, password=person.password, code="000000")
    change = members_pb2.ChangePasswordRequest(name=ME, password=person.password, new_password=person.password)
    for number in range(limits.PER_ACCOUNT):
        await refused(mine.DisableTotp(disable), Code.PERMISSION_DENIED, "TOTP_NOT_ACCEPTED")
        if number == limits.PER_ACCOUNT // 2:
            await mine.ChangePassword(change)
    await refused(mine.DisableTotp(disable), Code.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")


async def test_a_reset_link_sets_a_password_once_and_ends_all_sessions(system: System, person: Person) -> None:
    link = members.reset_password(system.settings.keys, person.email)
    head, token = link.split("#")
    assert head == "https://shops.example.com/admin/reset-password"
    assert token.startswith("sdfx_rst_")
    public = system.as_(None).members
    weak = members_pb2.ResetPasswordRequest(token=token, new_password="password123")
    await refused(public.ResetPassword(weak), Code.INVALID_ARGUMENT, "PASSWORD_NOT_ALLOWED")
    request = members_pb2.ResetPasswordRequest(token=token, new_password="waakye on a leaf")
    await public.ResetPassword(request)
    await refused(public.ResetPassword(request), Code.NOT_FOUND, "RESET_NOT_FOUND")
    me = members_pb2.GetMemberRequest(name=ME)
    await refused(person.client.members.GetMember(me), Code.UNAUTHENTICATED)
    client = system.from_("192.0.2.15")
    await refused(_sign_in(client, person.email, person.password), *NOT_ACCEPTED)
    assert (await _sign_in(client, person.email, "waakye on a leaf")).token


@pytest.mark.parametrize("how", ["too old", "replaced", "never made"])
async def test_a_reset_link_that_ended_sets_nothing(
    system: System, person: Person, databases: dict[str, str], how: str
) -> None:
    token = members.reset_password(system.settings.keys, person.email).split("#")[1]
    match how:
        case "too old":
            _sql(databases, "UPDATE password_reset SET expire_time = now() WHERE member_id = %s RETURNING 1",
                 person.name.removeprefix("members/"))  # fmt: skip
        case "replaced":
            members.reset_password(system.settings.keys, person.email)
        case _:
            token = person.client.token
    request = members_pb2.ResetPasswordRequest(token=token, new_password="waakye on a leaf")
    await refused(system.as_(None).members.ResetPassword(request), Code.NOT_FOUND, "RESET_NOT_FOUND")


async def test_a_password_that_is_changed_while_a_sign_in_is_looked_at_does_not_open(
    system: System, person: Person, databases: dict[str, str]
) -> None:
    """The member's row is held until the old password has been found right; then the new hash is there."""
    other = PasswordHasher().hash("something else")
    connection = psycopg2.connect(databases["keys"])
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE member SET password_hash = %s WHERE email = %s", (other, person.email))
        trying = asyncio.create_task(_sign_in(system.from_("192.0.2.16"), person.email, person.password))
        await _until_waiting(databases)
    connection.close()
    await refused(trying, *NOT_ACCEPTED)


async def _fail(client: Client, email: str, databases: dict[str, str], times: int = limits.PER_ACCOUNT) -> None:
    """Fails to sign in so often. All but the first and the last are copies: making them would keep the machine busy."""
    await refused(_sign_in(client, email, "not the password"), *NOT_ACCEPTED)
    copies = """
        INSERT INTO sign_in_attempt (account, address, is_known, create_time)
        SELECT account, address, is_known, create_time
        FROM (SELECT * FROM sign_in_attempt ORDER BY id DESC LIMIT 1) AS latest, generate_series(1, %s) RETURNING 1
    """
    _sql(databases, copies, times - 2)
    await refused(_sign_in(client, email, "not the password"), *NOT_ACCEPTED)


async def _sign_in(client: Client, email: str, password: str, code: str = "") -> members_pb2.SignInResponse:
    request = members_pb2.SignInRequest(email=email, password=password, code=code)
    done: members_pb2.SignInResponse = await client.members.SignIn(request, timeout=30)
    return done


def _retry_after(failure: grpc.aio.AioRpcError) -> float:
    status, retry = rpc_status.from_call(failure), error_details_pb2.RetryInfo()
    assert status is not None
    assert any(detail.Unpack(retry) for detail in status.details)
    return float(retry.retry_delay.ToTimedelta().total_seconds())


def _sql(databases: dict[str, str], statement: str, *values: object) -> list[Any]:
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    connection.close()
    return rows


async def _until_waiting(databases: dict[str, str]) -> None:
    """Returns when a session of the Keys service waits for the lock on a row."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'sedifex-%%'"
    async with asyncio.timeout(WAIT_S):
        while not await asyncio.to_thread(_sql, databases, waiting):
            pass
