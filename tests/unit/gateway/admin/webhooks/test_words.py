"""What pages say of attempts, deliveries and endpoints."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.admin.webhooks import words
from gateway.admin.webhooks.words import Delivery, Endpoint
from services.webhooks.worker.exchange import ErrorKind

Attempt = webhooks_pb2.Attempt


@pytest.mark.parametrize(
    ("attempt", "title", "says"),
    [
        (Attempt(status_code=204), "204 No Content", "The receiver has it."),
        (Attempt(status_code=301), "301 Moved Permanently", "redirects are not followed"),
        (Attempt(status_code=403), "403 Forbidden", "does not let us in"),
        (Attempt(status_code=418), "418 I'm a Teapot", "did not succeed"),
        (Attempt(status_code=599), "599", "failed on its side"),
        (
            Attempt(error="timeout: no complete answer within 15 s"),
            "No answer: no complete answer within 15 s",
            "too long",
        ),
        (Attempt(error="dns: the host name could not be resolved"), "No answer: the host name could not be", "DNS"),
        (Attempt(), "No answer", "did not succeed"),
    ],
)
def test_an_attempt_is_told_with_what_helps(attempt: Attempt, title: str, says: str) -> None:
    meaning = words.meaning(attempt)
    assert meaning.title.startswith(title)
    assert says in f"{meaning.text} {meaning.remedy}"


@pytest.mark.parametrize("kind", [each for each in ErrorKind if each is not ErrorKind.OTHER])
def test_every_kind_of_error_has_words_of_its_own(kind: ErrorKind) -> None:
    other = words.meaning(Attempt(error="other: something"))
    assert words.meaning(Attempt(error=f"{kind.value}: words")).text != other.text


@pytest.mark.parametrize(
    ("delivery", "text"),
    [
        (Delivery(state=Delivery.STATE_PENDING), "On its way"),
        (Delivery(state=Delivery.STATE_PENDING, attempt_count=2), "Will be retried"),
        (Delivery(state=Delivery.STATE_SUCCEEDED, attempt_count=1), "Delivered"),
        (Delivery(state=Delivery.STATE_DEAD), "Failed"),
        (Delivery(state=Delivery.STATE_CANCELLED), "Cancelled"),
        (Delivery(state=Delivery.STATE_COALESCED), "Merged"),
    ],
)
def test_a_delivery_has_one_word(delivery: Delivery, text: str) -> None:
    assert words.delivery_badge(delivery).text == text


def test_how_an_endpoint_does_is_one_of_five() -> None:
    moment = Timestamp(seconds=1_795_558_276)
    health = Endpoint.Health
    told = {
        "new": Endpoint(state=Endpoint.STATE_ENABLED, health=health(level=health.LEVEL_ACTIVE)),
        "active": Endpoint(state=Endpoint.STATE_ENABLED, health=health(last_success_time=moment)),
        "degraded": Endpoint(state=Endpoint.STATE_ENABLED, health=health(level=health.LEVEL_DEGRADED)),
        "failing": Endpoint(state=Endpoint.STATE_ENABLED, health=health(level=health.LEVEL_FAILING)),
        "disabled": Endpoint(state=Endpoint.STATE_DISABLED, health=health(level=health.LEVEL_FAILING)),
    }
    assert {level: words.standing(each).level for level, each in told.items()} == {level: level for level in told}


def test_an_endpoint_without_a_name_goes_by_its_host() -> None:
    assert words.title(Endpoint(url="https://shop.example:8443/hooks")) == "shop.example:8443"
    assert words.title(Endpoint(url="https://shop.example/", display_name="Till")) == "Till"
