"""Something in front of the real gateway that can be told to fail, as networks and servers do."""

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

PASSED_ON = {"authorization", "if-none-match", "content-type", "accept"}
HELD_S = 90.0


@dataclass
class Front:
    """Passes everything on to the gateway, unless told otherwise."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""
    status: int = 0
    """Answer with this instead. 0: pass on."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of such an answer, on top of its type."""
    body: bytes = (
        b'{"error":{"message":"This credential is not accepted. Check that the whole API key was copied and has not '
        b'been revoked or expired.","requestId":"c8b95d7acfc18c34de700ac8"}}'
    )
    cut: bool = False
    """Break the connection off in the middle of the answer."""
    may_answer: threading.Event = field(default_factory=threading.Event)
    """Cleared, requests are held until it is set, a minute and a half at most."""

    def behave(self) -> None:
        """Pass everything on again."""
        self.status, self.cut, self.headers = 0, False, {}
        self.may_answer.set()


@contextmanager
def front_of(gateway: str, certificate: Path | None = None) -> Iterator[Front]:
    """A front of the gateway while the context lasts; over TLS, with a certificate and its key in one file."""
    front = Front()
    front.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            content = self.rfile.read(length)
            front.asked.append(f"{self.command} {self.path}")
            front.may_answer.wait(HELD_S)
            if front.status:
                self._answer(front.status, {"Content-Type": "application/json", **front.headers}, front.body)
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
            got = httpx.request(self.command, gateway + self.path, content=content, headers=headers, timeout=HELD_S)
            kept = {"etag", "content-type", "retry-after", "x-request-id", "x-sedifex-key-expires"}
            self._answer(got.status_code, {n: v for n, v in got.headers.items() if n in kept}, got.content)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 304:
                self.wfile.write(body[: len(body) // 2] if front.cut else body)
            if front.cut:
                self.close_connection = True

        do_GET = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815 - http.server names them

        def log_message(self, *_arguments: object) -> None:
            pass

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # whoever asked has gone
                super().handle()

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_arguments: object) -> None:
            """A client that breaks off, or a failed handshake, is what is being tested."""

    with Server(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        front.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield front
        finally:
            front.may_answer.set()
            server.shutdown()
            thread.join()


def until(seconds: float) -> Iterator[None]:
    """Goes round until the time is over, with a breath between: for what gives no notice of itself."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
