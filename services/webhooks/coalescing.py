"""Which updates of a product are left out, because a later one says all that they would have said.

An endpoint may have a window: a `product.updated` then waits for so long, and the next one of the same product takes
its place in the queue, with what the product has come to by then. The place is what bounds the wait: however many
updates follow one another, something is sent when the first one's window ends. `product.created` and
`product.deleted` are never left out, and an update that waits when one of them comes is sent before it. So a receiver
misses nothing but what lay in between.

`decide` is pure: it sees what waits, and the events of one batch in the order in which they happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

UPDATED = "product.updated"
PREFIX = "product."


@dataclass(frozen=True)
class Waiting:
    """A delivery that has not been begun and waits in its window."""

    delivery_id: str
    due_time: datetime


@dataclass(frozen=True)
class Candidate:
    """A delivery to be made."""

    delivery_id: str
    endpoint_id: str
    event_type: str
    product_id: str
    """Empty: the event is about none."""
    window_ms: int
    """How long the endpoint lets an update wait; 0: not at all."""


@dataclass
class Place:
    """When a new delivery is due: at a moment that it took over, or so many milliseconds from now."""

    due_time: datetime | None = None
    delay_ms: int = 0
    waits_for: str = ""
    """The product whose next update takes its place; empty: none does."""


@dataclass
class Decision:
    """What becomes of a batch, and of what waited before it."""

    places: dict[str, Place] = field(default_factory=dict)
    """Of the new deliveries that are to be sent, by id."""
    left_out: list[str] = field(default_factory=list)
    """New deliveries that a later one of the batch stands for."""
    superseded: list[str] = field(default_factory=list)
    """Those that waited, and for which a new one stands."""
    flushed: list[str] = field(default_factory=list)
    """Those that waited, and are to be sent now."""


def concerns(candidate: Candidate) -> bool:
    """Whether what waits matters to this delivery."""
    return bool(candidate.window_ms and candidate.product_id) and candidate.event_type.startswith(PREFIX)


def decide(candidates: Sequence[Candidate], waiting: Mapping[tuple[str, str], Sequence[Waiting]]) -> Decision:
    """Decides on the deliveries of a batch; `waiting` is what waits, by endpoint and product."""
    decision = Decision()
    before = {key: list(each) for key, each in waiting.items()}
    made: dict[tuple[str, str], str] = {}
    """The delivery of this batch that waits."""
    for each in candidates:
        if not concerns(each):
            decision.places[each.delivery_id] = Place()
            continue
        key = (each.endpoint_id, each.product_id)
        old, new = before.pop(key, []), made.pop(key, None)
        if each.event_type == UPDATED:
            decision.places[each.delivery_id] = _take_over(each, old, new, decision)
            made[key] = each.delivery_id
        else:
            decision.flushed += [waited.delivery_id for waited in old]
            if new is not None:
                decision.places[new] = Place()
            decision.places[each.delivery_id] = Place()
    return decision


def _take_over(update: Candidate, old: Sequence[Waiting], new: str | None, decision: Decision) -> Place:
    """The place of an update, for which those before it are left out."""
    if new is not None:
        decision.left_out.append(new)
        return decision.places.pop(new)
    if old:
        decision.superseded += [waited.delivery_id for waited in old]
        return Place(due_time=min(waited.due_time for waited in old), waits_for=update.product_id)
    return Place(delay_ms=update.window_ms, waits_for=update.product_id)
