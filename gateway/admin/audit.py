"""The audit log: who did what, when and from where; whether it is whole; and all of it as a file."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.keys.v1 import keys_pb2, members_pb2
from starlette.responses import Response, StreamingResponse

from gateway.admin.contract import ROLE_WORDS
from gateway.admin.family import Family, Nav
from gateway.admin.protection import protect
from gateway.admin.visit import Visit
from gateway.admin.words import last_part, scope_name

family = Family("audit", "/audit", Nav("Audit log", "shield", "Team"))

PAGE_SIZE, EXPORT_PAGE, MAX_EXPORTED, MEMBERS_SIZE = 50, 200, 20_000, 200

ACTIONS = {
    "key.created": ("plus", "success", "made the key"),
    "key.updated": ("pencil", "info", "changed the key"),
    "key.rotated": ("rotate", "info", "gave a new secret to"),
    "key.rotationCompleted": ("check", "success", "finished the rotation of"),
    "key.rotationCancelled": ("cross", "warning", "cancelled the rotation of"),
    "key.expiring": ("clock", "warning", "told that an end is near, of"),
    "key.expired": ("clock", "danger", "saw the end of"),
    "key.revoked": ("cross-circle", "danger", "revoked the key"),
    "store.suspended": ("pause", "danger", "suspended the shop"),
    "store.resumed": ("play", "success", "resumed the shop"),
    "member.invited": ("mail", "info", "invited"),
    "member.joined": ("people", "success", "joined the shop"),
    "member.roleChanged": ("people", "warning", "changed the role of"),
    "member.removed": ("people", "danger", "removed"),
    "member.left": ("sign-out", "warning", "left the shop"),
    "invitation.revoked": ("mail", "danger", "revoked the invitation of"),
}
"""The icon, the tone and the words of each action."""
FIELDS = {
    "displayName": "Name",
    "scopes": "May",
    "stores": "Reaches",
    "allowedCidrs": "From",
    "expireTime": "Ends",
    "revokeTime": "Revoked",
    "secrets": "Secrets",
    "role": "Role",
    "email": "Email",
    "leak": "Found at",
    "reason": "Reason",
}
_PLACES = {name: place for place, name in enumerate(FIELDS)}


@dataclass(frozen=True)
class Names:
    """What the shop's people are called, by resource name."""

    members: dict[str, str] = field(default_factory=dict)

    def actor(self, actor: str) -> str:
        """Who did it, in words."""
        kind, _, name = actor.partition("/")
        if kind == "members":
            return self.members.get(actor, "A former member")
        if kind == "keys":
            return f"Key …{name[-6:]}"
        return {"operators": "Sedifex’s operator", "services": "Sedifex"}.get(kind, actor)

    def thing(self, entry: keys_pb2.AuditEntry) -> str:
        """What it was done to, in words: what stands in the entry, else what people are called."""
        if entry.action in {"member.joined", "member.left", "store.suspended", "store.resumed"}:
            return ""
        told: dict[str, Any] = MessageToDict(entry.after or entry.before)
        for name in ("displayName", "email"):
            if told.get(name):
                return str(told[name])
        member = f"members/{last_part(entry.resource)}"
        return self.members.get(member, last_part(entry.resource))


@family.get(needs="KeysService.ListAuditEntries")
async def list_entries(visit: Visit) -> Response:
    """A page of the log, newest first, and whether the log is whole."""
    request = _request(visit, PAGE_SIZE, visit.query("page"))
    page = await visit.services.keys.ListAuditEntries(request)
    verify = keys_pb2.VerifyAuditEntriesRequest(parent=visit.store.name)
    return visit.show(
        "audit/list.html",
        entries=page.audit_entries,
        next_token=page.next_page_token,
        names=await names_of(visit),
        actions={name: words for name, (_, _, words) in ACTIONS.items()},
        verified=await visit.services.keys.VerifyAuditEntries(verify),
        is_filtered=any(visit.query(name) for name in ("actor", "action", "resource", "from", "to")),
    )


@family.get("/export.csv", needs="KeysService.ListAuditEntries")
async def export(visit: Visit) -> Response:
    """The entries that pass the filter as a file, page by page as it is read."""
    first = await visit.services.keys.ListAuditEntries(_request(visit, EXPORT_PAGE, ""))
    headers = {"Content-Disposition": f'attachment; filename="audit-{last_part(visit.store.name)}.csv"'}
    response = StreamingResponse(_rows(visit, first), media_type="text/csv; charset=utf-8", headers=headers)
    protect(response, visit.policy)
    return response


async def names_of(visit: Visit) -> Names:
    """What the shop's people are called, the first two hundred of them."""
    request = members_pb2.ListMembershipsRequest(parent=visit.store.name, page_size=MEMBERS_SIZE)
    found = await visit.services.members.ListMemberships(request)
    return Names({each.member: each.display_name or each.email for each in found.memberships})


def look_of(action: str) -> tuple[str, str, str]:
    """The icon, the tone and the words of an action; of one that is newer than these pages its own name."""
    return ACTIONS.get(action, ("info", "neutral", action))


def changes_of(entry: keys_pb2.AuditEntry) -> Iterator[tuple[str, str, str]]:
    """The name of each field that has changed, with what it was and is."""
    before: dict[str, Any] = MessageToDict(entry.before) if entry.HasField("before") else {}
    after: dict[str, Any] = MessageToDict(entry.after) if entry.HasField("after") else {}
    # A Struct has no order of its own.
    for name in sorted({*before, *after}, key=lambda each: (_PLACES.get(each, len(_PLACES)), each)):
        was, now = before.get(name), after.get(name)
        if was != now and (was or now):
            yield FIELDS.get(name, name), _shown(name, was), _shown(name, now)


def _shown(name: str, value: Any) -> str:
    if not value:
        return "–"
    if name == "secrets":
        return ", ".join(each["hint"] + (" (ends)" if each.get("endTime") else "") for each in value)
    if name == "scopes":
        return ", ".join(map(scope_name, value))
    if name.endswith("Time"):
        moment = datetime.fromisoformat(value)
        return f"{moment.day} {moment:%b %Y, %H:%M} GMT"
    if name == "role":
        return {word.lower(): word for word in ROLE_WORDS.values()}.get(str(value), str(value))
    return (
        value
        if isinstance(value, str)
        else ", ".join(map(str, value))
        if isinstance(value, list)
        else json.dumps(value)
    )


def _request(visit: Visit, page_size: int, page_token: str) -> keys_pb2.ListAuditEntriesRequest:
    return keys_pb2.ListAuditEntriesRequest(
        parent=visit.store.name,
        page_size=page_size,
        page_token=page_token,
        actor=visit.query("actor")[:200],
        action=visit.query("action")[:100],
        resource=visit.query("resource")[:300],
        start_time=_day(visit.query("from"), 0),
        end_time=_day(visit.query("to"), 1),
    )


def _day(text: str, later: int) -> Timestamp | None:
    """The start of a day (UTC), or of one some days later; None if it is none."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=later)
    except (ValueError, OverflowError):
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def _rows(visit: Visit, page: keys_pb2.ListAuditEntriesResponse) -> AsyncIterator[str]:
    """The file, from the first page of entries on."""
    columns = ("sequence", "time", "actor", "action", "resource", "address", "request_id", "before", "after", "hash")
    yield csv_row(columns)
    for left in range(MAX_EXPORTED // EXPORT_PAGE, 0, -1):
        for entry in page.audit_entries:
            yield csv_row(
                (
                    entry.sequence,
                    entry.occur_time.ToJsonString(),
                    entry.actor,
                    entry.action,
                    entry.resource,
                    entry.client_address,
                    entry.request_id,
                    _json(entry.before) if entry.HasField("before") else "",
                    _json(entry.after) if entry.HasField("after") else "",
                    entry.hash,
                )
            )
        if not page.next_page_token:
            return
        if left > 1:
            page = await visit.services.keys.ListAuditEntries(_request(visit, EXPORT_PAGE, page.next_page_token))
    yield csv_row((f"There are more than {MAX_EXPORTED} entries. Filter by time, and export the rest by itself.",))


def _json(resource: Struct) -> str:
    return json.dumps(MessageToDict(resource), ensure_ascii=False)


def csv_row(values: tuple[object, ...]) -> str:
    """A line of a CSV file (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out).writerow([_harmless(str(each)) for each in values])
    return out.getvalue()


def _harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (CWE-1236): names in it were chosen by others."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
