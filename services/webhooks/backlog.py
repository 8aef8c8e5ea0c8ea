"""How much waits to be sent, for how long, and how many endpoints fail: for metrics, at a cost that has a bound.

The queue may hold millions of rows, most of them retries of later. So nothing is counted to its end, and each look
begins at the endpoints that the queue has to look at next, by an index.
"""

from prometheus_client import Gauge

from services.common.metrics import COUNTED
from services.webhooks.models import handle

LOOKED = 1_000
"""How many endpoints with something due are looked at, those first that the queue looks at next."""

DUE = Gauge(
    "sedifex_due_deliveries", f"Deliveries that could be sent now and wait, counted to {COUNTED:,}.", registry=None
)
OLDEST = Gauge(
    "sedifex_due_oldest_age_seconds",
    "For how long the one has waited that has waited longest. Endpoints that are slow, paused or limited make theirs "
    "wait.",
    registry=None,
)
LAG = Gauge(
    "sedifex_queue_lag_seconds",
    "For how long the endpoint has waited for a worker to look that has waited longest. No endpoint can cause it.",
    registry=None,
)
FAILING = Gauge(
    "sedifex_endpoints_failing", f"Enabled endpoints whose last attempt failed, counted to {COUNTED:,}.", registry=None
)
PAUSED = Gauge(
    "sedifex_endpoints_paused", f"Those of them that are left alone for now, counted to {COUNTED:,}.", registry=None
)

_BACKLOG = """
WITH nudged AS MATERIALIZED (
    SELECT DISTINCT endpoint_id FROM (SELECT endpoint_id FROM endpoint_nudge ORDER BY id LIMIT %(looked)s) AS first
), looked AS MATERIALIZED (
    (SELECT endpoint_id, next_due FROM endpoint_queue WHERE next_due < 'infinity' ORDER BY next_due LIMIT %(looked)s)
    UNION ALL
    -- No worker has looked at these since something became due to them.
    SELECT queue.endpoint_id, (
        SELECT min(due_time) FROM due
        WHERE due.endpoint_id = queue.endpoint_id AND lease_token IS NULL AND due_time <= now()
    ) FROM nudged JOIN endpoint_queue AS queue ON queue.endpoint_id = nudged.endpoint_id
    JOIN endpoint ON endpoint.id = queue.endpoint_id
    WHERE queue.next_due = 'infinity' AND endpoint.state = 'enabled' AND endpoint.delete_time IS NULL
), failing AS MATERIALIZED (
    SELECT paused_until FROM endpoint_queue JOIN endpoint ON endpoint.id = endpoint_id
    WHERE failing_since IS NOT NULL AND state = 'enabled' AND delete_time IS NULL LIMIT %(counted)s
)
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM looked CROSS JOIN LATERAL (
            SELECT 1 FROM due
            WHERE due.endpoint_id = looked.endpoint_id AND lease_token IS NULL AND due_time <= now() LIMIT %(counted)s
        ) AS waiting LIMIT %(counted)s
    ) AS counted),
    (SELECT extract(epoch FROM now() - min(first.due_time))::float8 FROM looked CROSS JOIN LATERAL (
        SELECT due_time FROM due
        WHERE due.endpoint_id = looked.endpoint_id AND lease_token IS NULL AND due_time <= now()
        ORDER BY due_time LIMIT 1
    ) AS first),
    (SELECT extract(epoch FROM now() - min(next_due))::float8 FROM looked),
    (SELECT count(*) FROM failing),
    (SELECT count(*) FROM failing WHERE paused_until > now())
"""


def sample() -> dict[Gauge, float]:
    """What the queue holds at this moment."""
    with handle.cursor() as cursor:
        cursor.execute(_BACKLOG, {"looked": LOOKED, "counted": COUNTED})
        ((due, oldest, lag, failing, paused),) = cursor.fetchall()
    return {DUE: due, OLDEST: max(0.0, oldest or 0.0), LAG: max(0.0, lag or 0.0), FAILING: failing, PAUSED: paused}
