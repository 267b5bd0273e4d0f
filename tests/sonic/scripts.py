"""What a peer does with a stream, and how to wait for it."""

import asyncio
import json
from collections.abc import Callable

from tests.sonic.peer import PeerStream, Script

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


def refusing(status: int, name: str | None, *, message: str = "no", ends: bool = True) -> Script:
    async def script(stream: PeerStream) -> None:
        fields = {"x_amzn_errortype": f"{name}:http://internal.amazon.com/"} if name else {}
        stream.head(status, content_type="application/json", **fields)
        if ends:
            await stream.send_bytes(json.dumps({"message": message}).encode())
            stream.end()

    return script


def answering(data: bytes, *, ends: bool = True) -> Script:
    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.payload()
        await stream.send_bytes(data)
        if ends:
            stream.end()

    return script


async def silence(stream: PeerStream) -> None:
    await stream.until_gone()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until `condition` holds; fail if it takes a minute."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 -- nothing signals all that is waited for
            await asyncio.sleep(0.001)


async def wait_until_unchanged(value: Callable[[], object]) -> None:
    """Wait until `value` has not changed at five looks in a row.

    A single look is not enough: on a busy machine the loop may have had no turn since the last one.
    """
    before, unchanged = value(), 0
    while unchanged < 5:
        await asyncio.sleep(0.03)
        unchanged = unchanged + 1 if before == (before := value()) else 0
