"""What tests share: a real PostgreSQL, and the three services on it, each on a port of its own."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from xdist.scheduler import LoadScopeScheduling

from cli import migrations
from cli.up import postgres
from services.catalog.__main__ import serving as catalog_serving
from services.common.settings import AnySettings, CatalogSettings, DatabaseSettings, KeysSettings, WebhooksSettings
from services.keys.__main__ import serving as keys_serving
from services.webhooks.__main__ import serving as webhooks_serving
from tests.partner import Partner, listening
from tests.system import Settings, System, random_secret

TOGETHER = ("tests/plugin/", "tests/e2e/secured/")
"""Folders whose tests share what takes long to make."""


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives whole files to `pytest -n`'s processes, and some folders whole: fixtures are made once for each."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How tests are divided among processes."""
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """URLs of the services' databases, migrated and empty, on a PostgreSQL that ends with the tests."""
    server = postgres.start(tmp_path_factory.mktemp("pg") / "data")
    try:
        _forgo_durability(server.get_uri())
        urls = postgres.create_databases(server)
        migrations.migrate_all(DatabaseSettings.model_validate(_database_urls(urls)))
        yield urls
    finally:
        server.stop()


@pytest.fixture(scope="session")
def settings(databases: dict[str, str]) -> Settings:
    """The settings of every service, with fresh secrets and free ports."""
    values = {
        "mode": "development",
        "service_secret": random_secret(),
        "drain_seconds": 2,
        "worker_drain_seconds": 2,
        "database_threads": 4,
        "refused_per_minute": 1_000_000,  # all of the tests come from one address
        "token_peppers": [{"version": 1, "secret": random_secret()}],
        "member_secret_keys": [{"version": 1, "secret": random_secret()}],
        "public_url": "https://shops.example.com",
        "webhook_secret_keys": [{"version": 1, "secret": random_secret()}],
        "webhook_allow_http": True,
        "webhook_allowed_networks": ["127.0.0.0/8"],
        **_database_urls(databases),
    }
    for name, address in _free_addresses("keys", "catalog", "webhooks").items():
        values |= {f"{name}_listen": address, f"{name}_address": address}

    def take(kind: type[AnySettings]) -> AnySettings:
        return kind.model_validate({name: value for name, value in values.items() if name in kind.model_fields})

    return Settings(take(KeysSettings), take(CatalogSettings), take(WebhooksSettings))


@pytest.fixture(scope="session")
async def system(settings: Settings) -> AsyncIterator[System]:
    """The three services, running, and an operator to call them as. Tests keep apart by using stores of their own."""
    async with (
        keys_serving(settings.keys),
        webhooks_serving(settings.webhooks),
        catalog_serving(settings.catalog),
        System.connect(settings) as connected,
    ):
        yield connected


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A partner's endpoint."""
    with listening() as made:
        yield made


def _database_urls(urls: dict[str, str]) -> dict[str, str]:
    return {f"{service}_database_url": url for service, url in urls.items()}


def _forgo_durability(url: str) -> None:
    """Tests that need no durability need not wait for the disk."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET fsync = off")
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()


def _free_addresses(*names: str) -> dict[str, str]:
    held = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    addresses = {name: f"127.0.0.1:{each.getsockname()[1]}" for name, each in held.items()}
    for each in held.values():
        each.close()
    return addresses


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return Path(__file__).resolve().parents[1]
