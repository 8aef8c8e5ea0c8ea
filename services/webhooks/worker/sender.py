"""Many HTTP requests in flight from one thread, by libcurl's multi interface.

One thread owns a Sender: it submits requests while slots are free and waits for whatever ends next; nothing waits for
a batch. Only wake() may be called from other threads. libcurl says which sockets and which moment it waits for
(M_SOCKETFUNCTION, M_TIMERFUNCTION), so a turn costs what happened in it and not what is in flight.
"""

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pycurl

from services.webhooks.addresses import Network
from services.webhooks.worker.exchange import ErrorKind, Exchange, Limits, Request, explain, parse_headers
from services.webhooks.worker.guard import opener

__all__ = ["ErrorKind", "Exchange", "Request", "Sender", "find_trust"]

MAX_RESPONSE_BYTES = 16 * 1024

# Expect: libcurl would ask leave first (100-continue) for larger bodies, and many endpoints never answer that.
_FIXED_LINES = ("Content-Type: application/json", "Expect:")
# Not the selectors module: libcurl registers a socket anew for every request, and its book-keeping costs a fifth of
# the throughput. epoll and poll (where there is no epoll: macOS) take the same calls and the same event bits.
_Poll: Any = getattr(select, "epoll", None) or select.poll
_SECOND = 1 if hasattr(select, "epoll") else 1000
# At most so many sockets a turn, where that can be said: whoever waits for wait() must not wait for hundreds.
_AT_MOST = (32,) if hasattr(select, "epoll") else ()
_EVENTS = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


def find_trust() -> dict[int, str]:
    """Where this system keeps its CA certificates, as libcurl options; empty if it has none.

    The libcurl in pycurl's wheel looks where Red Hat keeps them and nowhere else. Python knows the path of the system's
    OpenSSL and honours SSL_CERT_FILE and SSL_CERT_DIR.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return {pycurl.CAINFO: paths.cafile}
    return {pycurl.CAPATH: paths.capath} if paths.capath else {}


class _Slot:
    """One easy handle, reused, with what its present transfer has brought so far."""

    def __init__(self, options: Mapping[int, Any], allowed: Sequence[Network]) -> None:
        self.easy = pycurl.Curl()
        self.token: Any = None
        self.headers: Mapping[str, str] = {}
        self.head: list[bytes] = []
        self.body = bytearray()
        self.cut_off = False
        self.refused: str | None = None
        for option, value in options.items():
            self.easy.setopt(option, value)
        # These make a cycle (handle, callback, slot, handle). It lives as long as the pool and close() breaks it.
        self.easy.setopt(pycurl.OPENSOCKETFUNCTION, opener(allowed, self._note_refusal))
        self.easy.setopt(pycurl.HEADERFUNCTION, self.head.append)
        self.easy.setopt(pycurl.WRITEFUNCTION, self._keep_body)

    def load(self, request: Request) -> None:
        """Take the request. All else on the handle is the same for every request, so it is never reset."""
        lines = [*_FIXED_LINES, *[f"{name}: {value}" for name, value in request.headers.items()]]
        text = request.url + "".join(lines)
        # A line break would begin a header, or a request, of another's making.
        if not (text.isascii() and text.isprintable()):
            raise ValueError("a URL or header must be printable ASCII")
        self.easy.setopt(pycurl.URL, request.url)
        self.easy.setopt(pycurl.HTTPHEADER, lines)
        self.easy.setopt(pycurl.POSTFIELDS, request.body)
        self.token = request.token
        self.headers = request.headers

    def clear(self) -> None:
        """Forget the transfer that has ended, so that nothing of it can show in the next."""
        self.token = None
        self.headers = {}
        self.head.clear()
        self.body.clear()
        self.cut_off = False
        self.refused = None

    def _note_refusal(self, reason: str) -> None:
        self.refused = reason

    def _keep_body(self, chunk: bytes) -> int | None:
        room = MAX_RESPONSE_BYTES - len(self.body)
        if len(chunk) <= room:
            self.body += chunk
            return None
        self.body += chunk[:room]
        self.cut_off = True
        return 0  # fewer than the chunk holds: libcurl ends the transfer and closes the connection


class Sender:
    """Sends up to ``max_in_flight`` requests at a time; see the module's docstring for who may call what.

    ``allowed_networks``: exceptions from the address deny list. ``time_limit``: seconds for the whole exchange, names
    to last byte. ``connect_limit``: seconds of it until connected, TLS included. ``ca_file``: CA certificates (PEM)
    instead of the system's. Close it, or use it in a with statement.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        time_limit: float = 15.0,
        connect_limit: float = 5.0,
        max_in_flight: int = 200,
        user_agent: str = "Sedifex-Webhooks/1",
        ca_file: str | None = None,
    ) -> None:
        self._allowed = tuple(allowed_networks)
        self._limits = Limits(whole=time_limit, connect=connect_limit)
        self._max_in_flight = max_in_flight
        self._options = _options(self._limits, user_agent, ca_file)
        self._idle: list[_Slot] = []
        self._busy: dict[Any, _Slot] = {}
        self._due: float | None = None
        self._poll = _Poll()
        self._watched: set[int] = set()
        self._resting: set[int] = set()
        """Sockets that libcurl does not wait for at present and epoll still does: most are wanted again at once."""
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._poll.register(self._woken, select.POLLIN)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        # Kept open for the endpoints' next events; beyond it the one unused longest is closed.
        self._multi.setopt(pycurl.M_MAXCONNECTS, 2 * max_in_flight)

    @property
    def in_flight(self) -> int:
        return len(self._busy)

    @property
    def free(self) -> int:
        """How many requests submit() would take now."""
        return self._max_in_flight - len(self._busy)

    def submit(self, request: Request) -> None:
        """Begin a request; its Exchange comes out of a later wait().

        Raises RuntimeError if no slot is free, ValueError if the URL or a header is not printable ASCII.
        """
        if self.free <= 0:
            raise RuntimeError("every slot is in flight; wait() first")
        slot = self._idle.pop() if self._idle else _Slot(self._options, self._allowed)
        try:
            slot.load(request)
            self._multi.add_handle(slot.easy)
        except BaseException:
            self._idle.append(slot)
            raise
        self._busy[slot.easy] = slot

    def wait(self, timeout: float) -> list[Exchange]:
        """Drive the transfers until at least one has ended, wake() was called, or ``timeout`` seconds have passed."""
        until = time.monotonic() + timeout
        while True:
            woken = self._turn(until)
            ended = self._collect()
            if ended or woken or time.monotonic() >= until:
                return ended

    def wake(self) -> None:
        """Let the present wait(), or else the next one, return at once. From any thread, also after close()."""
        # A full pipe is a wake-up already, and a closed one has nobody to wake.
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def close(self) -> None:
        """Give up what is in flight, without an Exchange, and close every connection. Once is enough, twice no harm."""
        if self._multi.closed:
            return
        # They refer back to this object: left in place, it would stay in memory until a garbage collection.
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, None)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, None)
        for slot in self._busy.values():
            self._multi.remove_handle(slot.easy)
        for slot in [*self._busy.values(), *self._idle]:
            slot.easy.close()
        self._busy.clear()
        self._idle.clear()
        self._multi.close()
        if hasattr(self._poll, "close"):  # poll holds no descriptor of its own
            self._poll.close()
        self._woken.close()
        self._waker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _turn(self, until: float) -> bool:
        """Wait once for sockets and the timer and let libcurl act on them; say whether wake() was called."""
        now = time.monotonic()
        wake_at = until if self._due is None else min(until, self._due)
        woken = False
        for descriptor, events in self._poll.poll(max(0.0, wake_at - now) * _SECOND, *_AT_MOST):
            if descriptor == self._woken.fileno():
                woken = True
                self._drain_wakes()
                continue
            if descriptor in self._resting:  # the peer has closed it, or speaks unasked: libcurl will see when it looks
                self._forget(descriptor)
                continue
            # An error or a hang-up wakes both directions: whichever libcurl waits for will meet it.
            bits = pycurl.CSELECT_IN if events & ~select.POLLOUT else 0
            if events & ~select.POLLIN:
                bits |= pycurl.CSELECT_OUT
            self._multi.socket_action(descriptor, bits)
        if self._due is not None and self._due <= time.monotonic():
            self._due = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return woken

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def _watch_socket(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        # Called by libcurl: an exception here would end every transfer, so a descriptor that was closed unseen, or
        # whose number is another socket's by now, is put right instead.
        events = _EVENTS.get(what)
        if events is None:  # POLL_REMOVE or POLL_NONE
            if descriptor in self._watched:
                self._resting.add(descriptor)
            return
        self._resting.discard(descriptor)
        if descriptor in self._watched:
            with contextlib.suppress(FileNotFoundError):
                self._poll.modify(descriptor, events)
                return
        self._watched.add(descriptor)
        self._poll.register(descriptor, events)

    def _forget(self, descriptor: int) -> None:
        self._resting.discard(descriptor)
        self._watched.discard(descriptor)
        with contextlib.suppress(OSError, KeyError):
            self._poll.unregister(descriptor)

    def _set_timer(self, milliseconds: int) -> None:
        # Only noted: libcurl must not be called back from within its own callback.
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _collect(self) -> list[Exchange]:
        _, succeeded, failed = self._multi.info_read()
        ended = [(easy, pycurl.E_OK, "") for easy in succeeded] + failed
        return [self._finish(*end) for end in ended]

    def _finish(self, easy: Any, code: int, text: str) -> Exchange:
        slot = self._busy.pop(easy)
        # An answer that was cut off at 16 KB counts by its status: the endpoint has said all that matters.
        complete = code == pycurl.E_OK or (code == pycurl.E_WRITE_ERROR and slot.cut_off)
        kind, error = None, None
        if not complete:
            kind, error = explain(easy, code, text, refused=slot.refused, limits=self._limits)
        headers = parse_headers(slot.head)
        exchange = Exchange(
            token=slot.token,
            status=easy.getinfo(pycurl.RESPONSE_CODE) if complete else None,
            error_kind=kind,
            error=error,
            latency_ms=round(easy.getinfo(pycurl.TOTAL_TIME) * 1000),
            response_headers=headers,
            response_body=bytes(slot.body),
            retry_after=headers.get("retry-after"),
            remote_address=easy.getinfo(pycurl.PRIMARY_IP) or None,
            request_headers=slot.headers,
        )
        self._multi.remove_handle(easy)
        slot.clear()
        self._idle.append(slot)
        return exchange


def _options(limits: Limits, user_agent: str, ca_file: str | None) -> dict[int, Any]:
    """What is set on every handle once."""
    return {
        pycurl.POST: 1,
        pycurl.USERAGENT: user_agent,
        # One request at a time on a connection. In HTTP/2 one endpoint's requests would share a connection, so that
        # cutting one off, or its hanging, would touch the others; and old servers stumble over the upgrade.
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.TIMEOUT_MS: max(1, round(limits.whole * 1000)),
        pycurl.CONNECTTIMEOUT_MS: max(1, round(limits.connect * 1000)),
        pycurl.NOSIGNAL: 1,  # signals belong to the main thread
        pycurl.PATH_AS_IS: 1,  # what is stored is what is called, “/../” and all
        pycurl.FOLLOWLOCATION: 0,  # a redirect leads to an address that nobody has agreed to
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        # Empty, not unset: unset would read http_proxy from the environment, and a proxy opens its own sockets.
        pycurl.PROXY: "",
        pycurl.NOPROXY: "*",
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.SSLVERSION: pycurl.SSLVERSION_TLSv1_2,
        **({pycurl.CAINFO: ca_file} if ca_file else find_trust()),
    }
