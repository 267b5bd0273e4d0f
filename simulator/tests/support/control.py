"""Streams of a simulator whose sessions a test controls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nova_sonic_simulator.testing import RunningSimulator
from support.events import (
    opening,
    typed,
)
from support.raw_client import RawClient, RawStream

ASK = "Consulta el pedido número 1 con DNI 12345678"
SCALE = 10


@asynccontextmanager
async def connected(running: RunningSimulator) -> AsyncIterator[RawClient]:
    async with RawClient(running.url, running.ca_file) as client:
        yield client


async def greeted(client: RawClient) -> RawStream:
    """Open a stream, say hello, and read up to the first audio of the answer."""
    stream = client.open()
    await stream.send(*opening(tools=("consultarOrder",)), *typed("t1", "Hola"))
    await stream.until("audioOutput")
    return stream


async def nothing_comes(stream: RawStream, *, within_s: float = 0.5) -> bool:
    """Whether the stream stays silent."""
    try:
        async with asyncio.timeout(within_s):
            await stream.next_message()
    except TimeoutError:
        return True
    return False


async def ended(stream: RawStream) -> None:
    while await stream.next_message() is not None:
        pass
    assert stream.ended
