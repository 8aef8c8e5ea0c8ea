"""API keys: which there are, making one, changing it, ending it. Rotation stands in rotation.py."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from starlette.responses import Response

from gateway.admin.audit import names_of
from gateway.admin.family import Family, Nav
from gateway.admin.forms import Problems, problems_of
from gateway.admin.visit import Visit
from gateway.admin.words import SCOPES, counted, last_part

family = Family("keys", "/keys", Nav("Keys", "key", "Connections", on_bar=True))

State = keys_pb2.Key.State
STATES = {
    State.STATE_ACTIVE: ("success", "Active", "active"),
    State.STATE_ROTATING: ("info", "Rotating", "rotating"),
    State.STATE_EXPIRING_SOON: ("warning", "Expiring soon", "expiring"),
    State.STATE_EXPIRED: ("neutral", "Expired", "expired"),
    State.STATE_REVOKED: ("danger", "Revoked", "revoked"),
}
"""The badge of each state, and its word in addresses."""
EXPIRIES = {"30": "30 days", "90": "90 days", "365": "A year", "never": "Never", "date": "On a day of my choice"}
PAGE_SIZE, ATTENTION_SIZE, HISTORY_SIZE, STORES_SIZE = 50, 20, 20, 50
REQUEST_ID = re.compile(r"[0-9a-f-]{36}")


@family.get(needs="KeysService.ListKeys")
async def list_keys(visit: Visit) -> Response:
    """The shop's keys, newest first; those that end soon before all others."""
    wanted = next((state for state, (_, _, word) in STATES.items() if word == visit.query("state")), None)
    soon: list[keys_pb2.Key] = []
    if wanted is None and not visit.query("page"):
        soon = list((await _list(visit, State.STATE_EXPIRING_SOON, "", ATTENTION_SIZE)).keys)
    page = await _list(visit, wanted or State.STATE_UNSPECIFIED, visit.query("page"), PAGE_SIZE)
    first = {each.name for each in soon}
    keys = [*soon, *(each for each in page.keys if each.name not in first)]
    return visit.show("keys/list.html", keys=keys, next_token=page.next_page_token, states=STATES, wanted=wanted)


@family.get("/new", needs="KeysService.CreateKey")
async def ask_for_key(visit: Visit) -> Response:
    """The form for a new key."""
    return await _ask(visit, {"scopes": ["catalog.read"], "expiry": "never"})


@family.post("", needs="KeysService.CreateKey", fresh=True)
async def create_key(visit: Visit) -> Response:
    """Makes a key and shows its secret, this once. A form that is sent twice makes one key."""
    form = visit.form
    values = {name: form[name] for name in ("display_name", "expiry", "date", "allowed_cidrs")}
    chosen = values | {"scopes": form.all("scopes"), "stores": form.all("stores")}
    expire_time, problems = _expire_time(form["expiry"], form["date"], visit.now)
    if problems:
        return await _ask(visit, chosen, problems)
    request = keys_pb2.CreateKeyRequest(
        parent=visit.store.name,
        display_name=form["display_name"],
        scopes=form.all("scopes"),
        stores=form.all("stores"),
        allowed_cidrs=form.lines("allowed_cidrs"),
        expire_time=expire_time,
        request_id=form["request_id"] if REQUEST_ID.fullmatch(form["request_id"]) else str(uuid.uuid4()),
    )
    try:
        made = await visit.services.keys.CreateKey(request)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.ALREADY_EXISTS:
            return _made_before(visit)
        return await _ask(visit, chosen, _scopes_said(problems_of(error, "STORE_NOT_ALLOWED")))
    return visit.show("keys/secret.html", key=made.key, secret=made.secret)


@family.get("/{id}", needs="KeysService.GetKey")
async def show_key(visit: Visit) -> Response:
    """One key: what it may do, how it is used, what was done to it."""
    key = await get_key(visit)
    request = keys_pb2.ListAuditEntriesRequest(parent=visit.store.name, resource=key.name, page_size=HISTORY_SIZE)
    history = (await visit.services.keys.ListAuditEntries(request)).audit_entries
    names = await names_of(visit)
    return visit.show("keys/key.html", key=key, history=history, names=names, states=STATES, days=days_of(key, visit))


@family.get("/{id}/edit", needs="KeysService.UpdateKey")
async def ask_for_change(visit: Visit) -> Response:
    """The form for changing a key."""
    key = await get_key(visit)
    lasts = key.HasField("expire_time")
    values = {
        "display_name": key.display_name,
        "scopes": list(key.scopes),
        "stores": list(key.stores),
        "allowed_cidrs": "\n".join(key.allowed_cidrs),
        "expiry": "date" if lasts else "never",
        "date": key.expire_time.ToDatetime(UTC).strftime("%Y-%m-%d") if lasts else "",
    }
    return await _ask(visit, values, key=key, etag=key.etag)


@family.post("/{id}/edit", needs="KeysService.UpdateKey", fresh=True)
async def change_key(visit: Visit) -> Response:
    """Changes a key. What it may no longer do it cannot do from when the page comes back."""
    form, key = visit.form, await get_key(visit)
    values = {name: form[name] for name in ("display_name", "expiry", "date", "allowed_cidrs")}
    chosen = values | {"scopes": form.all("scopes"), "stores": form.all("stores")}
    expire_time, problems = _expire_time(form["expiry"], form["date"], visit.now)
    # The day that it had need not lie a whole day ahead.
    if form["date"] and key.HasField("expire_time") and form["date"] == f"{key.expire_time.ToDatetime(UTC):%Y-%m-%d}":
        expire_time, problems = key.expire_time, None
    if problems:
        return await _ask(visit, chosen, problems, key=key, etag=form["etag"])
    wanted = keys_pb2.Key(
        name=key.name,
        display_name=form["display_name"],
        scopes=form.all("scopes"),
        stores=sorted({*form.all("stores"), visit.store.name}),
        allowed_cidrs=form.lines("allowed_cidrs"),
        expire_time=expire_time,
        etag=form["etag"],
    )
    mask = FieldMask(paths=["display_name", "scopes", "stores", "allowed_cidrs", "expire_time"])
    try:
        await visit.services.keys.UpdateKey(keys_pb2.UpdateKeyRequest(key=wanted, update_mask=mask))
    except grpc.aio.AioRpcError as error:
        found = _scopes_said(problems_of(error, "STORE_NOT_ALLOWED"))
        return await _ask(visit, chosen, found, key=key, etag=form["etag"])
    return visit.go(visit.at("keys", last_part(key.name)), "The key is changed.")


@family.get("/{id}/revoke", needs="KeysService.RevokeKey")
async def ask_before_revoking(visit: Visit) -> Response:
    """What will stop working."""
    key = await get_key(visit)
    return visit.show("keys/revoke.html", key=key, days=days_of(key, visit))


@family.post("/{id}/revoke", needs="KeysService.RevokeKey", fresh=True)
async def revoke_key(visit: Visit) -> Response:
    """Ends a key, and says how it is known that it has ended."""
    answer = await visit.services.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=visit.name("keys")))
    said = f"“{answer.key.display_name}” is revoked. "
    said += f"{counted(answer.acknowledged, 'process', 'processes')} confirmed that they refuse it"
    said += (
        f"; {answer.lapsed} did not answer and refuse everything until they have caught up." if answer.lapsed else "."
    )
    return visit.go(visit.at("keys", last_part(answer.key.name)), said)


async def get_key(visit: Visit) -> keys_pb2.Key:
    """The key that the path speaks of."""
    return (await visit.services.keys.GetKey(keys_pb2.GetKeyRequest(name=visit.name("keys")))).key


def days_of(key: keys_pb2.Key, visit: Visit) -> list[str]:
    """The days that its uses are counted by, as a chart names them."""
    days = [visit.now - timedelta(days=ago) for ago in range(len(key.daily_uses) - 1, -1, -1)]
    return [f"{each.day} {each:%b}" for each in days]


async def _list(visit: Visit, state: State.ValueType, page_token: str, page_size: int) -> keys_pb2.ListKeysResponse:
    request = keys_pb2.ListKeysRequest(parent=visit.store.name, state=state, page_token=page_token, page_size=page_size)
    return await visit.services.keys.ListKeys(request)


async def _ask(
    visit: Visit,
    values: Mapping[str, object],
    problems: Problems | None = None,
    key: keys_pb2.Key | None = None,
    etag: str = "",
) -> Response:
    """The form for a new key, or for a change of `key`."""
    empty: dict[str, object] = {
        "display_name": "",
        "scopes": [],
        "stores": [],
        "allowed_cidrs": "",
        "expiry": "never",
        "date": "",
    }
    return visit.show(
        "keys/form.html",
        400 if problems else 200,
        key=key,
        etag=etag,
        values={**empty, **values},
        others=await _other_stores(visit),
        expiries=EXPIRIES,
        scope_choices=[(scope, name, text) for scope, (name, text) in SCOPES.items()],
        tomorrow=f"{visit.now + timedelta(days=1):%Y-%m-%d}",
        request_id_of_form=visit.form["request_id"] or str(uuid.uuid4()),
        problems=problems,
    )


async def _other_stores(visit: Visit) -> list[tuple[str, str, str]]:
    """The member's other shops in which they may make keys, of the same kind: a key could reach them as well."""
    able = {each.store for each in visit.member.memberships if each.role >= access_pb2.ROLE_ADMIN}
    if len(able - {visit.store.name}) == 0:
        return []
    found = await visit.services.catalog.ListStores(catalog_pb2.ListStoresRequest(page_size=STORES_SIZE))
    return [
        (each.name, each.display_name, each.city)
        for each in found.stores
        if each.name in able and each.name != visit.store.name and each.environment == visit.store.environment
    ]


def _expire_time(expiry: str, day: str, now: datetime) -> tuple[Timestamp | None, Problems | None]:
    """When the key is to end: at the end of a day, or so many days from now; or what is wrong with that."""
    if expiry == "never":
        return None, None
    stamp = Timestamp()
    if expiry in EXPIRIES and expiry != "date":
        stamp.FromDatetime(now + timedelta(days=int(expiry)))
        return stamp, None
    try:
        end = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None, Problems("Some of this needs another look.", {"date": "Choose the last day on which it works."})
    if end <= now:
        return None, Problems("Some of this needs another look.", {"date": "This day is over. Choose a later one."})
    stamp.FromDatetime(end)
    return stamp, None


def _scopes_said(problems: Problems) -> Problems:
    """The same, where nothing was ticked in the form's words."""
    if "scopes" not in problems.fields:
        return problems
    return Problems(problems.general, {**problems.fields, "scopes": "Choose one or more."}, problems.reason)


def _made_before(visit: Visit) -> Response:
    said = "This form was sent before, and made its key then. The secret was shown with the first answer only; "
    said += "if it was not stored, rotate the key to get another one."
    return visit.go(visit.at("keys"), said, "warning")
