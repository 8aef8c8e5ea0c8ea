"""Logs are JSON lines that carry the request id."""

import json
import logging

import pytest

from services.common import telemetry


def test_a_callers_request_id_is_taken_if_it_may_stand_in_a_log() -> None:
    assert telemetry.begin_request("abc-123_DEF.4") == "abc-123_DEF.4"
    assert telemetry.request_id() == "abc-123_DEF.4"


@pytest.mark.parametrize(
    "offered",
    [
        None,
        "",
        "short",
        "x" * 65,
        "with space",
        'quote"d"',
        "new\nline",
        "ünïcode-id",
        "sdfx_live_abcdefgh",
        "whsec_abcdefgh",
    ],
)
def test_any_other_gets_a_new_one(offered: str | None) -> None:
    given = telemetry.begin_request(offered)
    assert given != offered
    assert len(given) == 24


def test_a_line_is_one_json_object_with_what_was_named(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        telemetry.configure_logging("keys", "INFO")
        telemetry.begin_request("request-1")
        try:
            raise LookupError("the cause")
        except LookupError:
            logging.getLogger("test").exception("it\nfailed", extra={"store": "st_a"})
    finally:
        root.handlers[:], root.level = before, level
    (line,) = capfd.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["service"] == "keys"
    assert entry["level"] == "error"
    assert entry["message"] == "it\nfailed"
    assert entry["requestId"] == "request-1"
    assert entry["store"] == "st_a"
    assert "LookupError: the cause" in entry["exception"]
