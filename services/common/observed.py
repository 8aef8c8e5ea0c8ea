"""The private listener of a process: its metrics, whether it lives, and whether it can do its work.

It answers whoever can reach it, so it listens nowhere unless it is told to, and on this machine alone unless it is told
an address. It tells nothing of any shop. It serves one request at a time, each within `REQUEST_S`: those who ask are a
Prometheus, a probe and now and then a person.
"""

import json
import logging
import socket
import socketserver
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler
from importlib import metadata

from prometheus_client import REGISTRY, Gauge
from prometheus_client.exposition import choose_encoder

from services.common import metrics
from services.common.access.leased import LeasedVerdicts
from services.common.database import Database
from services.common.metrics import Sample
from services.common.waiting import running

log = logging.getLogger(__name__)

REQUEST_S = 5.0
STILL_S = 3 * metrics.SAMPLE_S
"""After how long without a sign of life a process counts as stuck."""

BUILD = Gauge("sedifex_build_info", "Which process this is, and of which version; always 1.", ["process", "version"])

Checks = Mapping[str, bool]


def version() -> str:
    """The version of Sedifex that runs."""
    return metadata.version("sedifex-integrations")


class Pulse:
    """A sign of life that a loop gives, and others look at."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def beat(self) -> None:
        """Says that the loop turns."""
        self._last = time.monotonic()

    def is_alive(self) -> bool:
        """Whether it has said so lately."""
        return time.monotonic() - self._last < STILL_S


@contextmanager
def exposed(
    listen: str,
    process: str,
    *,
    alive: Callable[[], bool] = lambda: True,
    checks: Callable[[], Checks] = dict,
    request_seconds: float = REQUEST_S,
) -> Iterator[str]:
    """Listens at `listen` ("host:port", or "" for nowhere) while the context lasts; gives the address.

    `alive` says whether the process's own loop turns: if not, only a restart helps. `checks` says what it needs to do
    its work and whether it has it. Both are called from the listener's thread.

    Raises:
        OSError: the address cannot be listened on.
    """
    BUILD.labels(process, version()).set(1)
    if not listen:
        yield ""
        return
    host, _, port = listen.rpartition(":")
    answer = _answers(process, alive, checks)
    try:
        server = _Server((host.strip("[]"), int(port)), answer, request_seconds)
    except OSError as failure:
        raise OSError(f"{listen} cannot be listened on for metrics ({failure.strerror}).") from failure
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    address = "{}:{}".format(*server.server_address[:2])
    log.info("metrics", extra={"address": address})
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@asynccontextmanager
async def observed(
    listen: str,
    process: str,
    database: Database,
    verdicts: LeasedVerdicts,
    *,
    sample: Callable[[], Sample] = dict,
) -> AsyncIterator[None]:
    """The same for a service on an event loop: also samples what its database alone knows, by `sample`."""
    pulse = Pulse()
    metrics.DATABASE_THREADS.set(database.threads)
    metrics.DATABASE_CALLS.set_function(lambda: database.calls)
    metrics.LEASE_LEFT.set_function(verdicts.lease_left)
    metrics.show(*metrics.OF_SERVICES, *metrics.OF_POOLS, metrics.DATABASE_FAILURES)
    found = False

    async def look() -> Sample:
        nonlocal found
        pulse.beat()
        found = await database.answers()
        metrics.DATABASE_UP.set(found)
        return await database.read(sample) if found else {}

    def checks() -> Checks:
        return {"database": found, "lease": verdicts.lease_left() > 0}

    with exposed(listen, process, alive=pulse.is_alive, checks=checks) as address:
        if not address:
            yield
            return
        async with running(metrics.sampling(look)):
            yield


Answer = tuple[int, str, bytes]


def _answers(
    process: str, alive: Callable[[], bool], checks: Callable[[], Checks]
) -> Callable[[str, str], Answer | None]:
    """What to answer to a path and an Accept header; None: there is nothing there."""

    def answer(path: str, accept: str) -> Answer | None:
        if path == "/metrics":
            encode, content_type = choose_encoder(accept)
            return 200, content_type, encode(REGISTRY)
        if path not in {"/healthz", "/readyz"}:
            return None
        lives = alive()
        words: dict[str, object] = {"process": process, "version": version(), "status": "alive" if lives else "stuck"}
        good = lives
        if path == "/readyz":
            found = checks()
            good = lives and all(found.values())
            words |= {"status": "ready" if good else "not ready", "checks": dict(found)}
        return 200 if good else 503, "application/json", json.dumps(words).encode()

    return answer


class _Server(socketserver.TCPServer):
    # No HTTPServer, which looks up the name of its host: that may take as long as a name server likes.
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], answer: Callable[[str, str], Answer | None], request_seconds: float
    ) -> None:
        self.answer = answer
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, type("Handler", (_Handler,), {"timeout": request_seconds}))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class names them
        """Whoever went away in the middle of an answer is no news."""
        log.debug("a request for metrics broke off", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answers."""
        found = self.server.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
        status, content_type, content = found or (404, "text/plain", b"Here are /metrics, /healthz and /readyz.\n")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Says nothing: it is asked every few seconds."""

    def version_string(self) -> str:
        """Tells less than the base class would."""
        return "sedifex"
