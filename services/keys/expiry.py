"""Tells of keys that come near their end, and of those that have come to it.

Nothing is decided here: a key ends at its moment whether or not anybody is told. Each end is told of once, by whichever
Keys process comes first.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from prometheus_client import Gauge
from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller
from services.common.database import Database
from services.common.errors import SedifexError
from services.common.ids import new_id
from services.common.metrics import COUNTED
from services.common.times import now as current_time
from services.keys import events, queries
from services.keys.audit import Act
from services.keys.states import EXPIRING_SOON

log = logging.getLogger(__name__)

LOOK_S = 20.0
EXPIRING = Gauge(
    "sedifex_keys_expiring",
    f"API keys that end within {EXPIRING_SOON.days} days, counted to {COUNTED:,}.",
    registry=None,
)
ITSELF = Caller("services/keys", access_pb2.AUDIENCE_SERVICE)


def tell_of_next_end(now: datetime, new_entry_id: Callable[[], str]) -> bool:
    """Tells of one key that ends soon or has ended, in this transaction; False if there is none to tell of.

    One at a time: several would lock the chains of several stores in no order.
    """
    key = queries.lock_key_to_tell_of(now, now + EXPIRING_SOON)
    if key is None or key.expire_time is None:
        return False
    told = "expired" if key.expire_time <= now else "expiring"
    after = replace(key, expiry_told=told)
    queries.update_key(after)
    events.tell(Act(ITSELF, now, "", new_entry_id), f"key.{told}", key, after)
    return True


def sample(now: datetime) -> dict[Gauge, float]:
    """How many keys come near their end, for metrics."""
    return {EXPIRING: queries.count_expiring(now, now + EXPIRING_SOON, COUNTED)}


async def run(database: Database) -> None:
    """Tells of ends now and then, until cancelled."""
    while True:
        try:
            while await database.write(tell_of_next_end, current_time(), lambda: new_id("aud")):
                pass
        except SedifexError as failure:
            log.warning("ends of keys wait to be told of", extra={"cause": failure.reason})
        except Exception:
            log.exception("ends of keys could not be told of")
        await asyncio.sleep(LOOK_S)
