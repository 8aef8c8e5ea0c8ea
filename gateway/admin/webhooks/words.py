"""What endpoints, deliveries and attempts are called on pages, and what each means for whoever looks after the shop."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.admin.forms import sentence
from gateway.admin.words import ago

Endpoint = webhooks_pb2.WebhookEndpoint
Delivery = webhooks_pb2.Delivery
Replay = webhooks_pb2.Replay
TEST = "test.ping"
SOON = timedelta(seconds=15)


@dataclass(frozen=True)
class Badge:
    """A state in a word, with its tone and icon."""

    tone: str
    text: str
    icon: str


@dataclass(frozen=True)
class Standing:
    """How an endpoint does."""

    badge: Badge
    title: str
    reason: str
    since: Timestamp | None
    """None: since it is there."""
    level: str
    """'active', 'new', 'degraded', 'failing' or 'disabled'."""

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to do."""
        return self.level in {"active", "new"}


@dataclass(frozen=True)
class Meaning:
    """What came of an attempt, what that means and what helps."""

    title: str
    text: str
    remedy: str = ""


_LEVELS = {
    Endpoint.Health.LEVEL_DEGRADED: (Badge("warning", "Degraded", "alert"), "Some deliveries fail", "degraded"),
    Endpoint.Health.LEVEL_FAILING: (Badge("danger", "Failing", "cross"), "Deliveries fail", "failing"),
}
_DELIVERIES = {
    Delivery.STATE_SUCCEEDED: Badge("success", "Delivered", "check"),
    Delivery.STATE_DEAD: Badge("danger", "Failed", "cross"),
    Delivery.STATE_CANCELLED: Badge("neutral", "Cancelled", "pause"),
    Delivery.STATE_COALESCED: Badge("neutral", "Merged", "swap"),
}
STATE_MEANINGS: Mapping[Delivery.State.ValueType, str] = {
    Delivery.STATE_SUCCEEDED: "The endpoint answered that it has it.",
    Delivery.STATE_DEAD: "Given up: every try failed, or the endpoint said that it is gone.",
    Delivery.STATE_CANCELLED: "Not sent: the endpoint was deleted first.",
    Delivery.STATE_COALESCED: "Not sent by itself: a later change of the same product says all that it would have.",
}
REPLAYS = {
    Replay.STATE_RUNNING: Badge("info", "Running", "refresh"),
    Replay.STATE_SUCCEEDED: Badge("success", "Done", "check"),
    Replay.STATE_CANCELLED: Badge("neutral", "Stopped", "pause"),
}

_REDIRECT = (
    "It answered with a redirect, and redirects are not followed.",
    "Enter the address it leads to as URL.",
)
_SHUT = (
    "The receiver does not let us in.",
    "Let requests to this URL in without a password. Their signature proves that they come from Sedifex.",
)
_SLOW = (
    "The receiver took too long.",
    "Let it put the event aside and answer at once, and do the work afterwards.",
)
_BROKEN = ("The receiver failed on its side.", "Look into its log at this time; what is due is sent again by itself.")
_STATUSES = {
    **dict.fromkeys((301, 302, 303, 307, 308), _REDIRECT),
    **dict.fromkeys((401, 403, 407), _SHUT),
    **dict.fromkeys((408, 504), _SLOW),
    400: (
        "The receiver did not take the event.",
        "Its log says why. Often it holds another secret, or reads the body before it checks the signature.",
    ),
    404: ("There is nothing at this URL.", "Compare it with the address of your receiver, letter by letter."),
    405: ("This URL takes no POST.", "Enter the URL that your receiver takes webhooks at."),
    410: ("It says that it is gone for good, so the endpoint was disabled.", "If that was a mistake, enable it again."),
    413: ("The event is larger than the receiver takes.", "Let it take bodies of 512 KB."),
    429: ("The receiver asks for fewer at a time.", "Set a rate limit in the endpoint's settings."),
}
_ERRORS = {
    "timeout": _SLOW,
    "dns": ("The host name of the URL could not be found.", "Compare it with your domain, and see to its DNS entry."),
    "refused": (
        "The host leads to an address that deliveries are not sent to.",
        "Use a host that the public internet reaches.",
    ),
    "connect": (
        "No connection could be made.",
        "See that the receiver runs, and that its firewall lets connections in.",
    ),
    "tls": ("Its certificate could not be trusted.", "Renew it, and let the server send the whole chain."),
    "closed": ("The connection ended before a whole answer came.", "Look into the receiver's log at this time."),
    "protocol": ("What came back is no HTTP answer.", "See that the URL's port is the one that your web server has."),
    "url": ("This URL cannot be called.", "Enter it anew in the endpoint's settings."),
    "sedifex": ("It could not be signed.", "This is for Sedifex to mend, and nothing is wrong with the endpoint."),
}
_OTHER = ("The delivery did not succeed.", "Look into the receiver's log at this time.")


def title(endpoint: Endpoint) -> str:
    """What to call it: its name, or else the host that it is at."""
    return endpoint.display_name or urlsplit(endpoint.url).netloc or endpoint.url


def wants(endpoint: Endpoint) -> str:
    """Which events it gets, in a few words."""
    return ", ".join(endpoint.event_types) or "All of products"


def standing(endpoint: Endpoint) -> Standing:
    """How an endpoint does."""
    health = endpoint.health
    since = health.since_time if health.HasField("since_time") else None
    if endpoint.state == Endpoint.STATE_DISABLED:
        since = endpoint.disable_time if endpoint.HasField("disable_time") else None
        badge = Badge("neutral", "Disabled", "pause")
        return Standing(badge, "Nothing is sent to this endpoint", sentence(endpoint.state_reason), since, "disabled")
    if health.level in _LEVELS:
        badge, heading, level = _LEVELS[health.level]
        return Standing(badge, heading, sentence(health.reason), since, level)
    if health.HasField("last_success_time"):
        return Standing(Badge("success", "Active", "check"), "All is well", "", since, "active")
    reason = "Nothing has been sent yet. A test event shows whether the receiver hears us."
    return Standing(Badge("success", "Active", "check"), "Ready", reason, None, "new")


def delivery_badge(delivery: Delivery) -> Badge:
    """How far a delivery has got."""
    if delivery.state in _DELIVERIES:
        return _DELIVERIES[delivery.state]
    if delivery.attempt_count:
        return Badge("warning", "Will be retried", "refresh")
    return Badge("info", "On its way", "send")


def status_line(status: int) -> str:
    """'503 Service Unavailable'; 'No answer' for 0."""
    if not status:
        return "No answer"
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def is_success(status: int) -> bool:
    """Whether an answer with this status counts."""
    return 200 <= status < 300


def meaning(attempt: webhooks_pb2.Attempt) -> Meaning:
    """What came of an attempt."""
    status = attempt.status_code
    if is_success(status):
        return Meaning(status_line(status), "The receiver has it.")
    if status:
        text, remedy = _STATUSES.get(status, _BROKEN if status >= 500 else _OTHER)
        return Meaning(status_line(status), text, remedy)
    kind, _, detail = attempt.error.partition(": ")
    text, remedy = _ERRORS.get(kind, _OTHER)
    return Meaning(f"No answer: {detail}" if detail else "No answer", text, remedy)


def is_imminent(delivery: Delivery) -> bool:
    """Whether a delivery is being tried, or will be within seconds."""
    is_due = delivery.state == Delivery.STATE_PENDING
    return is_due and delivery.next_attempt_time.ToDatetime(UTC) < datetime.now(UTC) + SOON


def any_imminent(deliveries: Iterable[Delivery]) -> bool:
    """Whether any of them is."""
    return any(map(is_imminent, deliveries))


def next_try(moment: Timestamp) -> str:
    """'in 5 minutes', 'in a few seconds', 'now'."""
    if moment.ToDatetime(UTC) <= datetime.now(UTC):
        return "now"
    text = ago(moment)
    return text if text.startswith("in ") else "in a few seconds"


def milliseconds(length: Duration) -> str:
    """'84 ms', '2.4 s'."""
    value = length.ToMilliseconds()
    return f"{value:,} ms" if value < 1000 else f"{value / 1000:.1f} s"


def creator(principal: str, me: str) -> str:
    """Who has asked for a replay."""
    if principal == me:
        return "You"
    kinds = {"members": "A member", "keys": "An API key", "operators": "Sedifex's support"}
    return kinds.get(principal.partition("/")[0], "Sedifex")


def choices(types: Iterable[webhooks_pb2.EventType]) -> list[tuple[str, str, str]]:
    """Types of events as a form offers them: those of products first."""
    ordered = sorted(types, key=lambda each: (not each.type.startswith("product."), each.type))
    return [(each.type, each.type, each.description) for each in ordered]
