"""How to make a transport fail, and receive the failure."""

import asyncio

import pytest

from tests.sonic.scripts import HELLO
from voice.sonic.errors import TransportError
from voice.sonic.transport import BedrockTransport


async def failure_of(transport: BedrockTransport) -> TransportError:
    """Open a stream, send one payload, receive until it fails; give the failure."""
    async with asyncio.timeout(60):
        with pytest.raises(TransportError) as caught:
            await converse(transport)
    return caught.value


async def converse(transport: BedrockTransport) -> None:
    stream = await transport.open()
    try:
        await stream.send(HELLO)
        while await stream.receive() is not None:
            pass
    finally:
        await stream.close()
