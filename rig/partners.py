"""Partners of a system that runs: endpoints by the hundred, and deliveries that are due to them, made where they are
kept, since what is measured is how they are sent."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from rig.process import Process
from rig.system import System, free_address
from services.common.ids import new_id
from services.common.settings import VersionedSecret
from services.common.vault import Vault
from services.webhooks import signing

BODY_BYTES = 900
SENDS_HERE = {"webhook_allow_http": True, "webhook_allowed_networks": ["127.0.0.0/8"]}

_ENDPOINTS = """
    INSERT INTO endpoint (id, store_id, url, display_name, event_types, state, state_reason, create_time) VALUES %s
"""
_SECRETS = """
    INSERT INTO endpoint_secret (endpoint_id, sealed, seal_version, hint, create_time) VALUES %s
"""
_DUE = """
    WITH wanted AS (
        SELECT n, 'evt_' || %(run)s || lpad(n::text, 10, '0') AS event_id,
            'dlv_' || %(run)s || lpad(n::text, 10, '0') AS delivery_id,
            (%(endpoints)s::text[])[1 + n %% cardinality(%(endpoints)s::text[])] AS endpoint_id
        FROM generate_series(0, %(count)s - 1) AS n
    ), event AS (
        INSERT INTO event (id, store_id, type, body, create_time)
        SELECT event_id, %(store)s, 'product.updated', %(body)s, now() FROM wanted
    ), delivery AS (
        INSERT INTO delivery (id, store_id, endpoint_id, event_id, event_type, state, create_time, next_attempt_time)
        SELECT delivery_id, %(store)s, endpoint_id, event_id, 'product.updated', 'pending', now(), now() FROM wanted
    )
    INSERT INTO due (delivery_id, endpoint_id, event_id, due_time)
    SELECT delivery_id, endpoint_id, event_id, now() FROM wanted
"""


@dataclass
class Partners:
    """Where deliveries go, and the database that they come from."""

    system: System
    sink: Process
    address: str
    log: Path
    connection: Any

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Runs a statement in a transaction of its own; answers its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def add_endpoints(self, count: int, store: str, path: str = "ok") -> list[str]:
        """Makes endpoints of a store at the sink's path; answers their ids."""
        keys = self.system.values["webhook_secret_keys"]
        vault = Vault([VersionedSecret.model_validate(key) for key in keys])
        ids = [new_id("whe") for _ in range(count)]
        urls = {endpoint: f"http://{self.address}/{path}/{endpoint}" for endpoint in ids}
        rows: list[tuple[Any, ...]] = [(each, store, urls[each], "", [], "enabled", "", "now()") for each in ids]
        sealed = {each: vault.seal(signing.new_secret(os.urandom(32)), each) for each in ids}
        with self.connection.cursor() as cursor:
            execute_values(cursor, _ENDPOINTS, rows, page_size=count)
            secrets = [(each, sealed[each].value, sealed[each].version, "", "now()") for each in ids]
            execute_values(cursor, _SECRETS, secrets, page_size=count)
        return ids

    def add_due(self, endpoints: Sequence[str], count: int, store: str) -> str:
        """Makes so many deliveries due, in turn to each of the endpoints, all in one moment; answers what the ids of
        their events begin with."""
        body = b'{"data":"' + b"x" * (BODY_BYTES - 11) + b'"}'
        run = new_id("x")[-16:]
        values = {"run": run, "endpoints": list(endpoints), "count": count, "store": store, "body": body}
        with self.connection.cursor() as cursor:
            cursor.execute(_DUE, values)
        return f"evt_{run}"

    def start_worker(self, number: int, program: str = "services.webhooks.worker") -> Process:
        """Starts a worker."""
        return self.system.add(f"worker-{number}", program, **SENDS_HERE)

    def stop_workers(self) -> None:
        """Ends every worker."""
        for name in [name for name in self.system.processes if name.startswith("worker-")]:
            self.system.processes.pop(name).stop()

    def drained(self) -> bool:
        """Whether nothing is due any more."""
        return not self.sql("SELECT 1 FROM due LIMIT 1")

    def wal(self) -> int:
        """How many bytes of WAL there have ever been."""
        ((position,),) = self.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        return int(position)

    def receipts(self) -> Iterator[tuple[float, str, str, int]]:
        """What the sink has got: Unix time in seconds, the endpoint's id, the event's id, the time signed."""
        with self.log.open() as lines:
            for line in lines:
                if line.endswith("\n"):  # the last one may be half written
                    moment, path, event, signed = line.split()
                    yield float(moment) / 1000, path.rpartition("/")[2], event, int(signed)


@contextmanager
def partners(system: System, *, logs: bool = True, hang_ms: int = 60_000, late_ms: int = 1_000) -> Iterator[Partners]:
    """Partners of a system, while the context lasts; with it the workers end that were started."""
    address, log = free_address(), system.folder / f"receipts-{time.monotonic_ns()}.log"
    arguments = (address.rpartition(":")[2], str(log) if logs else "", str(hang_ms), str(late_ms))
    sink = system.add("sink", "rig.sink", *arguments)
    made = Partners(system, sink, address, log, connect(system))
    try:
        yield made
    finally:
        made.stop_workers()
        system.processes.pop("sink").stop()
        made.connection.close()


def connect(system: System) -> Any:
    """A connection to the Webhooks database, each statement in a transaction of its own."""
    connection = psycopg2.connect(system.values["webhooks_database_url"])
    connection.autocommit = True
    return connection
