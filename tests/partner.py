"""A partner's endpoint as tests have it: a real HTTP server that keeps what it gets and answers what it is told."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 40.0


@dataclass(frozen=True)
class Delivered:
    """A delivery as it came: headers by lower-case name, and the exact body."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The body, read."""
        contents: dict[str, Any] = json.loads(self.body)
        return contents


@dataclass
class Partner:
    """A partner's endpoint."""

    url: str = ""
    received: "queue.Queue[Delivered]" = field(default_factory=queue.Queue)
    answers: list[int] = field(default_factory=list)
    """Statuses to answer with, in order; 204 when there are none left."""
    content: bytes = b""
    """The body of its answers, JSON; with one it answers 200 where it would 204."""
    may_answer: threading.Event = field(default_factory=threading.Event)
    """Cleared, answers wait until it is set."""

    def next(self) -> Delivered:
        """The next delivery that comes, waiting for it."""
        return self.next_within(WAIT_S)

    def next_within(self, seconds: float) -> Delivered:
        """The same, with another patience: a lease may have to run out first."""
        return self.received.get(timeout=seconds)


@contextmanager
def listening() -> Iterator[Partner]:
    """A partner that listens on this machine while the context lasts."""
    partner = Partner()
    partner.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = partner.answers.pop(0) if partner.answers else 200 if partner.content else 204
            partner.received.put(Delivered({name.lower(): value for name, value in self.headers.items()}, body))
            partner.may_answer.wait(WAIT_S)
            self.send_response(status)
            if partner.content:
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(partner.content)))
            self.end_headers()
            self.wfile.write(partner.content)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        partner.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield partner
        finally:
            partner.may_answer.set()
            server.shutdown()
            thread.join()
