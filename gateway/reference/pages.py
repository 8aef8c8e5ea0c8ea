"""The pages of the reference. The viewer (Swagger UI) comes out of an installed package; nothing is loaded from far."""

import asyncio
import functools
import gzip
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

READING = ("GET", "HEAD")
ALL_METHODS = (*READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Swagger UI's stylesheet holds its icons
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
MINUTES_S = 300
YEAR_S = 365 * 24 * 3600
_OWN = Path(__file__).with_name("page")
_VIEWER = ("swagger-ui-bundle.js", "swagger-ui.css")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class File:
    """What is served at one address, plain and compressed."""

    content: bytes
    packed: bytes
    etag: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, content: bytes, **headers: str) -> "File":
        """Makes both forms; takes a while for what is large."""
        tag = hashlib.sha256(content).hexdigest()[:16]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(content, gzip.compress(content, 6, mtime=0), f'"{tag}"', named)

    def serve(self, request: Request) -> Response:
        """Answers in the form that the client takes; 304 where it has it already."""
        if request.method not in READING:
            raise HTTPException(405, headers={"Allow": ", ".join(READING)})
        # Weak: the compressed form is another one of the same.
        headers = {**self.headers, "ETag": f"W/{self.etag}", "Vary": "Accept-Encoding"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        content = self.packed if is_packed else self.content
        headers |= {"Content-Encoding": "gzip"} if is_packed else {}
        response = Response(content, headers=headers)
        if request.method == "HEAD":
            response.body = b""
        return response


def routes(description: Mapping[str, Any]) -> list[BaseRoute]:
    """The routes of the reference: its description, its page, and what the page needs."""
    document = File.of(
        json.dumps(description, ensure_ascii=False).encode(),
        Content_Type="application/json",
        Cache_Control=f"public, max-age={MINUTES_S}",
    )
    assets = f"/docs/assets/{_version()}"
    text = (_OWN / "docs.html").read_text("utf-8").replace("{assets}", assets)
    page = File.of(
        text.encode(),
        Content_Type="text/html; charset=utf-8",
        Cache_Control=f"public, max-age={MINUTES_S}",
        Content_Security_Policy=CONTENT_SECURITY_POLICY,
    )

    async def openapi(request: Request) -> Response:
        return document.serve(request)

    async def docs(request: Request) -> Response:
        return page.serve(request)

    return [
        Route("/openapi.json", openapi, methods=ALL_METHODS),
        Route("/docs", docs, methods=ALL_METHODS),
        Route("/docs/", docs, methods=ALL_METHODS),
        Route(f"{assets}/{{name}}", _asset, methods=ALL_METHODS),
    ]


async def _asset(request: Request) -> Response:
    path = _paths().get(request.path_params["name"])
    if path is None:
        raise HTTPException(404)
    file = await asyncio.to_thread(_load, path)
    return file.serve(request)


@functools.cache
def _load(path: Path) -> File:
    """A file of the page, in memory from its first use on. Its address has the version, so it never changes."""
    return File.of(
        path.read_bytes(),
        Content_Type=f"{_TYPES[path.suffix]}; charset=utf-8",
        Cache_Control=f"public, max-age={YEAR_S}, immutable",
    )


@functools.cache
def _paths() -> Mapping[str, Path]:
    """The files that the page needs, by name."""
    found = importlib.util.find_spec("swagger_ui")  # not imported: it would bring servers of its own along
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("swagger-ui-py is not installed; it has the viewer of the reference")
    viewer = Path(found.submodule_search_locations[0]) / "static"
    own = {path.name: path for path in _OWN.iterdir() if path.suffix in _TYPES}
    return own | {name: viewer / name for name in _VIEWER}


def _version() -> str:
    """Changes with each version of the viewer and with each change of our own files."""
    own = b"".join(path.read_bytes() for path in sorted(_OWN.iterdir()))
    return f"{version('swagger-ui-py')}-{hashlib.sha256(own).hexdigest()[:8]}"
