"""What a person sees who is refused before any page is reached: one page that needs nothing else.

Its style stands in it, for whatever it asked for would be refused as well. Programs get the one form that errors have.
"""

import base64
import hashlib
import html

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from gateway.answering import answer
from gateway.transcoding import Problem
from services.common import telemetry

PAGES = "/admin"
_STYLE = (
    ":root{color-scheme:light dark}body{font:1.05rem/1.5 system-ui,sans-serif;margin:0;padding:12vh 1.5rem 0}"
    "main{max-width:32rem;margin:auto}h1{font-size:1.5rem}small{opacity:.75}"
)
_POLICY = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · Sedifex</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{message}</p>
<p><strong>What to do:</strong> Wait {wait}, then load the page again.</p>
<p><small>Request id: <code>{request_id}</code></small></p>
</main>
</body>
</html>
"""
_WORDS = {
    429: (
        "Too many requests",
        "More requests came from this connection than are taken in a minute. Others who share it count, too. "
        "What you sent was not done.",
    ),
    503: ("Very busy just now", "There is more to do than can be done at once. What you sent was not done."),
}


def refuse(problem: Problem, scope: Scope) -> Response:
    """The answer to a request that is refused unread: for people a page, where they asked for one, else JSON."""
    asked = scope["path"] == PAGES or scope["path"].startswith(f"{PAGES}/")
    if not asked or "text/html" not in Headers(scope=scope).get("accept", ""):
        return answer(problem)
    title, message = _WORDS[problem.status]
    headers = problem.response_headers()
    seconds = int(headers.get("Retry-After", "1"))
    page = _PAGE.format(
        title=title,
        style=_STYLE,
        message=message,
        wait="a second" if seconds == 1 else f"{seconds} seconds",
        request_id=html.escape(telemetry.request_id()),
    )
    own = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY}
    return HTMLResponse(page, problem.status, own | headers)
