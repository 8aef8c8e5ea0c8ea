"""How far a store's products have got, and whether that is news to somebody who has asked before."""

import hashlib

from services.catalog import queries
from services.catalog.queries import Feed
from services.common.errors import NotFound


def feed_of(store_id: str, *, visible_only: bool) -> Feed:
    """How far the store's products have got.

    Raises:
        NotFound: there is no such store.
    """
    feed = queries.find_feed(store_id, visible_only=visible_only)
    if feed is None:
        raise no_store(store_id)
    return feed


def etag_of(feed: Feed, signature: str) -> str:
    """The entity tag (RFC 9110, 8.8.3) of what a request is answered at this point of the feed.

    A weak one: it speaks of what the answer means, not of its bytes.
    """
    return f'W/"{feed.current}-{hashlib.sha256(signature.encode()).hexdigest()[:16]}"'


def matches(if_none_match: str, etag: str) -> bool:
    """Whether an If-None-Match header (RFC 9110, 13.1.2) names this entity tag; "*" names any."""
    named = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in named or etag.removeprefix("W/") in named


def no_store(store_id: str) -> NotFound:
    """What is said of a store that is not there."""
    return NotFound(f"There is no store stores/{store_id}.", reason="STORE_NOT_FOUND")
