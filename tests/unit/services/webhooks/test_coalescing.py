"""Which updates are left out, as a table: what waits, what comes, what becomes of it."""

from datetime import UTC, datetime

import pytest

from services.webhooks import coalescing
from services.webhooks.coalescing import Candidate, Place, Waiting

ENDS = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WINDOW_MS = 5_000
NOW, FRESH, TAKEN = "now", "when a new window ends", "when the old window ends"


def _candidates(events: str) -> list[Candidate]:
    """As in "u1 c2": an update of product 1, then product 2 created. The ids are their places, from 0."""
    types = {"u": "product.updated", "c": "product.created", "d": "product.deleted", "k": "key.rotated"}
    return [
        Candidate(f"new{place}", "whe", types[event[0]], "" if event[0] == "k" else event[1:], WINDOW_MS)
        for place, event in enumerate(events.split())
    ]


def _when(place: Place) -> str:
    if place.due_time is not None:
        return TAKEN
    return FRESH if place.delay_ms else NOW


@pytest.mark.parametrize(
    ("waiting", "events", "sent", "left_out", "superseded", "flushed"),
    [
        pytest.param("", "u1", {0: FRESH}, [], [], [], id="the first update waits"),
        pytest.param("1", "u1", {0: TAKEN}, [], ["old1"], [], id="the next takes its place and its time"),
        pytest.param("", "u1 u1 u1", {2: FRESH}, [0, 1], [], [], id="of a batch only the last is sent"),
        pytest.param("1", "u1 u1", {1: TAKEN}, [0], ["old1"], [], id="the place goes on from one to the next"),
        pytest.param("1", "u2", {0: FRESH}, [], [], [], id="another product is another matter"),
        pytest.param("", "c1", {0: NOW}, [], [], [], id="created never waits"),
        pytest.param("", "d1", {0: NOW}, [], [], [], id="deleted never waits"),
        pytest.param("1", "d1", {0: NOW}, [], [], ["old1"], id="deleted sends first what waits"),
        pytest.param("1", "c1", {0: NOW}, [], [], ["old1"], id="created sends first what waits"),
        pytest.param("", "u1 d1", {0: NOW, 1: NOW}, [], [], [], id="and what of the same batch would wait"),
        pytest.param(
            "1", "u1 d1 c1 u1", {0: NOW, 1: NOW, 2: NOW, 3: FRESH}, [], ["old1"], [], id="a new life, a new window"
        ),
        pytest.param("1", "k", {0: NOW}, [], [], [], id="what is about no product changes nothing"),
        pytest.param("1 2", "u1 u2 d2", {0: TAKEN, 1: NOW, 2: NOW}, [], ["old1", "old2"], [], id="each by itself"),
    ],
)
def test_nothing_is_left_out_but_what_a_later_update_says(
    waiting: str,
    events: str,
    sent: dict[int, str],
    left_out: list[int],
    superseded: list[str],
    flushed: list[str],
) -> None:
    before = {("whe", product): [Waiting(f"old{product}", ENDS)] for product in waiting.split()}
    decision = coalescing.decide(_candidates(events), before)
    assert {int(each.removeprefix("new")): _when(place) for each, place in decision.places.items()} == sent
    assert decision.left_out == [f"new{place}" for place in left_out]
    assert (decision.superseded, decision.flushed) == (superseded, flushed)


def test_of_several_that_wait_the_earliest_time_is_kept() -> None:
    later = ENDS.replace(minute=31)
    before = {("whe", "1"): [Waiting("a", later), Waiting("b", ENDS)]}
    decision = coalescing.decide(_candidates("u1"), before)
    assert decision.places["new0"].due_time == ENDS
    assert decision.superseded == ["a", "b"]


def test_without_a_window_everything_is_sent_at_once() -> None:
    candidates = [
        Candidate("new0", "whe", "product.updated", "1", 0),
        Candidate("new1", "whe", "product.updated", "1", 0),
    ]
    decision = coalescing.decide(candidates, {})
    assert [_when(place) for place in decision.places.values()] == [NOW, NOW]
