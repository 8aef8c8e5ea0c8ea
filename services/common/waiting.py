"""Waits with a limit."""

import asyncio


async def wait_within(seconds: float, event: asyncio.Event) -> None:
    """Waits for an event, for so long at most; whoever waited looks for itself what is the case."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
