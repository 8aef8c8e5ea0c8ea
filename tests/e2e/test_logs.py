"""No secret is in any log, whatever happens to it and however much is logged."""

import asyncio
import base64
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.duration_pb2 import Duration
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from rig.system import System as Rig
from rig.system import free_address, running
from services.common.settings import CatalogSettings, KeysSettings, WebhooksSettings
from tests.partner import listening
from tests.system import Settings, System, code_of

HASHES = re.compile(r"\$argon2|\bv1=[0-9a-f]{16}|\bv1,[A-Za-z0-9+/]{20}")
"""What is made of secrets: of passwords, and by those of webhooks."""
ARRIVES_S = 20.0
POSTGRES = "PostgreSQL"
FOLLOWED = "a-request-to-follow"


@dataclass
class Made:
    """A system that was used for all that it does, and the secrets that there were."""

    rig: Rig
    secrets: dict[str, str] = field(default_factory=dict)
    store: str = ""

    def keep(self, what: str, secret: str) -> str:
        """Notes a secret."""
        assert len(secret) >= 6, what
        self.secrets[what] = secret
        return secret

    def logs(self) -> dict[str, str]:
        """What every process of ours, and PostgreSQL, has logged until now."""
        logs = {name: process.log.read_text() for name, process in self.rig.processes.items()}
        return logs | {POSTGRES: (self.rig.folder / "postgres" / "log").read_text()}


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Made]:
    """Everything that has to do with a secret, done once, with a database that goes away in between."""
    folder = tmp_path_factory.mktemp("logs")
    local: dict[str, Any] = {
        "worker_drain_seconds": "2",
        "webhook_allow_http": "true",
        "webhook_allowed_networks": ["127.0.0.0/8"],
    }
    async with running(folder, log_level="DEBUG", **local) as (rig, _):
        rig.add("webhooks-worker", "services.webhooks.worker")
        gateway = free_address()
        host, _, port = gateway.partition(":")
        rig.add("gateway", "gateway", gateway_host=host, gateway_port=port, keys_address=rig.keys_addresses[0])
        values = rig.values | {"keys_address": rig.keys_addresses[0], "keys_listen": rig.keys_addresses[0]}

        def take(kind: Any) -> Any:
            return kind.model_validate({name: value for name, value in values.items() if name in kind.model_fields})

        settings = Settings(take(KeysSettings), take(CatalogSettings), take(WebhooksSettings))
        found = Made(rig)
        _keep_settings(found)
        async with System.connect(settings) as system:
            found.keep("operator's token", system.operator.token)
            await _use_keys(found, system, f"http://{gateway}")
            await _use_accounts(found, system)
            await rig.kill_database()
            await _try_in_vain(found, system, f"http://{gateway}")
            await rig.start_database()
            await rig.until_ready()
        yield found


def _keep_settings(made: Made) -> None:
    made.keep("service secret", made.rig.values["service_secret"])
    for name in ("token_peppers", "member_secret_keys", "webhook_secret_keys"):
        made.keep(name, made.rig.values[name][0]["secret"])


async def _use_keys(made: Made, system: System, gateway: str) -> None:
    """A key's life, over gRPC and REST, sent where it belongs and where it does not."""
    store = made.store = await system.new_store()
    key, client = await system.new_key(store)
    secret = made.keep("key", client.token)
    rotated = await system.operator.keys.RotateKey(
        keys_pb2.RotateKeyRequest(name=key.name, overlap=Duration(seconds=int(timedelta(hours=1).total_seconds())))
    )
    made.keep("rotated key", rotated.secret)
    async with httpx.AsyncClient(base_url=gateway, timeout=20) as rest:
        await _until_up(rest)
        for request in (
            {"headers": {"Authorization": f"Bearer {secret}", "X-Request-Id": FOLLOWED}},
            {"headers": {"X-Api-Key": secret + "x"}},
            {"headers": {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}},
            {"params": {"key": secret, "pageToken": secret}, "headers": {"X-Api-Key": secret}},
            {"headers": {"X-Api-Key": secret, "X-Request-Id": secret, "User-Agent": secret}},
        ):
            await rest.get(f"/v1/{store}/products", **request)  # type: ignore[arg-type]
        await rest.get(f"/v1/stores/{secret}/products/{secret}", headers={"X-Api-Key": secret})
        await rest.post(f"/v1/{store}/products", headers={"X-Api-Key": secret}, json={"name": secret, "price": secret})
        await rest.post(f"/{secret}", content=secret)
    await _use_webhooks(made, system, store)
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    await _refused(client.catalog.ListStores(catalog_pb2.ListStoresRequest()))
    leaks = [keys_pb2.ReportLeakedKeysRequest.Leak(token=rotated.secret, source="tests", url="https://example.com")]
    await system.operator.keys.ReportLeakedKeys(keys_pb2.ReportLeakedKeysRequest(leaks=leaks))


async def _use_webhooks(made: Made, system: System, store: str) -> None:
    """An endpoint's secrets, and deliveries signed by them: to one that answers, fails, and quotes what it was sent."""
    with listening() as partner:
        request = webhooks_pb2.CreateWebhookEndpointRequest(parent=store, url=partner.url)
        created = await system.operator.webhooks.CreateWebhookEndpoint(request)
        made.keep("webhook secret", created.secret)
        rotate = webhooks_pb2.RotateWebhookEndpointSecretRequest(name=created.webhook_endpoint.name)
        made.keep("rotated webhook secret", (await system.operator.webhooks.RotateWebhookEndpointSecret(rotate)).secret)
        partner.answers[:] = [500, 204]
        for _ in range(2):
            await system.operator.webhooks.SendTestEvent(
                webhooks_pb2.SendTestEventRequest(name=created.webhook_endpoint.name)
            )
            await asyncio.to_thread(partner.next_within, ARRIVES_S)


async def _use_accounts(made: Made, system: System) -> None:
    """Invitations, passwords, sessions, one-time codes; right and wrong ones."""
    store = await system.new_store()
    invited = await system.invite(store, "kofi@shop.example")
    made.keep("invitation", invited.token)
    nobody = system.as_(None).members
    await nobody.LookUpInvitation(members_pb2.LookUpInvitationRequest(token=invited.token))
    person = await system.new_member(store)
    made.keep("password", person.password)
    made.keep("session", person.client.token)
    totp, recovery = await person.enable_totp()
    made.keep("one-time code secret", totp)
    for number, code in enumerate(recovery):
        made.keep(f"recovery code {number}", code)
    wrong = made.keep("wrong password", secrets.token_hex(12))
    await _refused(nobody.SignIn(members_pb2.SignInRequest(email=person.email, password=wrong)))
    for second in (code_of(totp, 1), recovery[0]):
        request = members_pb2.SignInRequest(email=person.email, password=person.password, code=second)
        made.keep(f"session by {len(second)} characters", (await nobody.SignIn(request)).token)
    newer = made.keep("new password", secrets.token_hex(12))
    change = members_pb2.ChangePasswordRequest(name=person.name, password=person.password, new_password=newer)
    await person.client.members.ChangePassword(change)
    await _refused(nobody.AcceptInvitation(members_pb2.AcceptInvitationRequest(token=invited.token, password="short")))


async def _try_in_vain(made: Made, system: System, gateway: str) -> None:
    """What fails because the database is away."""
    key, password = made.secrets["key"], made.secrets["password"]
    endpoint = webhooks_pb2.CreateWebhookEndpointRequest(parent=made.store, url="https://example.com/hook")
    sign_in = members_pb2.SignInRequest(email="kofi@shop.example", password=password)
    await _refused(system.operator.keys.CreateKey(keys_pb2.CreateKeyRequest(parent=made.store, display_name="Late")))
    await _refused(system.operator.webhooks.CreateWebhookEndpoint(endpoint))
    await _refused(system.as_(None).members.SignIn(sign_in))
    async with httpx.AsyncClient(base_url=gateway, timeout=20) as rest:
        answer = await rest.get(f"/v1/{made.store}/products", headers={"X-Api-Key": key})
    assert answer.status_code >= 401


async def _until_up(rest: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await rest.get("/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


async def _refused(call: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await call


async def test_no_secret_is_in_any_log(made: Made) -> None:
    found = [
        (process, what)
        for process, log in made.logs().items()
        for what, secret in made.secrets.items()
        if secret in log or base64.b64encode(secret.encode()).decode().rstrip("=") in log
    ]
    assert found == []
    assert len(made.secrets) > 20, "there is something to look for"


async def test_nothing_made_of_a_secret_is_in_any_log(made: Made) -> None:
    assert {name: HASHES.findall(log) for name, log in made.logs().items() if HASHES.search(log)} == {}


async def test_every_process_has_logged(made: Made) -> None:
    logs = made.logs()
    assert {"keys-1", "catalog", "webhooks", "webhooks-worker", "gateway", POSTGRES} <= logs.keys()
    assert [name for name, log in logs.items() if not log] == []
    assert '"level": "debug"' in logs["keys-1"]


async def test_a_request_is_found_in_the_logs_of_all_services_by_its_id(made: Made) -> None:
    """Of the service that did what the gateway was asked for, and of the one that was asked whose the key was."""
    found = {
        name: re.findall(rf'"requestId": "{FOLLOWED}", "method": "[^"]*/(\w+)"', log)
        for name, log in made.logs().items()
    }
    assert set(found["catalog"]) == {"ListProducts"}
    assert set(found["keys-1"]) == {"VerifyToken"}
