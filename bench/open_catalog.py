"""The Catalog service without its door: all is as in the real process, but nobody asks who is calling.

It is what the price of the access check is measured against, and listens on this machine only.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import grpc
from sedifex.access.v1 import access_pb2

from services.catalog.__main__ import serving
from services.common import server
from services.common.access.caller import Caller, set_caller
from services.common.access.interceptor import AccessInterceptor
from services.common.settings import CatalogSettings

_make_server = grpc.aio.server


def _without_door(*, interceptors: list[Any], **options: Any) -> grpc.aio.Server:
    kept = [each for each in interceptors if not isinstance(each, AccessInterceptor)]
    if len(kept) != len(interceptors) - 1:
        raise LookupError("there is no door to leave out")
    return _make_server(interceptors=kept, **options)


@asynccontextmanager
async def open_serving(settings: CatalogSettings) -> AsyncIterator[int]:
    """Serves CatalogService to everybody while the context lasts; gives the port."""
    # Every call's task begins with a copy of what is set here.
    set_caller(Caller("services/bench", access_pb2.AUDIENCE_SERVICE))
    with mock.patch.object(grpc.aio, "server", _without_door):
        async with serving(settings) as port:
            yield port


if __name__ == "__main__":
    server.run("catalog", CatalogSettings, open_serving)
