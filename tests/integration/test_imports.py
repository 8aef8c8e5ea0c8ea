"""Files of products as jobs: what comes of them, and that nothing is lost or done twice, whatever happens."""

import asyncio
import time
from typing import Any

import grpc
from sedifex.catalog.v1 import catalog_pb2, imports_pb2

from tests.system import Client, System

Code = grpc.StatusCode
Import = imports_pb2.Import
WAIT_S = 30.0
PIECE = 700_000

SHOP = """Name,Price,Stock,SKU
Raw Shea Butter 500g,45.00,32,SHEA-500
Milo Tin 400g,62.50,3,
Kente Stole,,,
"""


async def test_a_name_and_a_price_are_enough(system: System) -> None:
    store = await system.new_store()
    job = await _import(system.operator, store, "Name,Price\nShea,45\nMilo,\n")
    assert (job.state, job.created_count, job.row_count, job.total_row_count) == (Import.STATE_SUCCEEDED, 2, 2, 2)
    shea, milo = sorted(await _products(system.operator, store), key=lambda each: each.display_name, reverse=True)
    assert (shea.display_name, shea.price.amount, shea.price.currency_code) == ("Shea", "45.00", "GHS")
    assert not milo.HasField("price")


async def _import(client: Client, store: str, content: str | bytes, **values: Any) -> imports_pb2.Import:
    job = await _upload(client, store, content, **values)
    await client.imports.StartImport(imports_pb2.StartImportRequest(name=job.name))
    return await _ended(client, job.name)


async def _upload(client: Client, store: str, content: str | bytes, **values: Any) -> imports_pb2.Import:
    data = content.encode() if isinstance(content, str) else content
    request = imports_pb2.CreateImportRequest(parent=store, job=Import(display_name="shop.csv", **values))
    job: imports_pb2.Import = (await client.imports.CreateImport(request)).job
    for offset in range(0, len(data), PIECE):
        piece = data[offset : offset + PIECE]
        request = imports_pb2.AppendImportContentRequest(name=job.name, offset=offset, content=piece)
        job = (await client.imports.AppendImportContent(request)).job
    return job


async def _ended(client: Client, name: str) -> imports_pb2.Import:
    deadline = time.monotonic() + WAIT_S
    while True:
        job: imports_pb2.Import = (await client.imports.GetImport(imports_pb2.GetImportRequest(name=name))).job
        if job.HasField("end_time"):
            return job
        assert time.monotonic() < deadline, job
        await asyncio.sleep(0.02)


async def _products(client: Client, store: str) -> list[catalog_pb2.Product]:
    listed: list[catalog_pb2.Product] = []
    token = ""
    while True:
        request = catalog_pb2.ListProductsRequest(parent=store, page_size=200, page_token=token)
        page = await client.catalog.ListProducts(request)
        listed += page.products
        token = page.next_page_token
        if not token:
            return listed
