"""Leaks as GitHub reports them: what it has signed is revoked, what anybody else sends is not."""

import asyncio
import base64
import hashlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.json_format import MessageToDict
from pydantic import ValidationError
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from gateway import app, leaks
from gateway.clients import backends
from services.common.access import token as token_format
from services.common.settings import GatewaySettings
from tests.partner import WAIT_S
from tests.system import Client, System

MAX_BODY = 400_000
FOUND_AT = "https://github.com/example/shop/blob/main/config.php"


class GitHub:
    """Signs as GitHub does."""

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> dict[str, str]:
        """The public key as the gateway is given it."""
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {"identifier": self.identifier, "key": pem.decode()}

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers that go with a body."""
        signature = base64.b64encode(self._key.sign(body, ec.ECDSA(SHA256()))).decode()
        return {"Github-Public-Key-Identifier": self.identifier, "Github-Public-Key-Signature": signature}


@pytest.fixture(scope="module")
def github() -> GitHub:
    return GitHub("key-of-the-test")


@pytest.fixture(scope="module")
async def gateway(system: System, github: GitHub) -> AsyncIterator[httpx.AsyncClient]:
    async with _gateway(system, [GitHub("an-older-one").public, github.public]) as client:
        yield client


@pytest.fixture
async def store(system: System) -> str:
    return await system.new_store()


async def test_what_github_found_is_revoked_and_github_learns_what_was_real(
    system: System, gateway: httpx.AsyncClient, github: GitHub, store: str
) -> None:
    key, client = await system.new_key(store)
    looks_like_one = token_format.mint(token_format.Kind.LIVE)
    body = _body(client.token, looks_like_one)
    answer = await gateway.post(leaks.PATH, content=body, headers=github.headers(body))
    assert answer.status_code == 200
    assert answer.json() == [
        {"token_hash": _sha256(client.token), "token_type": "sedifex_api_key", "label": "true_positive"},
        {"token_hash": _sha256(looks_like_one), "token_type": "sedifex_api_key", "label": "false_positive"},
    ]
    assert client.token not in answer.text
    assert not await _works(client, store)
    entries = await system.operator.keys.ListAuditEntries(keys_pb2.ListAuditEntriesRequest(parent=store))
    newest = entries.audit_entries[0]
    assert (newest.action, newest.resource, newest.actor) == ("key.revoked", key.name, "services/gateway")
    assert newest.request_id == answer.headers["x-request-id"]
    assert MessageToDict(newest.after)["leak"] == {"source": "github content", "url": FOUND_AT}


async def test_a_repeat_of_a_report_is_answered_alike(
    system: System, gateway: httpx.AsyncClient, github: GitHub, store: str
) -> None:
    _, client = await system.new_key(store)
    body = _body(client.token)
    answers = [await gateway.post(leaks.PATH, content=body, headers=github.headers(body)) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].json()[0]["label"] == "true_positive"


@pytest.mark.parametrize("forgery", ["body", "signature", "base64", "other key", "unknown key", "no headers"])
async def test_what_github_has_not_signed_revokes_nothing(
    system: System, gateway: httpx.AsyncClient, github: GitHub, store: str, forgery: str
) -> None:
    _, client = await system.new_key(store)
    body = _body(client.token)
    signed = github.headers(body)
    match forgery:
        case "body":
            body += b" "
        case "signature":
            signed |= {leaks.SIGNATURE_HEADER: base64.b64encode(b"0" * 70).decode()}
        case "base64":
            signed |= {leaks.SIGNATURE_HEADER: "(not base 64)"}
        case "other key":
            signed |= {leaks.KEY_HEADER: "an-older-one"}
        case "unknown key":
            signed = GitHub("somebody-else").headers(body)
        case "no headers":
            signed = {}
    answer = await gateway.post(leaks.PATH, content=body, headers=signed)
    assert answer.status_code == 403
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["requestId"] == answer.headers["x-request-id"]
    assert "Nothing was revoked" in error["message"]
    assert client.token not in answer.text
    assert await _works(client, store)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}", b"[1]", b'[{"token":"a"}]', b'[{"token":5,"type":"a"}]', b'[{"token":"\\ud800","type":"a"}]'],
)
async def test_a_signed_body_of_another_form_is_told_what_it_must_be(
    gateway: httpx.AsyncClient, github: GitHub, body: bytes
) -> None:
    answer = await gateway.post(leaks.PATH, content=body, headers=github.headers(body))
    assert answer.status_code == 400
    assert "JSON list" in answer.json()["error"]["message"]


async def test_many_matches_are_dealt_with_in_one_report_and_too_many_refused(
    system: System, gateway: httpx.AsyncClient, github: GitHub, store: str
) -> None:
    _, client = await system.new_key(store)
    others = [token_format.mint(token_format.Kind.LIVE) for _ in range(leaks.MAX_MATCHES)]
    body = _body(client.token, *others)
    refused = await gateway.post(leaks.PATH, content=body, headers=github.headers(body))
    assert refused.status_code == 413
    assert await _works(client, store)
    body = _body(*others[1:], client.token)
    answer = await gateway.post(leaks.PATH, content=body, headers=github.headers(body))
    assert [each["label"] for each in answer.json()] == ["false_positive"] * 999 + ["true_positive"]
    assert not await _works(client, store)


async def test_a_body_larger_than_allowed_is_refused(gateway: httpx.AsyncClient, github: GitHub) -> None:
    body = b" " * (MAX_BODY + 1)
    assert (await gateway.post(leaks.PATH, content=body, headers=github.headers(body))).status_code == 413


async def test_odd_matches_do_not_save_a_real_one(
    system: System, gateway: httpx.AsyncClient, github: GitHub, store: str
) -> None:
    _, client = await system.new_key(store)
    odd = [{"token": "", "type": "x"}, {"token": "y" * 300, "type": "x", "url": None, "source": None, "more": 1}]
    real = {"token": client.token, "type": "x", "url": "z" * 3000, "source": "\0" * 300}
    body = json.dumps([*odd, real]).encode()
    answer = await gateway.post(leaks.PATH, content=body, headers=github.headers(body))
    assert [each["label"] for each in answer.json()] == ["false_positive", "false_positive", "true_positive"]
    assert not await _works(client, store)


async def test_the_path_is_served_under_post_only(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get(leaks.PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_without_githubs_keys_there_is_no_such_path(system: System, github: GitHub) -> None:
    body = _body("nonsense")
    async with _gateway(system, []) as client:
        answer = await client.post(leaks.PATH, content=body, headers=github.headers(body))
        unknown = await client.post("/v1/nothing", content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, unknown.status_code) == (404, 404)
    assert answer.json()["error"]["message"] == unknown.json()["error"]["message"]


async def test_while_keys_is_away_github_is_told_to_send_it_again(system: System, github: GitHub) -> None:
    body = _body("nonsense")
    async with _gateway(system, [github.public], keys_address="127.0.0.1:9") as client:
        answer = await client.post(leaks.PATH, content=body, headers=github.headers(body))
    assert answer.status_code == 503
    assert "again" in answer.json()["error"]["message"]
    assert "127.0.0.1" not in answer.text


async def test_a_gateway_of_its_own_reads_the_keys_from_its_settings(
    system: System, github: GitHub, store: str, tmp_path: Path
) -> None:
    _, client = await system.new_key(store)
    body = _body(client.token)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    keys = system.settings.keys
    given = {
        "SEDIFEX_KEYS_ADDRESS": keys.keys_address,
        "SEDIFEX_GATEWAY_PORT": str(port),
        "SEDIFEX_SERVICE_SECRET": keys.service_secret.get_secret_value(),
        "SEDIFEX_GATEWAY_GITHUB_KEYS": json.dumps([github.public]),
    }
    with (tmp_path / "log").open("w") as log:
        command = [str(Path(sys.executable).with_name("sedifex")), "gateway"]
        process = await asyncio.create_subprocess_exec(*command, env=os.environ | given, stdout=log, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S) as http:
            await _until_alive(http)
            answer = await http.post(leaks.PATH, content=body, headers=github.headers(body))
            forged = await http.post(leaks.PATH, content=body + b" ", headers=github.headers(body))
    finally:
        process.terminate()
        await process.wait()
    assert [each["label"] for each in answer.json()] == ["true_positive"]
    assert forged.status_code == 403
    assert not await _works(client, store)
    logged = (tmp_path / "log").read_text()
    assert "a leak report was refused" in logged
    assert client.token not in logged


def test_a_list_as_github_publishes_it_can_be_taken_as_it_is(system: System, github: GitHub) -> None:
    published = {"key_identifier": "1", "key": github.public["key"], "is_current": True}
    assert _settings(system, [published]).gateway_github_keys[0].identifier == "1"


@pytest.mark.parametrize("kind", ["nonsense", "another curve"])
def test_a_key_of_another_kind_is_refused_at_the_start(system: System, kind: str) -> None:
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ValidationError, match="P-256"):
        _settings(system, [{"identifier": "1", "key": pem if kind == "another curve" else kind}])


def _settings(system: System, keys: list[Any], **values: str) -> GatewaySettings:
    included = {"keys_address", "catalog_address", "webhooks_address", "service_secret"}
    given = system.settings.keys.model_dump(include=included)
    own = {"gateway_github_keys": keys, "gateway_max_body_bytes": MAX_BODY}
    return GatewaySettings.model_validate(given | own | values)


@asynccontextmanager
async def _gateway(system: System, keys: list[Any], **values: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = _settings(system, keys, **values)
    async with backends(settings) as services, leaks.routes(settings) as routes:
        built = app.build(settings, services, routes)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(built), base_url="http://gateway.test") as client:
            yield client


async def _until_alive(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                await http.get("/healthz")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return


def _body(*tokens: str) -> bytes:
    found = [{"token": each, "type": "sedifex_api_key", "url": FOUND_AT, "source": "content"} for each in tokens]
    return json.dumps(found).encode()


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _works(client: Client, store: str) -> bool:
    try:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    except grpc.aio.AioRpcError as refused:
        if refused.code() != grpc.StatusCode.UNAUTHENTICATED:
            raise
        return False
    return True
