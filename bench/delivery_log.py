"""Figures of the delivery log: what a page costs in a log of thousands and in one of millions."""

import io
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ulid import ULID

from bench.figures import Figure, Row, Run, percentile
from rig.partners import Partners, partners
from services.common.database import BlockingDatabase
from services.webhooks import log_queries
from services.webhooks.log_queries import NO_ANSWER, LogFilter
from services.webhooks.models import handle

FEW, MANY, MOST = 10_000, 1_000_000, 10_000_000
WHOLE_S = 300.0
"""From `--seconds 300` on the log has ten million deliveries, which take a few minutes to make."""
CHUNK = 200_000
DAYS = 29
ENDPOINTS = 20
PRODUCTS = 5_000
PAGE = 50
READS = 40
COLUMNS = (
    "id, store_id, endpoint_id, event_id, event_type, product_id, state, attempt_count, last_status_code, last_error,"
    " create_time, next_attempt_time, finish_time"
)
_MARK = """
    INSERT INTO delivery_mark (delivery_id, store_id, endpoint_id, mark)
    SELECT id, store_id, endpoint_id, state FROM delivery WHERE store_id = %s AND state = 'dead'
    UNION ALL
    SELECT id, store_id, endpoint_id, last_status_code::text FROM delivery
    WHERE store_id = %s AND attempt_count > 0 AND last_status_code NOT BETWEEN 200 AND 299
"""


async def log(run: Run) -> Sequence[Row]:
    """Pages by each filter, at the log's head and in its middle."""
    size = MOST if run.seconds >= WHOLE_S else MANY
    url = run.system.values["webhooks_database_url"]
    found: dict[int, dict[str, list[float]]] = {}
    with partners(run.system, logs=False) as made, BlockingDatabase(handle, url, "bench") as database:
        for count in (FEW, size):
            store = f"st_log{count}"
            endpoints = made.add_endpoints(ENDPOINTS, store)
            _fill(made, store, endpoints, count)
            found[count] = {name: _read(database, store, wanted) for name, wanted in _filters(endpoints).items()}
    few, many = found.values()
    return [
        Row(
            f"log of {size:,}, page of {PAGE}, {name}",
            f"p50 {percentile(many[name], 50):.1f} ms, p95 {percentile(many[name], 95):.1f} ms",
            f"p50 {percentile(few[name], 50):.1f} ms: of {FEW:,}",
            f"{percentile(many[name], 50) / percentile(few[name], 50):.2f}",
        )
        for name in many
    ]


FIGURES = (Figure("log", log),)


def _filters(endpoints: Sequence[str]) -> dict[str, LogFilter]:
    middle = datetime.now(UTC) - timedelta(days=DAYS / 2)
    hour = {"start_time": middle, "end_time": middle + timedelta(hours=1)}
    return {
        "all": LogFilter(),
        "of an endpoint": LogFilter(endpoint_id=endpoints[3]),
        "of a product": LogFilter(product_id="prod_7"),
        "dead": LogFilter(state="dead"),
        "answered 500": LogFilter(status_code=500),
        "not answered": LogFilter(status_code=NO_ANSWER),
        "an hour in the middle": LogFilter(start_time=hour["start_time"], end_time=hour["end_time"]),
        "of an endpoint, dead": LogFilter(endpoint_id=endpoints[3], state="dead"),
        "pending, one in 10,000": LogFilter(state="pending"),
        "of a rare type": LogFilter(event_type="product.deleted"),
    }


def _read(database: BlockingDatabase, store: str, wanted: LogFilter) -> list[float]:
    """How long pages take, in milliseconds: the first, and those that follow it."""
    took: list[float] = []
    after = None
    for _ in range(READS):
        began = time.perf_counter()
        page = database.read(log_queries.list_deliveries, store, wanted, after, PAGE)
        took.append((time.perf_counter() - began) * 1000)
        last = page.stopped_at or (page.deliveries[-1].id if len(page.deliveries) == PAGE else None)
        after = [last] if last else None
    return took


def _fill(made: Partners, store: str, endpoints: Sequence[str], count: int) -> None:
    with made.connection.cursor() as cursor:
        # Without what else a delivery brings with it: a page of the log reads none of that.
        cursor.execute("SET session_replication_role = replica")
        try:
            for start in range(0, count, CHUNK):
                rows = io.StringIO("".join(_rows(store, endpoints, start, min(count, start + CHUNK), count)))
                cursor.copy_expert(f"COPY delivery ({COLUMNS}) FROM STDIN", rows)
            cursor.execute(_MARK, (store, store))
        finally:
            cursor.execute("SET session_replication_role = origin")
        cursor.execute("ANALYZE delivery; ANALYZE delivery_mark")


def _rows(store: str, endpoints: Sequence[str], start: int, end: int, count: int) -> Iterator[str]:
    first = time.time() - DAYS * 86_400
    for number in range(start, end):
        moment = first + DAYS * 86_400 * number / count
        ulid = ULID.from_bytes(int(moment * 1000).to_bytes(6, "big") + number.to_bytes(10, "big"))
        state, code = "succeeded", 200
        if number % 10_000 == 77:
            state, code = "pending", 503
        elif number % 100 == 13:
            state, code = "dead", (500, 0, 404)[number // 100 % 3]
        kind = "product.deleted" if number % 5_000 == 9 else "product.updated"
        at = datetime.fromtimestamp(moment, UTC).isoformat()
        ends = f"{at}\t\\N" if state == "pending" else f"\\N\t{at}"
        yield (
            f"dlv_{ulid}\t{store}\t{endpoints[number % len(endpoints)]}\tevt_{ulid}\t{kind}\tprod_{number % PRODUCTS}"
            f"\t{state}\t1\t{code}\t\t{at}\t{ends}\n"
        )
