"""The partner in staging: receives webhooks over TLS, checks each signature, and keeps what came."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.webhooks import signing
from staging.place import PARTNER, PARTNER_NAME

PORT = 8443
"""nginx has 443 of every address."""
URL = f"https://{PARTNER_NAME}:{PORT}/webhooks"


@dataclass
class Partner:
    """What the partner has got."""

    secret: str = ""
    """What its endpoint's deliveries are signed with."""
    prices: set[tuple[str, str]] = field(default_factory=set)
    """Products' names, and prices they were said to have."""
    ids: Counter[str] = field(default_factory=Counter)
    """How often each delivery came."""
    wrong: list[str] = field(default_factory=list)
    """Why deliveries were not believed."""

    async def take(self, request: Request) -> Response:
        """Answers a delivery."""
        body = await request.body()
        try:
            signing.verify(request.headers, body, self.secret, now=int(time.time()))
        except signing.SignatureError as problem:
            self.wrong.append(str(problem))
            return Response(status_code=400)
        self.ids[request.headers["webhook-id"]] += 1
        product = json.loads(body)["data"].get("after") or {}
        if "price" in product:
            self.prices.add((product["name"], product["price"]["amount"]))
        return Response(status_code=204)


class _Server(uvicorn.Server):
    """uvicorn's, which leaves the signals to the program that it is a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes none."""
        yield


@asynccontextmanager
async def listening(certificate: Path, key: Path) -> AsyncIterator[Partner]:
    """A partner that listens while the context lasts."""
    partner = Partner()
    app = Starlette(routes=[Route("/webhooks", partner.take, methods=["POST"])])
    server = _Server(
        uvicorn.Config(
            app,
            host=PARTNER,
            port=PORT,
            log_config=None,
            access_log=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
    task = asyncio.create_task(server.serve())
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn gives no notice
            await asyncio.sleep(0.02)
        yield partner
    finally:
        server.should_exit = True
        await task
