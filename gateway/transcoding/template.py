"""Path templates of `google.api.http`, parsed once and matched against percent-encoded paths.

The grammar is that of google/api/http.proto:

    Template  = "/" Segments [ Verb ] ;
    Segments  = Segment { "/" Segment } ;
    Segment   = "*" | "**" | LITERAL | Variable ;
    Variable  = "{" FieldPath [ "=" Segments ] "}" ;
    FieldPath = IDENT { "." IDENT } ;
    Verb      = ":" LITERAL ;
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

_TOKEN = re.compile(r"\*\*|[*/{}=:]|[^*/{}=:]+")
_IDENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPED_SLASH = re.compile(r"(%2[Ff])")
_PUNCTUATION = frozenset("*/{}=:") | {"**", ""}


class TemplateError(ValueError):
    """A path template is not in the grammar; the text names the template, the place and what was expected there."""


class PathError(ValueError):
    """A request path cannot be read at all: a broken percent escape, or bytes that are not UTF-8."""


class Wildcard(enum.Enum):
    """A segment of a template that stands for others."""

    ONE = "*"
    REST = "**"


Segment = str | Wildcard


@dataclass(frozen=True, slots=True)
class Variable:
    """A request field bound to the segments from `start` up to `stop` (None: to the end of the path)."""

    field_path: str
    start: int
    stop: int | None

    @property
    def is_single(self) -> bool:
        """Whether exactly one segment is bound; then even an escaped slash is decoded."""
        return self.stop is not None and self.stop - self.start == 1

    def value(self, segments: Sequence[str]) -> str:
        """Return the decoded text that this variable takes from the raw segments of a matching path."""
        bound = segments[self.start : self.stop]
        return decode_segment(bound[0]) if self.is_single else "/".join(map(_decode_keeping_slashes, bound))


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled path template. Literals are held decoded."""

    source: str
    segments: tuple[Segment, ...]
    variables: tuple[Variable, ...]
    verb: str | None

    def match(self, path: str) -> dict[str, str] | None:
        """Return field path → value where `path` (percent-encoded, no query) matches, else None.

        Raises PathError where the path cannot be decoded.
        """
        segments = split_path(path)
        if self.verb is not None:
            last, verb = split_verb(segments[-1])
            if verb != self.verb:
                return None
            segments = [*segments[:-1], last]
        return self.bind(segments) if self._accepts(segments) else None

    def bind(self, segments: Sequence[str]) -> dict[str, str]:
        """Return field path → value for raw segments, freed of the verb, that are known to match."""
        return {variable.field_path: variable.value(segments) for variable in self.variables}

    def _accepts(self, segments: Sequence[str]) -> bool:
        expected = self.segments
        if expected[-1] is Wildcard.REST:
            expected = expected[:-1]
            segments = segments[: len(expected)]
        return len(segments) == len(expected) and all(map(_fits, expected, segments))


def split_path(path: str) -> list[str]:
    """Split a percent-encoded absolute path into its raw segments. Raises PathError where it is not one."""
    if not path.startswith("/"):
        raise PathError("the path must begin with '/'")
    if not path.isascii():
        raise PathError("the path holds characters that must be percent-encoded as UTF-8")
    if _BAD_ESCAPE.search(path):
        raise PathError(
            "the path holds a '%' that is not followed by two hexadecimal digits; write a plain '%' as '%25'"
        )
    return path[1:].split("/")


def split_verb(segment: str) -> tuple[str, str | None]:
    """Split a path's last raw segment at its last colon. An escaped colon (%3A) belongs to the id, not to a verb."""
    head, colon, verb = segment.rpartition(":")
    return (head, decode_segment(verb)) if colon else (segment, None)


def decode_segment(raw: str) -> str:
    """Decode every percent escape of one segment. Raises PathError unless the bytes are UTF-8."""
    if "%" not in raw:
        return raw
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise PathError("the percent escapes in the path are not UTF-8") from None


def _decode_keeping_slashes(raw: str) -> str:
    # HttpRule: in a variable of several segments %2F stays as it is, or a decoded slash would look like a separator.
    return "".join(part if index % 2 else decode_segment(part) for index, part in enumerate(_ESCAPED_SLASH.split(raw)))


def _fits(expected: Segment, raw: str) -> bool:
    return bool(raw) if expected is Wildcard.ONE else decode_segment(raw) == expected


def parse_template(source: str) -> Template:
    """Compile a path template. Raises TemplateError naming the template and the offending place."""
    return _Parser(source).template()


class _Parser:
    """Recursive descent over the grammar in this module's docstring."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = [(found.group(), found.start()) for found in _TOKEN.finditer(source)]
        self._tokens.append(("", len(source)))
        self._next = 0
        self._segments: list[Segment] = []
        self._variables: list[Variable] = []

    def template(self) -> Template:
        self._expect("/")
        self._read_segments(inside_variable=False)
        verb = decode_segment(self._literal("a verb")) if self._accept(":") else None
        if self._peek():
            raise self._error("the end, or '/' and a further segment")
        if Wildcard.REST in self._segments[:-1]:
            raise self._error("'**' only as the last segment", at=self._source.index("**"))
        return Template(self._source, tuple(self._segments), tuple(self._variables), verb)

    def _read_segments(self, *, inside_variable: bool) -> None:
        self._read_segment(inside_variable=inside_variable)
        while self._accept("/"):
            self._read_segment(inside_variable=inside_variable)

    def _read_segment(self, *, inside_variable: bool) -> None:
        if self._accept("*"):
            self._segments.append(Wildcard.ONE)
        elif self._accept("**"):
            self._segments.append(Wildcard.REST)
        elif self._peek() == "{" and not inside_variable:
            self._read_variable()
        else:
            self._segments.append(decode_segment(self._literal("a literal segment, '*' or '**'")))

    def _read_variable(self) -> None:
        self._expect("{")
        field_path = self._field_path()
        start = len(self._segments)
        if self._accept("="):
            self._read_segments(inside_variable=True)
        else:
            self._segments.append(Wildcard.ONE)
        self._expect("}")
        stop = None if self._segments[-1] is Wildcard.REST else len(self._segments)
        self._variables.append(Variable(field_path, start, stop))

    def _field_path(self) -> str:
        at = self._tokens[self._next][1]
        path = self._literal("a field path such as 'name' or 'product.name'")
        if not all(map(_IDENT.fullmatch, path.split("."))):
            raise self._error("a field path such as 'name' or 'product.name'", at=at)
        if any(variable.field_path == path for variable in self._variables):
            raise self._error(f"each variable once; '{path}' is bound twice", at=at)
        return path

    def _peek(self) -> str:
        return self._tokens[self._next][0]

    def _accept(self, token: str) -> bool:
        found = self._peek() == token
        self._next += found
        return found

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._error(f"'{token}'")

    def _literal(self, expected: str) -> str:
        token, at = self._tokens[self._next]
        if token in _PUNCTUATION:
            raise self._error(expected)
        if _BAD_ESCAPE.search(token):
            raise self._error("'%' followed by two hexadecimal digits", at=at)
        self._next += 1
        return token

    def _error(self, expected: str, *, at: int | None = None) -> TemplateError:
        place = self._tokens[self._next][1] if at is None else at
        return TemplateError(f"path template '{self._source}', character {place + 1}: expected {expected}")
