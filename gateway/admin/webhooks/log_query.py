"""Which deliveries somebody looks for: read from an address, shown as what can be taken away, asked of the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sedifex.webhooks.v1 import webhooks_pb2

from gateway.admin.visit import Visit
from gateway.admin.webhooks import words
from gateway.admin.webhooks.family import Endpoint, moment_in
from gateway.admin.words import exactly

Delivery = webhooks_pb2.Delivery
PAGE_SIZE = 50
STATES: Mapping[str, tuple[Delivery.State.ValueType, str]] = {
    "delivered": (Delivery.STATE_SUCCEEDED, "Delivered"),
    "pending": (Delivery.STATE_PENDING, "On the way"),
    "failed": (Delivery.STATE_DEAD, "Failed"),
    "cancelled": (Delivery.STATE_CANCELLED, "Cancelled"),
    "merged": (Delivery.STATE_COALESCED, "Merged"),
}
PERIODS: Mapping[str, tuple[timedelta, str]] = {
    "1h": (timedelta(hours=1), "The last hour"),
    "24h": (timedelta(hours=24), "The last 24 hours"),
    "7d": (timedelta(days=7), "The last 7 days"),
}
NO_ANSWER = "none"
_LONGEST_ID = 64


@dataclass(frozen=True)
class LogQuery:
    """The parameters of the log's address; empty: whatever it is."""

    endpoint: str
    state: str
    event_type: str
    product: str
    event: str
    code: str
    since: str
    until: str

    @classmethod
    def of(cls, visit: Visit) -> "LogQuery":
        """What the address asks for; what makes no sense there is passed over."""
        state, code = visit.query("state"), visit.query("code").lower()
        return cls(
            endpoint=_id(visit.query("endpoint")),
            state=state if state in STATES else "",
            event_type=visit.query("type")[:100],
            product=_id(visit.query("product")),
            event=_id(visit.query("event")),
            code=code if code == NO_ANSWER or _is_status(code) else "",
            since=visit.query("since") if moment_in(visit.query("since")) else "",
            until=visit.query("until") if moment_in(visit.query("until")) else "",
        )

    def request(self, visit: Visit) -> webhooks_pb2.ListDeliveriesRequest:
        """The same as the service is asked."""
        store = visit.store.name
        return webhooks_pb2.ListDeliveriesRequest(
            parent=store,
            endpoint=f"{store}/webhookEndpoints/{self.endpoint}" if self.endpoint else "",
            state=STATES[self.state][0] if self.state else Delivery.STATE_UNSPECIFIED,
            event_type=self.event_type,
            product_id=self.product,
            event=f"{store}/events/{self.event}" if self.event else "",
            status_code=-1 if self.code == NO_ANSWER else int(self.code or 0),
            start_time=moment_in(self.since),
            end_time=moment_in(self.until),
            page_size=PAGE_SIZE,
            page_token=visit.query("page"),
        )

    def chips(self, endpoints: Mapping[str, Endpoint]) -> list[tuple[str, str]]:
        """What is looked for beside the state: the parameter that says so, and what it says in words."""
        named = {name.rpartition("/")[2]: words.title(each) for name, each in endpoints.items()}
        told = {
            "endpoint": self.endpoint and f"To {named.get(self.endpoint, 'a deleted endpoint')}",
            "type": self.event_type,
            "product": self.product and f"Product {self.product}",
            "event": self.event and f"Event {self.event}",
            "code": self.code and ("No answer" if self.code == NO_ANSWER else f"Answered {self.code}"),
            "since": _moment("Since", self.since),
            "until": _moment("Until", self.until),
        }
        return [(name, text) for name, text in told.items() if text]


def _moment(word: str, text: str) -> str:
    moment = moment_in(text)
    return f"{word} {exactly(moment)}" if moment else ""


def _id(text: str) -> str:
    is_one = len(text) <= _LONGEST_ID and text.isascii() and text.replace("_", "").replace("-", "").isalnum()
    return text if is_one else ""


def _is_status(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isdecimal() and 100 <= int(text) <= 599
