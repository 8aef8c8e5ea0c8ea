"""Leaked tokens: reported by operators and services, ended at once, never shown again."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import grpc
import httpx
import psycopg2
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from cli import operators
from gateway import app
from gateway.clients import backends
from services.common.access import service_identity
from services.common.access import token as token_format
from services.common.settings import GatewaySettings
from services.keys.barrier import Barrier, Confirmation
from tests.system import Client, System, error_info

Code = grpc.StatusCode
Response = keys_pb2.ReportLeakedKeysResponse
Key = keys_pb2.Key
PASTE = "https://paste.example/1"


async def test_a_leaked_key_is_refused_everywhere_when_the_report_has_returned(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    assert await _works(client, store)
    answer = await _report(system.operator, client.token)
    (result,) = answer.results
    assert (result.outcome, result.name) == (Response.OUTCOME_REVOKED, key.name)
    assert (result.hint, result.state_before) == (key.hint, Key.STATE_ACTIVE)
    assert (answer.acknowledged, answer.lapsed) == (3, 0), "all three services keep verdicts"
    assert not await _works(client, store)
    assert (await _get(system, key)).state == Key.STATE_REVOKED


async def test_the_record_says_who_reported_it_and_where_it_was_and_not_the_token(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    at = f"https://logs.example/?key={client.token}&page=2"
    await _report(system.operator, client.token, source=f"grep for {client.token}", url=at)
    entries = await _entries(system, store)
    assert [entry.action for entry in entries] == ["key.revoked", "key.created"]
    assert entries[0].actor == key.creator
    leak = MessageToDict(entries[0].after)["leak"]
    assert leak == {"source": f"grep for {key.hint}", "url": f"https://logs.example/?key={key.hint}&page=2"}
    assert client.token not in str(entries)


async def test_the_old_secret_of_a_rotation_takes_the_whole_key_with_it(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    rotated = await system.operator.keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    (result,) = (await _report(system.operator, old.token)).results
    assert (result.outcome, result.state_before) == (Response.OUTCOME_REVOKED, Key.STATE_ROTATING)
    assert result.hint.endswith(old.token[-4:])
    assert not await _works(old, store)
    assert not await _works(system.as_(rotated.secret), store)


async def test_a_secret_that_was_rotated_away_before_does_not_cost_the_shop_its_key(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    rotated = await system.operator.keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name, overlap=Duration()))
    (result,) = (await _report(system.operator, old.token)).results
    assert (result.outcome, result.name) == (Response.OUTCOME_ALREADY_ENDED, key.name)
    assert result.state_before == Key.STATE_ACTIVE
    assert await _works(system.as_(rotated.secret), store)


async def test_a_key_that_has_ended_is_recognised_and_left_as_it_is(system: System, databases: dict[str, str]) -> None:
    store = await system.new_store()
    revoked, first = await system.new_key(store)
    expired, second = await system.new_key(store, expire_time=datetime.now(UTC) + timedelta(days=1))
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=revoked.name))
    moved = "UPDATE api_key SET create_time = now() - interval '2 h', expire_time = now() - interval '1 h'"
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute(moved + " WHERE id = %s", (expired.name.split("/")[-1],))
    connection.close()
    recorded = len(await _entries(system, store))
    results = (await _report(system.operator, first.token, second.token)).results
    assert {result.outcome for result in results} == {Response.OUTCOME_ALREADY_ENDED}
    assert [result.state_before for result in results] == [Key.STATE_REVOKED, Key.STATE_EXPIRED]
    assert len(await _entries(system, store)) == recorded


async def test_results_come_in_the_order_sent_whatever_the_tokens_are(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    tokens = [
        "nonsense",
        f"  {client.token}\n",
        token_format.mint(token_format.Kind.LIVE),
        client.token,
        token_format.mint(token_format.Kind.OPERATOR),
        client.token[:-1] + ("a" if client.token[-1] != "a" else "b"),
    ]
    answer = await _report(system.operator, *tokens)
    assert [result.outcome for result in answer.results] == [
        Response.OUTCOME_NOT_OURS,
        Response.OUTCOME_REVOKED,
        Response.OUTCOME_NOT_OURS,
        Response.OUTCOME_ALREADY_ENDED,
        Response.OUTCOME_NOT_OURS,
        Response.OUTCOME_NOT_OURS,
    ]
    assert [result.name for result in answer.results] == ["", key.name, "", key.name, "", ""]
    assert client.token not in str(answer)


async def test_a_hundred_keys_end_behind_one_barrier(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await system.new_store()
    clients = [client for _, client in await asyncio.gather(*(system.new_key(store) for _ in range(100)))]
    confirm, barriers = Barrier.confirm, []

    async def counted(barrier: Barrier) -> Confirmation:
        barriers.append(await confirm(barrier))
        return barriers[-1]

    monkeypatch.setattr(Barrier, "confirm", counted)
    answer = await _report(system.operator, *(client.token for client in clients))
    assert {result.outcome for result in answer.results} == {Response.OUTCOME_REVOKED}
    assert [barrier.epoch for barrier in barriers] == [answer.epoch]
    assert answer.acknowledged == 3
    assert not any(await asyncio.gather(*(_works(client, store) for client in clients)))


async def test_reports_of_the_same_keys_in_other_orders_wait_for_each_other(system: System) -> None:
    stores = [await system.new_store() for _ in range(2)]
    tokens = [(await system.new_key(store))[1].token for store in stores * 5]
    answers = await asyncio.gather(*(_report(system.operator, *tokens[::step]) for step in (1, -1, 1, -1)))
    outcomes = [result.outcome for answer in answers for result in answer.results]
    assert outcomes.count(Response.OUTCOME_REVOKED) == len(tokens)
    assert outcomes.count(Response.OUTCOME_ALREADY_ENDED) == 3 * len(tokens)


async def test_an_operator_whose_token_leaked_is_refused_from_then_on(system: System) -> None:
    made = operators.create(system.settings.keys, "careless")
    careless = system.as_(made.token)
    (result,) = (await _report(careless, made.token)).results
    assert (result.outcome, result.name) == (Response.OUTCOME_REVOKED, f"operators/{made.id}")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _report(careless, made.token)
    assert refused.value.code() == Code.UNAUTHENTICATED
    (again,) = (await _report(system.operator, made.token)).results
    assert again.outcome == Response.OUTCOME_ALREADY_ENDED


async def test_a_service_may_report_and_is_the_actor(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    secret = system.settings.keys.service_secret.get_secret_value()
    await _report(system.as_(service_identity.token_for("gateway", secret)), client.token)
    assert (await _entries(system, store))[0].actor == "services/gateway"


async def test_integrations_may_not_report(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _report(client, client.token)
    assert error_info(refused.value).reason == "AUDIENCE_NOT_ALLOWED"
    assert await _works(client, store)


@pytest.mark.parametrize(
    ("tokens", "field"), [([], "leaks"), (["a"] * 101, "leaks"), ([""], "leaks[0].token"), (["a" * 257], "leaks")]
)
async def test_a_report_beyond_its_bounds_is_refused_without_its_tokens(
    system: System, tokens: list[str], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _report(system.operator, *tokens)
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith(field)
    assert "aaa" not in str(refused.value)


async def test_no_token_is_logged_and_its_field_is_marked_as_secret(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    with caplog.at_level(logging.DEBUG):
        await _report(system.operator, client.token, source=client.token)
    (line,) = [record for record in caplog.records if record.name == "services.keys.leaks"]
    assert (line.__dict__["resource"], line.__dict__["outcome"]) == (key.name, "OUTCOME_REVOKED")
    assert client.token not in str([record.__dict__ for record in caplog.records])
    leak = keys_pb2.ReportLeakedKeysRequest.Leak.DESCRIPTOR.fields_by_name["token"]
    assert leak.GetOptions().debug_redact


async def test_operators_report_over_rest_as_well(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    included = {"keys_address", "catalog_address", "webhooks_address", "service_secret"}
    settings = GatewaySettings.model_validate(system.settings.keys.model_dump(include=included))
    async with backends(settings) as services:
        built = app.build(settings, services)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(built), base_url="http://gateway.test") as rest:
            headers = {"Authorization": f"Bearer {system.operator.token}"}
            wanted = {"leaks": [{"token": client.token, "url": PASTE}]}
            answer = await rest.post("/v1/keys:reportLeaked", json=wanted, headers=headers)
            assert answer.status_code == 200
            assert answer.json()["results"] == [
                {"outcome": "OUTCOME_REVOKED", "name": key.name, "hint": key.hint, "stateBefore": "STATE_ACTIVE"}
            ]
            own = await rest.post("/v1/keys:reportLeaked", json=wanted, headers={"X-Api-Key": client.token})
            assert own.status_code == 401


async def _report(client: Client, *tokens: str, source: str = "tests", url: str = PASTE) -> Response:
    leaks = [keys_pb2.ReportLeakedKeysRequest.Leak(token=token, source=source, url=url) for token in tokens]
    answer: Response = await client.keys.ReportLeakedKeys(keys_pb2.ReportLeakedKeysRequest(leaks=leaks))
    return answer


async def _works(client: Client, store: str) -> bool:
    try:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    except grpc.aio.AioRpcError as refused:
        if refused.code() != Code.UNAUTHENTICATED:
            raise
        return False
    return True


async def _get(system: System, key: keys_pb2.Key) -> keys_pb2.Key:
    found: keys_pb2.Key = (await system.operator.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))).key
    return found


async def _entries(system: System, store: str) -> list[keys_pb2.AuditEntry]:
    request = keys_pb2.ListAuditEntriesRequest(parent=store)
    return list((await system.operator.keys.ListAuditEntries(request)).audit_entries)
