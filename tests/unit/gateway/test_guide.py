"""The documentation's site, as the gateway serves it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateway import guide


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "secret").write_text("not to be served")
    site = tmp_path / "html"
    site.mkdir()
    (site / "index.html").write_text("the first page")
    (site / "keys.html").write_text("about keys")
    transport = httpx.ASGITransport(Starlette(routes=guide.routes(site)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as made:
        yield made


async def test_the_guide_is_found_with_and_without_a_slash(client: httpx.AsyncClient) -> None:
    assert (await client.get("/guide")).headers["location"] == "/guide/"
    assert (await client.get("/guide/")).text == "the first page"
    assert (await client.get("/guide/keys.html")).text == "about keys"


async def test_the_guide_may_load_its_own_only(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/guide/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", ["/guide/gone.html", "/guide/%2e%2e/secret", "/guide/..%2fsecret", "/guide//secret"])
async def test_what_is_not_in_the_guide_is_not_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
