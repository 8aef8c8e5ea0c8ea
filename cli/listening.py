"""A receiver for trying webhooks out: verifies what comes and prints it. What does not verify is refused, with why."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvicorn
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.markup import escape
from rich.text import Text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cli import forwarding
from services.webhooks import signing
from services.webhooks.signing import Reason, SignatureError

SECRET_VARIABLE = "SEDIFEX_LISTEN_SECRET"  # noqa: S105 - where to look for it
MAX_BODY_BYTES = 1024 * 1024
REMEMBERED = 10_000
"""Ids of events, to tell repeats by."""

_HINTS = {
    Reason.MISSING: "It was not sent by Sedifex, or a proxy has taken its headers away.",
    Reason.TOO_OLD: "Is the clock of this machine right? Or somebody has kept it and sent it again.",
    Reason.FROM_THE_FUTURE: "Is the clock of this machine right?",
    Reason.NO_MATCH: f"Is {SECRET_VARIABLE} the secret of this endpoint? Or the body was changed on its way.",
}


@dataclass(frozen=True)
class Options:
    """How to receive."""

    secrets: Sequence[str]
    """Any one of them verifies: two during a rotation."""
    status: int | None = None
    """What to answer with; None: 204, or what `forward` answered."""
    latency_s: float = 0
    """How long to wait before answering."""
    forward: str | None = None
    """Where to post on what has verified."""
    brief: bool = False
    """One line an event, without its body."""


@dataclass
class Receiver:
    """What takes deliveries at POST /webhooks."""

    options: Options
    console: Console
    _seen: dict[str, None] = field(default_factory=dict)

    def app(self) -> Starlette:
        """The receiver as an application."""
        return Starlette(routes=[Route("/webhooks", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return JSONResponse({"error": "the body is too large"}, 413)
        try:
            verify(request.headers, body, self.options.secrets, now=int(time.time()))
        except SignatureError as problem:
            hint = _HINTS.get(problem.reason, "")
            self.console.print(f"  [red]refused[/red] {escape(f'{problem}. {hint}'.strip())}", soft_wrap=True)
            return JSONResponse({"error": str(problem)}, 400)
        self._show(json.loads(body))
        status = self.options.status
        if self.options.forward:
            answer = await asyncio.to_thread(forwarding.post_on, self.options.forward, request.headers, body)
            self.console.print(f"    forwarded: {escape(_printable(str(answer)))}", soft_wrap=True)
            status = status or answer.status or 502
        await asyncio.sleep(self.options.latency_s)
        return Response(status_code=status or 204)

    def _show(self, event: dict[str, Any]) -> None:
        event_id = str(event.get("id"))
        is_repeat = event_id in self._seen
        self._seen[event_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self.console.print(_line(event, is_repeat=is_repeat), soft_wrap=True)
        if not self.options.brief:
            lines = json.dumps(event, ensure_ascii=False, indent=2).splitlines()
            body = Text("\n".join(f"    {_printable(line)}" for line in lines))
            self.console.print(JSONHighlighter()(body), soft_wrap=True)


def run(port: int, options: Options) -> int:
    """Listens until SIGINT or SIGTERM; answers the exit status."""
    if not options.secrets or not all(each.startswith(signing.SECRET_PREFIX) for each in options.secrets):
        print(
            f"Set {SECRET_VARIABLE} to the endpoint's signing secret (whsec_…); during a rotation to both, "
            "with a comma between them.",
            file=sys.stderr,
        )
        return 78
    receiver = Receiver(options, Console(highlight=False))
    if not options.brief:
        receiver.console.print(f"Listening at http://127.0.0.1:{port}/webhooks. Ctrl-C ends it.", soft_wrap=True)
    uvicorn.run(receiver.app(), host="127.0.0.1", port=port, log_level="error")
    return 0


def secrets_of_environment() -> tuple[str, ...]:
    """The signing secrets. Never an option: other users of the machine see the options of a process."""
    return tuple(each.strip() for each in os.environ.get(SECRET_VARIABLE, "").split(",") if each.strip())


def verify(received: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: int) -> None:
    """As `signing.verify`, with any of these secrets.

    Raises:
        SignatureError: none of them verifies it.
    """
    for place, secret in enumerate(secrets, start=1):
        try:
            signing.verify(received, body, secret, now=now)
        except SignatureError:
            if place == len(secrets):
                raise
        else:
            return


def _line(event: Mapping[str, Any], *, is_repeat: bool) -> str:
    data = event.get("data")
    product = (data.get("after") or data.get("before") or {}) if isinstance(data, dict) else {}
    kind, price = str(event.get("type")), product.get("price")
    without = "ask for price" if product and kind.startswith("product.") else ""
    shown = f"{price['currencyCode']} {price['amount']}" if price else without
    moment = datetime.now().astimezone().strftime("%H:%M:%S")
    told = _printable(f"{kind}  {product.get('displayName', '')}  {shown}".rstrip())
    again = "  [yellow]again[/yellow]" if is_repeat else ""
    return f"  [dim]{moment}[/dim] [green]verified[/green] {escape(told)}{again}"


def _printable(text: str) -> str:
    """The text without what a terminal would act on."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
