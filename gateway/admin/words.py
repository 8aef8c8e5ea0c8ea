"""How pages write what the services answer: times, numbers, names."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.catalog.v1.catalog_pb2 import Money

from services.common.times import in_words

SCOPES: Mapping[str, tuple[str, str]] = {
    "catalog.read": ("Read products", "See the shop's published products and prices. What a website needs."),
    "catalog.write": ("Change products", "Create, change and delete products, and import files."),
    "webhooks.read": ("Read webhooks", "See endpoints and the log of what was delivered."),
    "webhooks.write": ("Change webhooks", "Create endpoints, see their secrets once, send events again."),
    "keys.read": ("Read keys", "See which keys there are and the audit log. Never a secret."),
    "keys.write": ("Change keys", "Create, rotate and revoke keys. Give this to programs that you fully trust only."),
}
"""What a scope lets a key do, in a name and a sentence."""

_STEPS = (
    (timedelta(minutes=1), timedelta(seconds=1), "second"),
    (timedelta(hours=1), timedelta(minutes=1), "minute"),
    (timedelta(days=1), timedelta(hours=1), "hour"),
    (timedelta(days=60), timedelta(days=1), "day"),
    (timedelta(days=730), timedelta(days=30), "month"),
)

Moment = Timestamp | datetime


def moment_of(value: Moment) -> datetime:
    """The time, in UTC."""
    return value.ToDatetime(UTC) if isinstance(value, Timestamp) else value.astimezone(UTC)


def exactly(value: Moment) -> str:
    """'24 Nov 2026, 14:05 GMT'."""
    return in_words(moment_of(value))


def day(value: Moment) -> str:
    """'24 Nov 2026'."""
    moment = moment_of(value)
    return f"{moment.day} {moment:%b %Y}"


def machine_time(value: Moment) -> str:
    """RFC 3339, for the datetime attribute."""
    return moment_of(value).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(value: Moment, now: datetime | None = None) -> str:
    """'3 minutes ago', 'in 2 days', 'just now'."""
    difference = moment_of(value) - (now or datetime.now(UTC))
    length = abs(difference)
    if length < timedelta(seconds=10):
        return "just now"
    text = span(length)
    return f"in {text}" if difference > timedelta() else f"{text} ago"


def span(value: timedelta | Duration) -> str:
    """'45 seconds', '3 hours', '2 days': the largest unit alone."""
    length = value.ToTimedelta() if isinstance(value, Duration) else value
    for limit, unit, name in _STEPS:
        if length < limit:
            return counted(max(int(length / unit), 0), name)
    return counted(int(length.days / 365), "year")


def counted(number: int, noun: str, plural: str = "") -> str:
    """'1 product', '1,204 products'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def money(amount: Money) -> str:
    """'GH₵ 1,250.00'; other currencies by their code."""
    whole, _, cents = amount.amount.partition(".")
    sign = "GH₵" if amount.currency_code in {"GHS", ""} else amount.currency_code
    return f"{sign}\N{NO-BREAK SPACE}{int(whole):,}.{cents or '00'}"


def last_part(name: str) -> str:
    """The id at the end of a resource name."""
    return name.rpartition("/")[2]


def scope_name(scope: str) -> str:
    """What a scope lets a key do, in two words."""
    return SCOPES.get(scope, (scope, ""))[0]


_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)
# Browsers name each other for compatibility; the one that is meant comes first here.
_PROGRAMS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("WordPress/", "WordPress"),
    ("curl/", "curl"),
    ("python", "Python"),
    ("grpc", "gRPC"),
)


def device(agent: str) -> str:
    """What a program is, by what it calls itself: 'Chrome on Android', 'WordPress'; as it stands if unknown."""
    program = next((name for mark, name in _PROGRAMS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if not program:
        return agent[:60] or "an unknown program"
    return f"{program} on {system}" if system else program


def is_handheld(agent: str) -> bool:
    """Whether it looks like a phone or a tablet."""
    return any(mark in agent for mark in ("iPhone", "iPad", "Android", "Mobile"))


def listed(words: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1] if words else "")))
