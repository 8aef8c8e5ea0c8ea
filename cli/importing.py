"""Imports a file into a shop through the gateway, as its owner or an integration would, and tells what came of it."""

import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

KEY_VARIABLE = "SEDIFEX_API_KEY"
GATEWAY = "http://127.0.0.1:8080"
TIMEOUT_S = 60.0
LOOK_S = 0.25
"""How often to ask how far it is."""
PIECE_BYTES = 256 * 1024
PATIENCE_S = 60.0
"""How long a gateway may not answer while the import goes on by itself."""
MAX_TOLD = 20
"""Problems that are printed; the API has more."""
INVALID, FAILED, NOT_SET_UP = 1, 2, 78
"""Exit statuses: rows could not be taken over, the import failed, there is no key."""


_PASSING = frozenset({429, 502, 503, 504})


class RefusedError(Exception):
    """The gateway refused; the message is for whoever runs the command."""


class UnreachableError(RefusedError):
    """The gateway, or a service behind it, does not answer for now."""


@dataclass(frozen=True)
class Request:
    """What is to be imported, and how."""

    file: Path
    store: str
    dry_run: bool
    format: str


def run(wanted: Request, gateway: str) -> int:
    """Imports the file; answers the exit status."""
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        print(f"Set {KEY_VARIABLE} to an API key of the shop that has the scope catalog.write.", file=sys.stderr)
        return NOT_SET_UP
    console = Console(highlight=False)
    try:
        api = _Api(gateway, key)
        with _bar(console) as progress:
            job = _follow(api, _upload(api, wanted, progress), progress)
        problems = api.get(f"{job['name']}/problems?pageSize={MAX_TOLD}").get("problems", [])
    except RefusedError as refusal:
        print(refusal, file=sys.stderr)
        return FAILED
    for line in report(job, problems):
        console.print(line, markup=False, soft_wrap=True)
    return FAILED if job["state"] != "STATE_SUCCEEDED" else INVALID if job.get("invalidCount") else 0


def report(job: dict[str, Any], problems: list[dict[str, Any]]) -> Iterator[str]:
    """What came of an import, in words for the owner of the shop; `job` and `problems` as REST answers them."""
    if job["state"] == "STATE_FAILED":
        yield f"The import could not be finished. {job['error']}"
    elif job["state"] == "STATE_CANCELLED":
        yield "The import was cancelled. What it had taken over stays."
    elif job.get("dryRun"):
        yield "This was a dry run: nothing has been changed. The import would come to this:"
    else:
        yield "The import is done."
    if "findings" in job:
        yield from _findings(job["findings"])
    if job.get("rowCount"):
        yield from _counts(job)
    for each in problems:
        yield "  " + problem_sentence(each)
    more = job.get("problemCount", 0) - len(problems)
    if problems and more > 0:
        yield f"  … and {more:,} more. Mend these first, then import the file again: what is in already stays as it is."


def problem_sentence(problem: dict[str, Any]) -> str:
    """Row 17, column Price: 'abc' is not an amount. Write it like 45.00."""
    column = f", column {problem['column']}" if problem.get("column") else ""
    value = f"'{problem['value']}' " if problem.get("value") else ""
    return f"Row {problem['rowNumber']}{column}: {value}{problem['description']}."


def _findings(findings: dict[str, Any]) -> Iterator[str]:
    whose = {
        "FORMAT_WOOCOMMERCE": "a WooCommerce export",
        "FORMAT_SHOPIFY": "a Shopify export",
        "FORMAT_SEDIFEX": "a table of products",
    }[findings["format"]]
    names = ", ".join(f"{each['column']} ({each['field'].replace('_', ' ')})" for each in findings.get("columns", []))
    yield f"The file is {whose}. Its columns were read so: {names}."
    if unused := findings.get("unusedColumns"):
        yield f"Not used: {', '.join(unused)}."


def _counts(job: dict[str, Any]) -> Iterator[str]:
    kinds = {
        "createdCount": "new",
        "updatedCount": "changed",
        "unchangedCount": "already so",
        "invalidCount": "could not be read",
    }
    for name, words in kinds.items():
        yield f"  {job.get(name, 0):>7,}  {words}"
    if job.get("otherCount"):
        yield f"  {job['otherCount']:>7,}  rows that are no product of their own"


def _upload(api: "_Api", wanted: Request, progress: Progress) -> dict[str, Any]:
    try:
        size = wanted.file.stat().st_size
        file = wanted.file.open("rb")
    except OSError as failure:
        raise RefusedError(f"{wanted.file} cannot be read: {failure.strerror}.") from None
    task = progress.add_task("Uploading", total=size)

    def pieces() -> Iterator[bytes]:
        while piece := file.read(PIECE_BYTES):
            yield piece
            progress.advance(task, len(piece))

    options = {"filename": wanted.file.name, "format": wanted.format, "dryRun": "true" if wanted.dry_run else "false"}
    store = quote(wanted.store.removeprefix("stores/"), safe="")
    with file:
        job = api.post(f"stores/{store}/imports:upload?{urlencode(options)}", pieces(), size)
    progress.remove_task(task)
    return job


def _follow(api: "_Api", job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Waits until the import has ended, and shows how far it is."""
    task = TaskID(progress.add_task("Reading the file", total=None))
    heard = time.monotonic()
    while "endTime" not in job:
        time.sleep(LOOK_S)
        try:
            job = api.get(job["name"])
        except UnreachableError:
            if time.monotonic() - heard > PATIENCE_S:
                raise
            continue
        heard = time.monotonic()
        if total := job.get("totalRowCount"):
            progress.update(task, description="Rows", total=total, completed=job.get("rowCount", 0))
    return job


def _bar(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class _Api:
    """The gateway, called with one key."""

    def __init__(self, gateway: str, key: str) -> None:
        parts = urlsplit(gateway)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RefusedError(f"{gateway} is no address of a gateway. It must be like {GATEWAY}.")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._kind, self._address = kind, (parts.hostname, parts.port)
        self._base = parts.path.rstrip("/")
        self._gateway = gateway
        self._headers = {"X-Api-Key": key, "User-Agent": "sedifex-import"}

    def get(self, path: str) -> dict[str, Any]:
        """What is at this path."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, pieces: Iterator[bytes], size: int) -> dict[str, Any]:
        """Sends a CSV file of this size."""
        return self._ask("POST", path, pieces, {"Content-Type": "text/csv", "Content-Length": str(size)})

    def _ask(self, method: str, path: str, body: Iterator[bytes] | None, headers: dict[str, str]) -> dict[str, Any]:
        connection = self._kind(*self._address, timeout=TIMEOUT_S)
        try:
            # Refused before all of it was sent: the answer says why.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, f"{self._base}/v1/{path}", body, self._headers | headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as failure:
            cause = str(failure) or type(failure).__name__
            raise UnreachableError(f"The gateway at {self._gateway} cannot be reached: {cause}.") from None
        finally:
            connection.close()
        if answer.status != http.client.OK:
            message = str(content.get("error", {}).get("message", f"The gateway answered {answer.status}."))
            raise (UnreachableError if answer.status in _PASSING else RefusedError)(message)
        return dict(content)
