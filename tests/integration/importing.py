"""Imports as tests make them, over gRPC."""

import asyncio
import time
from typing import Any

from sedifex.catalog.v1 import catalog_pb2, imports_pb2

from tests.system import Client

Import = imports_pb2.Import
WAIT_S = 60.0
PIECE = 700_000


async def import_file(client: Client, store: str, content: str | bytes, **values: Any) -> imports_pb2.Import:
    job = await upload(client, store, content, **values)
    await client.imports.StartImport(imports_pb2.StartImportRequest(name=job.name))
    return await ended(client, job.name)


async def upload(client: Client, store: str, content: str | bytes, **values: Any) -> imports_pb2.Import:
    data = content.encode() if isinstance(content, str) else content
    request = imports_pb2.CreateImportRequest(parent=store, job=Import(display_name="shop.csv", **values))
    job: imports_pb2.Import = (await client.imports.CreateImport(request)).job
    for offset in range(0, len(data), PIECE):
        piece = data[offset : offset + PIECE]
        append = imports_pb2.AppendImportContentRequest(name=job.name, offset=offset, content=piece)
        job = (await client.imports.AppendImportContent(append)).job
    return job


async def ended(client: Client, name: str) -> imports_pb2.Import:
    deadline = time.monotonic() + WAIT_S
    while True:
        job: imports_pb2.Import = (await client.imports.GetImport(imports_pb2.GetImportRequest(name=name))).job
        if job.HasField("end_time"):
            return job
        assert time.monotonic() < deadline, job
        await asyncio.sleep(0.02)


async def products(client: Client, store: str) -> list[catalog_pb2.Product]:
    listed: list[catalog_pb2.Product] = []
    token = ""
    while True:
        request = catalog_pb2.ListProductsRequest(parent=store, page_size=200, page_token=token)
        page = await client.catalog.ListProducts(request)
        listed += page.products
        token = page.next_page_token
        if not token:
            return listed


async def problems(client: Client, name: str) -> list[imports_pb2.ImportProblem]:
    """All problems that are kept of an import."""
    listed: list[imports_pb2.ImportProblem] = []
    token = ""
    while True:
        request = imports_pb2.ListImportProblemsRequest(parent=name, page_size=200, page_token=token)
        page = await client.imports.ListImportProblems(request)
        listed += page.problems
        token = page.next_page_token
        if not token:
            return listed
