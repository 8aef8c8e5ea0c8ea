"""Forms: what a browser sends, and what the services found wrong with it, field by field."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from gateway.admin.failures import Refused
from gateway.transcoding.incoming import read_body
from gateway.uploaded_file import MAX_BYTES, OVERHEAD_BYTES
from services.common.status import info_of

MAX_FORM_BYTES = 128 * 1024
MAX_FIELDS = 400
FORM_WITHIN_S = 20.0
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_ABOUT_THE_FORM = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class Form(Mapping[str, str]):
    """The fields of a form. `form["name"]` is the first value, without spaces around it; empty if it was not sent."""

    def __init__(self, fields: Iterable[tuple[str, str | UploadFile]] = ()) -> None:
        self._data = FormData(list(fields))

    def __getitem__(self, name: str) -> str:
        return self.raw(name).strip()

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def raw(self, name: str) -> str:
        """The value as it came: of a password, spaces count."""
        value = self._data.get(name, "")
        return value if isinstance(value, str) else ""

    def all(self, name: str) -> list[str]:
        """Every value of the name: of boxes that were ticked."""
        return [value for value in self._data.getlist(name) if isinstance(value, str)]

    def flag(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self.raw(name))

    def lines(self, name: str) -> list[str]:
        """What stands in a text area, by lines and commas."""
        return [part for part in self[name].replace(",", "\n").split() if part]

    def file(self, name: str) -> UploadFile | None:
        """The file; None if none was chosen."""
        value = self._data.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    def pairs(self) -> list[tuple[str, str]]:
        """All fields but files, in order, to be sent again."""
        return [(name, value) for name, value in self._data.multi_items() if isinstance(value, str)]

    async def close(self) -> None:
        """Lets go of what was kept of a file."""
        await self._data.close()


@dataclass(frozen=True)
class Problems:
    """What is wrong with a form."""

    general: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """By name: a sentence, or what goes on from the field's label ("must have 10 characters or more")."""
    reason: str = ""
    """The machine's word for it, as in ErrorInfo."""

    def __bool__(self) -> bool:
        return bool(self.general or self.fields)


NO_PROBLEMS = Problems()


async def read_form(request: Request, *, takes_file: bool) -> Form:
    """The form in a request's body.

    Raises:
        Refused: it is none, or too large.
        Problem: it did not come in time, or is larger than is taken in.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if takes_file and kind == MULTIPART:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length[:15]) > MAX_BYTES + OVERHEAD_BYTES:
            raise _too_large()
        data = await request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FORM_BYTES)
        return Form(data.multi_items())
    if kind not in {URLENCODED, ""}:
        raise _unreadable(415)
    body = await read_body(request, MAX_FORM_BYTES, FORM_WITHIN_S)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise _unreadable(400) from None
    return Form(pairs)


def problems_of(error: grpc.aio.AioRpcError, *reasons: str) -> Problems:
    """What a service found wrong with the form; `reasons` are refusals of other kinds that are about the form too.

    Fields are known by their last name in the request: "price.amount" is "amount", "stores[1]" is "stores".

    Raises:
        AioRpcError: it is not about the form.
    """
    reason = str(info_of(error).reason)
    if error.code() not in _ABOUT_THE_FORM and reason not in reasons:
        raise error
    status, bad = rpc_status.from_call(error), error_details_pb2.BadRequest()
    for detail in status.details if status else ():
        if detail.Unpack(bad):
            fields = {_last_name(each.field): each.description for each in bad.field_violations}
            return Problems("Some of this needs another look.", fields, reason)
    return Problems(sentence(error.details() or "This could not be done."), {}, reason)


def said_of(text: str, label: str) -> str:
    """What is wrong with a field as a sentence: the services' words go on from its name, ours stand by themselves."""
    return sentence(text if text[:1].isupper() else f"{label} {text}")


def sentence(text: str) -> str:
    """The text with a capital at its start and a stop at its end."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!", "…")) else ".")


def _last_name(path: str) -> str:
    return path.rpartition(".")[2].partition("[")[0]


def _too_large() -> Refused:
    message = f"A file may have {MAX_BYTES // 1024**2} MB."
    return Refused(413, "This file is too large", message, "Split it, and send the parts one after another.")


def _unreadable(status: int) -> Refused:
    message = "It came in a format that is not expected here. Nothing was changed."
    return Refused(status, "This form cannot be read", message, "Go back, reload the page, and send it again.")
