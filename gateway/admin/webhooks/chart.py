"""Deliveries of the last 24 hours, by the hour and by what has become of them, as a chart takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from sedifex.webhooks.v1 import webhooks_pb2


@dataclass(frozen=True)
class DeliveryChart:
    """What `ui.bars` draws."""

    labels: Sequence[str]
    series: dict[str, list[int]]
    is_truncated: bool
    """Whether an hour has more than are counted."""

    @classmethod
    def of(cls, hours: Sequence[webhooks_pb2.DeliveryCount]) -> "DeliveryChart":
        """The chart of these hours."""
        return cls(
            labels=[f"{each.start_time.ToDatetime(UTC):%H:%M}" for each in hours],
            series={
                "Delivered": [each.succeeded_count for each in hours],
                "Given up": [each.dead_count for each in hours],
                "Waiting": [each.pending_count for each in hours],
            },
            is_truncated=any(each.truncated for each in hours),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(map(any, self.series.values()))
