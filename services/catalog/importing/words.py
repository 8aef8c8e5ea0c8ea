"""Words and numbers in cells: yes and no, kinds of things, counts, lists, and text that was meant for a web page."""

import html
import re
from datetime import date

TRUE = frozenset({"yes", "y", "1", "true", "t", "on", "published", "publish", "active", "visible", "live", "x", "✓"})
FALSE = frozenset({"no", "n", "0", "false", "f", "off", "draft", "unpublished", "inactive", "hidden", "archived"})
ITEM_TYPES = {
    "product": ("product", "goods", "good", "item", "physical", "simple", "stock", "inventory", "inventory item"),
    "service": ("service", "services", "booking", "appointment"),
    "made_to_order": ("made to order", "custom", "custom made", "bespoke", "pre order", "preorder"),
    "course": ("course", "class", "training", "workshop"),
    "digital_item": ("digital", "digital item", "download", "downloadable", "digital product", "airtime"),
}
_ITEM_TYPES = {word: kind for kind, words in ITEM_TYPES.items() for word in words}
INT32 = 2**31 - 1

_SPACES = re.compile(r"[ \t\f\v\u00a0\u2007\u202f]+")
_TEXT_MARK = re.compile(r"'(?=[=+\-@\d])")
_COUNT = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d+|\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+)(?:[.,]0+)?", re.ASCII)
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE | re.ASCII)

_TAG = re.compile(r"<(/?[a-zA-Z][^<>]*|![^<>]*)>")
_LINE_TAGS = frozenset({"br", "div", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "hr", "section"})
_SILENT_TAGS = frozenset({"script", "style"})


def clean(text: str) -> str:
    """A cell without space around it, and without the apostrophe by which a spreadsheet marks text."""
    return _TEXT_MARK.sub("", text.strip().strip("\u200b\ufeff").strip(), count=1) if text else ""


def one_line(text: str) -> str:
    """The text with single spaces only."""
    return " ".join(text.split())


def read_truth(text: str) -> bool | None:
    """Yes or no; None: neither."""
    word = text.casefold()
    return True if word in TRUE else False if word in FALSE else None


def read_item_type(text: str) -> str | None:
    """The kind of thing; None: no such kind."""
    return _ITEM_TYPES.get(re.sub(r"[\s_-]+", " ", text.casefold()).strip())


def read_count(text: str) -> int | None:
    """A whole number, "1,250" and "32.00" too; None: it is none, or none that is counted."""
    parts = _COUNT.fullmatch(text)
    if parts is None:
        return None
    count = int(re.sub(r"\D", "", parts["whole"])[:12])
    return None if count > INT32 else -count if parts["sign"] == "-" else count


def is_shortened(text: str) -> bool:
    """Whether a spreadsheet has made 6.034E+12 of a long number: its digits are lost."""
    return _SHORTENED.fullmatch(text) is not None


def read_day(text: str) -> date | None:
    """The day of a moment like "2026-04-01 00:00:00"; None: it is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def split_list(text: str) -> list[str]:
    """The parts of a list as WooCommerce writes it: between commas; a comma of a part's own has a backslash."""
    parts = (part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", text))
    return [part for part in parts if part]


def last_of_path(text: str) -> str:
    """ "Clothing > Hoodies" -> "Hoodies"."""
    return one_line(text.rpartition(">")[2])


def plain_text(markup: str) -> str:
    """Text that was meant for a web page, as plain text: paragraphs and items as lines."""
    if "<" not in markup and "&" not in markup:
        return _tidy(markup)
    parts: list[str] = []
    silent = ""
    for number, part in enumerate(_TAG.split(markup)):
        if number % 2 == 0:
            parts.append("" if silent else html.unescape(part))
            continue
        name = re.match(r"/?([a-zA-Z0-9]*)", part)
        tag = name[1].lower() if name else ""
        if tag in _SILENT_TAGS:
            silent = "" if part.startswith("/") else tag
        elif tag == "p":
            parts.append("\n\n")
        elif tag == "li":
            parts.append("" if part.startswith("/") else "\n- ")
        elif tag in _LINE_TAGS:
            parts.append("\n")
    return _tidy("".join(parts))


def _tidy(text: str) -> str:
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def shorten(text: str, length: int) -> str:
    """The text, cut where a word ends if it is longer."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[length // 2 :] else cut).rstrip() + "…"
