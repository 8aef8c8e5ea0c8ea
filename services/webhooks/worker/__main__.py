"""The webhooks worker as a process: `sedifex webhooks-worker`. Any number may run."""

import gc
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.common import telemetry, tls, tracing
from services.common.database import BlockingDatabase, check_migrated
from services.common.notifications import Listener
from services.common.observed import exposed
from services.common.settings import WebhooksSettings, load
from services.common.vault import Vault
from services.webhooks.__main__ import MIGRATIONS, dependence
from services.webhooks.models import handle
from services.webhooks.worker import metrics
from services.webhooks.worker.loop import Worker
from services.webhooks.worker.prepared import planned_once
from services.webhooks.worker.sender import Sender, find_trust
from services.webhooks.worker.upkeep import Upkeep

MAX_IN_FLIGHT = 512
"""Enough for endpoints that take a while: at 250 ms each, 2,000 deliveries a second."""
DESCRIPTORS = 4 * MAX_IN_FLIGHT
"""Connections in flight, and those kept open for what comes next."""


@contextmanager
def working(settings: WebhooksSettings) -> Iterator[Worker]:
    """Sends what is due while the context lasts; at its end, what is being sent may end."""
    if settings.mode == "production" and not find_trust():
        raise SystemExit("No CA certificates were found to verify endpoints by. Install them, or set SSL_CERT_FILE.")
    url = settings.webhooks_database_url.get_secret_value()
    _allow_descriptors()
    with (
        BlockingDatabase(handle, planned_once(url), "webhooks-worker") as database,
        Sender(allowed_networks=settings.webhook_allowed_networks, max_in_flight=MAX_IN_FLIGHT) as sender,
    ):
        check_migrated(handle, MIGRATIONS)
        vault = Vault(settings.webhook_secret_keys)
        dependence(vault).warn_blocking(database)
        worker = Worker(database, sender, vault)
        listener = Listener(url, "webhooks_due", worker.wake)
        Upkeep(database).schedule(worker.scheduler)
        worker.start()
        listener.start()
        try:
            yield worker
        finally:
            listener.stop()
            worker.stop(settings.worker_drain_seconds)


def _allow_descriptors() -> None:
    """A process may often hold 1,024 only: the rest would look like endpoints that cannot be reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _take_turns() -> None:
    """What claims and records waits for the thread that sends to let it go on, and the database with it. At Python's
    usual 5 ms a core was idle for a tenth of the time."""
    sys.setswitchinterval(0.001)


def _collect_rarely() -> None:
    """Reference counts free what a delivery makes. To look for cycles every 700 objects took 5 % of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    settings = load(WebhooksSettings)
    telemetry.configure_logging("webhooks-worker", settings.log_level)
    tracing.configure("webhooks-worker", settings)
    tls.configure(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with working(settings) as worker:
        metrics.watch(worker)
        with exposed(
            settings.metrics_listen,
            "webhooks-worker",
            alive=lambda: worker.is_alive,
            checks=lambda: {"database": not worker.is_cut_off},
        ):
            _take_turns()
            _collect_rarely()
            stop.wait()


if __name__ == "__main__":
    main()
