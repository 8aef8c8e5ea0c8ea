"""The delivery queue as its tests have it: worked by hand, and time that passes when it is told to."""

import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.vault import Vault
from services.webhooks import breaker, signing
from services.webhooks.models import handle
from services.webhooks.worker import completion, due, outcomes
from services.webhooks.worker.completion import Result
from services.webhooks.worker.due import Busy, Claim, Job, Room
from services.webhooks.worker.exchange import ErrorKind, Exchange
from services.webhooks.worker.outcomes import Moment

LEASE_S = 60.0
PLENTY = Room(200, 200, 200)


class Queue:
    """The queue. Nothing else may be due in this database."""

    def __init__(self, database: BlockingDatabase, vault: Vault) -> None:
        self.database = database
        self.vault = vault
        self.sql("DELETE FROM due")

    def add_endpoint(self, url: str = "http://127.0.0.1:9/", **columns: object) -> str:
        """An endpoint in a store of its own, with one secret."""
        endpoint = new_id("whe")
        self.sql(
            "INSERT INTO endpoint (id, store_id, url, display_name, event_types, state, state_reason, create_time)"
            " VALUES (%s, %s, %s, '', '{}', 'enabled', '', now())",
            *(endpoint, f"st_{uuid.uuid4().hex[:12]}", url),
        )
        for column, value in columns.items():
            self.sql(f"UPDATE endpoint SET {column} = %s WHERE id = %s", value, endpoint)  # noqa: S608 - a test's own
        self.add_secret(endpoint, secret_of(1))
        return endpoint

    def add_secret(self, endpoint: str, secret: str) -> None:
        """A secret that signs from now on."""
        sealed = self.vault.seal(secret, endpoint)
        self.sql(
            "INSERT INTO endpoint_secret (endpoint_id, sealed, seal_version, hint, create_time)"
            " VALUES (%s, %s, %s, '', clock_timestamp())",
            *(endpoint, sealed.value, sealed.version),
        )

    def add_due(self, endpoint: str, count: int = 1, event_type: str = "product.created") -> list[str]:
        """Deliveries that are due now; their ids, in the order in which they are."""
        ids = [new_id("dlv") for _ in range(count)]
        for delivery in ids:
            event = new_id("evt")
            self.sql("INSERT INTO event VALUES (%s, 'st_x', %s, '{}', now())", event, event_type)
            self.sql(
                "INSERT INTO delivery (id, store_id, endpoint_id, event_id, event_type, state, create_time,"
                " next_attempt_time) VALUES (%s, 'st_x', %s, %s, %s, 'pending', now(), now())",
                *(delivery, endpoint, event, event_type),
            )
        self.sql("INSERT INTO due (delivery_id, endpoint_id, due_time) SELECT unnest(%s), %s, now()", ids, endpoint)
        return ids

    def look(self, room: Room = PLENTY, busy: Iterable[Busy] = (), *, nudged_only: bool = False) -> Claim:
        """Claims once."""
        return self.database.read(due.claim, str(uuid.uuid4()), room, LEASE_S, busy, nudged_only=nudged_only)

    def claim(self, room: Room = PLENTY) -> list[Job]:
        """Claims until there is nothing more to be had."""
        jobs = []
        while (claim := self.look(room)).jobs or claim.is_partial or not claim.again_seconds:
            jobs += claim.jobs
        return jobs

    def complete(
        self, jobs: Sequence[Job], status: int | None = 204, pace_seconds: float = breaker.PACE_SECONDS
    ) -> int:
        """As if the endpoint had answered so; None: it did not in time."""
        results = [result_of(job, status) for job in jobs]
        gone = {job.receiver.id for job in jobs if status == 410}
        return self.database.write(completion.complete, results, sorted(gone), datetime.now(UTC), pace_seconds).recorded

    def try_all(self, status: int | None = 204) -> int:
        """Claims all that there is and completes it so; how many there were."""
        jobs = self.claim()
        self.complete(jobs, status)
        return len(jobs)

    def state(self, endpoint: str) -> dict[str, Any]:
        """How an endpoint does, and what its owner is told."""
        statement = """
            SELECT queue.*, extract(epoch FROM paused_until - now())::float8 AS pause, state, state_reason
            FROM endpoint_queue AS queue JOIN endpoint ON id = endpoint_id WHERE id = %s
        """
        cursor = self.sql(statement, endpoint)
        return dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))

    def pass_time(self, seconds: float) -> None:
        """Lets so much time pass, for everything in the queue."""
        for table, columns in (
            ("due", ("due_time",)),
            ("endpoint_queue", ("tokens_time", "paused_until", "failing_since", "last_failure_time", "next_due")),
        ):
            changes = ", ".join(f"{column} = {column} - make_interval(secs => %s)" for column in columns)
            self.sql(f"UPDATE {table} SET {changes}", *[seconds] * len(columns))  # noqa: S608 - the lines above

    def allow(self, endpoint: str, concurrency: int) -> None:
        """As if an endpoint had shown that it can take so many at a time."""
        self.sql("UPDATE endpoint SET max_concurrency = %s WHERE id = %s", concurrency, endpoint)
        self.sql("UPDATE endpoint_queue SET concurrency = %s WHERE endpoint_id = %s", concurrency, endpoint)

    def attempt_counts(self, endpoint: str) -> list[int]:
        """How often each delivery of an endpoint was tried, the oldest first."""
        rows = self.sql("SELECT attempt_count FROM delivery WHERE endpoint_id = %s ORDER BY id", endpoint)
        return [count for (count,) in rows]

    def sql(self, statement: str, *values: object) -> Any:
        """Runs a statement."""
        return self.database.read(lambda: handle.execute_sql(statement, values))


def result_of(job: Job, status: int | None) -> Result:
    """What becomes of a job when its endpoint answers so."""
    error = None if status is not None else "timeout: no complete answer within 15 s"
    exchange = Exchange(
        token=job,
        status=status,
        error_kind=None if status is not None else ErrorKind.TIMEOUT,
        error=error,
        latency_ms=3,
        response_headers={"server": "test"},
        response_body=b"answer",
        retry_after=None,
        remote_address="127.0.0.1",
    )
    moment = Moment(time.monotonic(), datetime.now(UTC))
    return outcomes.of_exchange(exchange, attempt_id=new_id("att"), jitter=0.5, now=moment).result


def secret_of(byte: int) -> str:
    """A secret that a test knows."""
    return signing.new_secret(bytes([byte]) * signing.SECRET_BYTES)
