"""What pages load beside themselves: one stylesheet, one script, the logo. Nothing comes from anywhere else."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

PATH = "/static/{name}"
FOLDER = Path(__file__).with_name("static")
FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
_FILES = {each.name: each.read_bytes() for each in sorted(FOLDER.iterdir()) if each.suffix in _TYPES}
_VERSIONS = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in _FILES.items()}


def link(name: str) -> str:
    """The address of an asset; it changes with its content, so browsers may keep it for ever."""
    return f"/admin/static/{name}?v={_VERSIONS[name]}"


async def serve(request: Request) -> Response:
    """Serves an asset."""
    name = request.path_params["name"]
    content = _FILES.get(name)
    if content is None:
        return Response("There is no such file.", 404, media_type="text/plain")
    is_current = request.query_params.get("v") == _VERSIONS[name]
    headers = {
        "Cache-Control": FOR_EVER if is_current else "no-cache",
        "ETag": f'"{_VERSIONS[name]}"',
        # A picture that is opened by itself is a document: it must not run anything.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=_TYPES[Path(name).suffix])
