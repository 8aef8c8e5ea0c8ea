"""A channel that shows a renewed certificate without a restart. gRPC's own keep for good what they were made with."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc

from services.common.certificates import Identity, Material

BEGINNING_S = 1.0
"""For how long a call may have been made and not begun: interceptors run in tasks of their own."""
UNDER_WAY_S = 120.0
"""How long calls may still take when another channel takes the place of theirs: more than any of ours."""


class RenewedChannel(grpc.aio.Channel):
    """A channel whose calls begin on one that was made with what the identity's files hold then.

    When they hold something new, another channel takes the old one's place; that one ends what it has begun, and is
    closed.
    """

    def __init__(self, identity: Identity, make: Callable[[Material], grpc.aio.Channel]) -> None:
        self._identity = identity
        self._make = make
        self._material = identity.current()
        self._channel = make(self._material)
        self._closing: set[asyncio.Task[None]] = set()

    def current(self) -> grpc.aio.Channel:
        """The channel for what begins now. To be called on the event loop."""
        material = self._identity.current()
        if material is not self._material:
            old, self._channel, self._material = self._channel, self._make(material), material
            task = asyncio.get_running_loop().create_task(_close_when_done(old))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return self._channel

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        """As grpc.aio has it; likewise the others."""
        return _Method(self, "unary_unary", arguments, options)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        """See `unary_unary`."""
        return _Method(self, "unary_stream", arguments, options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        """See `unary_unary`."""
        return _Method(self, "stream_unary", arguments, options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        """See `unary_unary`."""
        return _Method(self, "stream_stream", arguments, options)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """As grpc.aio has it."""
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """As grpc.aio has it."""
        await self.current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """As grpc.aio has it."""
        await self.current().channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Closes it, and what is still under way on those before."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._channel.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.close()


class _Method:
    """A method of the contract; what calls it finds the channel anew."""

    def __init__(self, of: RenewedChannel, kind: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._of = of
        self._kind = kind
        self._arguments = arguments
        self._options = options
        self._channel: grpc.aio.Channel | None = None
        self._call: Callable[..., Any]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        channel = self._of.current()
        if channel is not self._channel:
            self._call = getattr(channel, self._kind)(*self._arguments, **self._options)
            self._channel = channel
        return self._call(*arguments, **options)


async def _close_when_done(channel: grpc.aio.Channel) -> None:
    try:
        await asyncio.sleep(BEGINNING_S)
        await channel.close(UNDER_WAY_S)
    except asyncio.CancelledError:
        await channel.close()
        raise
