"""Mutual TLS between our processes: who is let in, whom a client believes, and what is renewed while they run."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from pydantic import SecretStr

from services.common import certificates, metrics, renewed_channel, tls
from services.common.certificates import Files
from services.common.settings import GatewaySettings
from tests.authority import Authority, settings_of

CHECK = health_pb2.HealthCheckRequest()
WAIT_S = 30.0
Code = grpc.StatusCode


@pytest.fixture(autouse=True)
def _always_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LOOK_S", 0.0)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.new(tmp_path / "ours")


class _Health(HealthServicer):  # type: ignore[misc]  # which has no types
    """Notes whose certificates it was shown; waits where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.serials: list[int] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.begun = asyncio.Event()

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> health_pb2.HealthCheckResponse:
        shown = context.auth_context().get("x509_pem_cert", [])
        self.serials += [x509.load_pem_x509_certificate(each).serial_number for each in shown]
        self.begun.set()
        await self.may_answer.wait()
        return await super().Check(request, context)


@asynccontextmanager
async def _serving(files: Files | None) -> AsyncIterator[tuple[int, _Health]]:
    server, health = grpc.aio.server(), _Health()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    port = tls.add_port(server, "127.0.0.1:0", files)
    await server.start()
    try:
        yield port, health
    finally:
        await server.stop(0)


async def _check(channel: grpc.aio.Channel) -> grpc.StatusCode:
    try:
        await health_pb2_grpc.HealthStub(channel).Check(CHECK, timeout=WAIT_S)
    except grpc.aio.AioRpcError as failure:
        return failure.code()
    return Code.OK


async def _call(address: str, files: Files | None) -> grpc.StatusCode:
    async with tls.channel(address, files) as channel:
        return await _check(channel)


def _serial(files: Files) -> int:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).serial_number


async def test_processes_with_certificates_of_one_issuer_speak_to_each_other(authority: Authority) -> None:
    client = authority.issue("gateway")
    async with _serving(authority.issue("keys")) as (port, health):
        assert await _call(f"127.0.0.1:{port}", client) is Code.OK
    assert health.serials == [_serial(client)]


@pytest.mark.parametrize("scheme", ["", "dns:///"])
async def test_an_address_may_be_a_name(authority: Authority, scheme: str) -> None:
    async with _serving(authority.issue("keys", ["localhost"])) as (port, _):
        assert await _call(f"{scheme}localhost:{port}", authority.issue("gateway")) is Code.OK


async def test_of_a_list_of_addresses_the_first_is_the_name(authority: Authority) -> None:
    files, client = authority.issue("keys", ["127.0.0.1"]), authority.issue("gateway")
    async with _serving(files) as (one, first), _serving(files) as (two, second):
        address = f"ipv4:127.0.0.1:{one},127.0.0.1:{two}"
        options = [("grpc.lb_policy_name", "round_robin")]
        async with asyncio.timeout(WAIT_S), tls.channel(address, client, options=options) as channel:
            while not (first.serials and second.serials):
                assert await _check(channel) is Code.OK


async def test_a_caller_without_a_certificate_is_refused(authority: Authority) -> None:
    credentials = grpc.ssl_channel_credentials(authority.pem)
    async with (
        _serving(authority.issue("keys")) as (port, health),
        grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel,
    ):
        assert await _check(channel) is Code.UNAVAILABLE
    assert not health.begun.is_set()


async def test_a_caller_with_a_certificate_of_another_issuer_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.new(tmp_path / "theirs").issue("gateway", accepting=[authority])
    async with _serving(authority.issue("keys")) as (port, health):
        assert await _call(f"127.0.0.1:{port}", stranger) is Code.UNAVAILABLE
    assert not health.begun.is_set()


async def test_a_caller_whose_certificate_has_expired_is_refused(authority: Authority) -> None:
    expired = authority.issue("gateway", valid_for=timedelta(seconds=-1))
    credentials = grpc.ssl_channel_credentials(
        authority.pem, expired.key.read_bytes(), expired.certificate.read_bytes()
    )
    async with (
        _serving(authority.issue("keys")) as (port, health),
        grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel,
    ):
        assert await _check(channel) is Code.UNAVAILABLE
    assert not health.begun.is_set()


async def test_a_caller_that_speaks_plaintext_is_refused(authority: Authority) -> None:
    async with _serving(authority.issue("keys")) as (port, health):
        assert await _call(f"127.0.0.1:{port}", None) is Code.UNAVAILABLE
    assert not health.begun.is_set()


@pytest.mark.parametrize("names", [["catalog"], ["127.0.0.2"], ["*.localhost"]])
async def test_a_server_of_another_name_is_not_believed(authority: Authority, names: list[str]) -> None:
    async with _serving(authority.issue("keys", names)) as (port, health):
        for address in (f"127.0.0.1:{port}", f"localhost:{port}"):
            assert await _call(address, authority.issue("gateway")) is Code.UNAVAILABLE
    assert not health.begun.is_set()


async def test_a_server_of_another_issuer_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.new(tmp_path / "theirs").issue("keys", accepting=[authority])
    async with _serving(stranger) as (port, health):
        assert await _call(f"127.0.0.1:{port}", authority.issue("gateway")) is Code.UNAVAILABLE
    assert not health.begun.is_set()


async def test_a_server_that_speaks_plaintext_is_told_nothing(authority: Authority) -> None:
    async with _serving(None) as (port, health):
        assert await _call(f"127.0.0.1:{port}", authority.issue("gateway")) is Code.UNAVAILABLE
    assert not health.begun.is_set()


async def test_a_server_shows_a_renewed_certificate_to_whom_connects_then(authority: Authority) -> None:
    """Its first certificate is for another name, so who connects can tell."""
    client = authority.issue("gateway")
    async with _serving(authority.issue("keys", ["elsewhere"])) as (port, _):
        assert await _call(f"127.0.0.1:{port}", client) is Code.UNAVAILABLE
        authority.issue("keys")
        assert await _call(f"127.0.0.1:{port}", client) is Code.OK


async def test_a_server_accepts_the_issuers_that_its_files_name_now(authority: Authority, tmp_path: Path) -> None:
    other = Authority.new(tmp_path / "next", "next issuer")
    client = other.issue("gateway", accepting=[authority])
    async with _serving(authority.issue("keys")) as (port, _):
        assert await _call(f"127.0.0.1:{port}", client) is Code.UNAVAILABLE
        authority.issue("keys", accepting=[other])
        assert await _call(f"127.0.0.1:{port}", client) is Code.OK


async def test_a_server_whose_new_files_cannot_be_used_goes_on_with_the_old_ones(authority: Authority) -> None:
    files, client = authority.issue("keys"), authority.issue("gateway")
    async with _serving(files) as (port, _):
        files.certificate.write_bytes(b"nothing")
        assert await _call(f"127.0.0.1:{port}", client) is Code.OK


async def test_an_open_channel_shows_a_renewed_certificate(authority: Authority) -> None:
    files = authority.issue("gateway")
    serials = [_serial(files)]
    async with (
        _serving(authority.issue("keys")) as (port, health),
        tls.channel(f"127.0.0.1:{port}", files) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        await stub.Check(CHECK, timeout=WAIT_S)
        serials.append(_serial(authority.issue("gateway")))
        await stub.Check(CHECK, timeout=WAIT_S)
        assert health.serials == serials


async def test_a_call_that_has_begun_outlives_the_renewal(authority: Authority) -> None:
    async with (
        _serving(authority.issue("keys")) as (port, health),
        tls.channel(f"127.0.0.1:{port}", authority.issue("gateway")) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        health.may_answer.clear()
        calls = [asyncio.ensure_future(stub.Check(CHECK, timeout=WAIT_S))]
        await health.begun.wait()
        authority.issue("gateway")
        # Begun on the old channel by the time that the other one takes its place, but by a task that has yet to run.
        health.begun.clear()
        calls.append(asyncio.ensure_future(stub.Check(CHECK, timeout=WAIT_S)))
        await health.begun.wait()
        health.may_answer.set()
        answers = await asyncio.gather(*calls)
    assert [each.status for each in answers] == [health_pb2.HealthCheckResponse.SERVING] * 2
    assert len(set(health.serials)) == 2


async def test_what_has_been_replaced_is_closed_when_it_is_done(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewed_channel, "BEGINNING_S", 0.0)
    async with (
        _serving(authority.issue("keys")) as (port, _),
        tls.channel(f"127.0.0.1:{port}", authority.issue("gateway")) as channel,
    ):
        assert isinstance(channel, renewed_channel.RenewedChannel)
        old = channel.current()
        await old.channel_ready()
        authority.issue("gateway")
        assert channel.current() is not old
        async with asyncio.timeout(WAIT_S):
            while old.get_state() is not grpc.ChannelConnectivity.SHUTDOWN:  # noqa: ASYNC110 - a closed one tells nobody
                await asyncio.sleep(0.01)
        assert await _check(channel) is Code.OK


@pytest.mark.parametrize(
    ("address", "mode", "is_told"),
    [
        ("0.0.0.0:50051", "production", True),
        ("[::]:50051", "production", True),
        ("10.0.0.5:50051", "production", True),
        ("keys:50051", "production", True),
        ("127.0.0.1:50051", "production", False),
        ("[::1]:50051", "production", False),
        ("localhost:50051", "production", False),
        ("0.0.0.0:50051", "development", False),
    ],
)
def test_plaintext_for_others_than_this_machine_is_told_of_in_production(
    caplog: pytest.LogCaptureFixture, address: str, mode: Any, *, is_told: bool
) -> None:
    tls.warn_of_plaintext(GatewaySettings(service_secret=SecretStr("s" * 32), mode=mode), address)
    assert ["SEDIFEX_TLS_CERTIFICATE" in each.message for each in caplog.records] == [True] * is_told


def test_with_tls_nothing_is_told(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    values = {"service_secret": SecretStr("s" * 32)} | settings_of(authority.issue("gateway"))
    with caplog.at_level(logging.WARNING):
        tls.warn_of_plaintext(GatewaySettings.model_validate(values), "0.0.0.0:50051")
    assert not caplog.records


@pytest.fixture
def expires() -> Callable[[], float]:
    """What is shown of when the certificate ends."""

    def ask() -> float:
        (family,) = metrics.CERTIFICATE_EXPIRES.collect()
        (sample,) = family.samples
        return sample.value

    return ask


def test_metrics_tell_when_the_certificate_ends_also_a_renewed_one(
    authority: Authority, expires: Callable[[], float]
) -> None:
    files = authority.issue("gateway")
    settings = GatewaySettings.model_validate({"service_secret": SecretStr("s" * 32)} | settings_of(files))
    tls.configure(settings)
    for valid_for in (timedelta(hours=1), timedelta(hours=5)):
        authority.issue("gateway", valid_for=valid_for)
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        assert expires() == certificate.not_valid_after_utc.timestamp()


def test_without_tls_metrics_tell_no_time(expires: Callable[[], float]) -> None:
    tls.configure(GatewaySettings(service_secret=SecretStr("s" * 32)))
    assert expires() != expires(), "NaN, which meets no condition"
