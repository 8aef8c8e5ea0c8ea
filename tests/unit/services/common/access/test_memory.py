"""What a watcher remembers: within bounds, and nothing that news has overtaken."""

import pytest
from sedifex.access.v1 import access_pb2

from services.common.access import memory
from services.common.access.caller import Caller
from services.common.access.memory import Kept, Memory

TOKEN, OTHER = b"token", b"other"


def _kept(principal: str = "keys/k", until: float = 100.0) -> Kept:
    return Kept(Caller(principal, access_pb2.AUDIENCE_INTEGRATION), until)


def test_a_verdict_is_remembered_until_it_ends() -> None:
    remembered = Memory()
    assert remembered.keep(TOKEN, _kept(), epoch=1)
    assert remembered.find(TOKEN, now=99.9) == _kept()
    assert remembered.find(TOKEN, now=100.0) is None
    assert remembered.find(OTHER, now=0.0) is None


@pytest.mark.parametrize(("epoch", "believed"), [(4, False), (5, True), (6, True)])
def test_an_answer_from_before_the_news_is_not_believed(epoch: int, believed: bool) -> None:
    remembered = Memory()
    remembered.end("keys/k", epoch=5)
    assert remembered.keep(TOKEN, _kept(), epoch) is believed
    assert (remembered.find(TOKEN, 0.0) is not None) is believed


def test_news_of_one_principal_leaves_the_others_alone() -> None:
    remembered = Memory()
    remembered.keep(TOKEN, _kept("keys/a"), epoch=1)
    remembered.keep(OTHER, _kept("keys/b"), epoch=1)
    remembered.end("keys/a", epoch=2)
    assert remembered.find(TOKEN, 0.0) is None
    assert remembered.find(OTHER, 0.0) is not None


def test_every_token_of_a_principal_goes_with_it() -> None:
    remembered = Memory()
    for token in (TOKEN, OTHER):
        remembered.keep(token, _kept("members/m"), epoch=1)
    remembered.end("members/m", epoch=2)
    assert [remembered.find(token, 0.0) for token in (TOKEN, OTHER)] == [None, None]


def test_an_unknown_token_is_unknown_for_a_while_or_until_one_comes_into_being() -> None:
    remembered = Memory()
    remembered.keep_unknown(TOKEN, epoch=3, now=0.0)
    assert remembered.is_unknown(TOKEN, memory.UNKNOWN_S - 1)
    assert not remembered.is_unknown(TOKEN, memory.UNKNOWN_S)
    assert not remembered.is_unknown(OTHER, 0.0)
    remembered.begin_tokens(epoch=4)
    assert not remembered.is_unknown(TOKEN, 0.0)


@pytest.mark.parametrize(("epoch", "believed"), [(-1, False), (3, False), (4, True)])
def test_that_a_token_is_unknown_is_not_believed_if_one_has_come_into_being_since(epoch: int, believed: bool) -> None:
    remembered = Memory()
    remembered.begin_tokens(epoch=4)
    remembered.keep_unknown(TOKEN, epoch, now=0.0)
    assert remembered.is_unknown(TOKEN, 0.0) is believed


def test_beginning_anew_forgets_everything_and_believes_nothing_from_before() -> None:
    remembered = Memory()
    remembered.keep(TOKEN, _kept(), epoch=1)
    remembered.keep_unknown(OTHER, epoch=1, now=0.0)
    remembered.begin_anew(epoch=7)
    assert remembered.find(TOKEN, 0.0) is None
    assert not remembered.is_unknown(OTHER, 0.0)
    assert not remembered.keep(TOKEN, _kept(), epoch=6)
    assert remembered.keep(TOKEN, _kept(), epoch=7)


def test_verdicts_are_bounded_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_KEPT", 3)
    remembered = Memory()
    for number in range(4):
        remembered.keep(bytes([number]), _kept(f"keys/{number}"), epoch=1)
    assert [remembered.find(bytes([number]), 0.0) is not None for number in range(4)] == [False, True, True, True]
    assert set(remembered._tokens) == {"keys/1", "keys/2", "keys/3"}


def test_unknown_tokens_are_bounded() -> None:
    remembered = Memory()
    for number in range(memory.MAX_UNKNOWN + 10):
        remembered.keep_unknown(str(number).encode(), epoch=1, now=0.0)
    assert len(remembered._unknown) == memory.MAX_UNKNOWN


def test_what_has_ended_is_remembered_within_bounds_and_never_too_little() -> None:
    remembered = Memory()
    for epoch in range(1, memory.MAX_ENDED + 2):
        remembered.end(f"keys/{epoch}", epoch)
    assert len(remembered._ended) <= memory.MAX_ENDED
    assert not remembered.keep(TOKEN, _kept("keys/1"), memory.MAX_ENDED), "what is forgotten is covered by the floor"
    assert remembered.keep(TOKEN, _kept("keys/1"), memory.MAX_ENDED + 1)
