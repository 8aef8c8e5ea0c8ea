"""Entity tags (RFC 9110, 8.8.3) and the headers that name them: If-None-Match and If-Match (13.1)."""

import re

from .invalid import InvalidRequestError, shown

_TAG = re.compile(r'(?:W/)?"[!#-~]*"')
_BARE = re.compile(r"[!#-~]+")
_STRONG_TAG = re.compile(r'"([!#-~]+)"')


def entity_tag(etag: str) -> str:
    """Return a resource's etag as a header has it: in quotes, unless it is a complete entity tag already.

    Empty where it can be none: it is empty itself, or holds what a tag may not.
    """
    if _BARE.fullmatch(etag):
        return f'"{etag}"'
    return etag if is_complete(etag) else ""


def is_complete(etag: str) -> bool:
    """Whether this is an entity tag as it stands."""
    return _TAG.fullmatch(etag) is not None


def names(if_none_match: str, tag: str) -> bool:
    """Whether If-None-Match names this entity tag, by weak comparison (8.8.3.2); "*" names any that is one."""
    if not tag:
        return False
    return names_any(if_none_match) or _opaque(tag) in map(_opaque, _TAG.findall(if_none_match))


def names_any(if_none_match: str) -> bool:
    """Whether If-None-Match is "*". One that stands in a list, where the grammar has none, is taken for it too: so do
    services, and both must say the same.
    """
    return "*" in (part.strip() for part in _TAG.sub("", if_none_match).split(","))


def required_etag(if_match: str) -> str | None:
    """Return the etag that If-Match asks for, without its quotes; None for "*", which any resource fits.

    Raises InvalidRequestError for what names no etag, or not exactly one: If-Match compares strongly, so a weak tag
    would never fit, and a service compares one etag at a time.
    """
    text = if_match.strip()
    if text == "*":
        return None
    found = _STRONG_TAG.fullmatch(text)
    if found is None:
        expected = 'expected one strong entity tag, as the ETag of an answer has it, such as "12", or *'
        raise InvalidRequestError(f"{expected}; got {_given(text)}", "If-Match")
    return found[1]


def _given(text: str) -> str:
    tags = _TAG.findall(text)
    if len(tags) > 1:
        return f"{len(tags)} tags"
    return f"a weak one, {text[:64]}" if text.startswith("W/") and tags else shown(text)


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
