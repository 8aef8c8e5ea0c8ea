"""The one string that connects a website, with the cases that the WordPress plugin is tested with too."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway import connection_code
from gateway.connection_code import Connection, ConnectionCodeError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "connection_codes.json").read_text())["cases"]
KEY = VECTORS[0]["key"]


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_every_case_is_read_as_its_vector_says(case: dict[str, Any]) -> None:
    if case["valid"]:
        assert connection_code.read(case["code"]) == Connection(case["address"], case["key"])
        return
    with pytest.raises(ConnectionCodeError) as refused:
        connection_code.read(case["code"])
    assert refused.value.reason.value == case["reason"]


@pytest.mark.parametrize("case", [case for case in VECTORS if case["valid"]], ids=lambda case: case["name"])
def test_what_is_made_is_read_back(case: dict[str, Any]) -> None:
    made = connection_code.make(case["address"], case["key"])
    assert made == "".join(case["code"].split())
    assert connection_code.read(made) == Connection(case["address"], case["key"])


@pytest.mark.parametrize(
    "address", ["", "api.example", "ftp://api.example", "https://a@b", "https://x/?q=1", "https://x:y"]
)
def test_no_code_is_made_for_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="not the address"):
        connection_code.make(address, KEY)


def test_a_key_is_neither_in_a_refusal_nor_in_what_logs_show() -> None:
    wrong = f"{KEY}?"
    with pytest.raises(ValueError, match="not the secret") as refused:
        connection_code.make("https://api.example", wrong)
    assert wrong not in str(refused.value)
    with pytest.raises(ConnectionCodeError) as unread:
        connection_code.read(f"sdfxc1.x.{KEY}.0")
    assert KEY not in str(unread.value)
    assert KEY not in repr(Connection("https://api.example", KEY))
