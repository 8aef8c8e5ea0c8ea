"""Traces: one from the request to the delivery when they are on, nothing at all when they are off."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent import futures
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2

from rig.system import free_address, running
from services.common.settings import CatalogSettings, KeysSettings, WebhooksSettings
from tests.partner import listening
from tests.system import Settings, System

WAIT_S = 30.0
NAMES = {
    "HTTP POST": "sedifex-gateway",
    "sedifex.catalog.v1.CatalogService/CreateProduct": "sedifex-catalog",
    "sedifex.keys.v1.KeysService/VerifyToken": "sedifex-keys",
    "relay": "sedifex-catalog",
    "deliver": "sedifex-webhooks-worker",
}
"""What is done for a new product, and which process does it."""
FOREIGN = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """An OpenTelemetry collector that keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        """By the name of the service."""
        self._told = threading.Condition()

    def Export(self, request: Any, context: Any) -> Any:
        with self._told:
            for told in request.resource_spans:
                said = {each.key: each.value.string_value for each in told.resource.attributes}
                self.spans += [(said["service.name"], span) for scope in told.scope_spans for span in scope.spans]
            self._told.notify_all()
        return trace_service_pb2.ExportTraceServiceResponse()

    def await_span(self, name: str) -> Any:
        """The first span of this name, waiting for it."""

        def find() -> Any:
            return next((span for _, span in self.spans if span.name == name), None)

        with self._told:
            assert self._told.wait_for(lambda: find() is not None, WAIT_S), [span.name for _, span in self.spans]
            return find()


@pytest.fixture(scope="module")
async def traced(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Collector, str]]:
    """What a collector was told of one change of a product, which a partner was told of; and the product's name."""
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    options: dict[str, Any] = {
        "traces_endpoint": f"http://127.0.0.1:{port}",
        "traces_ratio": "1",
        "worker_drain_seconds": "2",
        "webhook_allow_http": "true",
        "webhook_allowed_networks": ["127.0.0.0/8"],
    }
    async with running(tmp_path_factory.mktemp("traces"), **options) as (rig, _):
        rig.add("webhooks-worker", "services.webhooks.worker")
        gateway = free_address()
        host, _, number = gateway.partition(":")
        keys = rig.keys_addresses[0]
        rig.add("gateway", "gateway", gateway_host=host, gateway_port=number, keys_address=keys)
        values = rig.values | {"keys_address": keys, "keys_listen": keys}

        def take(kind: Any) -> Any:
            return kind.model_validate({name: value for name, value in values.items() if name in kind.model_fields})

        async with System.connect(
            Settings(take(KeysSettings), take(CatalogSettings), take(WebhooksSettings))
        ) as system:
            with listening() as partner:
                product = await _change_a_product(system, f"http://{gateway}", partner.url)
                delivered = await asyncio.to_thread(partner.next)
                assert "traceparent" not in delivered.headers
                for name in NAMES:  # each process tells of its own, within a second or so
                    await asyncio.to_thread(collector.await_span, name)
        yield collector, product
    server.stop(0)


async def _change_a_product(system: System, gateway: str, url: str) -> str:
    store = await system.new_store()
    _, client = await system.new_key(store)
    await system.operator.webhooks.CreateWebhookEndpoint(
        webhooks_pb2.CreateWebhookEndpointRequest(parent=store, url=url)
    )
    async with httpx.AsyncClient(base_url=gateway, timeout=20) as rest:
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    await rest.get("/healthz")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    break
        body = {"displayName": "Milo", "price": {"currencyCode": "GHS", "amount": "45.00"}}
        headers = {"X-Api-Key": client.token, "traceparent": FOREIGN}
        made = await rest.post(f"/v1/{store}/products", json=body, headers=headers)
    assert made.status_code == 200, made.text
    return str(made.json()["name"])


def spans_of(collector: Collector, trace_id: bytes) -> dict[str, tuple[str, Any]]:
    """The spans of a trace, by name, with their services."""
    return {span.name: (service, span) for service, span in collector.spans if span.trace_id == trace_id}


async def test_a_trace_goes_from_the_request_to_the_delivery(traced: tuple[Collector, str]) -> None:
    collector, _ = traced
    request = collector.await_span("HTTP POST")
    found = spans_of(collector, request.trace_id)
    rpc = "sedifex.catalog.v1.CatalogService/CreateProduct"
    assert {name: service for name, (service, _) in found.items()} == NAMES
    assert found[rpc][1].parent_span_id == request.span_id
    assert found["relay"][1].parent_span_id == found["deliver"][1].parent_span_id == found[rpc][1].span_id
    said = {each.key: each.value for each in found["deliver"][1].attributes}
    assert said["http.response.status_code"].int_value == 204
    assert said["sedifex.state"].string_value == "succeeded"


async def test_what_a_client_says_of_a_trace_decides_nothing(traced: tuple[Collector, str]) -> None:
    collector, _ = traced
    assert [span.name for _, span in collector.spans if span.trace_id.hex() == "a" * 32] == []


def test_nothing_of_opentelemetry_is_loaded_while_traces_are_off() -> None:
    modules = ("services.keys", "services.catalog", "services.webhooks", "services.webhooks.worker", "gateway")
    program = "import sys\n" + "".join(f"import {each}.__main__\n" for each in modules)
    program += "print([each for each in sys.modules if each.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
