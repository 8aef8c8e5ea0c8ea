"""The runbooks that replace secrets, followed to the letter on an installation that clients use meanwhile."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from cli.secrets.lists import NAMES
from rig.partners import SENDS_HERE
from rig.runbook import Run, Runbook
from rig.system import free_address, running
from services.common.access.service_identity import secrets_of
from services.common.clients import CHANNEL_OPTIONS
from services.common.settings import CatalogSettings, KeysSettings, WebhooksSettings
from services.keys.membership import totp
from tests import side_by_side
from tests.partner import Partner, listening
from tests.rolling import MEMBERS, PEPPERS, SERVICE, WEBHOOKS, Installation, installed
from tests.system import Client, Settings, System, refused
from tests.traffic import Coded, Shop, Traffic

RUNBOOKS = Path(__file__).resolve().parents[2] / "deploy" / "runbooks"
SESSION_S = 240.0
DRAIN_S = 1

LONG = pytest.mark.skipif(
    "LONG" not in os.environ, reason="takes half a minute, and make staging follows it too; to run it: make test LONG=1"
)

pytestmark = pytest.mark.timeout(300)


@dataclass
class Place:
    """An installation and a shop in it, with a key and a member that nobody hears of any more."""

    installation: Installation
    shop: Shop
    partner: Partner
    unused: Client


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Two Keys processes, two of Catalog, Webhooks, a worker and a gateway."""
    folder = tmp_path_factory.mktemp("rolling")
    settings: dict[str, Any] = SENDS_HERE | {"drain_seconds": DRAIN_S, "worker_drain_seconds": DRAIN_S}
    shops: list[Shop] = []

    async def between() -> None:
        await side_by_side.check(shops[0], system.keys_addresses)

    with listening() as partner:
        async with (
            running(folder, keys=2, catalogs=2, **settings) as (system, _),
            installed(system, folder, between) as made,
        ):
            address = free_address()
            gateway = {"gateway_port": address.rpartition(":")[2], "metrics_listen": free_address()}
            system.add("worker", "services.webhooks.worker", metrics_listen=free_address())
            system.add("gateway", "gateway", **gateway)
            await asyncio.gather(made.until_ready("worker"), made.until_ready("gateway"))
            channels = {
                each: grpc.aio.insecure_channel(system.values[f"{each}_address"], options=CHANNEL_OPTIONS)
                for each in ("keys", "catalog", "webhooks")
            }
            kinds = (KeysSettings, CatalogSettings, WebhooksSettings)
            taken = (
                kind.model_validate({name: system.values[name] for name in kind.model_fields if name in system.values})
                for kind in kinds
            )
            token = await system.new_operator("tests")
            users = System(Settings(*taken), channels, Client(channels, token))  # type: ignore[arg-type]
            shop = await _shop(users, f"http://{address}", partner)
            shops.append(shop)
            _, unused = await users.new_key(shop.store)
            yield Place(made, shop, partner, unused)
            for channel in channels.values():
                await channel.close()


async def _shop(users: System, gateway: str, partner: Partner) -> Shop:
    store, operator = await users.new_store(), users.operator
    keys = [(await users.new_key(store))[1] for _ in range(3)]
    member = await users.new_member(store)
    coded = []
    for each in [await users.new_member(store) for _ in range(6)]:
        secret, _ = await each.enable_totp()
        coded.append(Coded(each, secret, int(time.time()) // totp.STEP_S))
        await each.client.members.SignOut(members_pb2.SignOutRequest())
    product = catalog_pb2.Product(
        display_name="Shea", status=catalog_pb2.Product.STATUS_PUBLISHED, website_visible=True
    )
    made = await operator.catalog.CreateProduct(catalog_pb2.CreateProductRequest(parent=store, product=product))
    request = webhooks_pb2.CreateWebhookEndpointRequest(parent=store, url=partner.url, event_types=["product.updated"])
    endpoint = await operator.webhooks.CreateWebhookEndpoint(request)
    name, secret = endpoint.webhook_endpoint.name, endpoint.secret
    return Shop(users, gateway, store, keys, member, coded, made.product, name, [secret])


async def _follow(place: Place, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Follows a runbook while everybody works, and fails if anybody was refused or a runbook lied."""
    for programs in (Path(sys.executable).parent, place.installation.programs):
        monkeypatch.setenv("PATH", str(programs), prepend=":")
    values = {"SETTINGS": str(place.installation.settings)}
    rolls = place.installation.rolls
    async with Traffic(place.shop).flowing() as traffic:
        await traffic.go_on()
        run = await asyncio.to_thread(Runbook.read(RUNBOOKS / name).run, folder, values, seconds=SESSION_S)
        run.check()
        await traffic.go_on()
    assert traffic.failures == []
    log = place.installation.system.processes["worker"].log.read_text()
    assert "could not be signed" not in log
    assert place.installation.rolls - rolls == 3, "it is known, used and alone, one after the other"
    await asyncio.to_thread(traffic.await_deliveries, place.partner)
    return run


def _check_unseen(run: Run, *secrets: str) -> None:
    """No secret of the settings was on a command line, or printed."""
    printed = "".join(path.read_text() for path in run.folder.glob("*.out"))
    for text in secrets:
        for secret in secrets_of(text) if not text.startswith("[") else [each["secret"] for each in json.loads(text)]:
            assert secret not in run.arguments
            assert secret not in printed


async def test_peppers_are_replaced(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.installation.value_of(PEPPERS)
    run = await _follow(place, "rotate-peppers.md", tmp_path, monkeypatch)
    after = place.installation.value_of(PEPPERS)
    assert [each["version"] for each in json.loads(after)] == [2]
    _check_unseen(run, before, after)
    named = (tmp_path / "before-dropping").read_text()
    assert place.unused.token[-4:] in named, "whoever would be refused is named"
    list_keys = keys_pb2.ListKeysRequest(parent=place.shop.store)
    await refused(place.unused.keys.ListKeys(list_keys), grpc.StatusCode.UNAUTHENTICATED)


@LONG
async def test_secret_keys_are_replaced(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [place.installation.value_of(name) for name in (MEMBERS, WEBHOOKS)]
    run = await _follow(place, "rotate-secret-keys.md", tmp_path, monkeypatch)
    after = [place.installation.value_of(name) for name in (MEMBERS, WEBHOOKS)]
    assert [[each["version"] for each in json.loads(text)] for text in after] == [[2], [2]]
    _check_unseen(run, *before, *after)


@LONG
async def test_the_service_secret_is_replaced(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.installation.value_of(SERVICE)
    run = await _follow(place, "rotate-service-secret.md", tmp_path, monkeypatch)
    after = place.installation.value_of(SERVICE)
    assert after != before
    assert len(secrets_of(after)) == 1
    _check_unseen(run, before, after)
    starts = {name: process.starts for name, process in place.installation.system.processes.items()}
    assert min(starts.values()) >= 4, "every process speaks with it"
    assert set(NAMES) == {SERVICE, PEPPERS, MEMBERS, WEBHOOKS}
