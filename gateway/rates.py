"""How many requests a caller may make: a bucket for each, which holds a minute's worth and fills evenly.

The generic cell rate algorithm: all that is kept of a caller is the moment at which its bucket will be full again.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

WINDOW_S = 60.0
MAX_CALLERS = 50_000
"""About 10 MB. Past that, who has been quiet longest is forgotten, and would begin with a full bucket. To push others
out takes as many callers that are asking at that very time, each under a limit of its own."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller has after a request. Times are in whole seconds, rounded up."""

    limit: int
    remaining: int
    reset: int
    """Until the bucket is full."""
    retry_after: int
    """Until the next request is taken; 0: this one was."""


class Rates:
    """The buckets of one kind of caller, `per_minute` requests in each."""

    def __init__(self, per_minute: int, max_callers: int = MAX_CALLERS) -> None:
        self._per_minute = per_minute
        self._interval = WINDOW_S / per_minute
        self._max_callers = max_callers
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()
        """By caller, the one that has been quiet longest first."""

    def take(self, caller: Hashable, now: float) -> Quota:
        """Takes a request out of a caller's bucket at `now`, in seconds by a clock that is never set back.

        One that is refused takes nothing: who waits as long as told is served.
        """
        full_at = max(self._full_at.pop(caller, now), now)
        wanted = full_at + self._interval
        wait = wanted - (now + WINDOW_S)
        is_taken = wait <= 1e-9
        self._full_at[caller] = full_at = wanted if is_taken else full_at
        if len(self._full_at) > self._max_callers:
            self._full_at.popitem(last=False)
        remaining = int((now + WINDOW_S - full_at) / self._interval + 1e-6)
        return Quota(self._per_minute, remaining, math.ceil(full_at - now), 0 if is_taken else max(1, math.ceil(wait)))
