"""The queue is fair: what one endpoint does is never to the cost of another, and limits hold for all workers alike."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from services.common.database import BlockingDatabase
from services.common.vault import Vault
from services.webhooks import breaker, signing
from services.webhooks.models import handle
from services.webhooks.worker import due
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.due import Busy, Room
from tests.partner import Partner, listening
from tests.queue import LEASE_S, PLENTY, Queue, secret_of
from tests.system import Settings


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    url = settings.webhooks.webhooks_database_url.get_secret_value()
    with BlockingDatabase(handle, url, "test-queue") as database:
        yield Queue(database, Vault(settings.webhooks.webhook_secret_keys))


def test_who_has_a_backlog_gets_no_more_of_a_claim_than_others(queue: Queue) -> None:
    crowded, calm = queue.add_endpoint(), queue.add_endpoint()
    queue.allow(crowded, 100)
    queue.add_due(crowded, 50)
    queue.add_due(calm, 2)
    jobs = queue.look(Room(4, 200, 200)).jobs
    assert Counter(job.receiver.id for job in jobs) == {crowded: 2, calm: 2}


def test_what_is_due_to_an_endpoint_is_taken_in_order(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    ids = queue.add_due(endpoint, 2) + queue.add_due(endpoint, 2)
    assert {job.delivery_id for job in queue.look(Room(2, 200, 200)).jobs} == set(ids[:2])


async def test_a_hanging_endpoint_does_not_delay_another(queue: Queue, settings: Settings, partner: Partner) -> None:
    with listening() as hanging:
        hanging.may_answer.clear()
        queue.add_due(queue.add_endpoint(hanging.url), 100)
        healthy = queue.add_endpoint(partner.url)
        with working(settings.webhooks):
            await asyncio.to_thread(hanging.next)
            for _ in range(3):
                queue.add_due(healthy)
                await asyncio.to_thread(partner.next)
        assert hanging.received.qsize() < breaker.FIRST_CONCURRENCY


def test_endpoints_that_are_not_known_to_be_well_leave_room_for_those_that_are(queue: Queue) -> None:
    proven = queue.add_endpoint()
    queue.add_due(proven)
    assert queue.try_all() == 1
    for _ in range(5):
        queue.add_due(queue.add_endpoint(), 4)
    queue.add_due(proven, 4)
    jobs = queue.look(Room(20, 20, unproven=3)).jobs
    assert Counter(job.receiver.id == proven for job in jobs) == {True: 4, False: 3}
    assert all(job.receiver.is_proven == (job.receiver.id == proven) for job in jobs)


def test_what_an_endpoint_keeps_of_a_worker_counts_against_its_share(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 100)
    queue.add_due(endpoint, 20)
    assert len(queue.look(Room(20, each=8, unproven=20), [Busy(endpoint, 5, is_slow=False)]).jobs) == 3


def test_an_endpoint_has_no_more_in_flight_than_it_may_whoever_claims(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 20)
    first = queue.claim()
    assert len(first) == breaker.FIRST_CONCURRENCY
    assert queue.claim() == []
    queue.complete(first[:1])
    queue.pass_time(breaker.PACE_SECONDS)
    assert len(queue.claim()) == 1


@pytest.mark.parametrize("pace", [breaker.PACE_SECONDS, breaker.SHARED_PACE_SECONDS])
def test_a_backlog_is_taken_at_its_pace(queue: Queue, pace: float) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 20)
    queue.complete(queue.claim(), pace_seconds=pace)
    state = queue.state(endpoint)
    assert (state["next_due"] - state["tokens_time"]).total_seconds() >= pace
    queue.pass_time(pace)
    assert queue.try_all() > 0


def test_a_backlog_whose_answers_take_longer_than_the_pace_waits_for_nothing_else(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 20)
    jobs = queue.claim()
    queue.pass_time(breaker.PACE_SECONDS)
    queue.complete(jobs)
    assert queue.try_all() > 0


def test_a_backlog_goes_on_though_the_database_s_clock_is_put_back(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 20)
    jobs = queue.claim()
    queue.sql("UPDATE endpoint_queue SET tokens_time = now() + interval '1 hour' WHERE endpoint_id = %s", endpoint)
    queue.complete(jobs)
    queue.pass_time(breaker.PACE_SECONDS)
    assert queue.try_all() > 0


def test_what_has_just_been_published_is_not_claimed_together_with_a_backlog(queue: Queue) -> None:
    crowded, calm = queue.add_endpoint(), queue.add_endpoint()
    queue.add_due(crowded, 20)
    queue.try_all()
    queue.sql("UPDATE endpoint_queue SET next_due = now() WHERE endpoint_id = %s", crowded)
    queue.add_due(calm)
    claim = queue.look(nudged_only=True)
    assert ([job.receiver.id for job in claim.jobs], claim.is_partial) == ([calm], False)
    assert {job.receiver.id for job in queue.look().jobs} == {crowded}


def test_what_a_nudge_tells_of_and_one_claim_cannot_take_is_claimed_at_once(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 20)
    queue.add_due(endpoint, 10)
    assert queue.look(Room(4, 200, 200), nudged_only=True).again_seconds == 0
    for _ in range(due.MAX_ENDPOINTS + 1):
        queue.add_due(queue.add_endpoint())
    assert queue.look(nudged_only=True).is_partial


def test_a_claim_says_that_it_has_left_what_others_have_locked(queue: Queue, settings: Settings) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint)
    other = psycopg2.connect(settings.webhooks.webhooks_database_url.get_secret_value())
    with closing(other), other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM endpoint_queue WHERE endpoint_id = %s FOR UPDATE", (endpoint,))
        claim = queue.look(nudged_only=True)
        assert (claim.jobs, claim.is_partial) == ([], True)
    assert len(queue.look(nudged_only=True).jobs) == 1


def test_concurrent_claims_keep_to_the_limit_together(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 10)
    queue.add_due(endpoint, 100)
    claimed = []

    def claim() -> None:
        for _ in range(20):
            claimed.extend(queue.look(Room(3, 200, 200)).jobs)
        handle.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.delivery_id for job in claimed}) == len(claimed) == 10


def test_what_a_killed_worker_had_in_flight_does_not_count_for_ever(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 10)
    assert len(queue.claim()) == breaker.FIRST_CONCURRENCY
    assert queue.claim() == []
    queue.pass_time(LEASE_S + 1)
    assert len(queue.claim()) == breaker.FIRST_CONCURRENCY
    assert queue.claim() == []


def test_a_deleted_or_cancelled_lease_does_not_count_for_ever(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 10)
    for job in queue.claim():
        queue.sql("DELETE FROM due WHERE delivery_id = %s", job.delivery_id)
    queue.pass_time(LEASE_S + 1)
    assert len(queue.claim()) == breaker.FIRST_CONCURRENCY


def test_what_is_given_back_is_claimed_at_once(queue: Queue) -> None:
    queue.add_due(queue.add_endpoint(), 4)
    (token,) = {job.lease_token for job in queue.claim()}
    queue.database.read(due.release, [token])
    assert len(queue.look(nudged_only=True).jobs) == 4


def test_what_a_killed_worker_had_goes_before_what_waited_behind_it(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 3)
    ids = queue.add_due(endpoint, 6)
    lost = [job.delivery_id for job in queue.claim()]
    queue.pass_time(LEASE_S + 1)
    assert [job.delivery_id for job in queue.claim()] == lost
    assert set(lost) < set(ids)


def test_what_is_given_back_goes_before_what_waited_behind_it(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 3)
    queue.add_due(endpoint, 6)
    given = queue.claim()
    queue.database.read(due.release, [given[0].lease_token])
    assert [job.delivery_id for job in queue.claim()] == [job.delivery_id for job in given]


def test_a_rate_limit_holds_over_all_workers(queue: Queue) -> None:
    endpoint = queue.add_endpoint(rate_limit_per_second=5)
    queue.add_due(endpoint, 20)
    assert len(queue.claim()) == 1
    for _ in range(5):
        queue.pass_time(0.21)
        jobs = queue.claim()
        assert len(jobs) == 1
        queue.complete(jobs)
    queue.pass_time(10)
    assert len(queue.claim()) == 1, "what was not used is not saved up"


def test_a_claim_says_when_a_rate_limit_lets_the_next_one_pass(queue: Queue) -> None:
    queue.add_due(queue.add_endpoint(rate_limit_per_second=2), 3)
    claim = queue.look()
    assert len(claim.jobs) == 1
    assert 0 < claim.again_seconds <= 0.5


def test_concurrency_grows_with_success_and_halves_with_congestion(queue: Queue) -> None:
    endpoint = queue.add_endpoint(max_concurrency=6)
    queue.add_due(endpoint, 60)
    sizes = []
    for status in (204, 204, 204, 503, 204, None, 429, 204):
        jobs = queue.claim()
        sizes.append(len(jobs))
        queue.complete(jobs, status)
        queue.pass_time(breaker.PACE_SECONDS)
    assert sizes == [4, 5, 6, 6, 3, 4, 2, 1]
    assert queue.state(endpoint)["concurrency"] == 2


def test_an_answer_that_asks_for_nothing_less_leaves_concurrency_as_it_is(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 4)
    queue.try_all(404)
    assert queue.state(endpoint)["concurrency"] == breaker.FIRST_CONCURRENCY


def test_the_breaker_spends_no_retry_of_what_it_skips(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 20)
    queue.add_due(endpoint, 30)
    assert queue.try_all(404) == 20
    assert 25 < queue.state(endpoint)["pause"] <= breaker.pause_seconds(1)
    assert queue.try_all() == 0
    assert Counter(queue.attempt_counts(endpoint)) == {1: 20, 0: 10}


def test_a_paused_endpoint_is_probed_by_one_at_growing_pauses(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 20)
    queue.add_due(endpoint, 40)
    queue.try_all(404)
    for number in range(2, 8):
        queue.pass_time(breaker.pause_seconds(number - 1) + 0.1)
        assert queue.try_all(500) == 1
        pause = queue.state(endpoint)["pause"]
        assert breaker.pause_seconds(number) - 5 < pause <= breaker.pause_seconds(number)


def test_what_was_under_way_when_the_pause_began_does_not_make_it_longer(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 20)
    queue.add_due(endpoint, 20)
    jobs = queue.claim()
    queue.complete(jobs[:10], 500)
    queue.complete(jobs[10:], 500)
    assert queue.state(endpoint)["pause_count"] == 1


def test_a_success_lets_the_backlog_flow(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 20)
    queue.add_due(endpoint, 60)
    queue.try_all(503)
    queue.pass_time(breaker.pause_seconds(1) + 0.1)
    sizes = []
    for _ in range(3):
        sizes.append(queue.try_all())
        queue.pass_time(breaker.PACE_SECONDS)
    assert sizes == [1, 10, 11], "as many as concurrency has come to"
    assert queue.state(endpoint)["paused_until"] is None


def test_a_new_url_is_tried_at_once(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 20)
    queue.add_due(endpoint, 30)
    queue.try_all(404)
    queue.sql("UPDATE endpoint SET url = 'http://127.0.0.1:9/mended' WHERE id = %s", endpoint)
    assert len(queue.look(nudged_only=True).jobs) == 10


def test_what_is_due_to_a_disabled_endpoint_waits_until_it_is_enabled(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 2)
    queue.sql("UPDATE endpoint SET state = 'disabled' WHERE id = %s", endpoint)
    assert queue.claim() == []
    queue.sql("UPDATE endpoint SET state = 'enabled' WHERE id = %s", endpoint)
    assert len(queue.look(nudged_only=True).jobs) == 2


@pytest.mark.parametrize("obstacle", ["disabled", "paused"])
def test_what_a_person_asks_for_is_sent_all_the_same(queue: Queue, obstacle: str) -> None:
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 20)
    if obstacle == "paused":
        queue.add_due(endpoint, 10)
        queue.try_all(500)
    else:
        queue.sql("UPDATE endpoint SET state = %s WHERE id = %s", obstacle, endpoint)
    asked, other = queue.add_due(endpoint, 2, "test.ping")
    assert queue.claim() == []
    queue.sql("UPDATE due SET by_hand = true, due_time = now() - interval '1 s' WHERE delivery_id = %s", asked)
    jobs = queue.claim()
    assert [job.delivery_id for job in jobs] == [asked]
    queue.complete(jobs, 500)
    rows = queue.sql("SELECT id, state FROM delivery WHERE id = ANY (%s)", [asked, other])
    assert dict(rows.fetchall()) == {asked: "dead", other: "pending"}, "a test event is tried once"


def test_every_secret_that_lasts_signs_the_newest_first(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_secret(endpoint, secret_of(2))
    queue.add_secret(endpoint, secret_of(3))
    queue.sql(
        "UPDATE endpoint_secret SET end_time = now() WHERE endpoint_id = %s"
        " AND create_time = (SELECT min(create_time) FROM endpoint_secret WHERE endpoint_id = %s)",
        *(endpoint, endpoint),
    )
    queue.add_due(endpoint)
    (job,) = queue.claim()
    assert [queue.vault.open(secret, endpoint) for secret in job.receiver.secrets] == [secret_of(3), secret_of(2)]


async def test_both_secrets_of_an_overlap_sign(queue: Queue, settings: Settings, partner: Partner) -> None:
    endpoint = queue.add_endpoint(partner.url)
    queue.add_secret(endpoint, secret_of(2))
    queue.add_due(endpoint)
    with working(settings.webhooks):
        delivered = await asyncio.to_thread(partner.next)
    now = int(delivered.headers["webhook-timestamp"])
    for byte in (1, 2):
        signing.verify(delivered.headers, delivered.body, secret_of(byte), now=now)


def test_no_wake_up_is_lost_between_a_claim_and_a_publisher(queue: Queue) -> None:
    """What becomes due while a claim looks is found by the next one, however the two interleave."""
    endpoint = queue.add_endpoint()
    queue.allow(endpoint, 100)
    done = threading.Event()

    def publish() -> None:
        for _ in range(60):
            queue.add_due(endpoint)
        done.set()
        handle.close()

    publisher = threading.Thread(target=publish)
    publisher.start()
    sent = 0
    while not done.is_set():
        sent += queue.try_all()
    publisher.join()
    assert sent + queue.try_all() == 60


def test_an_attempt_tells_what_came_back_and_from_where(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    (delivery,) = queue.add_due(endpoint)
    queue.try_all(503)
    statement = """
        SELECT response_headers, response_body, remote_address, start_time <= now() FROM attempt WHERE delivery_id = %s
    """
    ((headers, body, address, began),) = queue.sql(statement, delivery)
    assert (headers, bytes(body), address, began) == ({"server": "test"}, b"answer", "127.0.0.1", True)
    ((error,),) = queue.sql("SELECT last_error FROM delivery WHERE id = %s", delivery)
    assert error == "the endpoint answered 503"


def test_an_endpoint_that_says_it_is_gone_is_disabled_at_once(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint)
    queue.try_all(410)
    state = queue.state(endpoint)
    assert (state["state"], "410" in state["state_reason"]) == ("disabled", True)


def test_a_claim_looks_at_more_endpoints_than_one_claim_can(queue: Queue) -> None:
    for _ in range(due.MAX_ENDPOINTS + 6):
        queue.add_due(queue.add_endpoint())
    assert len(queue.claim(PLENTY)) == due.MAX_ENDPOINTS + 6
