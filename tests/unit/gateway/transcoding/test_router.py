"""Which route answers a request."""

import pytest

from gateway.transcoding.router import MethodNotAllowedError, NoRouteError, RouteConflictError, Router
from gateway.transcoding.template import parse_template


def router_of(*routes: str) -> Router[str]:
    """A router whose routes are given, and answered, as "GET /path"."""
    router: Router[str] = Router()
    for route in routes:
        method, path = route.split(" ")
        router.add(method, parse_template(path), route)
    return router


KEYS = router_of(
    "GET /v1/{name=stores/*/keys/*}",
    "DELETE /v1/{name=stores/*/keys/*}",
    "POST /v1/{name=stores/*/keys/*}:revoke",
    "POST /v1/{parent=stores/*}/keys",
    "GET /v1/{parent=stores/*}/keys",
    "GET /v1/stores/-/keys",
    "GET /v1/{path=files/**}",
    "* /v1/anything",
)


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/v1/stores/s/keys/k", "GET /v1/{name=stores/*/keys/*}"),
        ("HEAD", "/v1/stores/s/keys/k", "GET /v1/{name=stores/*/keys/*}"),
        ("POST", "/v1/stores/s/keys/k:revoke", "POST /v1/{name=stores/*/keys/*}:revoke"),
        ("GET", "/v1/stores/s/keys/k:unknown", "GET /v1/{name=stores/*/keys/*}"),
        ("GET", "/v1/stores/s/keys/k%3Arevoke", "GET /v1/{name=stores/*/keys/*}"),
        ("POST", "/v1/stores/s/keys", "POST /v1/{parent=stores/*}/keys"),
        ("GET", "/v1/stores/-/keys", "GET /v1/stores/-/keys"),
        ("POST", "/v1/stores/-/keys", "POST /v1/{parent=stores/*}/keys"),
        ("GET", "/v1/files/a/b:revoke", "GET /v1/{path=files/**}"),
        ("PUT", "/v1/anything", "* /v1/anything"),
    ],
)
def test_the_most_specific_route_answers(method: str, path: str, route: str) -> None:
    assert KEYS.find(method, path).route.target == route


@pytest.mark.parametrize(
    "path", ["/v2/stores", "/v1/stores/s/keys/k/more", "/v1/stores//keys", "/", "/v1/stores/s/keys/"]
)
def test_unknown_path_has_no_route(path: str) -> None:
    with pytest.raises(NoRouteError):
        KEYS.find("GET", path)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/v1/stores/s/keys/k", ("DELETE", "GET", "HEAD", "OPTIONS")),
        ("GET", "/v1/stores/s/keys/k:revoke", ("OPTIONS", "POST")),
        ("DELETE", "/v1/stores/s/keys/k:revoke", ("OPTIONS", "POST")),
        ("DELETE", "/v1/stores/-/keys", ("GET", "HEAD", "OPTIONS", "POST")),
    ],
)
def test_known_path_under_another_method_names_the_allowed_ones(method: str, path: str, allow: tuple[str, ...]) -> None:
    with pytest.raises(MethodNotAllowedError) as refused:
        KEYS.find(method, path)
    assert refused.value.allow == allow


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /v1/{name=shelves/*}", "GET /v1/{parent=shelves/*}"),
        ("GET /v1/*/b", "GET /v1/a/*"),
        ("GET /v1/a/**", "GET /v1/*/b"),
        ("POST /v1/{a}:run", "POST /v1/{b}:run"),
    ],
)
def test_ambiguous_routes_are_refused_naming_both(one: str, other: str) -> None:
    with pytest.raises(RouteConflictError) as refused:
        router_of(one, other)
    assert one in str(refused.value)
    assert other in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /v1/a/*", "GET /v1/a/b"),
        ("GET /v1/**", "GET /v1/*/b"),
        ("GET /v1/{a}", "POST /v1/{b}"),
        ("GET /v1/{a}", "GET /v1/{a}:run"),
    ],
)
def test_routes_of_which_one_is_more_specific_stand_beside_each_other(one: str, other: str) -> None:
    assert len(router_of(one, other).routes) == 2
