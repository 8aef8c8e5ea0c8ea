"""Endpoints: where partners want to be told, what they may change of it, and when that ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from services.common.access.caller import Caller
from services.common.errors import AlreadyExists, Conflict, FailedPrecondition, NotFound, PermissionDenied
from services.common.paging import Page, PageRequest
from services.common.vault import Vault
from services.webhooks import event_queries, queries, signing
from services.webhooks.queries import Endpoint, Secret

MAX_ENDPOINTS = 50
"""In a store: every event makes a delivery for each."""

MAX_MISSED = 10_000
"""How many missed events are counted."""

CLOCKS_DIFFER = timedelta(minutes=1)
"""How much earlier than its disabling an endpoint may have begun to miss events, by the clocks of those who publish."""

KEYS_SCOPE = "keys.read"

GONE = "The endpoint answered 410 Gone: it does not want to be called any more."
DISABLED = "Disabled by hand."


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint that somebody wants. `url` has been checked."""

    store_id: str
    url: str
    display_name: str = ""
    event_types: Sequence[str] = ()
    rate_limit_per_second: int = 0
    max_concurrency: int = 0
    coalesce_ms: int = 0
    request_id: str | None = None


@dataclass(frozen=True)
class Enabled:
    """An endpoint that was enabled, and what it has missed."""

    endpoint: Endpoint
    missed_count: int = 0
    missed_since: datetime | None = None
    """None: it was not disabled."""


def create_endpoint(
    endpoint_id: str, wanted: NewEndpoint, secret: str, *, vault: Vault, caller: Caller, now: datetime
) -> Endpoint:
    """Makes an endpoint; `secret` is kept sealed.

    Raises:
        PermissionDenied: the caller is an integration that may not read keys, and asks to be told of them.
        AlreadyExists: this request has made an endpoint before. Its secret cannot be shown again.
        FailedPrecondition: the store has as many endpoints as it may.
    """
    check_may_hear_of(wanted.event_types, caller)
    if len(queries.list_endpoints(wanted.store_id, None, MAX_ENDPOINTS)) == MAX_ENDPOINTS:
        raise FailedPrecondition(
            f"A store may have {MAX_ENDPOINTS} webhook endpoints. Delete one that is no longer used.",
            reason="TOO_MANY_ENDPOINTS",
        )
    endpoint = Endpoint(
        id=endpoint_id,
        store_id=wanted.store_id,
        url=wanted.url,
        display_name=wanted.display_name,
        event_types=tuple(sorted(wanted.event_types)),
        state="enabled",
        state_reason="",
        create_time=now,
        update_time=now,
        rate_limit_per_second=wanted.rate_limit_per_second,
        max_concurrency=wanted.max_concurrency,
        coalesce_ms=wanted.coalesce_ms,
    )
    if not queries.insert_endpoint(endpoint, wanted.request_id):
        raise _made_before(
            endpoint.store_id, queries.find_endpoint_by_request(endpoint.store_id, wanted.request_id or "")
        )
    first = Secret(signing.hint(secret), now)
    queries.insert_secret(endpoint_id, first, vault.seal(secret, endpoint_id), None)
    return replace(endpoint, secrets=(first,))


def get_endpoint(store_id: str, endpoint_id: str) -> Endpoint:
    """The endpoint of this id in this store.

    Raises:
        NotFound: there is none.
    """
    return _found(queries.find_endpoint(store_id, endpoint_id), store_id, endpoint_id)


def list_endpoints(store_id: str, request: PageRequest) -> Page[Endpoint]:
    """A page of the store's endpoints, newest first."""
    rows = queries.list_endpoints(store_id, request.after, request.limit)
    return request.page(rows, lambda endpoint: [endpoint.id])


def update_endpoint(
    store_id: str,
    endpoint_id: str,
    values: Mapping[str, Any],
    etag: str,
    *,
    check_url: Callable[[str], str],
    caller: Caller,
    now: datetime,
) -> Endpoint:
    """Changes an endpoint; `values` go by the names of `Endpoint`'s fields. What changes nothing leaves it as it is.

    Raises:
        NotFound: there is none.
        Conflict: it is no longer what `etag` says.
        InvalidArgument: the URL may not be called; the message says why.
        PermissionDenied: the caller is an integration that may not read keys, and asks to be told of them, or changes
            where others asked to be told of them.
    """
    endpoint = lock_endpoint(store_id, endpoint_id)
    if etag and etag != endpoint.etag:
        raise Conflict(
            "Somebody has changed this endpoint since you read it. Read it again, then repeat your change.",
            reason="ETAG_MISMATCH",
        )
    wanted = replace(endpoint, **values)
    if wanted.url != endpoint.url:
        wanted = replace(wanted, url=check_url(wanted.url))
    if wanted == endpoint:
        return endpoint
    # With a new URL or new types events of keys could go to where the caller chooses.
    check_may_hear_of(wanted.event_types, caller)
    if wanted.coalesce_ms != endpoint.coalesce_ms:
        # What waits in the old window would otherwise be overtaken by what the new one lets through.
        event_queries.flush_endpoint(endpoint_id)
    return _changed(wanted, now)


def enable_endpoint(store_id: str, endpoint_id: str, now: datetime) -> Enabled:
    """Sends to an endpoint again, first what waited, and says what it has missed. An enabled one stays as it is.

    Raises:
        NotFound: there is none.
    """
    # Nobody publishes while this looks: each event either is counted as missed or makes a delivery.
    event_queries.stop_publishing()
    endpoint = lock_endpoint(store_id, endpoint_id)
    if endpoint.is_enabled or endpoint.disable_time is None:
        return Enabled(endpoint)
    since = max(endpoint.create_time, endpoint.disable_time - CLOCKS_DIFFER)
    missed = event_queries.count_missed(endpoint, since, MAX_MISSED)
    enabled = replace(endpoint, state="enabled", state_reason="", disable_time=None)
    return Enabled(_changed(enabled, now), missed, since)


def disable_endpoint(store_id: str, endpoint_id: str, now: datetime) -> Endpoint:
    """Stops sending to an endpoint; what is due to it waits. A disabled one stays as it is.

    Raises:
        NotFound: there is none.
    """
    endpoint = lock_endpoint(store_id, endpoint_id)
    if not endpoint.is_enabled:
        return endpoint
    return _changed(replace(endpoint, state="disabled", state_reason=DISABLED, disable_time=now), now)


def delete_endpoint(store_id: str, endpoint_id: str, now: datetime) -> None:
    """Removes an endpoint; what is still due to it is not sent. The log of what was stays.

    Raises:
        NotFound: there is none.
    """
    get_endpoint(store_id, endpoint_id)
    queries.delete_endpoint(endpoint_id, now)
    queries.cancel_deliveries(endpoint_id, now)


def disable_gone_endpoint(endpoint_id: str, now: datetime) -> None:
    """Stops sending to an endpoint that says it is gone for good."""
    queries.disable_endpoint(endpoint_id, GONE, now)


def lock_endpoint(store_id: str, endpoint_id: str) -> Endpoint:
    """The endpoint, kept from being changed by others until the commit.

    Raises:
        NotFound: there is none.
    """
    return _found(queries.lock_endpoint(store_id, endpoint_id), store_id, endpoint_id)


def check_may_hear_of(event_types: Sequence[str], caller: Caller) -> None:
    """Sees to it that nobody hears of keys by an endpoint who may not read them.

    Raises:
        PermissionDenied: the caller is an integration without that scope.
    """
    if caller.is_integration and KEYS_SCOPE not in caller.scopes and any(t.startswith("key.") for t in event_types):
        raise PermissionDenied(
            f"This API key does not have the scope {KEYS_SCOPE}, which events of keys take.",
            reason="SCOPE_MISSING",
            metadata={"scope": KEYS_SCOPE},
        )


def _changed(endpoint: Endpoint, now: datetime) -> Endpoint:
    """The endpoint, written, with its revision moved on."""
    queries.update_endpoint(replace(endpoint, revision=endpoint.revision + 1, update_time=now))
    # Again, since a change may have reset how it does.
    return get_endpoint(endpoint.store_id, endpoint.id)


def _found(endpoint: Endpoint | None, store_id: str, endpoint_id: str) -> Endpoint:
    if endpoint is None:
        name = f"stores/{store_id}/webhookEndpoints/{endpoint_id}"
        raise NotFound(f"There is no webhook endpoint {name}.", reason="ENDPOINT_NOT_FOUND")
    return endpoint


def _made_before(store_id: str, endpoint_id: str) -> AlreadyExists:
    name = f"stores/{store_id}/webhookEndpoints/{endpoint_id}"
    return AlreadyExists(
        f"This request has made {name} before, whose secret cannot be shown again. "
        "If the secret did not arrive, delete that endpoint and create one with another request_id.",
        metadata={"name": name},
    )
