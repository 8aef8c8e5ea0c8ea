"""What the gateway is measured against: `python -m bench.rest_servers --port 8089 --catalog 127.0.0.1:50052`.

One process with three routes: one that does nothing (`/bare`), the list of products written by hand (`/by-hand/…`), and
the same through the transcoder (`/v1/…`), which remembers nothing here, so that rendering is what is measured.
"""

import argparse
import asyncio
from typing import Any

import grpc
import uvicorn
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from gateway import transcoding
from services.common.clients import CHANNEL_OPTIONS
from services.common.server import MAX_MESSAGE_BYTES

DEADLINE_S = 15.0
UNCHANGED = Response(status_code=304, headers={"ETag": '"1"', "Cache-Control": "private, no-cache"})

_service = catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"]


async def bare(_request: Request) -> Response:
    """Answers 304 to anybody."""
    return UNCHANGED


class ByHand:
    """The list of products as one would write it for one service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._catalog: Any = catalog_pb2_grpc.CatalogServiceStub(channel)

    async def serve(self, request: Request) -> Response:
        """Answers a page of products."""
        asked = catalog_pb2.ListProductsRequest(
            parent=f"stores/{request.path_params['store']}",
            page_size=int(request.query_params.get("pageSize", "0")),
            if_none_match=request.headers.get("if-none-match", ""),
        )
        answer = await self._catalog.ListProducts(asked, metadata=_metadata(request), timeout=DEADLINE_S)
        content = {"products": [_product(each) for each in answer.products], "etag": answer.etag}
        if answer.next_page_token:
            content["nextPageToken"] = answer.next_page_token
        return JSONResponse(content, headers={"ETag": answer.etag, "Cache-Control": "private, no-cache"})


def _product(product: catalog_pb2.Product) -> dict[str, Any]:
    """The fields that the products of this benchmark have."""
    found: dict[str, Any] = {
        "name": product.name,
        "displayName": product.display_name,
        "description": product.description,
        "category": product.category,
        "sku": product.sku,
        "price": {"currencyCode": product.price.currency_code, "amount": product.price.amount},
        "stockCount": product.stock_count,
        "itemType": catalog_pb2.Product.ItemType.Name(product.item_type),
        "images": [{"uri": each.uri, "altText": each.alt_text} for each in product.images],
        "status": catalog_pb2.Product.Status.Name(product.status),
        "websiteVisible": product.website_visible,
        "createTime": product.create_time.ToJsonString(),
        "updateTime": product.update_time.ToJsonString(),
        "etag": product.etag,
        "availability": catalog_pb2.Product.Availability.Name(product.availability),
    }
    if product.sort_order:
        found["sortOrder"] = product.sort_order
    return found


def _metadata(request: Request) -> list[tuple[str, str | bytes]]:
    return [("authorization", request.headers.get("authorization", ""))]


async def _run(options: argparse.Namespace) -> None:
    limit = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    async with grpc.aio.insecure_channel(options.catalog, options=[*CHANNEL_OPTIONS, *limit]) as channel:
        transcoder = transcoding.Transcoder(
            [(_service, channel)], metadata=_metadata, options=transcoding.Options(rendered_bytes=0)
        )
        by_hand = ByHand(channel)
        routes = [Route("/bare", bare), Route("/by-hand/{store}", by_hand.serve), Mount("/", transcoder)]
        config = uvicorn.Config(
            Starlette(routes=routes), port=options.port, http="httptools", loop="asyncio", log_config=None
        )
        await uvicorn.Server(config).serve()


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="bench.rest_servers")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--catalog", required=True)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
