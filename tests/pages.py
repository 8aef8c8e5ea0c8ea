"""Pages as tests open them: a shop, who looks after it, and a browser that is watched."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlsplit

import httpx
import psycopg2
import uvicorn
from playwright.async_api import Page
from sedifex.access.v1 import access_pb2
from starlette.applications import Starlette

from gateway import app
from gateway.clients import backends
from services.common.settings import GatewaySettings
from tests.system import Person, System

Viewport = Literal["phone", "desktop"]
VIEWPORTS: dict[Viewport, tuple[int, int]] = {"phone": (390, 844), "desktop": (1280, 800)}
START_S = 30.0
ORIGIN = "http://gateway.test"
"""Of a gateway in this process."""

Shot = Callable[[Page, str], Awaitable[None]]
"""Keeps a picture of a page under a name."""
Check = Callable[[Page], Awaitable[None]]
"""Fails on a page that not everybody can use."""
Look = Callable[[Page, str], Awaitable[None]]
"""Keeps a picture of a page under a name, and fails on what not everybody can use; the latter on phones alone."""


class BrowserPage(Protocol):
    """Opens a page in a browser profile of its own."""

    def __call__(self, viewport: Viewport = "desktop", *, javascript: bool = True) -> Awaitable[Page]:
        """The page, empty yet."""


@dataclass(frozen=True)
class Shop:
    """A shop with an owner, and the gateway's address."""

    system: System
    gateway: str
    store: str
    owner: Person

    def url(self, *parts: str) -> str:
        """A page of the shop: url("keys") is "http://…/admin/stores/{store}/keys"."""
        return "/".join([self.gateway, "admin", self.store, *parts])

    async def new_person(self, role: access_pb2.Role.ValueType) -> Person:
        """Somebody new who belongs to the shop."""
        return await self.system.new_member(self.store, role)

    async def forget_proof(self) -> None:
        """Lets the time pass for which a password that was given counts."""
        url = self.system.settings.keys.keys_database_url.get_secret_value()
        statement = "UPDATE member_session SET authenticate_time = now() - interval '1 h' WHERE member_id = %s"
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(statement, (self.owner.name.removeprefix("members/"),))
        connection.close()

    async def enter(self, page: Page, person: Person | None = None) -> None:
        """Signs somebody in, the owner if nobody is named, without the sign-in page."""
        await page.context.add_cookies(
            [
                {
                    "name": "__Host-sedifex_session",
                    "value": (person or self.owner).client.token,
                    "url": self.gateway.replace("http:", "https:"),
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )


@dataclass
class Watched:
    """What pages ask for, and what goes wrong in them."""

    ours: str
    """The gateway's host and port."""
    wrong: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Looks at everything that this page does."""
        page.on("request", lambda request: self._look_at(request.url))
        page.on("pageerror", lambda error: self.wrong.append(f"a script failed: {error}"))
        page.on("console", lambda message: self._listen(message.type, message.text))

    def check(self) -> None:
        """Fails on what went wrong."""
        assert not self.wrong, self.wrong

    def _look_at(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "about"} and parts.netloc != self.ours:
            self.wrong.append(f"asked another machine: {url}")

    def _listen(self, kind: str, text: str) -> None:
        # Chromium says "Failed to load resource" of every page that answers 4xx, as some are meant to.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.wrong.append(f"the console says: {text}")


@asynccontextmanager
async def answering(system: System, **own: object) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway in this process, called without a browser; in production mode unless told otherwise."""
    shared = {"keys_address", "catalog_address", "webhooks_address", "service_secret"}
    settings = GatewaySettings.model_validate(system.settings.keys.model_dump(include=shared) | own)
    async with backends(settings) as services:
        transport = httpx.ASGITransport(app.build(settings, services))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            yield client


class _Server(uvicorn.Server):
    """A server that leaves the signals of the tests alone, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@asynccontextmanager
async def listening(application: Starlette) -> AsyncIterator[str]:
    """Serves an application on a free port while the context lasts; gives its address."""
    config = uvicorn.Config(application, port=0, log_config=None, access_log=False, server_header=False)
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(START_S):
        await server.is_up.wait()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving
