"""Credentials that nobody accepts cost the database little, and an address that floods is held up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.access.leased import LeasedVerdicts
from services.common.access.origin import Origin
from services.common.access.refusals import Refusals
from services.common.access.verdicts import RemoteSource
from services.common.clients import service_channel
from services.common.database import Database
from services.common.errors import Exhausted, Unauthenticated
from services.common.ids import new_id
from services.keys import lifecycle
from services.keys.__main__ import serving as keys_serving
from services.keys.audit import Act
from services.keys.digest import Digester
from services.keys.models import handle
from tests.system import System, error_info

HERE, THERE = Origin("192.0.2.1"), Origin("192.0.2.2")
LIMIT = 5


class Counted(RemoteSource):
    """The Keys service, with what it is asked counted."""

    asked = 0

    async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
        self.asked += 1
        return await super().verify(token)


@pytest.fixture
async def source(system: System) -> AsyncIterator[Counted]:
    secret = system.settings.keys.service_secret.get_secret_value()
    async with service_channel(system.settings.keys.keys_address, "catalog", secret) as channel:
        yield Counted(keys_pb2_grpc.KeysServiceStub(channel))


@pytest.fixture
async def verdicts(source: Counted) -> AsyncIterator[LeasedVerdicts]:
    """A watcher of its own that lets an address try five."""
    made = LeasedVerdicts(source, Refusals(LIMIT))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.leave()


async def test_a_token_that_nobody_has_is_asked_about_once(verdicts: LeasedVerdicts, source: Counted) -> None:
    token = token_format.mint(token_format.Kind.LIVE)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await verdicts.caller(token, HERE)
    assert source.asked == 1


async def test_a_mistyped_token_is_not_asked_about(verdicts: LeasedVerdicts, source: Counted) -> None:
    token = token_format.mint(token_format.Kind.LIVE)
    with pytest.raises(Unauthenticated):
        await verdicts.caller(token[:-1] + ("A" if token[-1] != "A" else "B"), HERE)
    assert source.asked == 0


async def test_a_token_that_was_tried_before_it_came_into_being_works_when_it_has(
    system: System, verdicts: LeasedVerdicts, source: Counted
) -> None:
    store = await system.new_store()
    token = token_format.mint(token_format.Kind.TEST)
    with pytest.raises(Unauthenticated):
        await verdicts.caller(token, HERE)
    key_id = new_id("key")
    url = system.settings.keys.keys_database_url.get_secret_value()
    wanted = lifecycle.NewKey(store.removeprefix("stores/"), "Late", ["catalog.read"])
    act = Act(Caller("operators/op_1", access_pb2.AUDIENCE_OPERATOR), datetime.now(UTC), "", lambda: new_id("aud"))
    with Database(handle, url, 1, "test") as database:
        digester = Digester(system.settings.keys.token_peppers)
        await database.write(lifecycle.create_key, key_id, wanted, token, digester, act)
    # Any later revocation is acknowledged in order: when it has returned, every watcher has heard of the creation.
    other, _ = await system.new_key(store)
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=other.name))
    assert (await verdicts.caller(token, HERE)).principal == f"keys/{key_id}"


async def test_an_address_that_floods_is_told_to_wait_and_its_tokens_are_not_asked_about(
    verdicts: LeasedVerdicts, source: Counted
) -> None:
    for _ in range(LIMIT):
        with pytest.raises(Unauthenticated):
            await verdicts.caller(token_format.mint(token_format.Kind.LIVE), HERE)
    with pytest.raises(Exhausted) as refused:
        await verdicts.caller(token_format.mint(token_format.Kind.LIVE), HERE)
    assert refused.value.retry_after
    assert source.asked == LIMIT
    with pytest.raises(Unauthenticated):
        await verdicts.caller("mistyped", THERE)


async def test_a_credential_in_use_is_not_held_up_by_its_neighbours(system: System, verdicts: LeasedVerdicts) -> None:
    _, client = await system.new_key(await system.new_store())
    assert await verdicts.caller(client.token, HERE)
    for _ in range(LIMIT):
        with pytest.raises(Unauthenticated):
            await verdicts.caller("mistyped", HERE)
    with pytest.raises(Exhausted):
        await verdicts.caller("mistyped", HERE)
    assert await verdicts.caller(client.token, HERE)


async def test_a_client_is_told_when_to_try_again(system: System) -> None:
    store = await system.new_store()
    changed = {"keys_listen": "127.0.0.1:0", "refused_per_minute": 1}
    async with (
        keys_serving(system.settings.keys.model_copy(update=changed)) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        keys = keys_pb2_grpc.KeysServiceStub(channel)
        request = keys_pb2.ListKeysRequest(parent=store)
        codes = []
        for _ in range(2):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await keys.ListKeys(request, metadata=(("authorization", "Bearer mistyped"),))
            codes.append(refused.value.code())
        assert codes == [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED]
        assert error_info(refused.value).reason == "TOO_MANY_REFUSALS"
