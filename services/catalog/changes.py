"""What has changed since a cursor: how a copy of a shop's products is kept up to date.

A cursor holds the version up to which its holder knows everything. Products come by the version of their last change,
so each comes once, as it is now, and what changes meanwhile comes again behind.

Who begins holds nothing, so of what went before the beginning it is told nothing: a cursor holds also at which version
it began.
"""

import base64
import binascii
import json
from dataclasses import dataclass

from services.catalog import queries
from services.catalog.feed import etag_of, feed_of, matches
from services.catalog.queries import Feed, Product
from services.common.errors import FailedPrecondition, InvalidArgument


@dataclass(frozen=True)
class Cursor:
    """How far a follower has got in one store's feed, as integrations see it or whole."""

    store_id: str
    visible_only: bool
    version: int
    """All changes up to this one are known."""
    began: int
    """At which version it began; of what went up to then it needs no tombstone."""

    def __str__(self) -> str:
        parts = [self.store_id, int(self.visible_only), self.version, self.began]
        return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()

    @classmethod
    def parse(cls, text: str, store_id: str, *, visible_only: bool) -> "Cursor":
        """Reads a cursor of this feed.

        Raises:
            InvalidArgument: it is none, or one of another feed.
        """
        try:
            parts = json.loads(base64.urlsafe_b64decode(text))
        except (binascii.Error, ValueError):
            parts = None
        sound = isinstance(parts, list) and [type(part) for part in parts] == [str, int, int, int]
        if not sound or parts[:2] != [store_id, int(visible_only)] or min(parts[2:]) < 0:
            message = "is not a cursor of this feed; leave it out to begin"
            raise InvalidArgument.field("cursor", message, reason="CURSOR_INVALID")
        return cls(store_id, visible_only, parts[2], parts[3])


@dataclass(frozen=True)
class Changes:
    """Changes since a cursor, or that there are none."""

    etag: str
    next_cursor: str
    products: tuple[Product, ...] = ()
    """As they are now; those that are gone too."""
    more: bool = False
    not_modified: bool = False


def list_changes(store_id: str, text: str, size: int, if_none_match: str, *, visible_only: bool) -> Changes:
    """What has changed since the cursor `text`, `size` products at most; all there is if it is empty.

    Raises:
        NotFound: there is no such store.
        InvalidArgument: the cursor is not one of this feed.
        FailedPrecondition: what it does not know of has been forgotten.
    """
    # Before the products: what is committed in between comes with them, or next time.
    feed = feed_of(store_id, visible_only=visible_only)
    cursor = _cursor(text, store_id, feed, visible_only=visible_only)
    etag = etag_of(feed, f"{store_id} {text} {size} {visible_only}")
    if matches(if_none_match, etag):
        return Changes(etag, text or str(cursor), not_modified=True)
    found = queries.list_changes(store_id, cursor.version, cursor.began, size + 1, visible_only=visible_only)
    more = len(found) > size
    page = tuple(found[:size])
    reached = [_version(product, visible_only=visible_only) for product in page[-1:]]
    version = max([cursor.version, *reached, *([] if more else [feed.current])])
    return Changes(etag, str(Cursor(store_id, visible_only, version, cursor.began)), page, more)


def _cursor(text: str, store_id: str, feed: Feed, *, visible_only: bool) -> Cursor:
    if not text:
        return Cursor(store_id, visible_only, 0, feed.current)
    cursor = Cursor.parse(text, store_id, visible_only=visible_only)
    if max(cursor.version, cursor.began) < feed.forgotten:
        raise FailedPrecondition(
            "This cursor is too old: what has gone since is not known any more. Begin again without a cursor, and drop "
            "what does not come again.",
            reason="CURSOR_EXPIRED",
        )
    return cursor


def _version(product: Product, *, visible_only: bool) -> int:
    return (product.seen_version or 0) if visible_only else product.version
