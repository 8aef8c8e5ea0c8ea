"""WordPress sites as keys and endpoints show them, and what of them needs attention."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.catalog.v1 import imports_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.admin.attention import matters
from gateway.admin.sites import Site, find_sites

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
Key = keys_pb2.Key
Endpoint = webhooks_pb2.WebhookEndpoint
Import = imports_pb2.Import
AGENT = "Sedifex-WordPress/0.1.0 WordPress/6.9"


def ago(**length: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(NOW - timedelta(**length))
    return stamp


def key(name: str, used: Timestamp | None = None, agent: str = AGENT, **values: Any) -> Key:
    secret = Key.Secret(hint="sdfx_test_…aB3x", last_use_time=used, last_use_agent=agent if used else "")
    given: dict[str, Any] = {"state": Key.STATE_ACTIVE, "create_time": ago(days=2), "secrets": [secret]} | values
    return Key(name=f"stores/st_a/keys/{name}", display_name=name, **given)


def endpoint(url: str, **values: Any) -> Endpoint:
    given: dict[str, Any] = {"state": Endpoint.STATE_ENABLED, "create_time": ago(hours=1)} | values
    return Endpoint(name=f"stores/st_a/webhookEndpoints/{url[8:11]}", url=url, **given)


def progress(site: Site) -> list[str]:
    return [each.progress for each in site.steps(NOW)]


def test_a_site_comes_alive_step_by_step() -> None:
    made = find_sites([key("WordPress: a.example")], [])
    assert [progress(each) for each in made] == [["done", "waiting", "waiting", "waiting"]]
    tried = find_sites([key("WordPress", ago(minutes=1), "curl/8")], [])
    assert [progress(each) for each in tried] == [["done", "done", "waiting", "waiting"]]
    reading = find_sites([key("WordPress", ago(minutes=1))], [])
    assert [progress(each) for each in reading] == [["done", "done", "done", "waiting"]]
    told = find_sites([key("WordPress", ago(minutes=1))], [endpoint("https://a.example/wp-json/sedifex/v1/webhook/1")])
    assert [each.is_ready(NOW) for each in told] == [True]


def test_a_site_that_asks_no_more_is_not_up_to_date() -> None:
    (site,) = find_sites([key("WordPress", ago(days=2))], [])
    assert site.is_silent(NOW)
    assert progress(site)[2] == "wrong"


def test_each_site_has_its_own_endpoint() -> None:
    first = endpoint("https://www.a.example/?rest_route=%2Fsedifex%2Fv1%2Fwebhook%2F1")
    second = endpoint("https://b.example/wp-json/sedifex/v1/webhook/2")
    other = endpoint("https://c.example/hooks")
    keys = [key("WordPress"), key("WordPress: a.example"), key("WordPress: d.example", create_time=ago(minutes=1))]
    found = find_sites(keys, [other, second, first])
    assert [each.endpoint for each in found] == [second, first, None]
    assert [each.title for each in found] == ["b.example", "a.example", "d.example"]


def test_keys_that_have_ended_and_keys_of_others_are_no_sites() -> None:
    keys = [key("WordPress", state=Key.STATE_REVOKED), key("Accounting", ago(minutes=1), "Books/2"), key("WordPress2")]
    assert find_sites(keys, []) == []
    assert [each.key.display_name for each in find_sites([key("Website", ago(minutes=1))], [])] == ["Website"]


def job(state: Import.State.ValueType, **values: Any) -> Import:
    return Import(name="stores/st_a/imports/imp_1", display_name="shop.csv", state=state, **values)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keys": [key("Till")]}, []),
        ({"keys": [key("Till", state=Key.STATE_EXPIRING_SOON, expire_time=ago(days=-2))]}, ["The key “Till” ends"]),
        ({"endpoints": [endpoint("https://a.example/x", display_name="A")]}, []),
        (
            {"endpoints": [endpoint("https://a.example/x", display_name="A", state=Endpoint.STATE_DISABLED)]},
            ["“A” is turned off"],
        ),
        (
            {"imports": [job(Import.STATE_FAILED, create_time=ago(hours=1), end_time=ago(hours=1))]},
            ["“shop.csv” could"],
        ),
        ({"imports": [job(Import.STATE_FAILED, create_time=ago(days=4), end_time=ago(days=4))]}, []),
        ({"imports": [job(Import.STATE_RUNNING, create_time=ago(minutes=5))]}, []),
        ({"imports": [job(Import.STATE_RUNNING, create_time=ago(minutes=11))]}, ["“shop.csv” is still"]),
        (
            {
                "imports": [
                    job(Import.STATE_SUCCEEDED, create_time=ago(hours=1), end_time=ago(hours=1)),
                    job(Import.STATE_FAILED, create_time=ago(hours=2), end_time=ago(hours=2)),
                ]
            },
            [],
        ),
        ({"sites": find_sites([key("WordPress: a.example", ago(days=2))], [])}, ["a.example shows old products"]),
        ({"sites": find_sites([key("WordPress: a.example", ago(hours=2))], [])}, []),
        ({"sites": find_sites([key("WordPress: a.example")], [])}, ["a.example is not connected yet"]),
    ],
)
def test_what_needs_attention_is_told_and_nothing_else(given: dict[str, Any], told: list[str]) -> None:
    nothing: dict[str, Any] = {"keys": [], "endpoints": [], "imports": [], "sites": []}
    found = matters(**nothing | given, now=NOW)
    assert [each.title[: len(text)] for each, text in zip(found, told, strict=True)] == told


def test_the_most_urgent_comes_first() -> None:
    keys = [key("Till", state=Key.STATE_EXPIRING_SOON, expire_time=ago(days=-2))]
    failing = Endpoint.Health(level=Endpoint.Health.LEVEL_FAILING, reason="Nothing has succeeded for a day.")
    off = [
        endpoint("https://a.example/x", state=Endpoint.STATE_DISABLED),
        endpoint("https://b.example/x", health=failing),
    ]
    assert [each.tone for each in matters(keys, off, [], [], NOW)] == ["danger", "warning", "info"]
