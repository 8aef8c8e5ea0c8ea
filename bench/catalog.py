"""Figures of the catalogue: how fast products go in, and what it costs to read and follow them as they become many."""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2's name for a class
from sedifex.catalog.v1 import catalog_pb2

from bench.figures import Figure, Row, Run, percentile
from rig.operator import Operator

SIZES = (100, 10_000, 100_000)
BATCH = 1_000
WRITTEN = 20_000
"""Products whose writing is timed."""
READS = 50
DEADLINE_S = 30.0
PAGE = 100


async def batch_upsert(run: Run) -> Sequence[Row]:
    """New products by the thousand, and COPY of the same rows into a table with the same indexes."""
    store = await run.operator.new_store()
    seconds = await fill(run.operator, store, WRITTEN)
    again = await fill(run.operator, store, WRITTEN)
    copied = await asyncio.to_thread(_copy, run.system.values["catalog_database_url"], store)
    per_second, reference = WRITTEN / seconds, WRITTEN / copied
    return [
        Row(
            f"batch upsert, {BATCH:,} a call",
            f"{per_second:,.0f} products/s",
            f"{reference:,.0f}/s: COPY, same indexes",
            f"{per_second / reference:.0%}",
            "≥ 10,000/s",
        ),
        Row("  the same again, unchanged", f"{WRITTEN / again:,.0f} products/s"),
    ]


async def reads(run: Run) -> Sequence[Row]:
    """A page of 100, the same unchanged, and one change, of catalogues that grow."""
    rows: list[Row] = []
    smallest: dict[str, float] = {}
    for size in SIZES:
        store = await run.operator.new_store()
        await fill(run.operator, store, size)
        for name, value in (await _read_costs(run.operator, store)).items():
            smallest.setdefault(name, value)
            reference = f"{smallest[name]:.2f} ms: of {SIZES[0]}" if size != SIZES[0] else ""
            ratio = f"{value / smallest[name]:.2f}×" if reference else ""
            rows.append(Row(f"{name}, of {size:,}", f"{value:.2f} ms", reference, ratio))
    return rows


async def _read_costs(operator: Operator, store: str) -> dict[str, float]:
    """The median of each kind of read, in milliseconds."""
    listing: dict[str, Any] = {"parent": store, "page_size": PAGE}
    first = await _call(operator, "ListProducts", catalog_pb2.ListProductsRequest(**listing))
    costs = {
        f"list of {PAGE}": await _timed(
            lambda: _call(operator, "ListProducts", catalog_pb2.ListProductsRequest(**listing))
        ),
        f"list of {PAGE}, unchanged": await _timed(
            lambda: _call(
                operator, "ListProducts", catalog_pb2.ListProductsRequest(**listing, if_none_match=first.etag)
            )
        ),
        f"list of {PAGE} by price": await _timed(
            lambda: _call(operator, "ListProducts", catalog_pb2.ListProductsRequest(**listing, order_by="price desc"))
        ),
        f"search, {PAGE} found": await _timed(
            lambda: _call(operator, "ListProducts", catalog_pb2.ListProductsRequest(**listing, query="product 9"))
        ),
    }
    cursor = await _follow(operator, store)
    await _change_one(operator, store)
    request = catalog_pb2.ListProductChangesRequest(parent=store, cursor=cursor)
    return costs | {"changes, one": await _timed(lambda: _call(operator, "ListProductChanges", request))}


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(READS):
        began = time.perf_counter()
        await call()
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 50)


async def fill(operator: Operator, store: str, count: int) -> float:
    """Writes so many products, each the same whenever it is written; answers how long it took, in seconds."""
    requests = [
        catalog_pb2.BatchUpsertProductsRequest(
            parent=store, products=[_product(number) for number in range(start, min(start + BATCH, count))]
        )
        for start in range(0, count, BATCH)
    ]
    began = time.perf_counter()
    for request in requests:
        answer = await _call(operator, "BatchUpsertProducts", request)
        if answer.invalid_count:
            raise ValueError(f"a row is not valid: {answer.results[0].problems}")
    return time.perf_counter() - began


def _product(number: int) -> catalog_pb2.Product:
    return catalog_pb2.Product(
        display_name=f"Product {number}",
        description="Unrefined, from Tamale. In a tub that is used again for many other things.",
        category=f"Category {number % 40}",
        sku=f"SKU-{number:07}",
        price=catalog_pb2.Money(amount=f"{number % 900}.50"),
        stock_count=number % 50,
        sort_order=number % 1000,
        images=[catalog_pb2.ProductImage(uri=f"https://images.example/{number}.jpg", alt_text="A tub")],
    )


async def _follow(operator: Operator, store: str) -> str:
    cursor, more = "", True
    while more:
        request = catalog_pb2.ListProductChangesRequest(parent=store, cursor=cursor, page_size=200)
        answer = await _call(operator, "ListProductChanges", request)
        cursor, more = answer.next_cursor, answer.more
    return cursor


async def _change_one(operator: Operator, store: str) -> None:
    row = catalog_pb2.Product(sku="SKU-0000050", stock_count=1_000)
    await _call(operator, "BatchUpsertProducts", catalog_pb2.BatchUpsertProductsRequest(parent=store, products=[row]))


async def _call(operator: Operator, method: str, request: Any) -> Any:
    return await getattr(operator.catalog, method)(request, metadata=operator.metadata, timeout=DEADLINE_S)


def _copy(url: str, store: str) -> float:
    """How long COPY of the store's products into a table like theirs takes, in seconds; the best of three."""
    with psycopg2.connect(url) as connection:
        return min(_copy_once(connection, store) for _ in range(3))


def _copy_once(connection: Connection, store: str) -> float:
    columns = "store_id, id, display_name, description, category, brand, sku, barcode, price_amount, price_currency, "
    columns += "stock_count, low_stock_threshold, item_type, images, status, website_visible, sort_order, version, "
    columns += "create_time, update_time, other_prices, seen_version"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied")
        cursor.execute("CREATE TABLE copied (LIKE product INCLUDING ALL)")
        text = io.StringIO()
        chosen = cursor.mogrify(f"COPY (SELECT {columns} FROM product WHERE store_id = %s) TO STDOUT", (store[7:],))  # noqa: S608
        cursor.copy_expert(chosen, text)
        text.seek(0)
        began = time.perf_counter()
        cursor.copy_expert(f"COPY copied ({columns}) FROM STDIN", text)
        connection.commit()
        return time.perf_counter() - began


FIGURES = (Figure("catalog-writes", batch_upsert), Figure("catalog-reads", reads))
