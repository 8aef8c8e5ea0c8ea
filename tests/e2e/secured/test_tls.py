"""The whole system over mutual TLS: what it does works, and nobody gets in who has no certificate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from services.common import tls
from services.common.certificates import Files, Identity
from tests.authority import Authority
from tests.e2e.secured.conftest import WAIT_S, Secured
from tests.partner import listening


async def test_a_change_goes_all_the_way_from_the_gateway_to_a_partner(secured: Secured) -> None:
    """Gateway to Catalog and Webhooks, both to Keys, and Catalog to Webhooks."""
    with listening() as partner:
        endpoint = {"url": partner.url, "eventTypes": ["product.created"]}
        made = await secured.rest.post(f"/v1/{secured.store}/webhookEndpoints", json=endpoint)
        assert made.status_code == 200, made.text
        product = await secured.rest.post(f"/v1/{secured.store}/products", json={"displayName": "Kente"})
        assert product.status_code == 200, product.text
        delivered = await asyncio.to_thread(partner.next)
    assert f"{secured.store}/products/{delivered.event['data']['productId']}" == product.json()["name"]


_CALLS: dict[str, Any] = {
    "keys": lambda channel: keys_pb2_grpc.KeysServiceStub(channel).GetKey(keys_pb2.GetKeyRequest()),
    "catalog": lambda channel: catalog_pb2_grpc.CatalogServiceStub(channel).GetStore(catalog_pb2.GetStoreRequest()),
    "webhooks": lambda channel: webhooks_pb2_grpc.WebhooksServiceStub(channel).ListWebhookEndpoints(
        webhooks_pb2.ListWebhookEndpointsRequest()
    ),
}


@asynccontextmanager
async def _plaintext(address: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel


@asynccontextmanager
async def _without_certificate(address: str, roots: bytes) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(roots)) as channel:
        yield channel


@pytest.mark.parametrize("service", _CALLS)
async def test_no_service_answers_who_has_no_certificate_of_ours(
    secured: Secured, service: str, tmp_path: Path
) -> None:
    address = secured.addresses[service]
    stranger = Authority.new(tmp_path / "theirs", "another").issue("gateway")
    theirs = Files(stranger.certificate, stranger.key, secured.files.roots)
    for channel in (
        _plaintext(address),
        _without_certificate(address, secured.files.roots.read_bytes()),
        tls.channel(address, theirs),
    ):
        async with channel as open_channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await _CALLS[service](open_channel)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("service", _CALLS)
async def test_a_certificate_does_not_stand_for_a_credential(secured: Secured, service: str) -> None:
    async with tls.channel(secured.addresses[service], secured.files) as channel:
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _CALLS[service](channel)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("process", ["gateway", "webhooks-worker"])
async def test_processes_tell_when_their_certificate_ends(secured: Secured, process: str) -> None:
    async with httpx.AsyncClient(timeout=WAIT_S) as client:
        text = (await client.get(f"http://{secured.metrics[process]}/metrics")).text
    (ends,) = (
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "sedifex_tls_certificate_expires_timestamp_seconds"
    )
    assert ends == Identity(secured.files).expires()
