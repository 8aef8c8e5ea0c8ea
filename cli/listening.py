"""A receiver for trying webhooks out: verifies what comes and prints it. What does not verify is refused, with why."""

import json
import os
import sys
import time
from datetime import datetime

import uvicorn
from rich.console import Console
from rich.markup import escape
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.webhooks import signing

SECRET_VARIABLE = "SEDIFEX_LISTEN_SECRET"  # noqa: S105 - where to look for it
MAX_BODY_BYTES = 1024 * 1024


def run(port: int) -> int:
    """Listens until SIGINT or SIGTERM; answers the exit status."""
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret.startswith(signing.SECRET_PREFIX):
        print(f"Set {SECRET_VARIABLE} to the endpoint's signing secret (whsec_…).", file=sys.stderr)
        return 78
    uvicorn.run(receiver(secret, Console(highlight=False)), host="127.0.0.1", port=port, log_level="error")
    return 0


def receiver(secret: str, console: Console) -> Starlette:
    """An app that takes deliveries at POST /webhooks."""

    async def receive(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return JSONResponse({"error": "the body is too large"}, 413)
        try:
            signing.verify(request.headers, body, secret, now=int(time.time()))
        except signing.SignatureError as problem:
            console.print(f"  [red]refused[/red] {escape(str(problem))}")
            return JSONResponse({"error": str(problem)}, 400)
        console.print(_line(json.loads(body)))
        return Response(status_code=204)

    return Starlette(routes=[Route("/webhooks", receive, methods=["POST"])])


def _line(event: dict[str, object]) -> str:
    data = event.get("data")
    product = (data.get("after") or data.get("before") or {}) if isinstance(data, dict) else {}
    price = product.get("price")
    shown = f"{price['currencyCode']} {price['amount']}" if price else "ask for price" if product else ""
    moment = datetime.now().astimezone().strftime("%H:%M:%S")
    told = "".join(each for each in f"{event.get('type')}  {product.get('displayName', '')}" if each.isprintable())
    return f"  [dim]{moment}[/dim] [green]verified[/green] {escape(told)}  {shown}"
