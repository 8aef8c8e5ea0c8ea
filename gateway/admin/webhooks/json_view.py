"""Bodies as people read them: JSON on lines of its own, with its parts told apart; everything else as text.

Nothing is lost on the way: numbers stay as they were written, names that come twice come twice.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

MAX_LINES = 1_500
MAX_CHARACTERS = 200_000
_INDENT = "  "
# These turn the direction of what follows them: on a page they would show a body as it is not.
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class View:
    """A body, ready to be put between <pre> and </pre>."""

    html: Markup
    is_json: bool
    is_cut: bool
    """Whether there is more of it than is shown."""


class _Number(str):
    """A number as it was written."""


class _Object(list[tuple[str, Any]]):
    """The members of an object, in their order."""


class _Full(Exception):
    """As much as a page shows has been written."""


def view(text: str) -> View:
    """How to show a body."""
    try:
        value = json.loads(
            text, parse_float=_Number, parse_int=_Number, parse_constant=_no_constant, object_pairs_hook=_Object
        )
        writer = _Writer()
        is_cut = writer.write_all(value)
    except (ValueError, RecursionError):
        shown = text[:MAX_CHARACTERS]
        return View(escape(_visible(shown)), is_json=False, is_cut=len(shown) < len(text))
    return View(Markup("").join(writer.parts), is_json=True, is_cut=is_cut)


class _Writer:
    def __init__(self) -> None:
        self.parts: list[Markup] = []
        self._lines = 1
        self._characters = 0

    def write_all(self, value: Any) -> bool:
        """Writes a value; tells whether it was more than is shown."""
        try:
            self._value(value, 0)
        except _Full:
            return True
        return False

    def _value(self, value: Any, depth: int) -> None:
        if isinstance(value, _Object):
            members = [(self._name(name), each) for name, each in value]
            self._group("{", "}", members, depth)
        elif isinstance(value, list):
            self._group("[", "]", [(None, each) for each in value], depth)
        elif isinstance(value, _Number):
            self._put(Markup('<span class="j-number">{}</span>').format(value))
        elif isinstance(value, str):
            self._put(Markup('<span class="j-text">{}</span>').format(_quoted(value)))
        else:
            word = {None: "null", True: "true", False: "false"}[value]
            self._put(Markup('<span class="j-word">{}</span>').format(word))

    def _group(self, begin: str, end: str, members: Sequence[tuple[Markup | None, Any]], depth: int) -> None:
        self._put(begin)
        for place, (name, value) in enumerate(members):
            self._line(depth + 1)
            if name is not None:
                self._put(name)
            self._value(value, depth + 1)
            if place < len(members) - 1:
                self._put(",")
        if members:
            self._line(depth)
        self._put(end)

    def _name(self, name: str) -> Markup:
        return Markup('<span class="j-name">{}</span>: ').format(_quoted(name))

    def _line(self, depth: int) -> None:
        self._lines += 1
        if self._lines > MAX_LINES:
            raise _Full
        self._put("\n" + _INDENT * depth)

    def _put(self, part: str) -> None:
        escaped = escape(part)
        self._characters += len(escaped)
        if self._characters > 2 * MAX_CHARACTERS:
            raise _Full
        self.parts.append(escaped)


def _quoted(text: str) -> str:
    return _visible(json.dumps(text, ensure_ascii=False))


def _visible(text: str) -> str:
    return _DIRECTIONS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are Python's, and no JSON
