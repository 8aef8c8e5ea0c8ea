"""The Keys service as a process: `sedifex keys`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sedifex.catalog.v1 import catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc, members_pb2, members_pb2_grpc

from services.common import server
from services.common.access.leased import leased_verdicts
from services.common.clients import service_channel
from services.common.database import Database, check_migrated
from services.common.dependence import Dependence
from services.common.notifications import Listener
from services.common.observed import observed
from services.common.relay import relaying
from services.common.settings import KeysSettings
from services.common.stores import StoreDirectory
from services.common.times import now
from services.common.vault import Vault
from services.common.waiting import running
from services.keys import expiry, pepper_queries
from services.keys.account_servicer import Means
from services.keys.barrier import Barrier
from services.keys.digest import Digester
from services.keys.leases import CHANNEL
from services.keys.members_servicer import MembersServicer
from services.keys.membership.hashing import Hashing
from services.keys.models import handle, outbox
from services.keys.rehashing import Rehashing
from services.keys.servicer import KeysServicer
from services.keys.usage import Usage
from services.keys.watching import OwnSource, Watching

MIGRATIONS = Path(__file__).with_name("migrations")


@asynccontextmanager
async def serving(settings: KeysSettings) -> AsyncIterator[int]:
    """Serves KeysService and MembersService while the context lasts; gives the port."""
    secret = settings.service_secret.get_secret_value()
    url = settings.keys_database_url.get_secret_value()
    with Database(handle, url, settings.database_threads, "keys") as database, Hashing() as hashing:
        check_migrated(handle, MIGRATIONS)
        digester, barrier = Digester(settings.token_peppers), Barrier(database)
        rehashing = Rehashing(database, digester)
        usage, vault = Usage(database, rehashing), Vault(settings.member_secret_keys)
        watching = Watching(database, digester, barrier, usage, rehashing)
        async with (
            service_channel(settings.catalog_address, "keys", secret, settings.tls) as catalog,
            service_channel(settings.webhooks_address, "keys", secret, settings.tls) as webhooks,
            usage.noting(),
            running(barrier.run(), expiry.run(database)),
            running(*(each.warn(database) for each in dependences(digester, vault))),
            _hearing(url, barrier),
            relaying(database, url, outbox, webhooks),
            leased_verdicts(OwnSource(watching), settings.refused_per_minute) as verdicts,
        ):
            stores = StoreDirectory(catalog_pb2_grpc.CatalogServiceStub(catalog))
            means = Means(database, digester, vault, hashing, barrier, stores, settings.public_url)
            services = [
                server.Service(
                    keys_pb2.DESCRIPTOR.services_by_name["KeysService"],
                    KeysServicer(database, digester, barrier, watching, stores),
                    keys_pb2_grpc.add_KeysServiceServicer_to_server,
                ),
                server.Service(
                    members_pb2.DESCRIPTOR.services_by_name["MembersService"],
                    MembersServicer(means),
                    members_pb2_grpc.add_MembersServiceServicer_to_server,
                ),
            ]
            async with (
                observed(
                    settings.metrics_listen,
                    "keys",
                    database,
                    verdicts,
                    sample=lambda: outbox.sample() | expiry.sample(now()),
                ),
                server.serving(
                    services,
                    address=settings.keys_listen,
                    verdicts=verdicts,
                    service_secret=secret,
                    database=database,
                    drain_seconds=settings.drain_seconds,
                    tls_files=settings.tls,
                ) as port,
            ):
                yield port


@asynccontextmanager
async def _hearing(url: str, barrier: Barrier) -> AsyncIterator[None]:
    """Hears of changes that other Keys processes have made."""
    loop = asyncio.get_running_loop()
    listener = Listener(url, CHANNEL, lambda: loop.call_soon_threadsafe(barrier.announce))
    listener.start()
    try:
        yield
    finally:
        await asyncio.to_thread(listener.stop)


def dependences(digester: Digester, vault: Vault) -> list[Dependence]:
    """What is in the database and hangs on secrets of the settings."""
    return [
        Dependence("SEDIFEX_TOKEN_PEPPERS", digester.versions, lambda: pepper_queries.count_peppered(now())),
        Dependence("SEDIFEX_MEMBER_SECRET_KEYS", vault.versions, pepper_queries.count_one_time_codes),
    ]


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    server.run("keys", KeysSettings, serving)


if __name__ == "__main__":
    main()
