"""Takes keys away in every way there is, while everybody asks about them, and holds the returns against the checks."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from chaos.stage import LOOK_S, Stage, Victim
from rig.board import SCOPES

KINDS = {"revoke": 4, "complete": 2, "cancel": 2, "scopes": 2, "rotate-at-once": 1}
"""How keys are taken away, and how often each."""
STOCK = 16
"""Keys that are kept ready: while Catalog is frozen none can be made, and some must be there to be revoked."""
STOCKERS = 3
WARM_S = 0.8
"""How long to wait for everybody to know a key before it is taken away."""
KNOWN_S = 5.0
"""How long to wait for anybody to."""
THROUGH_S = 45.0
"""How long it may take until a revocation comes through, all its repetitions together."""
GOES_ON_S = 2.0
KEPT_S = 15.0
"""How long tokens that have been taken away are asked about still: longer than anybody is frozen."""
RACE_S = 0.004

Code = grpc.StatusCode
_PASSING = {Code.UNAVAILABLE, Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.UNKNOWN}
"""What a client gets that lost its server in the middle of a call: it cannot tell what has been done, and repeats."""


class NotThrough(Exception):
    """A revocation did not come through in time."""


class Revoking:
    """The revocations of one scenario, and what they prove."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._choice = stage.random
        self._stopping = False
        self._stock: list[tuple[str, str]] = []
        """Names and secrets of keys that nobody has used yet."""
        self._live: dict[int, list[int]] = {}
        """Slots of what has not been taken away yet, and the seats that ask about each."""
        self.victims: list[Victim] = []
        self.accepted_before: Counter[str] = Counter()
        """By kind: victims that somebody had accepted before they were taken away."""
        self.known: Counter[bool] = Counter()
        """Whether those who were to ask about a victim had accepted it before, race aside."""
        self.acknowledged = self.lapsed = 0
        self.repeated: Counter[str] = Counter()
        """Calls that were repeated, by the code that they had got."""
        self.went_on: Counter[bool] = Counter()
        """Whether what was left to a key (another secret, another scope) still worked after the rest had gone."""

    def stop(self) -> None:
        """Lets those who revoke end what they have begun."""
        self._stopping = True

    async def stock(self) -> None:
        """Makes keys until there are enough."""

        async def make() -> None:
            while len(self._stock) < STOCK:
                made, _ = await self._through(lambda at: self._call.create(self._stage.store, at), revoking=False)
                self._stock.append((made.key.name, made.secret))

        await asyncio.gather(*(make() for _ in range(STOCKERS)))

    async def keep_stock(self) -> None:
        """Does so again and again, until cancelled."""
        while True:
            await self.stock()
            await asyncio.sleep(LOOK_S)

    async def revoke(self) -> None:
        """Takes keys away, until stopped."""
        while (taken := await self._next_key()) is not None:
            (kind,) = self._choice.choices(list(KINDS), list(KINDS.values()))
            await self._take_away(kind, *taken)
            await asyncio.sleep(self._choice.uniform(0, 0.1))

    async def race(self) -> None:
        """Revokes keys at the very moment at which they are used for the first time, until stopped."""
        while (taken := await self._next_key()) is not None:
            name, secret = taken
            lead = self._choice.uniform(-RACE_S, RACE_S)

            async def first_use(secret: str = secret, lead: float = lead) -> int:
                await asyncio.sleep(max(0.0, lead))
                return self._put(secret)

            using = asyncio.create_task(first_use())
            await asyncio.sleep(max(0.0, -lead))
            returned = await self._revoke(name)
            self._took("race", await using, returned)

    async def _next_key(self) -> tuple[str, str] | None:
        """A key out of the stock, waiting for one; None when it is time to stop."""
        while not self._stopping:
            if self._stock:
                return self._stock.pop()
            await asyncio.sleep(LOOK_S)
        return None

    async def retire(self) -> None:
        """Lets tokens rest that were taken away long ago, until cancelled."""
        while True:
            await asyncio.sleep(1)
            long_ago = time.monotonic() - KEPT_S
            fresh = [victim.slot for victim in self._stage.victims if victim.returned > long_ago]
            self._stage.board.retire(min([*self._live, *fresh], default=self._stage.board.done))

    async def _take_away(self, kind: str, name: str, secret: str) -> None:
        """Takes one thing away from a key, sees that the rest goes on, and revokes it."""
        match kind:
            case "revoke":
                slots = [self._put(secret)]
                await self._until_known(slots[0])
            case "scopes":
                lost = self._choice.choice(SCOPES)
                rest = [scope for scope in SCOPES if scope != lost]
                victim, left = self._put(secret, lost), self._put(secret, *rest)
                slots = await self._lose(kind, victim, left, lambda at: self._call.restrict(name, rest, at))
            case "rotate-at-once":
                slots = [self._put(secret)]
                await self._until_known(slots[0])
                made, returned = await self._through(lambda at: self._call.rotate(name, at, overlap_seconds=0))
                self._took(kind, slots.pop(), returned)
                slots.append(self._put(made.secret))
                await self._goes_on(slots[0], returned)
            case _:
                slots = await self._end_rotation(kind, name, secret)
        returned = await self._revoke(name)
        for slot in slots:
            self._took("revoke", slot, returned)

    async def _end_rotation(self, kind: str, name: str, secret: str) -> list[int]:
        old = self._put(secret)
        try:
            made, _ = await self._through(lambda at: self._call.rotate(name, at))
        except grpc.aio.AioRpcError as failure:
            _check_done_before(failure)
            return [old]  # the new secret was lost with the answer
        new = self._put(made.secret)
        if kind == "complete":
            return await self._lose(kind, old, new, lambda at: self._call.complete(name, at))
        return await self._lose(kind, new, old, lambda at: self._call.cancel(name, at))

    async def _lose(self, kind: str, lost: int, left: int, work: Callable[[int], Awaitable[Any]]) -> list[int]:
        """Does what takes `lost` away and leaves `left`; answers what of it is still to be revoked."""
        await self._until_known(lost)
        try:
            _, returned = await self._through(work)
        except grpc.aio.AioRpcError as failure:
            _check_done_before(failure)
            return [lost, left]  # nobody has confirmed it
        self._took(kind, lost, returned)
        await self._goes_on(left, returned)
        return [left]

    @property
    def _call(self) -> Any:
        return self._stage.operator

    async def _revoke(self, name: str) -> float:
        answer, returned = await self._through(lambda at: self._call.revoke(name, at))
        self.acknowledged += answer.acknowledged
        self.lapsed += answer.lapsed
        return returned

    async def _through(self, work: Callable[[int], Awaitable[Any]], *, revoking: bool = True) -> tuple[Any, float]:
        """Calls a Keys process, and the other one when that does not answer, until one has answered OK.

        Answers with the answer, and when it was there.

        Raises:
            NotThrough: none did in time.
            AioRpcError: it cannot be done, or an earlier call has done it whose answer was lost.
        """
        replicas = len(self._stage.system.keys_addresses)
        at, deadline = self._choice.randrange(replicas), time.monotonic() + THROUGH_S
        while True:
            try:
                with self._stage.revoking(at if revoking else -1):
                    answer = await work(at)
                return answer, time.monotonic()
            except grpc.aio.AioRpcError as failure:
                if failure.code() not in _PASSING:
                    raise
                self.repeated[failure.code().name] += 1
                if time.monotonic() > deadline:
                    raise NotThrough(f"for {THROUGH_S:.0f} s, the last time {failure.code().name}") from None
            at = (at + 1) % replicas
            await asyncio.sleep(0.05)

    def _put(self, secret: str, *scopes: str) -> int:
        slot = self._stage.board.put(secret, self._stage.store, scopes or SCOPES)
        self._live[slot] = self._stage.seats_for(scopes or SCOPES)
        return slot

    def _took(self, kind: str, slot: int, returned: float) -> None:
        victim = Victim(slot, kind, returned)
        self.victims.append(victim)
        self._stage.victims.append(victim)
        self.accepted_before[kind] += self._stage.board.latest(slot, self._live.pop(slot)) > 0

    async def _until_known(self, slot: int) -> None:
        """Waits for everybody to accept a token, but not long; for somebody, longer."""
        board, seats, began = self._stage.board, self._live[slot], time.monotonic()
        while (waited := time.monotonic() - began) < KNOWN_S:
            known = [bool(board.latest(slot, [seat])) for seat in seats]
            if all(known) or (waited > WARM_S and any(known)):
                break
            await asyncio.sleep(LOOK_S)
        self.known.update(known)

    async def _goes_on(self, slot: int, returned: float) -> None:
        deadline = time.monotonic() + GOES_ON_S
        while not (works := self._stage.board.latest(slot, self._live[slot]) > returned):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(LOOK_S)
        self.went_on[works] += 1


def _check_done_before(failure: grpc.aio.AioRpcError) -> None:
    """Passes where a call was refused because an earlier one, whose answer was lost, has done it.

    Raises:
        AioRpcError: it was refused for another reason.
    """
    if failure.code() is not Code.FAILED_PRECONDITION:
        raise failure
