"""The signature vectors as a receiver with a clock and a secret of its own would be sent them.

The vectors stand at a moment of their own, under secrets of their own. A program whose clock nobody can set is given
the same cases signed anew: at this moment, and under its own secret.
"""

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("signatures.json")

_RUN = re.compile(r"[0-9A-Za-z+/]{20,}=*")
_WRITINGS: Sequence[Callable[[str], str]] = (str, str.upper, str.swapcase)
"""How the vectors write a digest: as it is, and spoilt."""


@dataclass(frozen=True)
class Case:
    """A delivery, and whether it must be accepted. `others` says of libraries by name where they judge otherwise."""

    name: str
    headers: dict[str, str]
    body: bytes
    is_valid: bool
    others: dict[str, bool]


def signed_anew(secret: str, other_secret: str, now: int) -> list[Case]:
    """All vectors, as of `now`, for a receiver that has `secret`; `other_secret` is the other one of a rotation."""
    vectors = json.loads(FILE.read_text("utf-8"))
    return [_move(vectors, case, secret, other_secret, now) for case in vectors["cases"]]


def _move(vectors: Any, case: Any, secret: str, other_secret: str, now: int) -> Case:
    secrets = {each: secret if each == case["secret"] else other_secret for each in vectors["signedBy"].values()}
    # Away from the edge of what is accepted, which a test with a real clock cannot meet to the second.
    stretch = 0.9 if case["valid"] else 1.1
    ages = {each: vectors["now"] - each for each in _times(vectors)}
    times = {each: now - round(age * stretch) for each, age in ages.items()}
    digests = dict(_digests(vectors, secrets, times))

    def digest(run: re.Match[str]) -> str:
        for old, new in digests.items():
            for write in _WRITINGS:
                at = write(old).find(run[0])
                if at >= 0:
                    return write(new)[at : at + len(run[0])]
        return run[0]

    def time(number: re.Match[str]) -> str:
        return str(times[int(number[0])])

    headers = {
        name: re.sub(r"\b1[78][0-9]{8}\b", time, _RUN.sub(digest, value)) if name != "webhook-id" else value
        for name, value in case["headers"].items()
    }
    return Case(case["name"], headers, case["body"].encode(), case["valid"], case.get("others", {}))


def _times(vectors: Any) -> set[int]:
    return {int(case["headers"]["webhook-timestamp"]) for case in vectors["cases"]} | {
        int(found)
        for case in vectors["cases"]
        for found in re.findall(r"\bt=([0-9]+)", case["headers"].get("X-Sedifex-Signature", ""))
        if len(found) == 10
    }


def _digests(vectors: Any, secrets: dict[str, str], times: dict[int, int]) -> Iterator[tuple[str, str]]:
    """What any of the vectors may be signed with, and what stands for it."""
    messages = {(case["headers"]["webhook-id"], case["body"].encode()) for case in vectors["cases"]}
    for old, new in secrets.items():
        for was, is_now in times.items():
            for name, body in messages:
                yield from zip(_sign(old, name, was, body), _sign(new, name, is_now, body), strict=True)


def _sign(secret: str, name: str, time: int, body: bytes) -> tuple[str, str]:
    """By hand: what signs our deliveries is what these cases are held against."""
    timed = b"%d.%s" % (time, body)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    ours = hmac.digest(secret.encode(), timed, "sha256").hex()
    return ours, base64.b64encode(hmac.digest(key, name.encode() + b"." + timed, "sha256")).decode()
