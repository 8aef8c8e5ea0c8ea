"""What a worker has in flight, by endpoint, so that nobody gets more than a share of its slots."""

import threading
from collections import Counter
from collections.abc import Sequence

from services.webhooks import breaker
from services.webhooks.worker.due import Busy, Job, Room


class Flights:
    """Times are those of time.monotonic. From any thread."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._lock = threading.Lock()
        self._begun: dict[str, tuple[Job, float]] = {}  # in the order in which they began
        self._by_endpoint: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._begun)

    @property
    def free(self) -> int:
        """How many more may begin."""
        return self._slots - len(self._begun)

    def begin_all(self, jobs: Sequence[Job], now: float) -> None:
        """Notes that these jobs are being sent."""
        with self._lock:
            for job in jobs:
                self._begun[job.delivery_id] = (job, now)
                self._by_endpoint[job.receiver.id] += 1

    def end_all(self, jobs: Sequence[Job]) -> None:
        """Notes that they are no more."""
        with self._lock:
            for job in jobs:
                if self._begun.pop(job.delivery_id, None) is None:
                    continue
                self._by_endpoint[job.receiver.id] -= 1
                if not self._by_endpoint[job.receiver.id]:
                    del self._by_endpoint[job.receiver.id]

    def look(self, most: int, now: float) -> tuple[Room, list[Busy]]:
        """How to divide what is free, at most so many slots, and what every endpoint has in flight here."""
        with self._lock:
            slow = self._slow(now)
            held = sum(not job.receiver.is_proven or job.receiver.id in slow for job, _ in self._begun.values())
            busy = [Busy(endpoint, count, endpoint in slow) for endpoint, count in self._by_endpoint.items()]
            unproven = max(0, breaker.share_of_unproven(self._slots) - held)
            return Room(min(most, self.free), breaker.share_of_one(self._slots), unproven), busy

    def _slow(self, now: float) -> set[str]:
        slow = set()
        for job, begun in self._begun.values():
            if now - begun < breaker.SLOW_SECONDS:
                break
            slow.add(job.receiver.id)
        return slow
