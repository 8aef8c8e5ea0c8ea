"""The Keys service, which notes in its log how long each revocation waited for the watchers."""

import logging
import time
from unittest import mock

from services.common import server
from services.common.settings import KeysSettings
from services.keys.__main__ import serving
from services.keys.barrier import Barrier, Confirmation

MESSAGE = "barrier"
"""The message of the log lines; their "ms" is the time."""

log = logging.getLogger(__name__)
_confirm = Barrier.confirm


async def _timed(self: Barrier) -> Confirmation:
    began = time.perf_counter()
    confirmed = await _confirm(self)
    log.info(MESSAGE, extra={"ms": (time.perf_counter() - began) * 1000})
    return confirmed


if __name__ == "__main__":
    with mock.patch.object(Barrier, "confirm", _timed):
        server.run("keys", KeysSettings, serving)
