"""The Catalog service as a process: `sedifex catalog`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc, imports_pb2, imports_pb2_grpc

from services.catalog import upkeep
from services.catalog.import_runner import running_imports
from services.catalog.imports_servicer import ImportsServicer
from services.catalog.models import handle, outbox
from services.catalog.servicer import CatalogServicer
from services.common import server
from services.common.access.leased import leased_verdicts
from services.common.access.verdicts import RemoteSource
from services.common.clients import service_channel
from services.common.database import Database, check_migrated
from services.common.observed import observed
from services.common.relay import relaying
from services.common.settings import CatalogSettings
from services.common.waiting import running

MIGRATIONS = Path(__file__).with_name("migrations")


@asynccontextmanager
async def serving(settings: CatalogSettings) -> AsyncIterator[int]:
    """Serves CatalogService and ImportsService, relays events and works on imports while the context lasts.

    Gives the port.
    """
    secret = settings.service_secret.get_secret_value()
    url = settings.catalog_database_url.get_secret_value()
    with Database(handle, url, settings.database_threads, "catalog") as database:
        check_migrated(handle, MIGRATIONS)
        service = server.Service(
            catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
            CatalogServicer(database),
            catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
        )
        imports = server.Service(
            imports_pb2.DESCRIPTOR.services_by_name["ImportsService"],
            ImportsServicer(database),
            imports_pb2_grpc.add_ImportsServiceServicer_to_server,
        )
        async with (
            service_channel(settings.keys_address, "catalog", secret, settings.tls) as keys,
            service_channel(settings.webhooks_address, "catalog", secret, settings.tls) as webhooks,
            leased_verdicts(RemoteSource.behind(keys), settings.refused_per_minute) as verdicts,
            relaying(database, url, outbox, webhooks),
            running(upkeep.run(database)),
            running_imports(database, url),
            observed(settings.metrics_listen, "catalog", database, verdicts, sample=outbox.sample),
            server.serving(
                [service, imports],
                address=settings.catalog_listen,
                verdicts=verdicts,
                service_secret=secret,
                database=database,
                drain_seconds=settings.drain_seconds,
                tls_files=settings.tls,
            ) as port,
        ):
            yield port


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    server.run("catalog", CatalogSettings, serving)


if __name__ == "__main__":
    main()
