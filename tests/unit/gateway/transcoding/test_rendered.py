"""The memory of rendered answers: what it keeps, and within which bounds."""

from gateway.transcoding.rendered import Rendered, RenderedAnswers

LIMIT = 16_000


def answer(size: int, etag: str = 'W/"1"') -> Rendered:
    return Rendered(etag, b"x" * size)


def test_an_answer_is_found_by_its_request_only() -> None:
    memory = RenderedAnswers(LIMIT)
    kept = answer(100)
    memory.keep(b"a", kept)
    assert memory.find(b"a") is kept
    assert memory.find(b"b") is None


def test_a_newer_answer_takes_the_place_of_the_older_one() -> None:
    memory = RenderedAnswers(LIMIT)
    memory.keep(b"a", answer(100))
    size = memory.size
    memory.keep(b"a", answer(100, 'W/"2"'))
    assert memory.size == size
    found = memory.find(b"a")
    assert found is not None
    assert found.etag == 'W/"2"'


def test_the_one_used_longest_ago_goes_first() -> None:
    memory = RenderedAnswers(LIMIT)
    requests = [bytes([number]) for number in range(100)]
    for request in requests:
        memory.keep(request, answer(500))
        memory.find(requests[0])
        assert memory.size <= LIMIT
    kept = [request for request in requests if memory.find(request)]
    assert kept == [requests[0], *requests[100 - len(kept) + 1 :]]
    assert len(kept) > 10


def test_an_answer_over_a_sixteenth_is_not_kept_nor_the_one_that_it_replaces() -> None:
    memory = RenderedAnswers(LIMIT)
    memory.keep(b"a", answer(100))
    memory.keep(b"a", answer(LIMIT // 16))
    assert memory.find(b"a") is None
    assert memory.size == 0


def test_long_requests_count_too() -> None:
    memory = RenderedAnswers(LIMIT)
    memory.keep(b"a" * (LIMIT // 16), answer(1))
    assert memory.size == 0


def test_a_memory_of_nothing_keeps_nothing() -> None:
    memory = RenderedAnswers(0)
    memory.keep(b"", answer(0, ""))
    assert (memory.find(b""), memory.size) == (None, 0)
