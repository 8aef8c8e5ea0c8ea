"""Events on their way out of a service: written with the change itself, kept until the Webhooks service has them.

Every service that publishes has the same two tables, made by its migrations: `outbox` and `relay_lease`, and a trigger
that notifies a channel at each commit which adds to the outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import attrgetter

import peewee
from prometheus_client import Gauge
from psycopg2.extras import execute_values

from services.common import tracing
from services.common.metrics import COUNTED

EVENTS = Gauge(
    "sedifex_outbox_events", f"Events on their way to the Webhooks service, counted to {COUNTED:,}.", registry=None
)
OLDEST = Gauge(
    "sedifex_outbox_oldest_age_seconds", "For how long the oldest of them has waited; 0: there is none.", registry=None
)


@dataclass(frozen=True)
class OutboxEvent:
    """An event that the Webhooks service is to be told of."""

    event_id: str
    store_id: str
    type: str
    sequence: int
    """Its place among the events of this kind of thing in the store."""
    occur_time: datetime
    data: str
    """A JSON object."""
    traceparent: str = ""
    """The trace of the request that made it; empty: it is not traced."""


_NAMES = tuple(field.name for field in fields(OutboxEvent))
_COLUMNS = ", ".join(_NAMES)
_values = attrgetter(*_NAMES)


class Outbox:
    """The outbox in one service's database; `channel` is what PostgreSQL notifies."""

    def __init__(self, handle: peewee.PostgresqlDatabase, channel: str) -> None:
        self._handle = handle
        self.channel = channel

    def insert(self, events: Sequence[OutboxEvent]) -> None:
        """Keeps events until the Webhooks service has them; wakes the relay at the commit."""
        if not events:
            return
        if traceparent := tracing.current():
            events = [replace(event, traceparent=traceparent) for event in events]
        with self._handle.cursor() as cursor:
            statement = f"INSERT INTO outbox ({_COLUMNS}) VALUES %s"  # noqa: S608 - names of our own fields
            execute_values(cursor, statement, [_values(event) for event in events], page_size=len(events))

    def list(self, limit: int) -> list[OutboxEvent]:
        """The oldest events. Those of one store come in the order of their commits."""
        statement = f"SELECT {_COLUMNS} FROM outbox ORDER BY id LIMIT %s"  # noqa: S608 - names of our own fields
        return [OutboxEvent(*row) for row in self._handle.execute_sql(statement, (limit,)).fetchall()]

    def delete(self, event_ids: Sequence[str]) -> None:
        """Lets events go that the Webhooks service has acknowledged."""
        self._handle.execute_sql("DELETE FROM outbox WHERE event_id = ANY (%s)", (list(event_ids),))

    def sample(self) -> dict[Gauge, float]:
        """How much waits, and for how long, at a cost that does not grow with it."""
        statement = """
            SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT %s) AS counted),
                (SELECT extract(epoch FROM now() - occur_time)::float8 FROM outbox ORDER BY id LIMIT 1)
        """
        ((count, age),) = self._handle.execute_sql(statement, (COUNTED,)).fetchall()
        return {EVENTS: count, OLDEST: max(0.0, age or 0.0)}

    def take_lease(self, holder: str, seconds: float) -> bool:
        """Takes or extends the right to be the one relay at work, by the database's clock; False if another has it."""
        statement = """
            UPDATE relay_lease SET holder = %(holder)s, expire_time = now() + make_interval(secs => %(seconds)s)
            WHERE holder = %(holder)s OR expire_time < now() RETURNING holder
        """
        cursor = self._handle.execute_sql(statement, {"holder": holder, "seconds": seconds})
        return cursor.fetchone() is not None

    def give_up_lease(self, holder: str) -> None:
        """Ends the lease, if this holder has it."""
        self._handle.execute_sql("UPDATE relay_lease SET expire_time = '-infinity' WHERE holder = %s", (holder,))
