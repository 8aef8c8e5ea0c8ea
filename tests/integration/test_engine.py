"""The delivery engine when things go wrong: nothing is lost, and nobody ends another's work."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import psycopg2
import pytest
from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller
from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.vault import Vault
from services.webhooks import breaker, deliveries, endpoints, log_queries, publishing
from services.webhooks.endpoints import NewEndpoint
from services.webhooks.log_queries import Attempt, Delivery, LogFilter
from services.webhooks.models import handle
from services.webhooks.publishing import News
from services.webhooks.worker import completion, due, outcomes
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.completion import Result, Sign
from services.webhooks.worker.due import Claim, Job, Room
from services.webhooks.worker.loop import Worker
from services.webhooks.worker.outcomes import Moment
from services.webhooks.worker.sender import Sender
from tests.partner import WAIT_S, Partner
from tests.system import Settings

LEASE_S = 60.0
_LOOPBACK = [ip_network("127.0.0.0/8")]


class Queue:
    """The queue with one endpoint and a store of its own, worked by hand."""

    def __init__(self, database: BlockingDatabase, vault: Vault, url: str) -> None:
        self.database = database
        self.vault = vault
        self.store = f"st_{uuid.uuid4().hex[:12]}"
        self.endpoint = new_id("whe")
        database.write(
            endpoints.create_endpoint,
            self.endpoint,
            NewEndpoint(self.store, url),
            "whsec_" + "A" * 43 + "=",
            vault=vault,
            caller=Caller("operators/op_1", access_pb2.AUDIENCE_OPERATOR),
            now=datetime.now(UTC),
        )

    def publish(self, count: int = 1) -> None:
        """Takes in events."""
        now = datetime.now(UTC)
        batch = [News(new_id("evt"), self.store, "product.created", n, now, "{}") for n in range(1, count + 1)]
        self.database.write(publishing.publish_events, batch, lambda: new_id("dlv"), now)

    def look(self, limit: int = 200) -> Claim:
        """Claims what is due."""
        return self.database.read(due.claim, str(uuid.uuid4()), Room(limit, 200, 200), LEASE_S)

    def claim(self, limit: int = 200) -> list[Job]:
        """Claims what is due to this endpoint."""
        return [job for job in self.look(limit).jobs if job.receiver.id == self.endpoint]

    def allow(self, concurrency: int) -> None:
        """As if the endpoint had shown that it can take so many at a time."""
        self.sql("UPDATE endpoint SET max_concurrency = %s WHERE id = %s", concurrency, self.endpoint)
        self.sql("UPDATE endpoint_queue SET concurrency = %s WHERE endpoint_id = %s", concurrency, self.endpoint)

    def complete(self, *results: Result) -> int:
        """Records results."""
        return self.database.write(completion.complete, results, (), datetime.now(UTC), breaker.PACE_SECONDS).recorded

    def deliveries(self) -> list[Delivery]:
        """The log, newest first."""
        return self.database.read(log_queries.list_deliveries, self.store, LogFilter(), None, 1000).deliveries

    def attempts(self) -> list[Attempt]:
        """The attempts of the one delivery."""
        (delivery,) = self.deliveries()
        return self.database.read(log_queries.list_attempts, delivery, 100)

    def expire_leases(self) -> None:
        """As if the lease time had passed."""
        self.sql("UPDATE due SET due_time = now() - interval '1 s' WHERE endpoint_id = %s", self.endpoint)

    def sql(self, statement: str, *values: object) -> Any:
        """Runs a statement."""
        return self.database.read(lambda: handle.execute_sql(statement, values))


@pytest.fixture
def vault(settings: Settings) -> Vault:
    return Vault(settings.webhooks.webhook_secret_keys)


@pytest.fixture
def new_queue(settings: Settings, vault: Vault) -> Iterator[Callable[..., Queue]]:
    url = settings.webhooks.webhooks_database_url.get_secret_value()
    with BlockingDatabase(handle, url, "test-engine") as database:
        # Other tests' leftovers must not be in the way.
        database.read(lambda: handle.execute_sql("DELETE FROM due"))
        yield lambda url="http://127.0.0.1:9/": Queue(database, vault, url)


def _result(job: Job, status: int) -> Result:
    return outcomes.of_failure(job, "", attempt_id=new_id("att"), jitter=0.5, now=_now()).result._replace(
        state="succeeded" if status == 200 else "pending",
        delay_seconds=None if status == 200 else 5.0,
        status_code=status,
        sign=Sign.SUCCESS if status == 200 else Sign.CONGESTION,
    )


def _now() -> Moment:
    return Moment(time.monotonic(), datetime.now(UTC))


def test_what_is_claimed_is_not_claimed_again_until_its_lease_ends(new_queue: Callable[..., Queue]) -> None:
    queue = new_queue()
    queue.publish(3)
    assert len(queue.claim()) == 3
    assert queue.claim() == []
    queue.expire_leases()
    assert len(queue.claim()) == 3


def test_concurrent_claims_never_share_a_delivery(new_queue: Callable[..., Queue]) -> None:
    queue = new_queue()
    queue.publish(100)
    queue.allow(100)
    claimed: list[str] = []

    def claim() -> None:
        while (found := queue.look(7)).jobs or found.is_partial or not found.again_seconds:
            claimed.extend(job.delivery_id for job in found.jobs)
        handle.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 100
    assert len(set(claimed)) == 100


def test_a_late_worker_cannot_end_the_work_of_another(new_queue: Callable[..., Queue]) -> None:
    queue = new_queue()
    queue.publish()
    (late,) = queue.claim()
    queue.expire_leases()
    (current,) = queue.claim()
    assert queue.complete(_result(late, 200)) == 0
    assert queue.deliveries()[0].state == "pending"
    assert queue.complete(_result(current, 200)) == 1
    assert queue.deliveries()[0].state == "succeeded"
    assert len(queue.attempts()) == 1


@pytest.mark.parametrize("stale_first", [True, False])
def test_a_stale_result_beside_the_current_one_changes_nothing(
    new_queue: Callable[..., Queue], stale_first: bool
) -> None:
    queue = new_queue()
    queue.publish()
    (late,) = queue.claim()
    queue.expire_leases()
    (current,) = queue.claim()
    batch = [_result(late, 500), _result(current, 200)]
    assert queue.complete(*batch if stale_first else batch[::-1]) == 1
    assert queue.deliveries()[0].state == "succeeded"
    assert [attempt.status_code for attempt in queue.attempts()] == [200]


def test_every_try_knows_its_event_and_how_many_were_before_it(new_queue: Callable[..., Queue]) -> None:
    queue = new_queue()
    queue.publish()
    for number in (1, 2, 3):
        (job,) = queue.claim()
        assert (job.attempt_number, job.event_type, job.body) == (number, "product.created", _body(queue))
        queue.complete(_result(job, 500))
        queue.sql("UPDATE due SET due_time = now() WHERE endpoint_id = %s", queue.endpoint)
    (delivery,) = queue.deliveries()
    queue.database.write(deliveries.retry_delivery, queue.store, delivery.id, datetime.now(UTC))
    assert [job.attempt_number for job in queue.claim()] == [4]


def test_what_a_worker_of_the_release_before_has_tried_is_no_first_try(new_queue: Callable[..., Queue]) -> None:
    queue = new_queue()
    queue.publish()
    queue.claim()
    # As its statement did, which does not know that the row tells of the event.
    queue.sql("UPDATE delivery SET attempt_count = 1 WHERE endpoint_id = %s", queue.endpoint)
    queue.sql("UPDATE due SET lease_token = NULL, by_hand = false WHERE endpoint_id = %s", queue.endpoint)
    queue.expire_leases()
    assert [job.attempt_number for job in queue.claim()] == [2]


def test_what_is_given_back_can_be_claimed_at_once(new_queue: Callable[..., Queue]) -> None:
    queue = new_queue()
    queue.publish(2)
    done, left = queue.claim()
    queue.complete(_result(done, 200))
    queue.database.read(due.release, [left.lease_token])
    assert [job.delivery_id for job in queue.claim()] == [left.delivery_id]


def test_a_delivery_in_flight_when_its_endpoint_is_deleted_is_logged_as_it_ended(
    new_queue: Callable[..., Queue],
) -> None:
    queue = new_queue()
    queue.publish(3)
    jobs = queue.claim(2)
    queue.database.write(endpoints.delete_endpoint, queue.store, queue.endpoint, datetime.now(UTC))
    assert queue.complete(_result(jobs[0], 200), _result(jobs[1], 500)) == 2
    states = {delivery.id: (delivery.state, delivery.attempt_count) for delivery in queue.deliveries()}
    assert states.pop(jobs[0].delivery_id) == ("succeeded", 1)
    assert states.pop(jobs[1].delivery_id) == ("cancelled", 1)
    assert list(states.values()) == [("cancelled", 0)]
    assert queue.sql("SELECT count(*) FROM due WHERE endpoint_id = %s", queue.endpoint).fetchone() == (0,)


async def test_a_worker_goes_on_after_postgresql_has_dropped_its_connections(
    new_queue: Callable[..., Queue], settings: Settings, partner: Partner
) -> None:
    queue = new_queue(partner.url)
    with working(settings.webhooks):
        for _ in range(3):
            queue.publish()
            await asyncio.to_thread(partner.next)
            _drop_connections(settings)
        await _until(lambda: [each.state for each in queue.deliveries()] == ["succeeded"] * 3)


async def test_a_worker_that_stops_lets_what_it_sends_end_and_records_it(
    new_queue: Callable[..., Queue], vault: Vault, partner: Partner
) -> None:
    queue = new_queue(partner.url)
    partner.may_answer.clear()
    queue.publish()
    with Sender(allowed_networks=_LOOPBACK) as sender:
        worker = Worker(queue.database, sender, vault)
        worker.start()
        await asyncio.to_thread(partner.next)
        stopping = asyncio.create_task(asyncio.to_thread(worker.stop, WAIT_S))
        await _until(worker._stopping.is_set)
        partner.may_answer.set()
        await stopping
    assert queue.deliveries()[0].state == "succeeded"


def test_a_worker_that_cannot_wait_any_longer_gives_its_leases_back(
    new_queue: Callable[..., Queue], vault: Vault, partner: Partner
) -> None:
    queue = new_queue(partner.url)
    partner.may_answer.clear()
    queue.publish()
    with Sender(allowed_networks=_LOOPBACK) as sender:
        worker = Worker(queue.database, sender, vault)
        worker.start()
        partner.next()
        worker.stop(0)
    assert len(queue.claim()) == 1, "another worker can take it at once"


async def test_a_delivery_that_cannot_be_signed_fails_in_sight(
    new_queue: Callable[..., Queue], settings: Settings, partner: Partner
) -> None:
    queue = new_queue(partner.url)
    queue.sql("UPDATE endpoint_secret SET seal_version = 99 WHERE endpoint_id = %s", queue.endpoint)
    healthy = new_queue(partner.url)
    queue.publish()
    healthy.publish()
    with working(settings.webhooks):
        await asyncio.to_thread(partner.next)
        await _until(lambda: bool(queue.attempts()))
    assert "could not be signed" in queue.attempts()[0].error
    assert queue.deliveries()[0].state == "pending"


async def test_an_outcome_that_cannot_be_kept_does_not_hold_up_the_others(
    new_queue: Callable[..., Queue], vault: Vault, partner: Partner
) -> None:
    queue = new_queue(partner.url)
    queue.publish(4)
    jobs = queue.claim()
    results = [_result(job, 200) for job in jobs]
    results[2] = results[2]._replace(error="PostgreSQL keeps no \0")
    with Sender(allowed_networks=_LOOPBACK) as sender:
        worker = Worker(queue.database, sender, vault)
        worker._queue.add([outcomes.Outcome(result) for result in results])
        worker.start()
        await _until(lambda: [each.state for each in queue.deliveries()] == ["succeeded"] * 4)
        worker.stop(WAIT_S)


async def test_what_waits_while_the_database_is_away_is_recorded_when_it_is_back(
    new_queue: Callable[..., Queue], vault: Vault
) -> None:
    queue = new_queue()
    queue.publish(3)
    jobs = queue.claim()
    with (
        _only_reading(queue) as let_write,
        Sender(allowed_networks=_LOOPBACK) as sender,
    ):
        worker = Worker(queue.database, sender, vault)
        worker._queue.add([outcomes.Outcome(_result(job, 200)) for job in jobs])
        worker.start()
        await _until(lambda: worker.is_cut_off)
        queue.publish()
        let_write()
        await _until(lambda: [each.state for each in queue.deliveries()].count("succeeded") == 3)
        await _until(lambda: not worker.is_cut_off)
        worker.stop(WAIT_S)


def test_a_worker_that_stops_tries_once_more_to_record_and_then_lets_it_be(
    new_queue: Callable[..., Queue], vault: Vault
) -> None:
    queue = new_queue()
    queue.publish()
    (job,) = queue.claim()
    with _only_reading(queue), Sender(allowed_networks=_LOOPBACK) as sender:
        worker = Worker(queue.database, sender, vault)
        worker.start()
        worker._queue.add([outcomes.Outcome(_result(job, 200))])
        worker.stop(0)
    assert not worker.is_alive
    assert queue.deliveries()[0].state == "pending", "its lease runs out, and it is sent again"


@contextmanager
def _only_reading(queue: Queue) -> Iterator[Callable[[], None]]:
    """A database that takes no outcomes while the context lasts, or until what it gives is called."""

    def let_write() -> None:
        queue.sql("DROP TRIGGER IF EXISTS refuse ON attempt; DROP FUNCTION IF EXISTS refuse")

    queue.sql("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE read_only_sql_transaction;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON attempt FOR EACH STATEMENT EXECUTE FUNCTION refuse();
    """)
    try:
        yield let_write
    finally:
        let_write()


def _body(queue: Queue) -> bytes:
    ((body,),) = queue.sql("SELECT body FROM event WHERE store_id = %s", queue.store).fetchall()
    return bytes(body)


async def _until(holds: Callable[[], bool]) -> None:
    """Waits for something that nobody gives notice of."""
    deadline = time.monotonic() + WAIT_S
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def _drop_connections(settings: Settings) -> None:
    connection = psycopg2.connect(settings.webhooks.webhooks_database_url.get_secret_value())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sedifex-%'")
    connection.close()
