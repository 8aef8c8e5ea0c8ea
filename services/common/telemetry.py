"""Logs as JSON lines, with the request id that ties the lines of all services to one call.

What is logged is named field by field; metadata, headers, bodies and settings never are, so no secret can slip in.
"""

import json
import logging
import re
import secrets
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

REQUEST_ID_HEADER = "x-request-id"

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_SECRET = re.compile(r"sdfx_|whsec_")
"""How our secrets begin: somebody may put one where an id belongs, and ids are logged."""
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}


def configure_logging(service: str, level: str) -> None:
    """Sends every log record of this process to standard error, a JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # These speak of each run of each job; the jobs speak for themselves.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    # These would log every statement with its values, hashes of passwords among them.
    logging.getLogger("peewee").setLevel(logging.WARNING)


def begin_request(offered: str | None) -> str:
    """Takes the caller's request id if it is one that may stand in a log, else a new one; it holds for this task."""
    is_fine = offered and _ACCEPTED_ID.fullmatch(offered) and not _SECRET.search(offered)
    accepted = offered if offered and is_fine else secrets.token_hex(12)
    _request_id.set(accepted)
    return accepted


def request_id() -> str:
    """The id of the request that this task works for; empty outside of requests."""
    return _request_id.get()


class _JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id():
            entry["requestId"] = current
        entry |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            entry["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(entry, default=str, ensure_ascii=False)
