"""Figures of webhooks: how fast what is due is sent, how soon an event is received, what a claim costs."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence

import psutil
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from bench.figures import Figure, Row, Run, percentile
from rig.partners import Partners, partners
from services.common.clients import service_channel
from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.relay import BATCH_EVENTS
from services.webhooks.models import handle
from services.webhooks.worker import due
from services.webhooks.worker.due import Room
from services.webhooks.worker.prepared import planned_once

DUE = 50_000
WARM_UP = 4_000
ENDPOINTS = 100
STORE = "st_bench"
RATES = (100, 500, 2_000)
DEADLINE_S = 20.0
CLAIM_ENDPOINTS = 2_000
CLAIMS = 100
LOOK_S = 0.25
MIB = 1 << 20


async def drain(run: Run) -> Sequence[Row]:
    """50,000 deliveries that are due at one moment, sent and recorded; and the sender alone, to the same sink."""
    rows = []
    with partners(run.system, logs=False) as made:
        endpoints = made.add_endpoints(ENDPOINTS, STORE)
        alone = [_send_alone(made) for _ in range(2)]
        for count in (1, 2):
            made.start_worker(count)
            made.add_due(endpoints, WARM_UP, STORE)
            await _until_drained(made)
            took, wal, cpu = await _drain_once(made, endpoints)
            alone.append(_send_alone(made))
            reference = statistics.median(alone)
            rows += [
                Row(
                    f"drain of {DUE:,} due, {count} worker{'s' * (count > 1)}, every attempt recorded",
                    f"{DUE / took:,.0f}/s",
                    f"{reference:,.0f}/s: pycurl alone, unsigned",
                    f"{DUE / took / reference:.0%}",
                    "≥ 10,000/s, ≥ 40 %",
                ),
                Row("  WAL and processor time a delivery", f"{wal / DUE:,.0f} bytes", cpu),
            ]
        ((attempts,),) = made.sql("SELECT count(*) FROM attempt WHERE status_code = 204")
        rows.append(Row("  attempts on record", f"{attempts:,}", f"{2 * (DUE + WARM_UP):,} deliveries"))
        memory = psutil.Process(run.system.processes["worker-1"].pid).memory_info().rss
        rows.append(Row("  memory of a worker after that", f"{memory / MIB:.0f} MiB"))
    return rows


async def latency(run: Run) -> Sequence[Row]:
    """Events through PublishEvents at a steady rate, from before the call until the sink has the delivery."""
    rows = []
    seconds = max(4.0, run.seconds / 3)
    for rate in RATES:
        with partners(run.system) as made:
            stores = [f"st_{uuid.uuid4().hex[:12]}" for _ in range(20)]
            for store in stores:
                endpoints = made.add_endpoints(1, store)
            made.start_worker(1)
            made.add_due(endpoints, 1, STORE)
            await _until_drained(made)  # the worker has started
            await _publish_at(run, stores, 50, 2.0)  # warm: connections, plans, concurrency
            sent = await _publish_at(run, stores, rate, seconds)
            await _until_drained(made)
            got = {event: moment for moment, _, event, _ in made.receipts()}
        waits = [(got[event] - moment) * 1000 for event, moment in sent.items() if event in got]
        lost = len(sent) - len(waits)
        told = f"{len(sent):,} events in {seconds:.0f} s, {len(sent) / seconds:,.0f}/s; {lost} not received"
        for percent, reach in ((50, ""), (95, "≤ 50 ms" if rate == 500 else "")):
            name = f"write to receipt at {rate:,} events/s, p{percent}"
            rows.append(Row(name, f"{percentile(waits, percent):.1f} ms", told if percent == 50 else "", "", reach))
    return rows


async def claims(run: Run) -> Sequence[Row]:
    """A claim of 200 with 1,000 deliveries due to 100 endpoints, and with 1,000,000 to 2,000."""
    url = run.system.values["webhooks_database_url"]
    found = {}
    with partners(run.system) as made, BlockingDatabase(handle, planned_once(url), "bench") as database:
        for size in (1_000, 1_000_000):
            endpoints = made.add_endpoints(min(CLAIM_ENDPOINTS, size // 10), STORE)
            for _ in range(0, size, 100_000):
                made.add_due(endpoints, min(size, 100_000), STORE)
            made.sql("ANALYZE due; ANALYZE endpoint_queue; ANALYZE delivery; ANALYZE event")
            took = []
            for _ in range(CLAIMS):
                token, began = str(uuid.uuid4()), time.perf_counter()
                jobs = database.read(due.claim, token, Room(200, 64, 256), 30.0).jobs
                lasted = (time.perf_counter() - began) * 1000
                if len(jobs) == 200:  # others cannot be compared
                    took.append(lasted)
                # As if they had been sent; as many take their place.
                made.sql("DELETE FROM due WHERE delivery_id = ANY (%s)", [job.delivery_id for job in jobs])
                made.add_due(endpoints, len(jobs), STORE)
            found[size] = took
            made.sql("TRUNCATE due")
    few, many = found.values()
    return [
        Row(
            f"claim of 200 with 1,000,000 due, p{percent}",
            f"{percentile(many, percent):.1f} ms",
            f"{percentile(few, percent):.1f} ms: with 1,000 due",
            f"{percentile(many, percent) / percentile(few, percent):.2f}",
            "p95 ≤ 2" if percent == 95 else "",
        )
        for percent in (50, 95)
    ]


FIGURES = (Figure("drain", drain), Figure("latency", latency), Figure("claim", claims))


def _send_alone(made: Partners) -> float:
    program = [sys.executable, "-m", "bench.sending", f"http://{made.address}/ok", str(DUE // 2)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    return float(json.loads(done.stdout))


async def _drain_once(made: Partners, endpoints: Sequence[str]) -> tuple[float, int, str]:
    """Seconds, bytes of WAL, and the processor time of each part for a delivery, in words."""
    made.add_due(endpoints, DUE, STORE)
    wal, cpu = made.wal(), _cpu(made)
    ((began,),) = made.sql("SELECT clock_timestamp()")
    await _until_drained(made)
    after = _cpu(made)
    ((ended,),) = made.sql("SELECT max(finish_time) FROM delivery")
    parts = ", ".join(f"{name} {(after[name] - cpu[name]) / DUE * 1e6:.0f} µs" for name in cpu)
    return (ended - began).total_seconds(), made.wal() - wal, parts


def _cpu(made: Partners) -> dict[str, float]:
    """Processor time until now, in seconds."""
    database = psutil.Process(made.system.database.get_postmaster_info().pid)
    workers = [each for name, each in made.system.processes.items() if name.startswith("worker-")]
    groups = {
        "worker": [psutil.Process(each.pid) for each in workers],
        "PostgreSQL": [database, *database.children()],
        "sink": [psutil.Process(made.sink.pid)],
    }
    return {name: sum(sum(each.cpu_times()[:2]) for each in group) for name, group in groups.items()}


async def _until_drained(made: Partners) -> None:
    # Rarely: a look goes through all that has been due, and takes its 5 ms from what is measured.
    while not made.drained():  # noqa: ASYNC110 - the database gives no notice of it
        await asyncio.sleep(LOOK_S)


async def _publish_at(run: Run, stores: Sequence[str], rate: int, seconds: float) -> dict[str, float]:
    """Publishes so many events a second as the relay does; answers when each was, in Unix time, by id.

    Events come at even distances, and each counts from its own time. There is one relay, with one call at a time, which
    takes all that has come since the last one.
    """
    sent: dict[str, float] = {}
    channel = service_channel(run.system.values["webhooks_address"], "catalog", run.system.values["service_secret"])
    async with channel:
        stub = webhooks_pb2_grpc.WebhooksServiceStub(channel)
        began, number = time.time(), 0
        while number < rate * seconds:
            await asyncio.sleep(max(0.0, began + number / rate - time.time()))
            batch = []
            while number < rate * seconds and (moment := began + number / rate) <= time.time():
                event = _event(stores[number % len(stores)], number)
                sent[event.id] = moment
                batch.append(event)
                number += 1
                if len(batch) == BATCH_EVENTS:
                    break
            await stub.PublishEvents(webhooks_pb2.PublishEventsRequest(events=batch), timeout=DEADLINE_S)
    return sent


def _event(store: str, number: int) -> webhooks_pb2.Event:
    moment = Timestamp()
    moment.GetCurrentTime()
    data = json.dumps({"productId": "prod_bench", "before": None, "after": {"name": "x" * 700}})
    return webhooks_pb2.Event(
        id=new_id("evt"),
        store=f"stores/{store}",
        type="product.updated",
        occur_time=moment,
        sequence=number + 1,
        data=data,
    )
