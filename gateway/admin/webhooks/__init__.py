"""Webhooks: where a shop's events are sent to, what became of each, and sending them again.

`endpoints` and `endpoint_changes` are the pages of endpoints, `deliveries` those of the log, `replays` those of jobs.
What they say is in `words`, how a body is shown in `json_view`, and how a receiver checks one in `verification`.
"""

from gateway.admin.webhooks import deliveries, endpoint_changes, endpoints, replays, secrets
from gateway.admin.webhooks.family import family

__all__ = ["deliveries", "endpoint_changes", "endpoints", "family", "replays", "secrets"]
