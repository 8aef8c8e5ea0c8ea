"""The sender against real endpoints: what arrives, what comes back, and that none can hold up another."""

import gc
import socket
import threading
import weakref

import psutil
import pytest

from services.webhooks.worker.sender import ErrorKind, Exchange, Sender
from tests.unit.services.webhooks.worker.partner import (
    LOOPBACK,
    PATIENCE,
    Endpoint,
    Received,
    Start,
    drain,
    hang,
    request,
    send,
)


def test_answer_comes_back_with_its_token(sender: Sender, start: Start) -> None:
    token = object()
    exchange = send(sender, request(start().url(), token))
    assert exchange.token is token
    assert (exchange.status, exchange.error_kind, exchange.error) == (200, None, None)
    assert exchange.response_headers == {"content-type": "application/json", "content-length": "11"}
    assert exchange.response_body == b'{"ok":true}'
    assert exchange.remote_address == "127.0.0.1"
    assert exchange.latency_ms >= 0


@pytest.mark.parametrize("body", [b"", b"{}", bytes(range(256)) * 8, b"\0", b"a" * 3_000_000], ids=len)
def test_body_arrives_byte_for_byte(body: bytes, sender: Sender, start: Start) -> None:
    endpoint = start()
    assert send(sender, request(endpoint.url(), body=body)).status == 200
    assert endpoint.received[0].body == body


def test_request_is_a_plain_json_post_with_the_headers_given(sender: Sender, start: Start) -> None:
    endpoint = start()
    send(sender, request(endpoint.url("/a/../b?c=%20d"), body=b"a" * 2_000_000, headers={"webhook-id": "evt_1"}))
    received = endpoint.received[0]
    assert received.line == "POST /a/../b?c=%20d HTTP/1.1"
    assert received.headers == {
        "host": f"127.0.0.1:{endpoint.port}",
        "user-agent": "Sedifex-Webhooks/1",
        "accept": "*/*",
        "content-type": "application/json",
        "webhook-id": "evt_1",
        "content-length": "2000000",
    }


@pytest.mark.parametrize("value", ["1\r\nX-Other: 2", "1\n", "1\0", "₵"])
def test_header_that_is_not_printable_ascii_is_refused_and_costs_no_slot(value: str, sender: Sender) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        sender.submit(request("http://127.0.0.1/", headers={"webhook-id": value}))
    assert sender.in_flight == 0


@pytest.mark.parametrize("status", [204, 400, 410, 429, 500, 503])
def test_every_status_is_reported_as_it_is(status: int, sender: Sender, start: Start) -> None:
    endpoint = start(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nRetry-After: 120\r\n\r\n" % status)
    exchange = send(sender, request(endpoint.url()))
    assert (exchange.status, exchange.error, exchange.retry_after) == (status, None, "120")


def test_redirect_is_not_followed(sender: Sender, start: Start) -> None:
    target = start()
    moved = b"HTTP/1.1 307 X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % target.url().encode()
    exchange = send(sender, request(start(moved).url()))
    assert exchange.status == 307
    assert exchange.response_headers["location"] == target.url()
    assert target.connections == 0


def test_proxy_in_the_environment_is_not_used(start: Start, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    with Sender(allowed_networks=LOOPBACK) as sender:
        assert send(sender, request(start().url())).status == 200


def test_interim_answers_leave_no_trace(sender: Sender, start: Start) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    exchange = send(
        sender, request(start(early + b"HTTP/1.1 202 X\r\nX-A: 1\r\nX-a: 2\r\nContent-Length: 0\r\n\r\n").url())
    )
    assert exchange.status == 202
    assert exchange.response_headers == {"x-a": "1, 2", "content-length": "0"}


@pytest.mark.parametrize("surplus", [0, 1, 5_000_000])
def test_first_16_kb_are_kept_and_a_longer_answer_counts_by_its_status(
    surplus: int, sender: Sender, start: Start
) -> None:
    size = 16 * 1024 + surplus
    endpoint = start(b"HTTP/1.1 201 X\r\nContent-Length: %d\r\n\r\n" % size + b"a" * size)
    exchange = send(sender, request(endpoint.url()))
    assert (exchange.status, exchange.error) == (201, None)
    assert exchange.response_body == b"a" * 16 * 1024


def test_endless_answer_is_cut_off(sender: Sender, start: Start) -> None:
    def flood(endpoint: Endpoint, connection: socket.socket, _received: Received) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not endpoint.closing.is_set():
            connection.sendall(b"a" * 65536)
        return False

    exchange = send(sender, request(start(flood).url()))
    assert (exchange.status, len(exchange.response_body)) == (200, 16 * 1024)


def test_kept_headers_are_bounded(sender: Sender, start: Start) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(100))
    exchange = send(sender, request(start(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + lines + b"\r\n").url()))
    assert exchange.status == 200
    assert 10_000 < sum(map(len, exchange.response_headers.values())) <= 16 * 1024


def test_many_are_in_flight_at_once(sender: Sender, start: Start) -> None:
    together = threading.Barrier(50)

    def meet(_endpoint: Endpoint, connection: socket.socket, _received: Received) -> bool:
        together.wait(PATIENCE)  # answers only once all fifty requests are here
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return True

    endpoint = start(meet)
    for number in range(50):
        sender.submit(request(endpoint.url(), number))
    assert (sender.in_flight, sender.free) == (50, 150)
    assert {(exchange.token, exchange.status) for exchange in drain(sender)} == {(n, 200) for n in range(50)}


def test_hanging_endpoint_does_not_hold_up_another(sender: Sender, start: Start) -> None:
    stuck, quick = start(hang), start()
    for number in range(100):
        sender.submit(request(stuck.url(), number))
    for number in range(20):
        sender.submit(request(quick.url(), "quick"))
        while True:
            exchanges = sender.wait(PATIENCE)
            if exchanges:
                break
        assert [exchange.token for exchange in exchanges] == ["quick"]
        assert sender.in_flight == 100, number


def test_connections_are_reused(start: Start) -> None:
    endpoint = start()
    with Sender(allowed_networks=LOOPBACK, max_in_flight=4) as sender:
        bodies = [b"%d" % number for number in range(200)]
        waiting = list(bodies)
        ended: list[Exchange] = []
        while len(ended) < 200:
            while waiting and sender.free:
                body = waiting.pop()
                sender.submit(request(endpoint.url(), body, body))
            ended += sender.wait(PATIENCE)
    assert sorted(received.body for received in endpoint.received) == sorted(bodies)
    assert {exchange.status for exchange in ended} == {200}
    assert endpoint.connections <= 4


def test_connection_that_the_endpoint_closed_meanwhile_is_replaced(single: Sender, start: Start) -> None:
    def once(_endpoint: Endpoint, connection: socket.socket, _received: Received) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return False

    endpoint = start(once)
    assert [send(single, request(endpoint.url())).status for _ in range(10)] == [200] * 10


def test_nothing_of_one_exchange_shows_in_the_next(single: Sender, start: Start, closed_port: int) -> None:
    good = start()
    broken = start(b"HTTP/1.1 201 X\r\nX-Odd: 1\r\nContent-Length: 4\r\n\r\nab", keep=False)
    fine = b'{"ok":true}'
    seen = []
    for url in [
        good.url(),
        "http://10.0.0.5/",
        f"http://127.0.0.1:{closed_port}/",
        good.url(),
        broken.url(),
        f"http://127.0.0.1:{closed_port}/",
        good.url(),
    ]:
        exchange = send(single, request(url))
        seen.append((exchange.error_kind, exchange.status, exchange.response_body))
    assert seen == [
        (None, 200, fine),
        (ErrorKind.REFUSED, None, b""),
        (ErrorKind.CONNECT, None, b""),
        (None, 200, fine),
        (ErrorKind.CLOSED, None, b"ab"),
        (ErrorKind.CONNECT, None, b""),
        (None, 200, fine),
    ]


def test_submit_beyond_the_slots_is_a_mistake(single: Sender, start: Start) -> None:
    single.submit(request(start(hang).url()))
    with pytest.raises(RuntimeError, match="every slot"):
        single.submit(request("http://127.0.0.1/"))


def test_wake_from_another_thread_ends_the_wait(sender: Sender, start: Start) -> None:
    sender.submit(request(start(hang).url()))
    waker = threading.Thread(target=sender.wake)
    waker.start()
    assert sender.wait(PATIENCE) == []
    assert sender.in_flight == 1
    waker.join()


def test_many_wakes_end_one_wait_and_not_the_next(sender: Sender) -> None:
    for _ in range(100_000):
        sender.wake()
    assert sender.wait(PATIENCE) == []
    sender.wake()
    assert sender.wait(PATIENCE) == []
    assert sender.wait(0) == []


def test_close_gives_back_every_descriptor_with_requests_in_flight(start: Start) -> None:
    stuck, quick = start(hang), start()
    # The first use opens what libcurl keeps for the whole process.
    with Sender(allowed_networks=LOOPBACK) as first:
        send(first, request("http://localhost:1/"))
    sender = Sender(allowed_networks=LOOPBACK)
    own = psutil.Process()
    send(sender, request(quick.url()))
    for _ in range(20):
        sender.submit(request(stuck.url()))
    sender.wait(0)
    sender.close()
    sender.close()
    sender.wake()
    mine = [one for one in own.net_connections("tcp") if one.raddr and one.raddr.port in {stuck.port, quick.port}]
    assert mine == []


def test_closed_sender_is_freed_without_the_garbage_collector(start: Start) -> None:
    endpoint = start()
    gc.disable()
    try:
        sender = Sender(allowed_networks=LOOPBACK)
        send(sender, request(endpoint.url()))
        sender.close()
        gone = weakref.ref(sender)
        del sender
        assert gone() is None
    finally:
        gc.enable()
