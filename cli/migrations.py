"""Brings databases up to date."""

from services.catalog.__main__ import MIGRATIONS as CATALOG
from services.catalog.models import handle as catalog_handle
from services.common.database import bind, migrate
from services.common.settings import DatabaseSettings, load
from services.keys.__main__ import MIGRATIONS as KEYS
from services.keys.models import handle as keys_handle
from services.webhooks.__main__ import MIGRATIONS as WEBHOOKS
from services.webhooks.models import handle as webhooks_handle


def migrate_all(settings: DatabaseSettings | None = None) -> dict[str, list[str]]:
    """Applies what is missing to each database that the settings name; answers what was applied, by service.

    Raises:
        SystemExit: they name none.
    """
    named = settings or load(DatabaseSettings)
    targets = {
        "keys": (named.keys_database_url, keys_handle, KEYS),
        "catalog": (named.catalog_database_url, catalog_handle, CATALOG),
        "webhooks": (named.webhooks_database_url, webhooks_handle, WEBHOOKS),
    }
    applied = {}
    for service, (url, handle, directory) in targets.items():
        if url is not None:
            bind(handle, url.get_secret_value(), "migrate")
            applied[service] = migrate(handle, directory)
    if not applied:
        raise SystemExit("Name at least one database: set SEDIFEX_KEYS_DATABASE_URL, SEDIFEX_CATALOG_DATABASE_URL, …")
    return applied
