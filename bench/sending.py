"""The sender alone: posts the same body again and again, unsigned, recorded by nobody, and prints how many a second.

`python -m bench.sending URL COUNT`
"""

import sys
import time
from ipaddress import ip_network

from rig.partners import BODY_BYTES
from services.webhooks.worker.__main__ import MAX_IN_FLIGHT
from services.webhooks.worker.exchange import Request
from services.webhooks.worker.sender import Sender


def main() -> None:
    """Sends them all."""
    url, count = sys.argv[1], int(sys.argv[2])
    headers = {"webhook-id": "evt_reference"}
    body = b"x" * BODY_BYTES
    left, done = count, 0
    with Sender(allowed_networks=[ip_network("127.0.0.0/8")], max_in_flight=MAX_IN_FLIGHT) as sender:
        began = time.monotonic()
        while done < count:
            while left and sender.free:
                sender.submit(Request(None, url, headers, body))
                left -= 1
            ended = sender.wait(1.0)
            if any(exchange.status != 204 for exchange in ended):
                raise SystemExit("the sink does not answer")
            done += len(ended)
        print(count / (time.monotonic() - began))  # noqa: T201 - it is the answer


if __name__ == "__main__":
    main()
