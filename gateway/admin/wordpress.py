"""Connect WordPress: the plugin, one code to paste, and a checklist that turns green by itself."""

import asyncio
import re
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.responses import FileResponse, Response

from gateway import connection_code
from gateway.admin.failures import Refused
from gateway.admin.family import Family, Nav
from gateway.admin.forms import NO_PROBLEMS, Problems, problems_of
from gateway.admin.protection import protect
from gateway.admin.sites import Site, find_sites, key_name
from gateway.admin.visit import Visit

family = Family("wordpress", "/wordpress", Nav("WordPress", "plug", "Connections"))

SCOPES = ("catalog.read", "webhooks.read", "webhooks.write")
"""What the plugin needs: the products, and an endpoint of its own at which it is told of changes."""
LISTED = 200
REQUEST_ID = re.compile(r"[0-9a-f-]{36}")
MAX_HEAD = 8_192
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}|localhost|(?:\d{1,3}\.){3}\d{1,3}", re.IGNORECASE
)
_VERSION = re.compile(rb"^[ *]*Version:\s*([0-9A-Za-z.+-]{1,32})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Plugin:
    """The plugin's file."""

    version: str
    """Empty: it does not say."""
    size: int
    """In bytes."""


@family.get(needs="KeysService.ListKeys")
async def show_wordpress(visit: Visit) -> Response:
    """The sites that are connected, and the way to connect one."""
    return await _show(visit, NO_PROBLEMS)


@family.get("/sedifex.zip", needs="KeysService.ListKeys")
async def download_plugin(visit: Visit) -> Response:
    """The plugin, as WordPress takes it in."""
    path = visit.surroundings.plugin_zip
    if await asyncio.to_thread(read_plugin, path) is None:
        raise Refused(
            404,
            "The plugin is not on this server",
            "Whoever runs this server has not put it there yet.",
            "Ask them to run “make plugin”, then reload this page.",
            ("Back to WordPress", visit.at("wordpress")),
        )
    response = FileResponse(path, media_type="application/zip", filename="sedifex.zip")
    protect(response, visit.policy)
    return response


@family.post("/code", needs="KeysService.CreateKey", fresh=True)
async def make_code(visit: Visit) -> Response:
    """Makes a key for a site, and shows the code that holds it, this once."""
    site = visit.form["site"]
    host = _host_of(site)
    if site and not host:
        return await _show(visit, Problems("", {"site": "Write it like myshop.com, or leave it empty."}))
    address = _address(visit)
    request = keys_pb2.CreateKeyRequest(
        parent=visit.store.name, display_name=key_name(host), scopes=SCOPES, request_id=_request_id(visit)
    )
    try:
        made = await visit.services.keys.CreateKey(request)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            return await _show(visit, problems_of(error))
        said = (
            "This form was sent before, and made its code then. A code is shown once; “New code” below gives another."
        )
        return visit.go(visit.at("wordpress"), said, "warning")
    return _reveal(visit, address, made.key, made.secret)


@family.post("/{id}/code", needs="KeysService.RotateKey", fresh=True)
async def replace_code(visit: Visit) -> Response:
    """A new code for a site that has one: its key gets a new secret, and the old one works on for an hour."""
    address = _address(visit)
    request = keys_pb2.RotateKeyRequest(name=visit.name("keys"), request_id=_request_id(visit))
    try:
        made = await visit.services.keys.RotateKey(request)
    except grpc.aio.AioRpcError as error:
        return visit.go(visit.at("wordpress"), problems_of(error).general, "warning")
    return _reveal(visit, address, made.key, made.secret)


async def sites_of(visit: Visit) -> list[Site]:
    """The shop's WordPress sites, newest first."""
    keys, endpoints = await asyncio.gather(
        visit.services.keys.ListKeys(keys_pb2.ListKeysRequest(parent=visit.store.name, page_size=LISTED)),
        visit.services.webhooks.ListWebhookEndpoints(
            webhooks_pb2.ListWebhookEndpointsRequest(parent=visit.store.name, page_size=LISTED)
        ),
    )
    return find_sites(keys.keys, endpoints.webhook_endpoints)


def read_plugin(path: Path) -> Plugin | None:
    """What is known of the plugin's file; None: it is not there, or is no such file."""
    try:
        with zipfile.ZipFile(path) as file, file.open("sedifex/sedifex.php") as head:
            found = _VERSION.search(head.read(MAX_HEAD))
        return Plugin(found[1].decode() if found else "", path.stat().st_size)
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


async def _show(visit: Visit, problems: Problems) -> Response:
    plugin, sites = await asyncio.gather(asyncio.to_thread(read_plugin, visit.surroundings.plugin_zip), sites_of(visit))
    return visit.show(
        "wordpress/wordpress.html",
        400 if problems else 200,
        plugin=plugin,
        guide="/guide/wordpress.html" if visit.surroundings.has_guide else "",
        sites=sites,
        site=visit.form["site"],
        is_waiting=any(not each.is_ready(visit.now) for each in sites),
        form_request_id=str(uuid.uuid4()),
        problems=problems,
    )


def _reveal(visit: Visit, address: str, key: keys_pb2.Key, secret: str) -> Response:
    code = connection_code.make(address, secret)
    is_open = address.startswith("http://")
    return visit.show("wordpress/code.html", key=key, code=code, address=address, is_open=is_open)


def _address(visit: Visit) -> str:
    """Where a site reaches the API.

    Raises:
        Refused: this gateway's own address cannot stand in a code. So no key is made that nobody could use.
    """
    known = visit.surroundings.public_url or f"{visit.request.url.scheme}://{visit.request.url.netloc}"
    address = connection_code.canonical(known)
    if not address:
        raise Refused(
            500,
            "This server’s address is not one that a website could use",
            f"It is known as {known}.",
            "Whoever runs it can set SEDIFEX_PUBLIC_URL to an address such as https://shops.example.com.",
        )
    return address


def _host_of(text: str) -> str:
    """The host in what was given as a site's address; empty: there is none."""
    try:
        host = urlsplit(text if "://" in text else f"https://{text}").hostname or ""
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) and len(host) <= 80 else ""


def _request_id(visit: Visit) -> str:
    given = visit.form["request_id"]
    return given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
