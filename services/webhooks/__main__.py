"""The Webhooks service as a process: `sedifex webhooks`. Its worker is another: `sedifex webhooks-worker`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sedifex.catalog.v1 import catalog_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from services.common import server
from services.common.access.leased import leased_verdicts
from services.common.access.verdicts import RemoteSource
from services.common.clients import service_channel
from services.common.database import Database, check_migrated
from services.common.dependence import Dependence
from services.common.errors import InvalidArgument
from services.common.observed import observed
from services.common.settings import WebhooksSettings
from services.common.stores import StoreDirectory
from services.common.vault import Vault
from services.common.waiting import running
from services.webhooks import backlog, destination, seal_queries
from services.webhooks.models import handle
from services.webhooks.replaying import Replaying
from services.webhooks.servicer import WebhooksServicer

MIGRATIONS = Path(__file__).with_name("migrations")


@asynccontextmanager
async def serving(settings: WebhooksSettings) -> AsyncIterator[int]:
    """Serves WebhooksService while the context lasts; gives the port."""
    secret = settings.service_secret.get_secret_value()
    url = settings.webhooks_database_url.get_secret_value()
    with Database(handle, url, settings.database_threads, "webhooks") as database:
        check_migrated(handle, MIGRATIONS)
        vault = Vault(settings.webhook_secret_keys)
        async with (
            service_channel(settings.keys_address, "webhooks", secret, settings.tls) as keys,
            service_channel(settings.catalog_address, "webhooks", secret, settings.tls) as catalog,
            leased_verdicts(RemoteSource.behind(keys), settings.refused_per_minute) as verdicts,
        ):
            stores = StoreDirectory(catalog_pb2_grpc.CatalogServiceStub(catalog))
            replaying = Replaying(database)
            service = server.Service(
                webhooks_pb2.DESCRIPTOR.services_by_name["WebhooksService"],
                WebhooksServicer(database, vault, stores, _url_check(settings), replaying),
                webhooks_pb2_grpc.add_WebhooksServiceServicer_to_server,
            )
            async with (
                running(replaying.run(), dependence(vault).warn(database)),
                observed(settings.metrics_listen, "webhooks", database, verdicts, sample=backlog.sample),
                server.serving(
                    [service],
                    address=settings.webhooks_listen,
                    verdicts=verdicts,
                    service_secret=secret,
                    database=database,
                    drain_seconds=settings.drain_seconds,
                    tls_files=settings.tls,
                ) as port,
            ):
                yield port


def dependence(vault: Vault) -> Dependence:
    """What is in the database and hangs on secrets of the settings."""
    return Dependence("SEDIFEX_WEBHOOK_SECRET_KEYS", vault.versions, seal_queries.count_signing)


def _url_check(settings: WebhooksSettings) -> Callable[[str, str], str]:
    def check(url: str, field: str) -> str:
        try:
            return destination.check_url(
                url, allow_insecure=settings.webhook_allow_http, allowed=settings.webhook_allowed_networks
            )
        except destination.InvalidDestination as problem:
            raise InvalidArgument.field(field, str(problem), reason="URL_NOT_ALLOWED") from None

    return check


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    server.run("webhooks", WebhooksSettings, serving)


if __name__ == "__main__":
    main()
