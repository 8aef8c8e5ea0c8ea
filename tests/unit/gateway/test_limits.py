"""Limits around any application: of rates, by address and by credential, and of what is in hand."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.cross_origin import cross_origin
from gateway.every_answer import EveryAnswer
from gateway.limits import Crowding, RateLimits
from gateway.origin import Origins
from services.common.settings import GatewaySettings

NAMES = ["ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def _serve(_request: Request) -> Response:
    return Response("served")


@asynccontextmanager
async def limited(
    per_key: int = 0, per_address: int = 0, clock: Clock | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application within such limits, behind one proxy."""
    limits = Middleware(
        RateLimits, origins=Origins("s" * 32, 1), per_key=per_key, per_address=per_address, clock=clock or Clock()
    )
    routes = [Route(path, _serve) for path in ("/", "/healthz", "/admin/stores")]
    app = Starlette(routes=routes, middleware=[Middleware(EveryAnswer, https_only=False), limits])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client


def key(name: str) -> dict[str, str]:
    return {"X-Api-Key": name}


def from_(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def test_each_answer_tells_what_is_left() -> None:
    async with limited(per_key=3) as client:
        answers = [await client.get("/", headers=key("a")) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [[each.headers[name] for name in NAMES] for each in answers] == [
        ["3;w=60", "3", "2", "20"],
        ["3;w=60", "3", "1", "40"],
        ["3;w=60", "3", "0", "60"],
        ["3;w=60", "3", "0", "60"],
    ]


async def test_a_refusal_says_when_to_try_again_and_then_it_works() -> None:
    clock = Clock()
    async with limited(per_key=2, clock=clock) as client:
        for _ in range(2):
            await client.get("/", headers=key("a"))
        refused = await client.get("/", headers=key("a"))
        error = refused.json()["error"]
        assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
        assert error["details"][0]["reason"] == "RATE_LIMITED"
        assert error["requestId"] == refused.headers["x-request-id"]
        assert refused.headers["retry-after"] == "30"
        clock.now += 30
        assert (await client.get("/", headers=key("a"))).status_code == 200


async def test_a_key_counts_the_same_however_it_is_sent_and_another_does_not() -> None:
    async with limited(per_key=2) as client:
        assert (await client.get("/", headers=key("a"))).status_code == 200
        assert (await client.get("/", headers={"Authorization": "Bearer a"})).status_code == 200
        assert (await client.get("/", headers={"Authorization": "bearer  a"})).status_code == 429
        assert (await client.get("/", headers=key("b"))).status_code == 200
        assert (await client.get("/")).status_code == 200, "no key, no limit of keys"


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8::1", "2001:db8::2", True),  # a host has a /64
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("203.0.113.1", "::ffff:203.0.113.1", True),
        ("198.51.100.7, 203.0.113.1", "198.51.100.8, 203.0.113.1", True),  # what the client wrote itself
        ("unknown", "unreadable", True),
    ],
)
async def test_an_address_is_limited_whatever_keys_it_sends(one: str, other: str, is_shared: bool) -> None:
    async with limited(per_address=1) as client:
        assert (await client.get("/", headers=key("a") | from_(one))).status_code == 200
        second = await client.get("/", headers=key("b") | from_(other))
        assert second.status_code == (429 if is_shared else 200)


async def test_of_two_limits_the_one_that_is_nearer_is_told_and_a_refusal_costs_the_other_nothing() -> None:
    async with limited(per_key=5, per_address=3) as client:
        assert (await client.get("/", headers=key("a"))).headers["ratelimit-limit"] == "3"
        for _ in range(5):
            last = await client.get("/", headers=key("a"))
        assert (last.status_code, last.headers["ratelimit-limit"]) == (429, "3")
        elsewhere = await client.get("/", headers=key("a") | from_("203.0.113.9"))
        assert (elsewhere.status_code, elsewhere.headers["ratelimit-remaining"]) == (200, "1")


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_a_person_who_is_refused_a_page_sees_one_in_plain_words() -> None:
    async with limited(per_address=1) as client:
        assert (await client.get("/admin/stores", headers=BROWSER)).text == "served"
        refused = await client.get("/admin/stores", headers=BROWSER)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "text/html; charset=utf-8"
        assert int(refused.headers["retry-after"]) > 1
        assert f"Wait {refused.headers['retry-after']} seconds, then load the page again." in refused.text
        assert refused.headers["x-request-id"] in refused.text
        assert "default-src 'none'" in refused.headers["content-security-policy"]
        assert refused.headers["cache-control"] == "no-store"
        for path, headers in (("/", BROWSER), ("/admin/stores", {"Accept": "application/json"})):
            assert (await client.get(path, headers=headers)).json()["error"]["code"] == 429


async def test_the_refused_page_needs_nothing_that_would_be_refused_as_well() -> None:
    """Its one style is allowed by its hash; nothing is loaded."""
    async with limited(per_address=1) as client:
        await client.get("/admin/stores", headers=BROWSER)
        refused = await client.get("/admin/stores", headers=BROWSER)
    (style,) = re.findall(r"<style>(.*)</style>", refused.text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in refused.headers["content-security-policy"]
    assert not re.search(r"<(link|script|img)|url\(|src=", refused.text)


async def test_whether_the_gateway_is_well_may_always_be_asked() -> None:
    async with limited(per_address=1) as client:
        for _ in range(3):
            answer = await client.get("/healthz")
            assert answer.status_code == 200
            assert "ratelimit-limit" not in answer.headers


async def test_without_limits_nothing_is_said_of_them() -> None:
    async with limited() as client:
        assert not {name for name in (await client.get("/", headers=key("a"))).headers if "rate" in name}


async def test_what_is_more_than_can_be_in_hand_is_503_and_the_others_are_answered() -> None:
    began, go = asyncio.Event(), asyncio.Event()

    async def wait(_request: Request) -> Response:
        began.set()
        await go.wait()
        return Response("served")

    async with _around(wait, Middleware(Crowding, max_requests=1)) as client:
        first = asyncio.create_task(client.get("/"))
        await began.wait()
        refused = await client.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"]["details"][0]["reason"] == "OVERLOADED"
        page = await client.get("/admin", headers=BROWSER)
        assert (page.status_code, page.headers["retry-after"]) == (503, "1")
        assert "<h1>Very busy just now</h1>" in page.text
        go.set()
        assert (await first).status_code == 200
        assert (await client.get("/")).status_code == 200


async def test_every_answer_has_an_id_and_security_headers_even_of_what_nobody_foresaw(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_request: Request) -> Response:
        raise ValueError("postgresql://user:secret@host")

    async with _around(fail) as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert answer.json()["error"]["requestId"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert "secret" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("https_only", [False, True])
async def test_only_production_tells_browsers_to_come_by_https(https_only: bool) -> None:
    async with _around(_serve, https_only=https_only) as client:
        assert ("strict-transport-security" in (await client.get("/")).headers) is https_only


async def test_headers_of_a_routes_own_stay() -> None:
    async def own(_request: Request) -> Response:
        return Response("", headers={"Cache-Control": "public", "Content-Security-Policy": "default-src 'self'"})

    async with _around(own) as client:
        answer = await client.get("/")
    assert answer.headers.get_list("cache-control") == ["public"]
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]


async def test_other_sites_may_call_only_if_they_are_named() -> None:
    asked = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "GET"}
    async with _around(_serve) as client:
        assert not [name for name in (await client.options("/", headers=asked)).headers if "allow-origin" in name]
    async with _around(_serve, *cross_origin(["https://shop.example.com"])) as client:
        preflight = await client.options("/", headers=asked)
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example.com"
        assert "access-control-allow-credentials" not in preflight.headers
        got = await client.get("/", headers=asked)
        assert "RateLimit-Remaining" in got.headers["access-control-expose-headers"]
        other = await client.get("/", headers={"Origin": "https://other.example.com"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("origin", ["*", "https://a.example/", "https://A.example", "a.example", "null"])
def test_what_is_no_origin_of_a_site_is_no_setting(origin: str) -> None:
    with pytest.raises(ValueError, match="must be an origin like"):
        GatewaySettings.model_validate({"service_secret": "s" * 32, "gateway_cors_origins": [origin]})


@asynccontextmanager
async def _around(
    endpoint: Callable[..., object], *middleware: Middleware, https_only: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(
        routes=[Route("/", endpoint)], middleware=[Middleware(EveryAnswer, https_only=https_only), *middleware]
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client
