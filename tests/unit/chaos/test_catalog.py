"""The judge of `make chaos` finds what it is there to find: an event that is missing, came twice, or was made up."""

from typing import Any

import pytest

from chaos.catalog import problems_of


def _event(sequence: int, before: str, after: str, product: str = "p") -> dict[str, Any]:
    sides = {side: {"etag": etag} if etag else None for side, etag in (("before", before), ("after", after))}
    return {"sequence": sequence, "type": "product.x", "data": {"productId": product, **sides}}


SOUND = [_event(1, "", "1"), _event(2, "", "2", "q"), _event(4, "1", "4"), _event(5, "4", ""), _event(7, "", "7")]
TRUTH = {"p": "7", "q": "2"}


def test_a_sound_story_has_no_problems() -> None:
    assert problems_of(SOUND, TRUTH) == []


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (SOUND[1:], "follows '1', not ''"),
        (SOUND[:2] + SOUND[3:], "follows '4', not '1'"),
        (SOUND[:-1], "its last event is missing"),
        ([*SOUND[:3], SOUND[2], *SOUND[3:]], "2 events have the sequence 4"),
        ([*SOUND, _event(9, "", "9", "r")], "what is not there"),
        ([SOUND[0], SOUND[3], SOUND[2], *SOUND[4:]], "follows"),
    ],
)
def test_what_is_wrong_is_found(events: list[dict[str, Any]], says: str) -> None:
    assert any(says in problem for problem in problems_of(events, TRUTH))
