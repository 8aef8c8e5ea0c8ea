"""Endpoints: where partners want to be told, and when that ends."""

from collections.abc import Sequence
from datetime import datetime

from services.common.access.caller import Caller
from services.common.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from services.common.paging import Page, PageRequest
from services.common.vault import Vault
from services.webhooks import queries, signing
from services.webhooks.queries import Endpoint

MAX_ENDPOINTS = 50
"""In a store: every event makes a delivery for each."""

KEYS_SCOPE = "keys.read"

GONE = "The endpoint answered 410 Gone: it does not want to be called any more."


def create_endpoint(
    *,
    endpoint_id: str,
    store_id: str,
    url: str,
    display_name: str,
    event_types: Sequence[str],
    secret: str,
    request_id: str | None,
    vault: Vault,
    caller: Caller,
    now: datetime,
) -> Endpoint:
    """Makes an endpoint. `url` has been checked; `secret` is kept sealed.

    Raises:
        PermissionDenied: the caller is an integration that may not read keys, and asks to be told of them.
        AlreadyExists: this request has made an endpoint before. Its secret cannot be shown again.
        FailedPrecondition: the store has as many endpoints as it may.
    """
    if caller.is_integration and KEYS_SCOPE not in caller.scopes and any(t.startswith("key.") for t in event_types):
        raise PermissionDenied(
            f"This API key does not have the scope {KEYS_SCOPE}, which events of keys take.",
            reason="SCOPE_MISSING",
            metadata={"scope": KEYS_SCOPE},
        )
    if len(queries.list_endpoints(store_id, None, MAX_ENDPOINTS)) == MAX_ENDPOINTS:
        raise FailedPrecondition(
            f"A store may have {MAX_ENDPOINTS} webhook endpoints. Delete one that is no longer used.",
            reason="TOO_MANY_ENDPOINTS",
        )
    endpoint = Endpoint(
        id=endpoint_id,
        store_id=store_id,
        url=url,
        display_name=display_name,
        event_types=tuple(sorted(event_types)),
        state="enabled",
        state_reason="",
        secret_hint=f"{signing.SECRET_PREFIX}…{secret[-4:]}",
        create_time=now,
    )
    if not queries.insert_endpoint(endpoint, vault.seal(secret, endpoint_id), request_id):
        raise _made_before(store_id, queries.find_endpoint_by_request(store_id, request_id or ""))
    return endpoint


def get_endpoint(store_id: str, endpoint_id: str) -> Endpoint:
    """The endpoint of this id in this store.

    Raises:
        NotFound: there is none.
    """
    endpoint = queries.find_endpoint(store_id, endpoint_id)
    if endpoint is None:
        name = f"stores/{store_id}/webhookEndpoints/{endpoint_id}"
        raise NotFound(f"There is no webhook endpoint {name}.", reason="ENDPOINT_NOT_FOUND")
    return endpoint


def list_endpoints(store_id: str, request: PageRequest) -> Page[Endpoint]:
    """A page of the store's endpoints, newest first."""
    rows = queries.list_endpoints(store_id, request.after, request.limit)
    return request.page(rows, lambda endpoint: [endpoint.id])


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
    queries.disable_endpoint(endpoint_id, GONE)
    queries.cancel_deliveries(endpoint_id, now)


def _made_before(store_id: str, endpoint_id: str) -> AlreadyExists:
    name = f"stores/{store_id}/webhookEndpoints/{endpoint_id}"
    return AlreadyExists(
        f"This request has made {name} before, whose secret cannot be shown again. "
        "If the secret did not arrive, delete that endpoint and create one with another request_id.",
        metadata={"name": name},
    )
