"""What has to be tidied now and then: products that were deleted so long ago that nobody is told of them any more."""

import asyncio
import logging

from services.catalog import products
from services.common.database import Database
from services.common.errors import SedifexError
from services.common.times import now

log = logging.getLogger(__name__)

LOOK_S = 600.0
BATCH = 500
"""Products that are removed in one transaction, while other writers of their store wait."""


async def run(database: Database) -> None:
    """Tidies now and then, until cancelled."""
    while True:
        try:
            while await database.write(products.forget_deleted, now(), BATCH):
                pass
        except SedifexError as failure:
            log.warning("what was deleted long ago stays for now", extra={"cause": failure.reason})
        except Exception:
            log.exception("what was deleted long ago could not be removed")
        await asyncio.sleep(LOOK_S)
