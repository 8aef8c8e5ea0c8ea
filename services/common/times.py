"""Moments in the contract and in Python: always with a time zone, always UTC."""

import time
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def to_timestamp(moment: datetime | None) -> Timestamp | None:
    """A moment for a message; None stays None, which leaves the field absent."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def from_timestamp(stamp: Timestamp) -> datetime:
    """A moment from a message."""
    return stamp.ToDatetime(tzinfo=UTC)


def to_duration(milliseconds: int) -> Duration:
    """A length of time for a message."""
    length = Duration()
    length.FromMilliseconds(milliseconds)
    return length


def in_words(moment: datetime) -> str:
    """'24 Nov 2026, 14:05 GMT', wherever people read a time: UTC, which is what clocks in Ghana show all year."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} GMT"


def now() -> datetime:
    """The moment it is. Domain code takes it as an argument; only servicers and loops ask."""
    return datetime.now(UTC)


def boot_time() -> float:
    """Seconds by a clock that is never set and, where there is such a one, goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
