"""The private listener of a process, and how it counts what happens in batches."""

import json
import socket
import uuid

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.common.metrics import BatchHistogram
from services.common.observed import exposed, version


def get(address: str, path: str, accept: str = "*/*") -> tuple[int, str]:
    """The status and the body of an answer."""
    answer = httpx.get(f"http://{address}{path}", headers={"Accept": accept})
    return answer.status_code, answer.text


def test_a_process_says_which_it_is_and_of_which_version() -> None:
    with exposed("127.0.0.1:0", "tests") as address:
        status, text = get(address, "/metrics")
    assert status == 200
    assert f'sedifex_build_info{{process="tests",version="{version()}"}} 1.0' in text
    assert "process_start_time_seconds" in text


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_both_formats_of_prometheus_are_spoken(accept: str) -> None:
    with exposed("127.0.0.1:0", "tests") as address:
        status, text = get(address, "/metrics", accept)
    assert status == 200
    assert text.endswith("# EOF\n") == ("openmetrics" in accept)


def test_a_stuck_process_says_so_and_one_that_lacks_something_lives() -> None:
    life, needs = [True], {"database": True}
    with exposed("127.0.0.1:0", "tests", alive=lambda: life[0], checks=lambda: needs) as address:
        assert (get(address, "/healthz")[0], get(address, "/readyz")[0]) == (200, 200)
        needs["database"] = False
        assert (get(address, "/healthz")[0], get(address, "/readyz")[0]) == (200, 503)
        assert json.loads(get(address, "/readyz")[1])["checks"] == {"database": False}
        life[0] = False
        assert get(address, "/healthz")[0] == 503


def test_nothing_else_is_there() -> None:
    with exposed("127.0.0.1:0", "tests") as address:
        assert get(address, "/")[0] == 404


def test_who_connects_and_says_nothing_holds_nobody_up_for_long() -> None:
    with exposed("127.0.0.1:0", "tests", request_seconds=0.2) as address:
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port))):
            assert get(address, "/healthz")[0] == 200


def test_without_an_address_nothing_listens() -> None:
    with exposed("", "tests") as address:
        assert address == ""


def test_an_address_that_is_taken_is_named() -> None:
    with (
        exposed("127.0.0.1:0", "tests") as address,
        pytest.raises(OSError, match=address.replace(".", r"\.")),
        exposed(address, "others"),
    ):
        pass


def test_a_batch_falls_into_the_buckets_that_prometheus_means() -> None:
    name = f"test_{uuid.uuid4().hex}_seconds"
    histogram = BatchHistogram(name, "A test's.", (0.1, 1))
    histogram.observe_all([0.05, 0.1, 0.5])
    histogram.observe_all([7000], unit=0.001)
    with exposed("127.0.0.1:0", "tests") as address:
        families = {each.name: each for each in text_string_to_metric_families(get(address, "/metrics")[1])}
    samples = {(each.name, each.labels.get("le")): each.value for each in families[name].samples}
    assert [samples[f"{name}_bucket", bound] for bound in ("0.1", "1.0", "+Inf")] == [2, 3, 4]
    assert samples[f"{name}_sum", None] == pytest.approx(7.65)
