"""Pages of lists (AIP-158): keyset positions in opaque tokens, never an OFFSET.

A page is asked for with one row more than it holds: if that row comes, there is a next page, and its token says after
which row it begins. A token works only with the request that it came from, page size aside.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.common.errors import InvalidArgument

DEFAULT_SIZE = 50
MAX_SIZE = 200

Row = TypeVar("Row")
Position = Sequence[str | int]
"""The sort values of the last row of a page, which the next page begins after."""


def size_of(page_size: int) -> int:
    """How many rows a page holds whose size was asked for so; zero: as is usual."""
    return min(page_size, MAX_SIZE) if page_size else DEFAULT_SIZE


@dataclass(frozen=True)
class PageRequest:
    """Which page of a list is wanted."""

    size: int
    after: Position | None
    _scope: str

    @property
    def limit(self) -> int:
        """How many rows to fetch: one more than the page holds, to see whether there is a next one."""
        return self.size + 1

    @property
    def signature(self) -> str:
        """What tells this page from every other one, of this list and of others."""
        return repr((self._scope, self.size, self.after))

    @classmethod
    def parse(
        cls, page_size: int, page_token: str, *scope: object, position: tuple[type, ...] = (str,)
    ) -> "PageRequest":
        """Reads the paging fields of a request.

        `scope` is what the list is of: its parent, filters and order. `position` holds the types of its sort values.

        Raises:
            InvalidArgument: the token is not one of ours, or is one of another list.
        """
        size = size_of(page_size)
        digest = hashlib.sha256(repr(scope).encode()).hexdigest()[:16]
        if not page_token:
            return cls(size, None, digest)
        try:
            token_scope, *after = json.loads(base64.urlsafe_b64decode(page_token))
        except (binascii.Error, ValueError, TypeError):
            token_scope, after = None, []
        # Exact types: a bool is an int to isinstance. A token is not secret, so it may have been written by hand.
        sound = tuple(map(type, after)) == position and "\0" not in "".join(map(str, after))
        if token_scope != digest or not sound:
            message = "is not a token of this list; leave it out to begin with the first page"
            raise InvalidArgument.field("page_token", message, reason="PAGE_TOKEN_INVALID")
        return cls(size, after, digest)

    def page(
        self, rows: Sequence[Row], position: Callable[[Row], Position], stopped_at: Position | None = None
    ) -> "Page[Row]":
        """Cuts the fetched rows to a page. `position` gives the sort values of a row.

        `stopped_at` are the sort values at which a search was broken off that has found fewer rows than it might have:
        the next page goes on behind them.
        """
        kept = list(rows[: self.size])
        if len(rows) > self.size:
            return Page(kept, self._token(position(kept[-1])))
        return Page(kept, self._token(stopped_at) if stopped_at is not None else "")

    def _token(self, after: Position) -> str:
        token = json.dumps([self._scope, *after], separators=(",", ":"))
        return base64.urlsafe_b64encode(token.encode()).decode()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list."""

    rows: list[Row]
    next_page_token: str
    """Empty on the last page."""
