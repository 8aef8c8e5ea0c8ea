"""From the bytes of a file to its lines: which encoding, and nothing held that has not been asked for."""

import codecs
import io
from collections.abc import Iterable, Iterator

MAX_LINE = 1024 * 1024
"""Characters of a line, and of a row that goes over several lines."""
SHOWN = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16", "cp1252": "windows-1252"}
"""Encodings as people know them, by Python's names."""

_AS_CSV = "Open it in your spreadsheet program and save it as CSV (in Excel: CSV UTF-8), then import that."
_MAGIC = {
    b"PK\x03\x04": f"This is a workbook or an archive, not a CSV file. {_AS_CSV}",
    b"\xd0\xcf\x11\xe0": f"This is an old Excel workbook, not a CSV file. {_AS_CSV}",
    b"%PDF": "This is a PDF, not a CSV file. Export the products as CSV.",
}
_NOT_TEXT = f"This is not a text file. {_AS_CSV}"
_SAMPLE = 512
_ENOUGH_LETTERS = 3
"""In UTF-8, to believe that it was meant."""


class UnreadableError(Exception):
    """A file that cannot be read as a whole; the message tells its owner why, and what to do."""


def detect_encoding(chunks: Iterable[bytes]) -> str:
    """Python's name of the encoding in which all of the bytes make sense.

    A byte order mark says so itself. Otherwise it is UTF-8, if it can be, and what Windows writes in western languages
    if not: text in that which happens to be UTF-8 throughout is practically unheard of.

    Raises:
        UnreadableError: it is no text, or in no encoding that is read.
    """
    rest = iter(chunks)
    head = b""
    while len(head) < _SAMPLE and (chunk := next(rest, b"")):
        head += chunk
    for magic, words in _MAGIC.items():
        if head.startswith(magic):
            raise UnreadableError(words)
    wide = _wide_encoding(head)
    narrow = _narrow_encoding(head, rest) if wide is None else None
    return wide or narrow or "cp1252"


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 of either kind, told by its mark or by the zero beside every plain letter."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:_SAMPLE]
    for name, at in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(sample) >= 4 and sample[at::2].count(0) * 2 > len(sample[at::2]) and 0 not in sample[1 - at :: 2]:
            return name
    return None


def _narrow_encoding(head: bytes, rest: Iterator[bytes]) -> str | None:
    """UTF-8 if all of it is; None if it is none."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    letters, lines = 0, 1
    for chunk in _after(head, rest):
        if 0 in chunk:
            raise UnreadableError(_NOT_TEXT)
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as failure:
            sound = failure.object[: failure.start]
            if letters + _count_letters(sound.decode("utf-8")) >= _ENOUGH_LETTERS:
                raise UnreadableError(_mixed(lines + sound.count(b"\n"))) from None
            return None
        letters += _count_letters(text)
        lines += chunk.count(b"\n")
    return "utf-8-sig" if not decoder.getstate()[0] else None


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text, piece by piece, every line ending as a line feed.

    Raises:
        UnreadableError: it is not in this encoding after all.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    try:
        for chunk in chunks:
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise UnreadableError(f"Some letters of this file cannot be read. {_AS_CSV}") from None


def lines(texts: Iterable[str]) -> Iterator[str]:
    """The lines of a text, each with its line feed.

    Raises:
        UnreadableError: a line has no end, or holds what no text does.
    """
    left = ""
    for text in texts:
        if "\0" in text:
            raise UnreadableError(_NOT_TEXT)
        *whole, left = (left + text).split("\n")
        for line in whole:
            yield line + "\n"
        if len(left) > MAX_LINE:
            raise UnreadableError(f"This file has a line of more than {MAX_LINE:,} letters. {_AS_CSV}")
    if left:
        yield left


def _after(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _count_letters(text: str) -> int:
    """How many letters are none of ASCII's."""
    return 0 if text.isascii() else sum(1 for letter in text if letter > "\x7f")


def _mixed(line: int) -> str:
    return (
        f"Line {line} of this file is written in another encoding than the lines before it, so its letters cannot be "
        f"told. {_AS_CSV}"
    )
