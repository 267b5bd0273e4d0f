"""The transport does what a call needs, over real sockets and TLS."""

import pytest

from tests.sonic.peer import PeerStream

pytestmark = pytest.mark.wire


async def echo(stream: PeerStream) -> None:
    """Answer at once, and then every payload with itself; end when the client does."""
    stream.head()
    while (payload := await stream.payload()) is not None:
        await stream.tell(payload)
    stream.end()


async def test_payloads_travel_both_ways_and_the_end_is_clean(peer_with, transport_to):
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    await stream.send(b'{"event":{}}')
    assert await stream.receive() == b'{"event":{}}'
    await stream.end_input()
    assert await stream.receive() is None
    await stream.close()
