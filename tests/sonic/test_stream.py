"""A `SonicStream` over real sockets: events and audio both ways, in order, without waiting."""

import asyncio
import os

import pytest

from tests.sonic import frames, service
from tests.sonic.conftest import ConnectTo, StartPeer
from tests.sonic.peer import PeerStream, Script
from tests.sonic.receivers import RecordingReceiver
from tests.sonic.sessions import AUDIO_START, PROMPT, START
from voice.sonic.channel import MAX_WAITING_FRAMES
from voice.sonic.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    TransportCode,
    TransportError,
)
from voice.sonic.events import (
    BargeIn,
    CompletionEnd,
    ContentStarted,
    OutputEvent,
    Role,
    UserText,
)
from voice.sonic.interfaces import SonicStream

pytestmark = pytest.mark.wire

CHUNK = bytes(range(256)) * 4


def open_audio(stream: SonicStream) -> None:
    """Send everything up to the start of the audio content."""
    stream.send_event(START)
    stream.send_event(PROMPT)
    stream.send_text(content_name="system", role=Role.SYSTEM, text="hola", interactive=False)
    stream.send_event(AUDIO_START)


async def sink(stream: PeerStream) -> None:
    """Accept the stream and read everything; end with the client."""
    stream.head()
    while await stream.payload() is not None:
        pass
    stream.end()


def playing(*payloads: bytes) -> Script:
    """Return a script that accepts the stream, sends payloads and ends with the client."""

    async def script(stream: PeerStream) -> None:
        stream.head()
        for payload in payloads:
            await stream.send_event_frame(payload)
        while await stream.payload() is not None:
            pass
        stream.end()

    return script


async def payload_names(peer_stream: PeerStream) -> list[str]:
    names = []
    while (payload := await peer_stream.payload()) is not None:
        names.append(service.decode_sent([payload])[0][0])
    return names


async def test_session_reaches_the_service_in_order(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    received: list[str] = []

    async def script(stream: PeerStream) -> None:
        stream.head()
        received.extend(await payload_names(stream))
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    open_audio(stream)
    assert stream.send_audio(CHUNK)
    stream.send_text(content_name="typed", role=Role.USER, text="hola", interactive=True)
    assert stream.send_audio(CHUNK)
    stream.end_input()
    error = await receiver.wait_for_loss()
    assert error is None
    block = ["contentStart", "textInput", "contentEnd"]
    assert received == [
        *["sessionStart", "promptStart", *block, "contentStart", "audioInput", *block],
        *["audioInput", "contentEnd", "promptEnd", "sessionEnd"],
    ]
    await stream.close()


async def test_events_and_audio_are_delivered_in_order(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    pcm = [os.urandom(1_920) for _ in range(5)]
    script = playing(
        service.text_start("u", "USER"),
        service.text("u", "hola"),
        service.audio_start("v"),
        *(service.audio("v", each) for each in pcm[:3]),
        service.content_end("v", "AUDIO", "INTERRUPTED"),
        service.audio_start("w"),
        *(service.audio("w", each) for each in pcm[3:]),
        service.completion_end(),
    )
    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    open_audio(stream)
    stream.start(receiver)
    received = await receiver.wait_for(12)
    stream.end_input()
    assert await receiver.wait_for_loss() is None
    assert [type(each) for each in received[:3]] == [ContentStarted, UserText, ContentStarted]
    assert received[3:6] == [("v", each) for each in pcm[:3]]
    assert received[6] == BargeIn(content_id="v")
    assert received[9:11] == [("w", each) for each in pcm[3:]]
    assert isinstance(received[-1], CompletionEnd)
    await stream.close()


class TurnCountingReceiver(RecordingReceiver):
    """Records in which turn of the event loop each event came."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[int] = []
        self._turn = 0
        self._loop = asyncio.get_running_loop()
        self._count_turn()

    def event_received(self, event: OutputEvent) -> None:
        super().event_received(event)
        self.turns.append(self._turn)

    def _count_turn(self) -> None:
        self._turn += 1
        if not self.is_lost:
            self._loop.call_soon(self._count_turn)


def at_once(events: int, *, ends: bool = False) -> Script:
    """Return a script that accepts the stream and sends all events in one piece."""

    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.send_bytes(frames.event(service.completion_start()) * events)
        if ends:
            stream.end()
        while await stream.payload() is not None:
            pass

    return script


@pytest.mark.parametrize(("events", "turns"), [(MAX_WAITING_FRAMES, 256), (257, 1)])
async def test_events_at_once_are_handled_in_turns_up_to_a_limit(
    peer_with: StartPeer, transport_to: ConnectTo, events: int, turns: int
) -> None:
    peer = await peer_with(at_once(events))
    transport = transport_to(peer.url)
    stream = await transport.open_stream()
    stream.send_event(START)
    await stream.accepted()
    second = await transport.open_stream()  # on the same connection: what it gets came later
    second.send_event(START)
    await second.accepted()
    receiver = TurnCountingReceiver()
    stream.start(receiver)
    await receiver.wait_for(events)
    assert len(set(receiver.turns)) == turns
    await stream.close()
    await second.close()
    assert len(receiver.received) == events


async def test_end_of_stream_follows_the_events_before_it(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(at_once(20, ends=True))
    stream = await transport_to(peer.url).open_stream()
    stream.send_event(START)
    receiver = RecordingReceiver()
    stream.start(receiver)
    assert isinstance(await receiver.wait_for_loss(), RemoteProtocolError)
    assert len(receiver.received) == 20
    await stream.close()


async def test_events_before_start_are_delivered_after_it(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(playing(service.completion_start(), service.audio("v", CHUNK)))
    stream = await transport_to(peer.url).open_stream()
    stream.send_event(START)
    await stream.accepted()
    await asyncio.sleep(0.05)
    receiver = RecordingReceiver()
    stream.start(receiver)
    assert receiver.received == []
    assert (await receiver.wait_for(2))[1] == ("v", CHUNK)
    await stream.close()


async def test_refused_event_raises_and_sends_nothing(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(sink)
    stream = await transport_to(peer.url).open_stream()
    with pytest.raises(LocalProtocolError):
        stream.send_event(PROMPT)
    assert not stream.send_audio(CHUNK)
    open_audio(stream)
    with pytest.raises(LocalProtocolError):
        stream.send_tool_result(content_name="t", tool_use_id="unknown", result={})
    assert stream.send_audio(CHUNK)
    stream.end_input()
    stream.end_input()
    assert not stream.send_audio(CHUNK)
    with pytest.raises(LocalProtocolError):
        stream.send_text(content_name="x", role=Role.USER, text="hola", interactive=True)
    await stream.close()


async def test_tool_use_accepts_one_result(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(playing(service.tool_use("t", "u-1", "{}")))
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    open_audio(stream)
    await receiver.wait_for(1)
    assert list(stream.open_tool_uses) == ["u-1"]
    stream.send_tool_result(content_name="r", tool_use_id="u-1", result={"ok": True})
    assert not stream.open_tool_uses
    await stream.close()


async def test_audio_is_refused_until_the_stream_is_writable_again(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    may_read = asyncio.Event()
    byte_counts: list[int] = []

    async def script(stream: PeerStream) -> None:
        stream.head()
        await may_read.wait()
        stream.connection.peer.reads = True
        stream.connection.h2.increment_flow_control_window(2**20)
        stream.connection.h2.increment_flow_control_window(2**20, stream.stream_id)
        stream.connection.flush()
        byte_counts.append(len(await payload_names(stream)))
        stream.end()

    peer = await peer_with(script, reads=False)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    open_audio(stream)
    await stream.accepted()
    sent = 0
    async with asyncio.timeout(60):
        while stream.send_audio(CHUNK):
            sent += 1
            await asyncio.sleep(0)
    assert sent > 10
    assert receiver.writable_count == 0
    may_read.set()
    await receiver.wait_until_writable()
    assert stream.send_audio(CHUNK)
    stream.end_input()
    assert await receiver.wait_for_loss() is None
    assert byte_counts == [sent + 1 + 6 + 3]
    await stream.close()


async def test_refusal_reaches_accepted_and_receiver(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head(429, x_amzn_errortype="ThrottlingException")
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    stream.send_event(START)
    with pytest.raises(TransportError, match="throttled"):
        await stream.accepted()
    receiver = RecordingReceiver()
    stream.start(receiver)
    error = await receiver.wait_for_loss()
    assert isinstance(error, TransportError)
    assert error.code is TransportCode.THROTTLED
    await stream.close()


async def test_reset_stream_reports_its_loss(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.send_event_frame(service.completion_start())
        stream.reset()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    stream.send_event(START)
    error = await receiver.wait_for_loss()
    assert isinstance(error, TransportError)
    assert error.code is TransportCode.STREAM_LOST
    assert len(receiver.received) == 1
    await stream.close()


@pytest.mark.parametrize("payload", [None, b"no json", service.payload("toolUse")])
async def test_invalid_payload_or_early_end_is_a_remote_error(
    payload: bytes | None, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        if payload is not None:
            await stream.send_event_frame(payload)
            await stream.until_gone()
        else:
            stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    stream.send_event(START)
    assert isinstance(await receiver.wait_for_loss(), RemoteProtocolError)
    await stream.close()


async def test_closed_stream_calls_its_receiver_no_more(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(playing(*(service.audio("v", CHUNK) for _ in range(50))))
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    stream.send_event(START)
    await receiver.wait_for(1)
    await stream.close()
    count = len(receiver.received)
    await asyncio.sleep(0.05)
    await stream.close()
    assert (len(receiver.received), receiver.is_lost) == (count, False)
    assert not stream.send_audio(CHUNK)


async def test_accepted_after_close_raises_stream_lost(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        await stream.until_gone()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    await stream.close()
    with pytest.raises(TransportError, match="stream_lost"):
        await stream.accepted()
