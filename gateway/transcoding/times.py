"""Timestamps and durations as ProtoJSON writes and reads them: RFC 3339 in UTC, and decimal seconds with an `s`."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_NANOS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND = -62_135_596_800  # 0001-01-01T00:00:00Z
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
_LONGEST_SECONDS = 315_576_000_000  # 10,000 years, the bound that duration.proto sets

_CLOCK = tuple(f"{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60))

_TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)


def timestamp_text(seconds: int, nanos: int) -> str:
    """Return e.g. `2024-05-01T10:00:00.250Z`. Raises ValueError outside the years 1 to 9999."""
    if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < _NANOS):
        raise ValueError(f"a timestamp of {seconds} s and {nanos} ns is outside the years 1 to 9999")
    day, second = divmod(seconds, 86_400)
    minute, second = divmod(second, 60)
    return f"{_date(day)}{_CLOCK[minute]}{second:02d}{_fraction(nanos)}Z"


def duration_text(seconds: int, nanos: int) -> str:
    """Return e.g. `3.500s`. Raises ValueError beyond 10,000 years, or where seconds and nanos differ in sign."""
    if abs(seconds) > _LONGEST_SECONDS or abs(nanos) >= _NANOS or seconds * nanos < 0:
        raise ValueError(f"a duration of {seconds} s and {nanos} ns is out of range or of mixed sign")
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def parse_timestamp(text: str) -> tuple[int, int]:
    """Return (seconds, nanos) since the epoch of an RFC 3339 text. Raises ValueError."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is not an RFC 3339 time")
    moment, fraction, offset = found.groups()
    since = datetime.fromisoformat(moment).replace(tzinfo=UTC) - _EPOCH
    seconds = since.days * 86_400 + since.seconds - _offset_seconds(offset)
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise ValueError(f"'{text}' is outside the years 1 to 9999")
    return seconds, int((fraction or "").ljust(9, "0"))


def parse_duration(text: str) -> tuple[int, int]:
    """Return (seconds, nanos), both of the same sign, of a text such as `3.5s`. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None or int(found[2]) > _LONGEST_SECONDS:
        raise ValueError(f"'{text}' is not a duration")
    sign = -1 if found[1] else 1
    return sign * int(found[2]), sign * int((found[3] or "").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    """`2024-05-01T`. The times of one answer lie on few days, and the calendar is the dear part of a timestamp."""
    return (_EPOCH + timedelta(days=day)).isoformat()[:11]


def _offset_seconds(offset: str) -> int:
    if offset == "Z":
        return 0
    sign = -1 if offset[0] == "-" else 1
    return sign * (int(offset[1:3]) * 3600 + int(offset[4:6]) * 60)


def _fraction(nanos: int) -> str:
    """0, 3, 6 or 9 digits, as many as are needed."""
    if nanos == 0:
        return ""
    if nanos % 1_000_000 == 0:
        return f".{nanos // 1_000_000:03d}"
    if nanos % 1_000 == 0:
        return f".{nanos // 1_000:06d}"
    return f".{nanos:09d}"
