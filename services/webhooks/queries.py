"""The SQL of endpoints and their secrets (see event_queries, log_queries, replay_queries and worker/due for the rest).

It answers frozen records, no peewee models.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import peewee

from services.common.paging import Position
from services.common.vault import Sealed
from services.webhooks.health import Standing
from services.webhooks.models import DeliveryRow, DueRow, EndpointQueueRow, EndpointRow, EndpointSecretRow

_CANCELLED = 1_000
"""How many deliveries are cancelled at once: a statement has a time limit."""


@dataclass(frozen=True)
class Secret:
    """A signing secret of an endpoint, without the secret."""

    hint: str
    create_time: datetime
    end_time: datetime | None = None
    """When it signs no more; None: it lasts."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is kept."""

    id: str
    store_id: str
    url: str
    display_name: str
    event_types: tuple[str, ...]
    """Empty: all of products."""
    state: str
    """'enabled' or 'disabled'."""
    state_reason: str
    create_time: datetime
    update_time: datetime
    rate_limit_per_second: int = 0
    """0: none."""
    max_concurrency: int = 0
    """0: as is usual."""
    coalesce_ms: int = 0
    """0: each change is sent at once."""
    revision: int = 1
    disable_time: datetime | None = None
    secrets: tuple[Secret, ...] = ()
    """Newest first; those too that have ended."""
    standing: Standing = field(default_factory=Standing)

    @property
    def etag(self) -> str:
        """A value that changes whenever the settings do."""
        return str(self.revision)

    @property
    def is_enabled(self) -> bool:
        """Whether events go to it."""
        return self.state == "enabled"


_COLUMNS = [each.name for each in fields(Endpoint) if each.name not in {"secrets", "standing"}]


def insert_endpoint(endpoint: Endpoint, request_id: str | None) -> bool:
    """Adds an endpoint without secrets; False, and nothing added, if this request has made one before."""
    values = {name: getattr(endpoint, name) for name in _COLUMNS}
    values |= {"event_types": list(endpoint.event_types), "request_id": request_id}
    inserted = EndpointRow.insert(**values)
    # Waits for a concurrent repeat of the request to commit, so that one of the two makes the endpoint.
    return bool(inserted.on_conflict_ignore().returning(EndpointRow.id).execute())


def insert_secret(endpoint_id: str, secret: Secret, sealed: Sealed, request_id: str | None) -> None:
    """Gives an endpoint another secret."""
    EndpointSecretRow.insert(
        endpoint_id=endpoint_id,
        sealed=sealed.value,
        seal_version=sealed.version,
        hint=secret.hint,
        create_time=secret.create_time,
        end_time=secret.end_time,
        request_id=request_id,
    ).execute()


def end_secrets(endpoint_id: str, end_time: datetime) -> None:
    """Lets every secret of an endpoint end at this moment that would last longer."""
    lasts = EndpointSecretRow.end_time.is_null() | (EndpointSecretRow.end_time > end_time)
    EndpointSecretRow.update(end_time=end_time).where(EndpointSecretRow.endpoint_id == endpoint_id, lasts).execute()


def has_secret_of_request(endpoint_id: str, request_id: str) -> bool:
    """Whether this request has given the endpoint a secret before."""
    query = EndpointSecretRow.select().where(
        EndpointSecretRow.endpoint_id == endpoint_id, EndpointSecretRow.request_id == request_id
    )
    return bool(query.exists())


def find_endpoint(store_id: str, endpoint_id: str) -> Endpoint | None:
    """The endpoint of this id, if it is this store's and not deleted."""
    return _one(_endpoints().where(EndpointRow.id == endpoint_id, EndpointRow.store_id == store_id))


def lock_endpoint(store_id: str, endpoint_id: str) -> Endpoint | None:
    """The same, kept from being changed by others until the commit."""
    query = _endpoints().where(EndpointRow.id == endpoint_id, EndpointRow.store_id == store_id)
    return _one(query.for_update())


def find_endpoint_by_request(store_id: str, request_id: str) -> str:
    """The id of the endpoint that this request has made, deleted or not."""
    query = EndpointRow.select(EndpointRow.id)
    return str(query.where(EndpointRow.store_id == store_id, EndpointRow.request_id == request_id).get().id)


def list_endpoints(store_id: str, after: Position | None, limit: int) -> list[Endpoint]:
    """The store's endpoints, newest first, from behind `after` ([id]) on."""
    query = _endpoints().where(EndpointRow.store_id == store_id)
    if after is not None:
        query = query.where(EndpointRow.id < after[0])
    return _whole([_endpoint(row) for row in query.order_by(EndpointRow.id.desc()).limit(limit)])


def list_enabled_endpoints(store_ids: Collection[str]) -> list[Endpoint]:
    """The endpoints of these stores that events go to, without their secrets and how they do."""
    query = _endpoints().where(EndpointRow.store_id.in_(list(store_ids)), EndpointRow.state == "enabled")
    return [_endpoint(row) for row in query]


def update_endpoint(endpoint: Endpoint) -> None:
    """Writes what can change of an endpoint."""
    kept = {"id", "store_id", "create_time"}
    values = {name: getattr(endpoint, name) for name in _COLUMNS if name not in kept}
    values |= {"event_types": list(endpoint.event_types)}
    EndpointRow.update(**values).where(EndpointRow.id == endpoint.id).execute()


def delete_endpoint(endpoint_id: str, now: datetime) -> None:
    """Marks an endpoint as deleted; its deliveries stay in the log."""
    EndpointRow.update(delete_time=now).where(EndpointRow.id == endpoint_id).execute()


def disable_endpoint(endpoint_id: str, reason: str, now: datetime) -> None:
    """Stops sending to an endpoint, for a reason that its owner is told. What is due to it waits."""
    changes = {
        EndpointRow.state: "disabled",
        EndpointRow.state_reason: reason,
        EndpointRow.disable_time: now,
        EndpointRow.update_time: now,
        EndpointRow.revision: EndpointRow.revision + 1,
    }
    EndpointRow.update(changes).where(EndpointRow.id == endpoint_id, EndpointRow.state == "enabled").execute()


def cancel_deliveries(endpoint_id: str, now: datetime) -> None:
    """Ends deliveries to this endpoint that are still to be tried.

    Those that a worker is sending at this moment are left to it: it knows how they end. So is a long backlog: it finds
    that the endpoint is deleted.
    """
    _cancel(DueRow.endpoint_id == endpoint_id, now)


def cancel_unwanted(delivery_ids: Sequence[str], now: datetime) -> None:
    """Ends those of these deliveries that are still to be tried, and whose endpoint is deleted."""
    unwanted = EndpointRow.select(EndpointRow.id).where(EndpointRow.delete_time.is_null(False))
    _cancel(DueRow.delivery_id.in_(list(delivery_ids)) & DueRow.endpoint_id.in_(unwanted), now)


def _cancel(which: Any, now: datetime) -> None:
    idle = DueRow.lease_token.is_null() | (DueRow.due_time <= peewee.fn.now())
    # In one order everywhere, so that two writers cannot wait for each other.
    picked = DueRow.select(DueRow.delivery_id).where(which & idle).order_by(DueRow.delivery_id).limit(_CANCELLED)
    ids = [row.delivery_id for row in picked.for_update()]
    DueRow.delete().where(DueRow.delivery_id.in_(ids)).execute()
    DeliveryRow.update(state="cancelled", next_attempt_time=None, finish_time=now).where(
        DeliveryRow.id.in_(ids)
    ).execute()


def _endpoints() -> Any:
    columns: list[peewee.Field] = [getattr(EndpointRow, name) for name in _COLUMNS]
    return EndpointRow.select(*columns).where(EndpointRow.delete_time.is_null()).dicts()


def _endpoint(row: dict[str, Any]) -> Endpoint:
    return Endpoint(**row | {"event_types": tuple(row["event_types"])})


def _one(query: Any) -> Endpoint | None:
    row = query.first()
    return _whole([_endpoint(row)])[0] if row else None


def _whole(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The endpoints with their secrets and how they do."""
    ids = [each.id for each in endpoints]
    secrets: dict[str, list[Secret]] = {each: [] for each in ids}
    columns = [EndpointSecretRow.hint, EndpointSecretRow.create_time, EndpointSecretRow.end_time]
    query = EndpointSecretRow.select(EndpointSecretRow.endpoint_id, *columns)
    found: Any = query.where(EndpointSecretRow.endpoint_id.in_(ids)).order_by(EndpointSecretRow.create_time.desc())
    for endpoint_id, *values in found.tuples():
        secrets[endpoint_id].append(Secret(*values))
    columns = [getattr(EndpointQueueRow, each.name) for each in fields(Standing)]
    rows: Any = EndpointQueueRow.select(EndpointQueueRow.endpoint_id, *columns)
    rows = rows.where(EndpointQueueRow.endpoint_id.in_(ids)).tuples()
    standings = {endpoint_id: Standing(*values) for endpoint_id, *values in rows}
    return [
        replace(each, secrets=tuple(secrets[each.id]), standing=standings.get(each.id, Standing()))
        for each in endpoints
    ]
