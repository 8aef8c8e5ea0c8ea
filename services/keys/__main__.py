"""The Keys service as a process: `sedifex keys`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sedifex.catalog.v1 import catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from services.common import server, telemetry
from services.common.clients import service_channel
from services.common.database import Database, check_migrated
from services.common.settings import KeysSettings, load
from services.common.stores import StoreDirectory
from services.keys.digest import Digester
from services.keys.models import handle
from services.keys.servicer import KeysServicer
from services.keys.usage import Usage
from services.keys.verification import LocalVerdicts

MIGRATIONS = Path(__file__).with_name("migrations")


@asynccontextmanager
async def serving(settings: KeysSettings) -> AsyncIterator[int]:
    """Serves KeysService while the context lasts; gives the port."""
    secret = settings.service_secret.get_secret_value()
    url = settings.keys_database_url.get_secret_value()
    with Database(handle, url, settings.database_threads, "keys") as database:
        check_migrated(handle, MIGRATIONS)
        digester = Digester(settings.token_peppers)
        usage = Usage(database)
        verdicts = LocalVerdicts(database, digester, usage)
        async with service_channel(settings.catalog_address, "keys", secret) as catalog, _noting(usage):
            stores = StoreDirectory(catalog_pb2_grpc.CatalogServiceStub(catalog))
            service = server.Service(
                keys_pb2.DESCRIPTOR.services_by_name["KeysService"],
                KeysServicer(database, digester, verdicts, stores),
                keys_pb2_grpc.add_KeysServiceServicer_to_server,
            )
            async with server.serving(
                service,
                address=settings.keys_listen,
                verdicts=verdicts,
                service_secret=secret,
                database=database,
                drain_seconds=settings.drain_seconds,
            ) as port:
                yield port


@asynccontextmanager
async def _noting(usage: Usage) -> AsyncIterator[None]:
    running = asyncio.create_task(usage.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await usage.flush()


async def _main() -> None:
    settings = load(KeysSettings)
    telemetry.configure_logging("keys", settings.log_level)
    async with serving(settings):
        await server.until_stopped()


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    asyncio.run(_main())


if __name__ == "__main__":
    main()
