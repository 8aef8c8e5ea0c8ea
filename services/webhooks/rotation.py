"""Signing secrets of endpoints: an endpoint gets a new one and, for an overlap, both sign.

The old secret's end is a moment in the row, judged at each delivery: no job has to run for it to end.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.common.errors import AlreadyExists, FailedPrecondition
from services.common.vault import Vault
from services.webhooks import endpoints, queries, signing
from services.webhooks.queries import Endpoint, Secret

DEFAULT_OVERLAP = timedelta(hours=1)


def rotate_secret(
    store_id: str,
    endpoint_id: str,
    *,
    overlap: timedelta,
    secret: str,
    request_id: str | None,
    vault: Vault,
    now: datetime,
) -> Endpoint:
    """Makes `secret` the endpoint's; the one that it had signs for `overlap` more.

    Raises:
        NotFound: there is no such endpoint.
        FailedPrecondition: an earlier rotation's overlap lasts, and this one has an overlap too.
        AlreadyExists: this request has rotated the secret before. It cannot be shown again.
    """
    endpoint = endpoints.lock_endpoint(store_id, endpoint_id)
    if request_id and queries.has_secret_of_request(endpoint_id, request_id):
        raise AlreadyExists(
            "This request has rotated the secret before; the new one cannot be shown again. If it did not arrive, "
            'rotate again with another request_id and an overlap of "0s".',
            metadata={"name": f"stores/{store_id}/webhookEndpoints/{endpoint_id}"},
        )
    # A third secret that signs would be one that nobody can tell from the other two.
    if overlap and len(live(endpoint.secrets, now)) > 1:
        raise FailedPrecondition(
            "This endpoint's secret is being rotated: the old one still signs. Wait until it ends, or rotate with an "
            'overlap of "0s", which ends every older secret at once.',
            reason="ROTATION_UNDER_WAY",
        )
    queries.end_secrets(endpoint_id, now + overlap)
    made = Secret(signing.hint(secret), now)
    queries.insert_secret(endpoint_id, made, vault.seal(secret, endpoint_id), request_id)
    return endpoints.get_endpoint(store_id, endpoint_id)


def live(secrets: Sequence[Secret], now: datetime) -> list[Secret]:
    """Those of an endpoint's secrets that sign at `now`, newest first."""
    return [each for each in secrets if each.end_time is None or each.end_time > now]
