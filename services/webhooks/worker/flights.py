"""What a worker has in flight, by endpoint, so that nobody gets more than a share of its slots."""

from collections import Counter

from services.webhooks import breaker
from services.webhooks.worker.due import Busy, Job, Room


class Flights:
    """Times are those of time.monotonic. Begin and end are told by the thread that sends, and by no other."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._begun: dict[str, tuple[Job, float]] = {}  # in the order in which they began
        self._by_endpoint: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._begun)

    @property
    def free(self) -> int:
        """How many more may begin."""
        return self._slots - len(self._begun)

    def begin(self, job: Job, now: float) -> None:
        """Notes that a job is being sent."""
        self._begun[job.delivery_id] = (job, now)
        self._by_endpoint[job.receiver.id] += 1

    def end(self, job: Job) -> None:
        """Notes that it is no more."""
        if self._begun.pop(job.delivery_id, None) is None:
            return
        self._by_endpoint[job.receiver.id] -= 1
        if not self._by_endpoint[job.receiver.id]:
            del self._by_endpoint[job.receiver.id]

    def busy(self, now: float) -> list[Busy]:
        """What every endpoint has in flight here."""
        slow = self._slow(now)
        return [Busy(endpoint, count, endpoint in slow) for endpoint, count in self._by_endpoint.items()]

    def room(self, total: int, now: float) -> Room:
        """How to divide `total` free slots."""
        slow = self._slow(now)
        held = sum(not job.receiver.is_proven or job.receiver.id in slow for job, _ in self._begun.values())
        unproven = max(0, breaker.share_of_unproven(self._slots) - held)
        return Room(total, breaker.share_of_one(self._slots), unproven)

    def _slow(self, now: float) -> set[str]:
        slow = set()
        for job, begun in self._begun.values():
            if now - begun < breaker.SLOW_SECONDS:
                break
            slow.add(job.receiver.id)
        return slow
