"""Replays: jobs that send events of the past again.

A job is a row. Whoever comes by takes the one that has waited longest, looks at the next batch of events, makes the
deliveries and writes how far it has got, in one transaction: a process that dies in the middle leaves the row as it
was, for another to go on. Each delivery is a new one, of the event as it was published, under the event's own id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from services.common.errors import Exhausted, FailedPrecondition, InvalidArgument, NotFound
from services.common.paging import Page, PageRequest
from services.webhooks import endpoints, event_queries, event_types, queries, replay_queries
from services.webhooks.event_queries import Event, NewDelivery
from services.webhooks.event_types import PING
from services.webhooks.publishing import wants
from services.webhooks.queries import Endpoint
from services.webhooks.replay_queries import Replay

BATCH = 200
"""Deliveries that a batch makes, about; events that it looks at, at most."""
OUTSTANDING = 1_000
"""Deliveries to one endpoint that a replay has under way at most: what happens now must not wait for the past."""
PAUSE_S = 0.25
"""How long a replay waits that has as much under way as it may."""
MAX_RUNNING = 20
"""Replays of a store that go on at the same time."""
MAX_COUNTED = 10_000
"""Events that are looked at to say what a replay would do."""
KEPT = timedelta(days=30)
"""How long events are kept."""

DEFAULT_STATES = ("cancelled", "dead")
NEVER_DELIVERED = "cancelled"
"""What an event counts as that has made no delivery to an endpoint."""


class Step(Enum):
    """What became of an attempt to go on."""

    IDLE = "idle"
    """No replay was waiting."""
    WENT_ON = "went on"
    POSTPONED = "postponed"
    """One has as much under way as it may."""


@dataclass(frozen=True)
class NewReplay:
    """A replay that somebody wants."""

    store_id: str
    start_time: datetime
    end_time: datetime | None = None
    """None: until now."""
    endpoint_id: str | None = None
    states: Sequence[str] = ()
    event_types: Sequence[str] = ()
    request_id: str | None = None


def start_replay(replay_id: str, wanted: NewReplay, creator: str, now: datetime) -> Replay:
    """Begins a replay, or answers with the one that this request has begun before.

    Raises:
        InvalidArgument: there can be nothing to send: the times, the types or the states are not sound.
        NotFound: there is no such endpoint.
        FailedPrecondition: nothing would be sent: the endpoint is disabled, or the store has none that is enabled; or
            another replay to it goes on.
        Exhausted: the store has as many replays as it may.
    """
    if wanted.request_id and (made := replay_queries.find_replay_by_request(wanted.store_id, wanted.request_id)):
        return made
    replay = _checked(replay_id, wanted, creator, now)
    if replay_queries.count_running(wanted.store_id) >= MAX_RUNNING:
        raise Exhausted(
            f"A store may have {MAX_RUNNING} replays at the same time. Wait until one has ended, or cancel one.",
            reason="TOO_MANY_REPLAYS",
            retry_after=60,
        )
    if not replay_queries.insert_replay(replay, wanted.request_id):
        if wanted.request_id and (made := replay_queries.find_replay_by_request(wanted.store_id, wanted.request_id)):
            return made  # at the same time, by a repeat
        raise FailedPrecondition(
            "Another replay to the same endpoint goes on. Wait until it has ended, or cancel it.",
            reason="REPLAY_UNDER_WAY",
        )
    return replay


def foresee(wanted: NewReplay, creator: str, now: datetime) -> Replay:
    """What a replay would do, with at most MAX_COUNTED events looked at; nothing is done.

    Raises: as `start_replay`, but for what other replays have to do with it.
    """
    replay = _checked("", wanted, creator, now)
    targets = _targets(replay)
    while replay.state == "running" and replay.examined_count < MAX_COUNTED:
        replay, _ = _advanced(replay, targets, BATCH, str, now)
    return replace(replay, state="succeeded", finish_time=now)


def get_replay(store_id: str, replay_id: str) -> Replay:
    """The replay of this id in this store.

    Raises:
        NotFound: there is none.
    """
    return _found(replay_queries.find_replay(store_id, replay_id), store_id, replay_id)


def list_replays(store_id: str, request: PageRequest) -> Page[Replay]:
    """A page of the store's replays, newest first."""
    rows = replay_queries.list_replays(store_id, request.after, request.limit)
    return request.page(rows, lambda replay: [replay.id])


def cancel_replay(store_id: str, replay_id: str, now: datetime) -> Replay:
    """Stops a replay; what it has made due is sent. One that has ended stays as it is.

    Raises:
        NotFound: there is none.
    """
    replay = _found(replay_queries.lock_replay(store_id, replay_id), store_id, replay_id)
    if replay.state == "running":
        replay_queries.save_progress(replace(replay, state="cancelled", finish_time=now))
    return get_replay(store_id, replay_id)


def go_on(new_delivery_id: Callable[[], str], now: datetime) -> Step:
    """Lets the replay that has waited longest make its next batch, in this transaction."""
    replay = replay_queries.lock_next()
    if replay is None:
        return Step.IDLE
    targets = _targets(replay)
    if not targets:
        # Disabled or deleted meanwhile: nothing that it makes due would be sent.
        replay_queries.save_progress(replace(replay, state="cancelled", finish_time=now))
        return Step.WENT_ON
    limit = OUTSTANDING * len(targets)
    if replay_queries.count_outstanding(replay.id, limit) >= limit:
        replay_queries.postpone(replay.id, PAUSE_S)
        return Step.POSTPONED
    batch = max(1, BATCH // len(targets))
    replay, made = _advanced(replay, targets, batch, new_delivery_id, now)
    event_queries.insert_deliveries(made, now)
    replay_queries.save_progress(replay)
    return Step.WENT_ON


def choose(
    replay: Replay, events: Sequence[Event], targets: Sequence[Endpoint], states: dict[tuple[str, str], str]
) -> list[tuple[Event, Endpoint]]:
    """Which events are to be sent to which endpoints; `states` are those of their newest deliveries."""
    return [
        (event, endpoint)
        for event in events
        for endpoint in targets
        if event.type != PING
        and wants(endpoint, event.type)
        and (not replay.event_types or event.type in replay.event_types)
        and states.get((event.id, endpoint.id), NEVER_DELIVERED) in replay.states
    ]


def _advanced(
    replay: Replay, targets: Sequence[Endpoint], batch: int, new_delivery_id: Callable[[], str], now: datetime
) -> tuple[Replay, list[NewDelivery]]:
    """The replay after its next batch, and the deliveries that the batch makes."""
    events = replay_queries.list_events(replay, batch)
    states = replay_queries.last_states([event.id for event in events], [endpoint.id for endpoint in targets])
    made = [
        NewDelivery(new_delivery_id(), event, endpoint.id, replay_id=replay.id)
        for event, endpoint in choose(replay, events, targets, states)
    ]
    is_over = len(events) < batch
    advanced = replace(
        replay,
        progress_time=replay.end_time if is_over else events[-1].create_time,
        progress_event="" if is_over else events[-1].id,
        examined_count=replay.examined_count + len(events),
        delivery_count=replay.delivery_count + len(made),
        state="succeeded" if is_over else "running",
        finish_time=now if is_over else None,
    )
    return advanced, made


def _targets(replay: Replay) -> list[Endpoint]:
    """The endpoints that it sends to, of those that are enabled now."""
    enabled = queries.list_enabled_endpoints({replay.store_id})
    return [each for each in enabled if replay.endpoint_id in {None, each.id}]


def _checked(replay_id: str, wanted: NewReplay, creator: str, now: datetime) -> Replay:
    end_time = min(wanted.end_time or now, now)
    if wanted.start_time >= end_time:
        raise InvalidArgument.field(
            "start_time", "must lie before end_time and before now: nothing was published since"
        )
    if wanted.start_time < now - KEPT:
        raise InvalidArgument.field(
            "start_time", f"must not lie more than {KEPT.days} days back: older events are gone"
        )
    if unknown := [each for each in wanted.event_types if not event_types.is_known(each)]:
        raise InvalidArgument.field("event_types", f"'{unknown[0]}' is no type of event; ListEventTypes names them")
    if "pending" in wanted.states or "" in wanted.states:
        raise InvalidArgument.field("states", "must be states of what has ended; what is pending is on its way already")
    replay = Replay(
        id=replay_id,
        store_id=wanted.store_id,
        endpoint_id=wanted.endpoint_id,
        states=tuple(sorted(wanted.states)) or DEFAULT_STATES,
        event_types=tuple(sorted(wanted.event_types)),
        start_time=wanted.start_time,
        end_time=end_time,
        creator=creator,
        state="running",
        progress_time=wanted.start_time,
        progress_event="",
        examined_count=0,
        delivery_count=0,
        create_time=now,
        finish_time=None,
    )
    _check_somebody_gets_it(replay)
    return replay


def _check_somebody_gets_it(replay: Replay) -> None:
    if replay.endpoint_id is not None:
        endpoint = endpoints.get_endpoint(replay.store_id, replay.endpoint_id)
        if not endpoint.is_enabled:
            raise FailedPrecondition("The endpoint is disabled. Enable it, then replay.", reason="ENDPOINT_DISABLED")
        if replay.event_types and not any(wants(endpoint, each) for each in replay.event_types):
            raise FailedPrecondition(
                "The endpoint has asked for none of these types. Change its event_types, then replay.",
                reason="TYPES_NOT_WANTED",
            )
    elif not _targets(replay):
        raise FailedPrecondition(
            "The store has no webhook endpoint that is enabled. Enable or create one, then replay.",
            reason="NO_ENDPOINT",
        )


def _found(replay: Replay | None, store_id: str, replay_id: str) -> Replay:
    if replay is None:
        raise NotFound(f"There is no replay stores/{store_id}/replays/{replay_id}.", reason="REPLAY_NOT_FOUND")
    return replay
