"""A system, and those who ask it, with all that can be disturbed."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import grpc

from chaos.scenarios import Options
from cli.up.state import Refusal
from rig import system
from rig.board import SCOPES, Board, new_board
from rig.operator import Operator
from rig.process import Process
from rig.system import System

FIRST_WATCHER_SEAT = 8
SERVING_S = 60.0
"""How long a Keys process may take to serve, PostgreSQL's absence included."""
LIVE_S = 25.0
"""How long after the end of a disturbance everything may take to work again."""
ASKERS = ("watchers", "clients")
MIDDLE_S = 0.03
"""How far into a revocation its middle is, at most."""
LOOK_S = 0.005
"""How often to look at the board."""


@dataclass(frozen=True)
class Victim:
    """A token, or a scope of it, that has been taken away."""

    slot: int
    kind: str
    returned: float
    """When the call that took it away returned OK, by the monotonic clock."""


@dataclass(frozen=True)
class Extra:
    """A watcher beside the usual ones."""

    name: str
    options: tuple[str, ...] = ()
    link_options: tuple[str, ...] = ()


@dataclass
class Stage:
    """What scenarios play on."""

    system: System
    operator: Operator
    board: Board
    random: random.Random
    store: str
    seats: dict[int, str] = field(default_factory=dict)
    """Who writes each column of the board: watchers, and clients "of" a service."""
    victims: list[Victim] = field(default_factory=list)
    """All that has been taken away."""
    reported: set[tuple[int, int]] = field(default_factory=set)
    """Violations that have been told of, by slot and seat."""
    down: set[str] = field(default_factory=set)
    """Processes that have been killed on purpose."""
    done: Counter[str] = field(default_factory=Counter)
    """What has been disturbed, and how often."""
    revoking_at: Counter[int] = field(default_factory=Counter)
    """How many revocations are under way at each Keys process."""

    @property
    def watchers(self) -> list[str]:
        """The names of the watchers' processes."""
        return [name for name in self.system.processes if name.startswith("watcher-")]

    @property
    def links(self) -> list[str]:
        """The names of the networks between watchers, services among them, and Keys."""
        return [name for name in self.system.processes if name.startswith("link-")]

    def seats_for(self, scopes: Sequence[str]) -> list[int]:
        """Those who ask about a token with these scopes: a client only if it can call its service."""
        services = {f"a client of {scope.partition('.')[0]}" for scope in scopes}
        return [seat for seat, who in self.seats.items() if who in services or not who.startswith("a client of")]

    def count(self, who: str) -> Counter[str]:
        """How often each outcome came to the watchers, or to the clients."""
        seats = [seat for seat, each in self.seats.items() if each.startswith("a client") == (who == "clients")]
        return Counter({outcome.name: count for outcome, count in self.board.count(seats).items()})

    def process(self, name: str) -> Process:
        """The process of this name."""
        return self.system.processes[name]

    def add_watcher(self, watcher: Extra) -> int:
        """Starts a watcher that reaches Keys through a network of its own; answers its seat."""
        seat = next(each for each in range(FIRST_WATCHER_SEAT, len(self.board.columns)) if each not in self.seats)
        self.seats[seat] = f"watcher-{watcher.name}"
        address = self.system.keys_addresses[seat % len(self.system.keys_addresses)]
        near = self.system.link(f"link-{watcher.name}", address, *watcher.link_options, "--seed", str(seat))
        known = ("--board", str(self.board.path), "--seats", str(seat), "--keys", near, "--seed", str(seat))
        self.system.add(f"watcher-{watcher.name}", "rig.watchers", *known, *watcher.options)
        return seat

    @asynccontextmanager
    async def with_watcher(self, watcher: Extra | None) -> AsyncIterator[None]:
        """With one watcher more, if one is given, while the context lasts."""
        if watcher is None:
            yield
            return
        seat = self.add_watcher(watcher)
        try:
            await self.until_live()
            yield
        finally:
            for name in (f"watcher-{watcher.name}", f"link-{watcher.name}"):
                self.system.processes.pop(name).stop()
            del self.seats[seat]

    def new_violations(self) -> list[str]:
        """Checks that began after the return and were accepted all the same, in words; each is told once."""
        found = []
        for victim in self.victims:
            for seat, who in self.seats.items():
                late = self.board.latest(victim.slot, [seat]) - victim.returned
                if late > 0 and (victim.slot, seat) not in self.reported:
                    self.reported.add((victim.slot, seat))
                    found.append(f"{victim.kind}: {who} accepted a check begun {late * 1000:.1f} ms after the return")
        return found

    def kill(self, name: str) -> None:
        """Ends a process with kill -9."""
        self.down.add(name)
        self.process(name).kill()
        self.done[f"{_kind(name)} killed"] += 1
        if name.startswith("keys-"):
            self.done["revocations under way there"] += self.revoking_at[int(name.partition("-")[2]) - 1]

    def start(self, name: str) -> None:
        """Starts a process that has been killed."""
        self.process(name).start()
        if not name.startswith("keys-"):  # which may find no database: see `until_serving`
            self.down.discard(name)

    async def until_serving(self, replica: int) -> None:
        """Waits until a Keys process serves that was started, and starts it again, as a supervisor would, when it ends
        because PostgreSQL is away.

        Raises:
            TimeoutError: it does not get there.
        """
        name, address = f"keys-{replica + 1}", self.system.keys_addresses[replica]
        async with asyncio.timeout(SERVING_S):
            while name in self.down:
                try:
                    await self.system.until_serving(name, address)
                    self.down.discard(name)
                except Refusal:
                    self.done["keys started without a database"] += 1
                    await asyncio.sleep(0.2)
                    self.process(name).start()

    async def freeze(self, name: str, seconds: float) -> None:
        """Freezes a process for so long."""
        self.process(name).freeze()
        self.done[f"{_kind(name)} frozen"] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self.process(name).thaw()

    @contextmanager
    def revoking(self, replica: int) -> Iterator[None]:
        """Notes that a revocation is under way at a Keys process."""
        self.revoking_at[replica] += 1
        try:
            yield
        finally:
            self.revoking_at[replica] -= 1

    async def heal(self) -> list[str]:
        """Undoes every disturbance; names the processes that have ended without having been killed."""
        ended = [name for name, each in self.system.processes.items() if not each.is_alive and name not in self.down]
        await self.system.start_database()
        for name, process in self.system.processes.items():
            process.thaw()
            self.start(name)
        for replica in range(len(self.system.keys_addresses)):
            await self.until_serving(replica)
        await self.system.until_ready()
        return ended

    async def until_live(self) -> float:
        """Waits until all who ask have seen a fresh key accepted; answers how long that took, in seconds.

        Raises:
            TimeoutError: somebody has not in time; it names them.
        """
        began = time.monotonic()
        waiting = dict(self.seats)
        try:
            async with asyncio.timeout(LIVE_S):
                made = await self._create()
                slot = self.board.put(made, self.store, SCOPES)
                while waiting:
                    waiting = {seat: who for seat, who in waiting.items() if not self.board.latest(slot, [seat])}
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            still = ", ".join(waiting.values())
            raise TimeoutError(f"{LIVE_S:.0f} s later a fresh key does not work: {still}") from None
        return time.monotonic() - began

    async def until_revoking(self, replica: int) -> None:
        """Waits for the middle of a revocation at a Keys process."""
        while True:
            if self.revoking_at[replica]:
                await asyncio.sleep(self.random.uniform(0, MIDDLE_S))
                if self.revoking_at[replica]:
                    return
            await asyncio.sleep(LOOK_S / 5)

    async def _create(self) -> str:
        while True:
            try:
                return (await self.operator.create(self.store, self.random.randrange(2))).secret
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def open_stage(options: Options, watchers: int) -> AsyncIterator[Stage]:
    """A system with two Keys processes, clients of all services, and so many watchers."""
    # Inherited by what is started: a process that is told to stall before it knows how to must not die of it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    async with system.running(options.folder, keys=2, linked=True) as (made, operator):
        with new_board(options.folder) as board:
            stage = Stage(made, operator, board, random.Random(options.seed), await operator.new_store())
            services = [("keys", address) for address in made.keys_addresses]
            services += [(name, made.values[f"{name}_address"]) for name in system.SERVICES]
            stage.seats = {seat: f"a client of {name}" for seat, (name, _) in enumerate(services)}
            calls = [f"--seat={seat}={name}@{address}" for seat, (name, address) in enumerate(services)]
            made.add("calls", "rig.calls", "--board", str(board.path), *calls)
            for number in range(1, watchers + 1):
                stage.add_watcher(Extra(str(number)))
            await stage.until_live()
            yield stage


def _kind(name: str) -> str:
    return name.partition("-")[0]
