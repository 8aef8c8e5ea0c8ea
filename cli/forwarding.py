"""Posts a delivery on, as it came, to a program under development."""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 15.0
"""As long as Sedifex waits for an endpoint."""
SHOWN_BYTES = 500

# What belongs to one connection or one server, not to the delivery.
_OF_THE_CONNECTION = frozenset({"host", "content-length", "connection", "keep-alive", "transfer-encoding", "accept"})


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    """Zero: nothing did."""
    text: str
    latency_ms: int

    def __str__(self) -> str:
        status = f"HTTP {self.status}" if self.status else "no answer"
        return f"{status} after {self.latency_ms} ms  {self.text}".rstrip()


def post_on(url: str, received: Mapping[str, str], body: bytes) -> Answer:
    """Posts the body with the headers that it came with. Redirects are answers, as they are to Sedifex."""
    headers = {name: value for name, value in received.items() if name.lower() not in _OF_THE_CONNECTION}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - is_url has seen it
    began = time.monotonic()
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as response:
            status, text = response.status, response.read(SHOWN_BYTES)
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, text = refusal.code, refusal.read(SHOWN_BYTES)
    except OSError as failure:
        status, text = 0, str(failure).encode()
    return Answer(status, text.decode(errors="replace"), round((time.monotonic() - began) * 1000))


def is_url(text: str) -> bool:
    """Whether deliveries can be posted on to it."""
    return text.startswith(("http://", "https://"))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        return None


# No proxy either: what is under development is near.
_opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
