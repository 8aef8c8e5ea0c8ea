"""Attempts in the traces of the requests that caused them. Asked for only while traces are on."""

import logging
import time
from collections.abc import Sequence

from services.common import tracing
from services.common.database import BlockingDatabase
from services.common.errors import SedifexError
from services.webhooks.models import handle
from services.webhooks.worker.completion import Result

log = logging.getLogger(__name__)

_TRACED = """
    SELECT delivery.id, event.id, event.type, delivery.endpoint_id, event.traceparent
    FROM delivery JOIN event ON event.id = delivery.event_id
    WHERE delivery.id = ANY (%s) AND event.traceparent <> ''
"""


def note(database: BlockingDatabase, results: Sequence[Result]) -> None:
    """Notes the attempts that belong to a trace. Whatever goes wrong costs the trace, and nothing else."""
    tried = {each.delivery_id: each for each in results if each.attempt_id is not None}
    try:
        rows = database.read(_read, list(tried))
    except SedifexError as failure:
        log.warning("attempts are missing in traces", extra={"cause": failure.reason})
        return
    ahead = time.time() - time.monotonic()
    for delivery_id, event_id, event_type, endpoint_id, traceparent in rows:
        result = tried[delivery_id]
        begin = result.begin + ahead
        attributes: dict[str, str | int] = {
            "sedifex.event": event_id,
            "sedifex.event_type": event_type,
            "sedifex.delivery": delivery_id,
            "sedifex.endpoint": endpoint_id,
            "sedifex.attempt": result.attempt_number,
            "sedifex.state": result.state,
            "http.response.status_code": result.status_code,
        }
        end = begin + result.latency_ms / 1000
        failed = not 200 <= result.status_code < 300
        tracing.note("deliver", "CLIENT", traceparent, begin=begin, end=end, attributes=attributes, failed=failed)


def _read(delivery_ids: list[str]) -> list[tuple[str, str, str, str, str]]:
    with handle.cursor() as cursor:
        cursor.execute(_TRACED, (delivery_ids,))
        rows: list[tuple[str, str, str, str, str]] = cursor.fetchall()
    return rows
