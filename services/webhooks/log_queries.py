"""The SQL of the delivery log. It answers frozen records, no peewee models.

A page is found by one index and never by counting or skipping. What the index cannot tell is looked for in at most
WINDOW rows a page: a page may come short, with a token that goes on behind them, but none takes long, however many
millions the log holds and however rare is what is looked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from ulid import ULID

from services.common.paging import Position
from services.webhooks import signing
from services.webhooks.models import AttemptRow, EndpointRow, handle

WINDOW = 5_000
COUNTED = 2_000
"""Deliveries of an hour that are counted at most."""
NO_ANSWER = -1

_IN_ORDER = 'COLLATE "C"'
"""The order of ids that the indexes of the log have, and no other."""
_ENDED = ("dead", "cancelled", "coalesced")
_SLACK = timedelta(minutes=1)
"""How far the time in an id may lie from the create_time beside it: they are taken one after the other."""


@dataclass(frozen=True)
class Delivery:
    """A delivery as it is kept."""

    id: str
    store_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    product_id: str
    """Empty: the event is about none."""
    state: str
    """'pending', 'succeeded', 'dead', 'cancelled' or 'coalesced'."""
    attempt_count: int
    last_status_code: int
    """0: no answer came."""
    last_error: str
    create_time: datetime
    next_attempt_time: datetime | None
    finish_time: datetime | None


@dataclass(frozen=True)
class Attempt:
    """One try at a delivery."""

    id: str
    number: int
    start_time: datetime
    latency_ms: int
    status_code: int
    """0: no answer came."""
    error: str
    response_body: bytes
    response_headers: dict[str, str]
    remote_address: str
    """Empty: none was reached."""
    request_headers: dict[str, str]
    """Those that signed it, by lower-case name. Empty: it was not sent."""


@dataclass(frozen=True)
class LogFilter:
    """Which deliveries are wanted; what is empty, zero or None does not matter."""

    endpoint_id: str = ""
    state: str = ""
    event_type: str = ""
    product_id: str = ""
    event_id: str = ""
    status_code: int = 0
    """-1: those that were tried, and to which no answer came."""
    start_time: datetime | None = None
    end_time: datetime | None = None
    """The moment before which."""


@dataclass(frozen=True)
class Found:
    """Deliveries, and where the search for them stopped."""

    deliveries: list[Delivery]
    stopped_at: str | None
    """The last id that was looked at; None: it came to the end, or has found as many as were wanted."""


_COLUMNS = ", ".join(field.name for field in fields(Delivery))
_QUALIFIED = ", ".join(f"delivery.{field.name}" for field in fields(Delivery))
_NOTHING = ", ".join("NULL" for _ in fields(Delivery))


def find_delivery(store_id: str, delivery_id: str) -> Delivery | None:
    """The delivery of this id, if it is this store's."""
    return _one("id = %s AND store_id = %s", delivery_id, store_id)


def lock_delivery(store_id: str, delivery_id: str) -> Delivery | None:
    """The same, kept from being changed by others until the commit."""
    return _one("id = %s AND store_id = %s FOR UPDATE", delivery_id, store_id)


def list_deliveries(store_id: str, wanted: LogFilter, after: Position | None, limit: int) -> Found:
    """The store's deliveries that are wanted, newest first, from behind `after` ([id]) on.

    An endpoint that is named must be one of the store's.
    """
    search = _search(store_id, wanted, after)
    window = WINDOW if search.others else limit
    # The inner query reads so many entries of one index at most: its conditions are those that the index answers.
    statement = f"""
        WITH looked AS MATERIALIZED (
            SELECT {_QUALIFIED} FROM {search.source} WHERE {" AND ".join(search.indexed)}
            ORDER BY {search.order} DESC LIMIT %(window)s
        )
        (SELECT {_COLUMNS}, NULL::text FROM looked WHERE {" AND ".join(search.others) or "true"}
            ORDER BY id {_IN_ORDER} DESC LIMIT %(limit)s)
        UNION ALL
        SELECT {_NOTHING}, min(id {_IN_ORDER}) FROM looked HAVING count(*) = %(window)s
    """  # noqa: S608 - names and conditions of our own, values apart
    rows = handle.execute_sql(statement, search.values | {"window": window, "limit": limit}).fetchall()
    deliveries = [Delivery(*row[:-1]) for row in rows if row[-1] is None]
    stopped_at = next((row[-1] for row in rows if row[-1] is not None), None)
    return Found(deliveries, stopped_at if len(deliveries) < limit else None)


def is_endpoint_of(store_id: str, endpoint_id: str) -> bool:
    """Whether the store has, or had, this endpoint."""
    query = EndpointRow.select().where(EndpointRow.id == endpoint_id, EndpointRow.store_id == store_id)
    return bool(query.exists())


def list_attempts(delivery: Delivery, limit: int) -> list[Attempt]:
    """The first `limit` tries at a delivery, in order."""
    kept = [field.name for field in fields(Attempt) if field.name != "request_headers"]
    columns = [getattr(AttemptRow, name) for name in (*kept, "signed")]
    # The time spares PostgreSQL the partitions of the days before; clocks may differ by less than one.
    since = delivery.create_time - timedelta(days=1)
    query = AttemptRow.select(*columns).where(AttemptRow.delivery_id == delivery.id, AttemptRow.start_time >= since)
    rows: Any = query.order_by(AttemptRow.number).limit(limit).dicts()
    return [_attempt(row, delivery) for row in rows]


@dataclass(frozen=True)
class HourCount:
    """The deliveries of an hour, by what has become of them."""

    start_time: datetime
    by_state: dict[str, int]
    is_truncated: bool
    """Whether there may be more than were looked at."""


def count_by_hour(store_id: str, endpoint_id: str, hours: Sequence[datetime]) -> list[HourCount]:
    """The deliveries that were created in the hours that begin at these moments, at most COUNTED of each.

    An endpoint that is named must be one of the store's; empty: all of them.
    """
    whose = "endpoint_id = %(endpoint)s" if endpoint_id else "store_id = %(store)s"
    # Written out hour by hour: PostgreSQL sees how much each holds, and reads no more of a full one than is counted.
    of_hours = " UNION ALL ".join(
        f"""(SELECT {number} AS number, state FROM delivery WHERE {whose}
            AND id {_IN_ORDER} >= %(first_{number})s AND id {_IN_ORDER} < %(last_{number})s
            ORDER BY id {_IN_ORDER} DESC LIMIT %(limit)s)"""  # noqa: S608 - conditions of our own, values apart
        for number in range(len(hours))
    )
    values: dict[str, object] = {"store": store_id, "endpoint": endpoint_id, "limit": COUNTED}
    for number, hour in enumerate(hours):
        values |= {f"first_{number}": _id_at(hour), f"last_{number}": _id_at(hour + timedelta(hours=1))}
    statement = f"SELECT number, state, count(*) FROM ({of_hours}) AS found GROUP BY number, state"  # noqa: S608 - as above
    counts: list[dict[str, int]] = [{} for _ in hours]
    for number, state, count in handle.execute_sql(statement, values).fetchall():
        counts[number][state] = count
    return [HourCount(hour, by, sum(by.values()) >= COUNTED) for hour, by in zip(hours, counts, strict=True)]


def _attempt(row: dict[str, Any], delivery: Delivery) -> Attempt:
    signed, body = row.pop("signed"), bytes(row.pop("response_body"))
    return Attempt(**row, response_body=body, request_headers=signing.expand(signed, delivery.event_id))


def _one(condition: str, *values: object) -> Delivery | None:
    statement = f"SELECT {_COLUMNS} FROM delivery WHERE {condition}"  # noqa: S608 - names of our own
    row = handle.execute_sql(statement, values).fetchone()
    return Delivery(*row) if row else None


@dataclass(frozen=True)
class _Search:
    """How deliveries are looked for."""

    source: str
    order: str
    """The id, in the order that the index has."""
    indexed: list[str]
    """The conditions that one index answers."""
    others: list[str]
    values: dict[str, object]


def _search(store_id: str, wanted: LogFilter, after: Position | None) -> _Search:
    values: dict[str, object] = {"store": store_id}
    marks: dict[str, str] = dict(_marks(wanted, values))
    conditions: dict[str, str] = dict(_conditions(wanted, values))
    source, order = "delivery", f"id {_IN_ORDER}"
    # The narrowest first: an event's deliveries are few, a product's are few among a store's, and what goes wrong is.
    if event := conditions.pop("event", ""):
        indexed = [event, "store_id = %(store)s"]
    elif product := conditions.pop("product", ""):
        indexed = ["store_id = %(store)s", product]
    elif marks:
        ((name, mark),) = marks.items()
        del conditions[name]
        source = "delivery_mark AS marked JOIN delivery ON delivery.id = marked.delivery_id"
        order = f"marked.delivery_id {_IN_ORDER}"
        of_endpoint = "marked.endpoint_id = %(endpoint_id)s" if conditions.pop("endpoint", "") else ""
        indexed = [of_endpoint or "marked.store_id = %(store)s", mark]
    else:
        indexed = [conditions.pop("endpoint", "store_id = %(store)s")]
    indexed += _bounds(order, wanted, after, values)
    return _Search(source, order, indexed, list(conditions.values()), values)


def _marks(wanted: LogFilter, values: dict[str, object]) -> Iterable[tuple[str, str]]:
    """The filters that the marks of what went wrong answer, by name; `values` takes what they compare with."""
    if wanted.state in _ENDED:
        values["mark"] = wanted.state
        yield "state", "mark = %(mark)s"
    elif wanted.status_code and not 200 <= wanted.status_code <= 299:
        values["mark"] = str(_kept_code(wanted))
        yield "code", "mark = %(mark)s"


def _conditions(wanted: LogFilter, values: dict[str, object]) -> Iterable[tuple[str, str]]:
    """Every filter as a condition, by name; `values` takes what they compare with."""
    for name in ("event_id", "product_id", "endpoint_id", "event_type", "state"):
        if value := getattr(wanted, name):
            values[name] = value
            # The index of products leaves out what is about none.
            also = " AND product_id <> ''" if name == "product_id" else ""
            yield name.removesuffix("_id"), f"{name} = %({name})s{also}"
    if wanted.status_code:
        values["code"] = _kept_code(wanted)
        yield "code", "last_status_code = %(code)s AND attempt_count > 0"
    if wanted.start_time:
        values["start_time"] = wanted.start_time
        yield "start", "create_time >= %(start_time)s"
    if wanted.end_time:
        values["end_time"] = wanted.end_time
        yield "end", "create_time < %(end_time)s"


def _kept_code(wanted: LogFilter) -> int:
    return 0 if wanted.status_code == NO_ANSWER else wanted.status_code


def _bounds(column: str, wanted: LogFilter, after: Position | None, values: dict[str, object]) -> Iterable[str]:
    """Where in the order of ids, which is that of time, the wanted ones lie."""
    if after is not None:
        values["after"] = after[0]
        yield f"{column} < %(after)s"
    if wanted.start_time:
        values["first_id"] = _id_at(wanted.start_time - _SLACK)
        yield f"{column} >= %(first_id)s"
    if wanted.end_time:
        values["last_id"] = _id_at(wanted.end_time + _SLACK)
        yield f"{column} < %(last_id)s"


def _id_at(moment: datetime) -> str:
    """Below every id that was made at this moment, and above those made before it."""
    milliseconds = max(0, int(moment.astimezone(UTC).timestamp() * 1000))
    return f"dlv_{ULID.from_bytes(milliseconds.to_bytes(6, 'big') + bytes(10))}"
