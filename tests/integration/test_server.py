"""What every server promises, whatever it serves: no way past a refusal, errors that say enough and not too much."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import peewee
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from services.common import server
from services.common.access.caller import Caller, current_caller
from services.common.access.origin import Origin
from services.common.access.rules import RuleError
from services.common.clients import CHANNEL_OPTIONS
from services.common.database import Database
from services.common.errors import Unauthenticated, Unavailable
from tests.system import System, error_info

Code = grpc.StatusCode
GET = keys_pb2.GetKeyRequest(name="stores/st_a/keys/key_1")
WAIT_S = 40.0
TOKEN = (("authorization", "Bearer anything"),)


class _Handler(keys_pb2_grpc.KeysServiceServicer):
    """Notes whether it was reached, then does what it is told."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.reached = 0
        self._act = act

    async def GetKey(self, _request: keys_pb2.GetKeyRequest, _context: Any) -> keys_pb2.GetKeyResponse:
        self.reached += 1
        answer: keys_pb2.GetKeyResponse = await self._act()
        return answer


def _handler(act: Callable[[], Any]) -> _Handler:
    return _Handler(act)  # type: ignore[abstract]  # no test calls the other methods


class _Verdict:
    """A verdict that is always the same: a caller, or an error."""

    def __init__(self, verdict: Caller | Exception) -> None:
        self._verdict = verdict

    async def caller(self, _token: str, _origin: Origin) -> Caller:
        if isinstance(self._verdict, Exception):
            raise self._verdict
        return self._verdict


async def _answer() -> keys_pb2.GetKeyResponse:
    return keys_pb2.GetKeyResponse(key=keys_pb2.Key(creator=current_caller().principal))


OPERATOR = Caller("operators/op_1", access_pb2.AUDIENCE_OPERATOR)
STRANGER = Caller("keys/k", access_pb2.AUDIENCE_INTEGRATION, frozenset({"keys.read"}), frozenset({"st_b"}))


@asynccontextmanager
async def _listening(
    databases: dict[str, str], handler: _Handler, verdict: Caller | Exception = OPERATOR
) -> AsyncIterator[str]:
    """A server; gives its address."""
    with Database(_handle(), databases["keys"], 1, "test-server") as database:
        async with server.serving(
            [_service(handler)],
            address="127.0.0.1:0",
            verdicts=_Verdict(verdict),
            service_secret="s" * 32,
            database=database,
            drain_seconds=WAIT_S,
        ) as port:
            yield f"127.0.0.1:{port}"


@asynccontextmanager
async def _serving(
    databases: dict[str, str], handler: _Handler, verdict: Caller | Exception = OPERATOR
) -> AsyncIterator[grpc.aio.Channel]:
    """A server; gives a channel to it."""
    async with (
        _listening(databases, handler, verdict) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield channel


def _handle() -> peewee.PostgresqlDatabase:
    """A handle of its own: the Keys service that runs beside must keep its database."""
    return peewee.PostgresqlDatabase(None, autoconnect=False)


def _service(handler: _Handler) -> server.Service:
    return server.Service(
        keys_pb2.DESCRIPTOR.services_by_name["KeysService"],
        handler,
        keys_pb2_grpc.add_KeysServiceServicer_to_server,
    )


async def test_an_accepted_call_reaches_the_handler_which_knows_the_caller(databases: dict[str, str]) -> None:
    handler = _handler(_answer)
    async with _serving(databases, handler) as channel:
        answer = await keys_pb2_grpc.KeysServiceStub(channel).GetKey(GET, metadata=TOKEN)
    assert answer.key.creator == "operators/op_1"
    assert handler.reached == 1


@pytest.mark.parametrize(
    ("verdict", "metadata", "code"),
    [
        pytest.param(OPERATOR, (), Code.UNAUTHENTICATED, id="no credential"),
        pytest.param(OPERATOR, (("authorization", "Basic eDp5"),), Code.UNAUTHENTICATED, id="another scheme"),
        pytest.param(OPERATOR, (*TOKEN, *TOKEN), Code.UNAUTHENTICATED, id="two credentials"),
        pytest.param(Unauthenticated("no"), TOKEN, Code.UNAUTHENTICATED, id="not accepted"),
        pytest.param(Unavailable("down"), TOKEN, Code.UNAVAILABLE, id="nobody can tell"),
        pytest.param(RuntimeError("bug"), TOKEN, Code.INTERNAL, id="the check itself fails"),
        pytest.param(OPERATOR, (("authorization", "Bearer sdfx_svc_keys_00"),), Code.UNAUTHENTICATED, id="no service"),
        pytest.param(STRANGER, TOKEN, Code.PERMISSION_DENIED, id="another store's key"),
    ],
)
async def test_no_refused_call_reaches_the_handler(
    databases: dict[str, str], verdict: Caller | Exception, metadata: Any, code: grpc.StatusCode
) -> None:
    handler = _handler(_answer)
    async with _serving(databases, handler, verdict) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await keys_pb2_grpc.KeysServiceStub(channel).GetKey(GET, metadata=metadata)
    assert refused.value.code() == code
    assert handler.reached == 0


async def test_an_invalid_request_is_judged_after_the_caller_and_before_the_handler(databases: dict[str, str]) -> None:
    handler = _handler(_answer)
    wrong = keys_pb2.GetKeyRequest(name="stores/st_a/keys/" + "x" * 100)
    async with _serving(databases, handler) as channel:
        stub = keys_pb2_grpc.KeysServiceStub(channel)
        for metadata, code in (((), Code.UNAUTHENTICATED), (TOKEN, Code.INVALID_ARGUMENT)):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetKey(wrong, metadata=metadata)
            assert refused.value.code() == code
    assert 'like "stores/st_makola/keys/key_01JD"' in str(refused.value.details())
    assert handler.reached == 0


async def test_what_was_not_foreseen_tells_nothing_and_is_logged_whole(
    databases: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("a detail that nobody outside must see")

    async with _serving(databases, _handler(fail)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await keys_pb2_grpc.KeysServiceStub(channel).GetKey(
                GET, metadata=(*TOKEN, ("x-request-id", "request-0001"))
            )
    assert refused.value.code() == Code.INTERNAL
    assert "detail" not in str(refused.value.details())
    assert "request-0001" in str(refused.value.details())
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert "a detail that nobody outside must see" in str(record.exc_info[1])


async def test_every_answer_carries_a_request_id(databases: dict[str, str]) -> None:
    async with _serving(databases, _handler(_answer)) as channel:
        call = keys_pb2_grpc.KeysServiceStub(channel).GetKey(GET, metadata=(*TOKEN, ("x-request-id", "request-0002")))
        await call
        assert dict(await call.trailing_metadata())["x-request-id"] == "request-0002"
        call = keys_pb2_grpc.KeysServiceStub(channel).GetKey(GET)
        with pytest.raises(grpc.aio.AioRpcError):
            await call
        assert dict(await call.trailing_metadata())["x-request-id"]


async def test_a_service_whose_contract_lacks_a_rule_is_not_served(databases: dict[str, str]) -> None:
    service = server.Service(
        health_pb2.DESCRIPTOR.services_by_name["Health"],  # somebody else's, hence without our rules
        health_pb2_grpc.HealthServicer(),
        health_pb2_grpc.add_HealthServicer_to_server,
    )
    with Database(_handle(), databases["keys"], 1, "test-server") as database, pytest.raises(RuleError, match="Check"):
        async with server.serving(
            [service],
            address="127.0.0.1:0",
            verdicts=_Verdict(OPERATOR),
            service_secret="s" * 32,
            database=database,
            drain_seconds=1,
        ):
            pass


async def test_a_call_that_is_open_when_the_server_stops_is_finished(databases: dict[str, str]) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow() -> keys_pb2.GetKeyResponse:
        entered.set()
        await leave.wait()
        return keys_pb2.GetKeyResponse(key=keys_pb2.Key(name="done"))

    listening = _listening(databases, _handler(slow))
    async with grpc.aio.insecure_channel(await listening.__aenter__()) as channel:
        call = keys_pb2_grpc.KeysServiceStub(channel).GetKey(GET, metadata=TOKEN)
        await entered.wait()
        stopping = asyncio.create_task(listening.__aexit__(None, None, None))
        # The server has begun to stop once it takes nothing new.
        async with asyncio.timeout(WAIT_S):
            while await _is_taken(channel):
                pass
        assert not stopping.done(), "it waits for the open call"
        leave.set()
        assert (await call).key.name == "done"
    await stopping


def _as_services_connect(address: str) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)


def _as_programs_connect(address: str) -> grpc.aio.Channel:
    connect_async = import_module("sedifex_client").connect_async
    channel: grpc.aio.Channel = connect_async(address, "token", plaintext=True)
    return channel


@pytest.mark.parametrize(("connect", "metadata"), [(_as_services_connect, TOKEN), (_as_programs_connect, ())])
async def test_a_server_that_stops_turns_its_clients_away_first(
    databases: dict[str, str],
    connect: Callable[[str], grpc.aio.Channel],
    metadata: tuple[tuple[str, str], ...],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gRPC cancels calls that come while a server shuts down: some in one stop of three."""
    monkeypatch.syspath_prepend(root / "clients" / "python")
    leaving = [_listening(databases, _handler(_answer)) for _ in range(8)]
    stopped = asyncio.Event()
    async with _listening(databases, _handler(_answer)) as staying:
        addresses = [await each.__aenter__() for each in leaving]
        address = "ipv4:" + ",".join([*addresses, staying])
        async with connect(address) as channel:
            stub = keys_pb2_grpc.KeysServiceStub(channel)

            async def call_all_the_time() -> None:
                while not stopped.is_set():
                    await stub.GetKey(GET, metadata=metadata)

            clients = [asyncio.create_task(call_all_the_time()) for _ in range(40)]
            for each in leaving:
                await each.__aexit__(None, None, None)
            stopped.set()
            await asyncio.gather(*clients)


async def _is_taken(channel: grpc.aio.Channel) -> bool:
    """Whether a further call is taken."""
    try:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    except grpc.aio.AioRpcError as refused:
        return refused.code() != Code.UNAVAILABLE
    return True


async def test_a_port_that_is_taken_is_an_error_that_names_it(databases: dict[str, str], system: System) -> None:
    taken = system.settings.keys.keys_listen
    with pytest.raises(OSError, match=taken):
        async with server.serving(
            [_service(_handler(_answer))],
            address=taken,
            verdicts=_Verdict(OPERATOR),
            service_secret="s" * 32,
            database=None,  # type: ignore[arg-type]  # it does not get that far
            drain_seconds=1,
        ):
            pass


async def test_health_is_what_the_database_allows(databases: dict[str, str]) -> None:
    async with _serving(databases, _handler(_answer)) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service="sedifex.keys.v1.KeysService"))
        async for state in watch:
            if state.status == health_pb2.HealthCheckResponse.SERVING:
                break
        watch.cancel()


async def test_a_missing_database_is_unavailable_not_a_crash(system: System) -> None:
    nowhere = {"keys": "host=/nonexistent dbname=nothing"}

    async def ask() -> None:
        raise Unavailable("The database cannot be reached. Try again shortly.", retry_after=1)

    async with _serving(nowhere, _handler(ask)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await keys_pb2_grpc.KeysServiceStub(channel).GetKey(GET, metadata=TOKEN)
        assert refused.value.code() == Code.UNAVAILABLE
        assert error_info(refused.value).reason == "UNAVAILABLE"
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service="sedifex.keys.v1.KeysService"))
        async for state in watch:
            if state.status == health_pb2.HealthCheckResponse.NOT_SERVING:
                break
        watch.cancel()
