"""Replays: what was missed or given up is sent again, once, whoever dies over it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.times import to_timestamp
from services.webhooks import replays
from services.webhooks.models import handle
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.loop import Worker
from tests.hooks import Delivery, Hooks, delivered, until
from tests.partner import Partner
from tests.system import System, error_info

Code = grpc.StatusCode
Replay = webhooks_pb2.Replay


@pytest.fixture
async def hooks(system: System) -> Hooks:
    return await Hooks.of_new_store(system)


@pytest.fixture
def worker(system: System) -> Iterator[Worker]:
    with working(system.settings.webhooks) as running:
        yield running


@pytest.fixture
def database(system: System) -> Iterator[BlockingDatabase]:
    """The Webhooks database, in this thread."""
    url = system.settings.webhooks.webhooks_database_url.get_secret_value()
    with BlockingDatabase(handle, url, "test-replays") as database:
        yield database


async def test_what_a_disabled_endpoint_missed_is_filled_in(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    made = await hooks.endpoint(partner.url)
    await hooks.publish(before := hooks.event())
    assert (await delivered(partner)).event["id"] == before.id
    await hooks.disable(made.name)
    missed = [hooks.event(), hooks.event("product.deleted")]
    await hooks.publish(*missed)
    enabled = await hooks.enable(made.name)
    assert enabled.missed_count == 2
    replay = await _replay(hooks, endpoint=made.name, start_time=enabled.missed_since_time)
    came = sorted([(await delivered(partner)).event["id"] for _ in range(2)])
    assert came == sorted(event.id for event in missed), "under their own ids, and nothing else"
    done = await until(lambda: _get(hooks, replay), lambda seen: seen.succeeded_count == 2)
    assert (done.state, done.delivery_count) == (Replay.STATE_SUCCEEDED, 2)
    assert done.creator.startswith("operators/")
    assert done.HasField("finish_time")
    assert partner.received.empty()


async def test_what_was_given_up_is_sent_again_and_what_arrived_is_not(
    hooks: Hooks, partner: Partner, worker: Worker
) -> None:
    made = await hooks.endpoint(partner.url)
    await hooks.publish(good := hooks.event())
    await delivered(partner)
    partner.answers[:] = [410]
    await hooks.publish(bad := hooks.event())
    await delivered(partner)
    await until(lambda: hooks.log(state=Delivery.STATE_DEAD), lambda log: log)
    await hooks.enable(made.name)
    await _replay(hooks)
    assert (await delivered(partner)).event["id"] == bad.id
    log = await until(lambda: hooks.log(event=f"{hooks.store}/events/{bad.id}"), lambda log: log[0].finish_time.seconds)
    assert [each.state for each in log] == [Delivery.STATE_SUCCEEDED, Delivery.STATE_DEAD], "a delivery of its own"
    assert len(await hooks.log(event=f"{hooks.store}/events/{good.id}")) == 1
    await _done(hooks, await _replay(hooks, states=[Delivery.STATE_SUCCEEDED], event_types=["product.updated"]))
    assert {(await delivered(partner)).event["id"] for _ in range(2)} == {good.id, bad.id}


async def test_publishing_again_after_a_replay_makes_no_delivery(hooks: Hooks) -> None:
    await hooks.endpoint()
    event = hooks.event()
    await hooks.publish(event)
    assert (await hooks.publish(event)).delivery_count == 0
    assert len(await hooks.log()) == 1


async def test_to_foresee_a_replay_sends_nothing(hooks: Hooks) -> None:
    made = await hooks.endpoint()
    await hooks.disable(made.name)
    await hooks.publish(*(hooks.event() for _ in range(30)))
    await hooks.enable(made.name)
    foreseen = await _replay(hooks, validate_only=True)
    assert (foreseen.name, foreseen.examined_count, foreseen.delivery_count) == ("", 30, 30)
    assert await hooks.log() == []
    assert (await hooks.stub.ListReplays(webhooks_pb2.ListReplaysRequest(parent=hooks.store))).replays == []


async def test_a_long_replay_goes_on_while_the_endpoint_takes_it_and_can_be_stopped(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has so many deliveries under way and no more, so what happens now need not wait for all of the past."""
    monkeypatch.setattr(replays, "OUTSTANDING", 50)
    monkeypatch.setattr(replays, "BATCH", 20)
    made = await hooks.endpoint()
    await hooks.disable(made.name)
    await hooks.publish(*(hooks.event() for _ in range(200)))
    await hooks.enable(made.name)
    replay = await _replay(hooks)
    seen = await until(lambda: _get(hooks, replay), lambda seen: seen.delivery_count >= 50)
    assert (seen.state, seen.delivery_count, seen.succeeded_count) == (Replay.STATE_RUNNING, 60, 0)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _replay(hooks)
    assert error_info(refused.value).reason == "REPLAY_UNDER_WAY"
    request = webhooks_pb2.CancelReplayRequest(name=replay.name)
    assert (await hooks.stub.CancelReplay(request)).replay.state == Replay.STATE_CANCELLED
    assert (await hooks.stub.CancelReplay(request)).replay.state == Replay.STATE_CANCELLED
    assert len(await hooks.log()) == 60


async def test_a_replay_ends_when_its_endpoint_is_disabled(hooks: Hooks, database: BlockingDatabase) -> None:
    made = await hooks.endpoint()
    replay = _kept_for_us(database, hooks, made.name)
    await hooks.disable(made.name)
    _let_go(database, replay)
    assert (await _done(hooks, replay)).state == Replay.STATE_CANCELLED


async def test_a_repeat_of_the_request_is_the_same_replay(hooks: Hooks) -> None:
    await hooks.endpoint()
    first = await _replay(hooks, request_id="replay-0001")
    second = await _replay(hooks, request_id="replay-0001")
    assert first.name == second.name


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"start_time": timedelta(days=-31)}, Code.INVALID_ARGUMENT),
        ({"start_time": timedelta(hours=1)}, Code.INVALID_ARGUMENT),
        ({"event_types": ["product.exploded"]}, Code.INVALID_ARGUMENT),
        ({"states": [Delivery.STATE_PENDING]}, Code.INVALID_ARGUMENT),
        ({"event_types": ["key.created"], "endpoint": "made"}, Code.FAILED_PRECONDITION),
        ({"endpoint": "unknown"}, Code.NOT_FOUND),
    ],
)
async def test_a_replay_that_could_send_nothing_is_refused(hooks: Hooks, values: dict[str, Any], code: Code) -> None:
    made = await hooks.endpoint()
    if "endpoint" in values:
        values = values | {"endpoint": made.name if values["endpoint"] == "made" else f"{made.name}x"}
    if "start_time" in values:
        values = values | {"start_time": to_timestamp(datetime.now(UTC) + values["start_time"])}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _replay(hooks, **values)
    assert refused.value.code() == code


async def test_a_replay_to_nobody_is_refused(hooks: Hooks) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _replay(hooks)
    assert error_info(refused.value).reason == "NO_ENDPOINT"
    made = await hooks.endpoint()
    await hooks.disable(made.name)
    for values, reason in (({}, "NO_ENDPOINT"), ({"endpoint": made.name}, "ENDPOINT_DISABLED")):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _replay(hooks, **values)
        assert error_info(refused.value).reason == reason


async def test_a_store_has_so_many_replays_and_no_more(hooks: Hooks, database: BlockingDatabase) -> None:
    for _ in range(replays.MAX_RUNNING):
        _kept_for_us(database, hooks, (await hooks.endpoint()).name)
    another = await hooks.endpoint()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _replay(hooks, endpoint=another.name)
    assert refused.value.code() == Code.RESOURCE_EXHAUSTED
    _sql(database, "UPDATE replay SET state = 'cancelled', finish_time = now() WHERE state = 'running'")


async def test_a_process_killed_in_the_middle_of_a_batch_leaves_nothing_half_done(
    hooks: Hooks, database: BlockingDatabase
) -> None:
    made = await hooks.endpoint()
    await hooks.disable(made.name)
    await hooks.publish(*(hooks.event() for _ in range(300)))
    await hooks.enable(made.name)
    replay = _kept_for_us(database, hooks, made.name)
    # In a thread: the services run on this loop.
    await asyncio.to_thread(_kill_in_the_middle, hooks.system, replay)
    _let_go(database, replay)
    done = await _done(hooks, replay)
    assert (done.examined_count, done.delivery_count) == (300, 300)
    assert len({each.event for each in await hooks.log()}) == 300
    assert len(await hooks.log()) == 300


async def test_several_processes_share_the_replays(system: System, database: BlockingDatabase) -> None:
    several = [await Hooks.of_new_store(system) for _ in range(4)]
    waiting = []
    for hooks in several:
        made = await hooks.endpoint()
        await hooks.disable(made.name)
        await hooks.publish(*(hooks.event() for _ in range(450)))
        await hooks.enable(made.name)
        waiting.append(_kept_for_us(database, hooks, made.name))
    for replay in waiting:
        _let_go(database, replay)

    def work() -> None:
        while database.write(replays.go_on, lambda: new_id("dlv"), datetime.now(UTC)) is not replays.Step.IDLE:
            pass
        handle.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    for hooks, replay in zip(several, waiting, strict=True):
        assert (await _done(hooks, replay)).delivery_count == 450
        assert len({each.event for each in await hooks.log()}) == len(await hooks.log()) == 450


# A batch, made and not committed.
_IN_THE_MIDDLE = """
import os, sys, time
from datetime import UTC, datetime
from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.webhooks import replays
from services.webhooks.models import handle

def half_of_it():
    handle.execute_sql("UPDATE replay SET next_run_time = '-infinity' WHERE id = %s", (sys.argv[1],))
    assert replays.go_on(lambda: new_id("dlv"), datetime.now(UTC)) is replays.Step.WENT_ON
    print("in the middle", flush=True)
    time.sleep(600)

BlockingDatabase(handle, os.environ["DATABASE_URL"], "test-killed").write(half_of_it)
"""


def _kill_in_the_middle(system: System, replay: Replay) -> None:
    url = system.settings.webhooks.webhooks_database_url.get_secret_value()
    child = subprocess.Popen(
        [sys.executable, "-c", _IN_THE_MIDDLE, replay.name.rpartition("/")[2]],
        stdout=subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": url},
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "in the middle\n"
        child.send_signal(signal.SIGKILL)
    child.wait()


async def _replay(hooks: Hooks, **values: Any) -> Replay:
    given = {"parent": hooks.store, "start_time": to_timestamp(datetime.now(UTC) - timedelta(hours=1))} | values
    answer = await hooks.stub.ReplayEvents(webhooks_pb2.ReplayEventsRequest(**given))
    replay: Replay = answer.replay
    return replay


async def _get(hooks: Hooks, replay: Replay) -> Replay:
    found: Replay = (await hooks.stub.GetReplay(webhooks_pb2.GetReplayRequest(name=replay.name))).replay
    return found


async def _done(hooks: Hooks, replay: Replay) -> Replay:
    found: Replay = await until(lambda: _get(hooks, replay), lambda seen: seen.state != Replay.STATE_RUNNING)
    return found


def _kept_for_us(database: BlockingDatabase, hooks: Hooks, endpoint: str) -> Replay:
    """A replay that the running service does not take up before it is let go."""
    now = datetime.now(UTC)
    wanted = replays.NewReplay(
        hooks.store.rpartition("/")[2], now - timedelta(hours=1), endpoint_id=endpoint.rpartition("/")[2]
    )

    def start() -> str:
        made = replays.start_replay(new_id("rpl"), wanted, "operators/op_1", now)
        handle.execute_sql("UPDATE replay SET next_run_time = 'infinity' WHERE id = %s", (made.id,))
        return made.id

    return Replay(name=f"{hooks.store}/replays/{database.write(start)}")


def _let_go(database: BlockingDatabase, replay: Replay) -> None:
    _sql(database, "UPDATE replay SET next_run_time = now() WHERE id = %s", replay.name.rpartition("/")[2])


def _sql(database: BlockingDatabase, statement: str, *values: object) -> None:
    database.read(lambda: handle.execute_sql(statement, values))
