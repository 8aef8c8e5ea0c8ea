"""Files over REST in one call."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sedifex.catalog.v1 import imports_pb2

from gateway import uploaded_file, uploads
from tests.integration.importing import ended
from tests.system import System

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def store(system: System) -> str:
    return await system.new_store()


@pytest.fixture
async def api(system: System, gateway: httpx.AsyncClient, store: str) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway with an API key that may import into `store`."""
    _, client = await system.new_key(store, ["catalog.write"])
    headers = {"X-Api-Key": client.token}
    async with httpx.AsyncClient(transport=gateway._transport, base_url=gateway.base_url, headers=headers) as keyed:
        yield keyed


async def test_a_file_is_its_own_body(system: System, api: httpx.AsyncClient, store: str) -> None:
    answer = await api.post(
        f"/v1/{store}/imports:upload", params={"filename": "shop.csv"}, content=b"Name,Price\nShea,45\n", headers=CSV
    )
    assert answer.status_code == 200
    job = answer.json()
    assert (job["displayName"], job["state"]) == ("shop.csv", "STATE_QUEUED")
    assert (await ended(system.operator, job["name"])).created_count == 1
    assert (await api.get(f"/v1/{job['name']}")).json()["createdCount"] == 1
    assert (await api.get(f"/v1/{job['name']}/problems")).json() == {}
    assert [each["name"] for each in (await api.get(f"/v1/{store}/imports")).json()["imports"]] == [job["name"]]


async def test_a_file_is_the_one_file_of_a_form(system: System, api: httpx.AsyncClient, store: str) -> None:
    content = (SAMPLES / "woocommerce.csv").read_bytes()
    answer = await api.post(
        f"/v1/{store}/imports:upload",
        params={"dryRun": "true", "format": "woocommerce"},
        data={"csrf": "x"},
        files={"file": ("products.csv", content, "text/csv")},
    )
    assert answer.status_code == 200
    job = await ended(system.operator, answer.json()["name"])
    assert (job.dry_run, job.size_bytes, job.created_count) == (True, len(content), 8)


async def test_a_large_file_passes_in_pieces(system: System, api: httpx.AsyncClient, store: str) -> None:
    content = b"Name,Description\n" + b"".join(b"P%d,%s\n" % (number, b"x" * 4_000) for number in range(500))
    for body in ({"content": content, "headers": CSV}, {"files": {"file": ("a.csv", content)}}):
        answer = await api.post(f"/v1/{store}/imports:upload", **body)
        job = await ended(system.operator, answer.json()["name"])
        assert (job.size_bytes, job.row_count, job.invalid_count) == (len(content), 500, 0)


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"content": b"x", "headers": {"Content-Type": "application/json"}}, 415, "Send the file itself, as text/csv"),
        ({"content": b"x", "headers": CSV | {"Content-Encoding": "gzip"}}, 415, "without a Content-Encoding"),
        ({"content": b"x", "headers": CSV, "params": {"dryRun": "perhaps"}}, 400, "dryRun must be true or false"),
        ({"content": b"x", "headers": CSV, "params": {"format": "excel"}}, 400, "format must be"),
        ({"content": b"x", "headers": CSV, "params": {"dry": "true"}}, 400, "dry is no parameter of this call"),
        ({"content": b"", "headers": CSV}, 400, "no content"),
        ({"files": [("a", ("a.csv", b"x")), ("b", ("b.csv", b"x"))]}, 400, "more than one file"),
        ({"data": {"a": "b"}, "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "can be read"),
        ({"content": b"--x\r\n\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "one file"),
        ({"content": b"x", "headers": CSV | {"Content-Length": "99999999"}}, 413, "64 MiB at most"),
        ({"content": b"x", "headers": CSV, "params": {"requestId": "short"}}, 400, "request_id"),
    ],
)
async def test_what_is_wrong_with_an_upload_is_said(
    api: httpx.AsyncClient, store: str, request_: dict[str, Any], status: int, said: str
) -> None:
    answer = await api.post(f"/v1/{store}/imports:upload", **request_)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]
    open_ = [
        each for each in (await api.get(f"/v1/{store}/imports")).json().get("imports", []) if "endTime" not in each
    ]
    assert open_ == [], "it does not stand in the way of the next one"


async def test_a_file_that_turns_out_too_large_is_refused(
    api: httpx.AsyncClient, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploaded_file, "MAX_BYTES", 1_000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            yield b"x" * 1_000

    answer = await api.post(f"/v1/{store}/imports:upload", content=endless(), headers=CSV)
    assert answer.status_code == 413


async def test_a_repeat_under_the_same_key_is_the_same_import(
    system: System, api: httpx.AsyncClient, store: str
) -> None:
    headers = CSV | {"Idempotency-Key": str(uuid.uuid4())}
    names = set()
    for _ in range(2):
        answer = await api.post(f"/v1/{store}/imports:upload", content=b"Name\nShea\n", headers=headers)
        assert answer.status_code == 200
        names.add(answer.json()["name"])
        await ended(system.operator, answer.json()["name"])
    assert len(names) == 1


async def test_without_a_credential_nothing_is_taken_in(gateway: httpx.AsyncClient, system: System, store: str) -> None:
    answer = await gateway.post(f"/v1/{store}/imports:upload", content=b"Name\nx\n", headers=CSV)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    listed = await system.operator.imports.ListImports(imports_pb2.ListImportsRequest(parent=store))
    assert list(listed.imports) == []


async def test_other_methods_are_told_which_one_there_is(api: httpx.AsyncClient, store: str) -> None:
    answer = await api.get(f"/v1/{store}/imports:upload")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


async def test_the_description_has_the_call(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert "text/csv" in paths[uploads.PATH]["post"]["requestBody"]["content"]
