"""What a peer does with a stream, and how to wait for it."""

import asyncio
from collections.abc import Callable

from tests.sonic.peer import PeerStream

HELLO = b'{"event":{}}'


async def echo(stream: PeerStream) -> None:
    """Send every payload back; end when the client does."""
    stream.head()
    while (payload := await stream.payload()) is not None:
        await stream.send_event_frame(payload)
    stream.end()


async def listen(stream: PeerStream) -> None:
    """Send nothing but the head."""
    stream.head()
    await stream.until_gone()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until `condition` holds, for a few seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 -- lets the loop run, and waits for no time
            await asyncio.sleep(0)


async def wait_until_unchanged(value: Callable[[], object]) -> None:
    """Wait until `value` no longer changes."""
    before = None
    while before != (before := value()):  # noqa: ASYNC110 -- it waits for nothing to happen
        await asyncio.sleep(0.1)
