"""The receiver for trying webhooks out."""

import io
import json
import time
from typing import Any

import httpx
import pytest
from rich.console import Console

from cli.listening import Options, Receiver, secrets_of_environment
from services.webhooks import event_types, signing
from tests.partner import Partner

SECRET = signing.new_secret(b"n" * 32)
OLD = signing.new_secret(b"o" * 32)


class Listening:
    """A receiver, and what it has printed."""

    def __init__(self, **options: Any) -> None:
        self.screen = io.StringIO()
        console = Console(file=self.screen, highlight=False, width=100)
        self._app = Receiver(Options(**{"secrets": [SECRET]} | options), console).app()

    async def post(self, event: dict[str, Any], *, secret: str = SECRET, moment: int | None = None) -> httpx.Response:
        """Delivers an event, signed."""
        body = json.dumps(event).encode()
        headers = signing.Signer([secret]).headers(str(event["id"]), moment or int(time.time()), body)
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver.test") as client:
            return await client.post("/webhooks", content=body, headers=headers)

    @property
    def shown(self) -> str:
        """Everything printed so far."""
        return self.screen.getvalue()


def _event(**values: Any) -> dict[str, Any]:
    return {**event_types.event_types()["product.updated"].example, **values}


async def test_what_verifies_is_printed_with_its_body() -> None:
    listening = Listening()
    assert (await listening.post(_event())).status_code == 204
    assert "verified product.updated  Raw Shea Butter 500g  GHS 48.00" in listening.shown
    assert '"occurredAt": "2026-03-02T09:30:12.345Z"' in listening.shown


async def test_briefly_it_is_one_line() -> None:
    listening = Listening(brief=True)
    await listening.post(_event())
    assert len(listening.shown.splitlines()) == 1


async def test_what_does_not_verify_is_refused_with_why() -> None:
    listening = Listening()
    for sent, words in (
        ({"secret": OLD}, "no signature matches this body and secret. Is SEDIFEX_LISTEN_SECRET"),
        ({"moment": int(time.time()) - 4000}, "the signature is too old. Is the clock"),
    ):
        answer = await listening.post(_event(), **sent)
        assert answer.status_code == 400
        assert words in listening.shown
    assert "verified" not in listening.shown


async def test_during_a_rotation_either_secret_will_do() -> None:
    listening = Listening(secrets=[SECRET, OLD])
    for secret in (SECRET, OLD):
        assert (await listening.post(_event(), secret=secret)).status_code == 204


async def test_a_chosen_status_is_answered_after_the_chosen_time() -> None:
    listening = Listening(status=503, latency_s=0.05)
    began = time.monotonic()
    assert (await listening.post(_event())).status_code == 503
    assert time.monotonic() - began >= 0.05


async def test_a_repeat_is_shown_as_one() -> None:
    listening = Listening(brief=True)
    await listening.post(_event())
    await listening.post(_event())
    first, second = listening.shown.splitlines()
    assert "again" not in first
    assert second.endswith("again")


async def test_it_is_posted_on_as_it_came_and_answered_as_it_was_there(partner: Partner) -> None:
    listening = Listening(forward=partner.url)
    partner.answers[:] = [422]
    assert (await listening.post(_event())).status_code == 422
    delivered = partner.next()
    signing.verify(delivered.headers, delivered.body, SECRET, now=int(time.time()))
    assert "forwarded: HTTP 422 after" in listening.shown


async def test_nobody_there_to_post_on_to_is_a_bad_gateway(unused_tcp_port: int) -> None:
    listening = Listening(forward=f"http://127.0.0.1:{unused_tcp_port}/")
    assert (await listening.post(_event())).status_code == 502
    assert "forwarded: no answer" in listening.shown


async def test_what_did_not_verify_is_not_posted_on(partner: Partner) -> None:
    listening = Listening(forward=partner.url)
    await listening.post(_event(), secret=OLD)
    assert partner.received.empty()


async def test_an_event_cannot_steer_the_terminal() -> None:
    listening = Listening()
    await listening.post(_event(type="a\x1b[2Jb\u009b\u202e[bold]c"))
    assert not {"\x1b", "\u009b", "\u202e"} & set(listening.shown)
    assert "[bold]c" in listening.shown


def test_secrets_come_from_the_environment_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDIFEX_LISTEN_SECRET", f" {SECRET}, {OLD},")
    assert secrets_of_environment() == (SECRET, OLD)
