"""A bounded memory of rendered answers, least recently used first out.

It knows no callers and decides nothing: who may have an answer, and whether it still holds, is asked of the service
each time. All that is saved is making and rendering the answer again.
"""

from collections import OrderedDict
from dataclasses import dataclass

_LARGEST_SHARE = 16
"""One answer may take at most this part of the memory, so that none drives all others out."""

_OVERHEAD = 400
"""Bytes that an entry takes beside its texts, about: objects, their headers, a place in the dictionary."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The JSON of an answer, and the entity tag under which the service gave it."""

    etag: str
    content: bytes


class RenderedAnswers:
    """Answers by request, `max_bytes` of them in all, what keeps them included; 0 keeps none.

    Answers are immutable: who has found one may go on using it after it has been driven out.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._answers: OrderedDict[bytes, Rendered] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """How many bytes it takes now."""
        return self._bytes

    def find(self, request: bytes) -> Rendered | None:
        """Return the answer to a request, which is then the last to go; None where none is kept."""
        found = self._answers.get(request)
        if found is not None:
            self._answers.move_to_end(request)
        return found

    def keep(self, request: bytes, answer: Rendered) -> None:
        """Keep an answer instead of the one before, if it is not too large; make room for it."""
        before = self._answers.pop(request, None)
        if before is not None:
            self._bytes -= _size(request, before)
        size = _size(request, answer)
        if size * _LARGEST_SHARE > self._max_bytes:
            return
        self._answers[request] = answer
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._bytes -= _size(*self._answers.popitem(last=False))


def _size(request: bytes, answer: Rendered) -> int:
    return len(request) + len(answer.etag) + len(answer.content) + _OVERHEAD
