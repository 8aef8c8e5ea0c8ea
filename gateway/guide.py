"""The documentation's site, as `make docs` builds it, at /guide."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

CACHE_S = 300
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The theme has a line of script in each page, which chooses light or dark before anything is shown."""


def routes(folder: Path) -> list[BaseRoute]:
    """The routes that serve the site in this folder."""
    return [Route("/guide", _to_the_first_page), Mount("/guide", _Guide(directory=folder, html=True))]


async def _to_the_first_page(_request: Request) -> Response:
    return RedirectResponse("/guide/", 308)


class _Guide(StaticFiles):
    """Files that change when the site is built anew only."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = f"public, max-age={CACHE_S}"
        response.headers["Content-Security-Policy"] = POLICY
        return response
