"""How much an endpoint is sent at a time: what its answers allow, and when it is left in peace for a while.

The worker's statements (worker/due, worker/completion) apply these numbers to the endpoint's row, so that all workers
share one state of it and no worker has to read it before it writes. What is skipped meanwhile is not tried, so it
spends no retry.
"""

# Additive increase, multiplicative decrease, as TCP finds what a path can carry: one more for each full round of
# successes, half of it when the endpoint times out, answers 5xx or 429.
FIRST_CONCURRENCY = 4
DEFAULT_MAX_CONCURRENCY = 20
DECREASE = 0.5

PACE_SECONDS = 0.02
"""An endpoint with a backlog is claimed for at most so often: what it answers at once would keep all workers busy with
a few deliveries at a time, and whoever has one that is due would wait for them."""
SHARED_PACE_SECONDS = 0.05
"""The same while anything is being published: others may be waiting."""

TRIP_AFTER = 10
"""Failures in a row until the endpoint is paused."""
PAUSE_SECONDS = (30, 60, 120, 300, 600)
"""After the first trip, after its probe has failed, and so on; the last one for as long as it takes."""

# A worker sends for everybody. One endpoint may hold an eighth of its slots, and those that are not known to be well
# half of them: whatever hangs, the others have the rest.
SHARE_OF_ONE = 1 / 8
SHARE_OF_UNPROVEN = 1 / 2
SLOW_SECONDS = 1.0
"""An endpoint that has kept a request open for so long is not known to be well."""

BURST_SECONDS = 0.1
"""How much of a rate limit can be saved up: a tenth of a second's worth, and at least one delivery."""


def share_of_one(slots: int) -> int:
    """How many of a worker's slots one endpoint may hold."""
    return max(1, int(slots * SHARE_OF_ONE))


def share_of_unproven(slots: int) -> int:
    """How many of a worker's slots those endpoints may hold together that are not known to be well."""
    return max(1, int(slots * SHARE_OF_UNPROVEN))


def pause_seconds(pause_count: int) -> int:
    """How long an endpoint is paused for the n-th time in a row, from 1."""
    if pause_count < 1:
        raise ValueError("pauses are counted from 1")
    return PAUSE_SECONDS[min(pause_count, len(PAUSE_SECONDS)) - 1]
