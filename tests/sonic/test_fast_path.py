"""Audio bypasses the SDK, and nothing on the wire shows it."""

import asyncio
import os

import pytest
from smithy_aws_event_stream.aio import AWSEventReceiver

from tests.sonic import frames, service
from tests.sonic.conftest import SECRET, ConnectTo, StartPeer
from tests.sonic.peer import PeerStream
from tests.sonic.receivers import RecordingReceiver
from tests.sonic.test_stream import open_audio
from voice.sonic import codec
from voice.sonic.events import AudioInput, AudioOutput, ContentStarted, Role
from voice.sonic.output_events import OutputEventParser

pytestmark = pytest.mark.wire

CHUNK = os.urandom(1_024)


async def receive_all(stream: PeerStream) -> None:
    stream.head()
    while await stream.payload() is not None:
        pass
    stream.end()


async def test_audio_and_sdk_events_form_one_signed_chain(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(receive_all)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    open_audio(stream)
    for number in range(5):
        assert stream.send_audio(CHUNK)
        stream.send_text(content_name=f"t{number}", role=Role.USER, text="hola", interactive=True)
    stream.end_input()
    assert await receiver.wait_for_loss() is None
    (received,) = peer.streams
    authorization = received.headers["authorization"]
    scope = authorization.split("Credential=")[1].split(",")[0].partition("/")[2]
    previous = authorization.split("Signature=")[1]
    for frame in received.frames:
        signature = frames.chunk_signature(
            secret=SECRET,
            timestamp=frames.timestamp(frame.headers[":date"]),
            scope=scope,
            previous=previous,
            date_ms=frame.headers[":date"],
            payload=frame.payload,
        )
        assert frame.headers[":chunk-signature"] == signature
        previous = signature.hex()
    assert not received.frames[-1].payload
    await stream.close()


async def test_sent_audio_equals_the_encoded_event(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(receive_all)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    open_audio(stream)
    event = AudioInput(prompt_name="p", content_name="mic", pcm=CHUNK)
    stream.send_event(event)
    assert stream.send_audio(CHUNK)
    stream.end_input()
    await receiver.wait_for_loss()
    inner = [frame.payload for frame in peer.streams[0].frames if b"chunk" in frame.payload]
    payloads = [frames.payload_of(frames.parse_whole(each)) for each in inner]
    encoded = codec.encode(event)
    by_sdk, by_us = (
        each for each, payload in zip(inner, payloads, strict=True) if payload == encoded
    )
    assert by_sdk == by_us
    await stream.close()


async def test_audio_after_the_first_bypasses_the_sdk(
    peer_with: StartPeer, transport_to: ConnectTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    received_by_sdk = 0
    receive = AWSEventReceiver.receive

    async def counted(self: AWSEventReceiver) -> object:  # type: ignore[type-arg]  # its argument does not matter
        nonlocal received_by_sdk
        received_by_sdk += 1
        return await receive(self)

    monkeypatch.setattr(AWSEventReceiver, "receive", counted)
    pcm = [os.urandom(1_920) for _ in range(20)]

    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.send_event_frame(service.audio_start("v"))
        for each in pcm:
            await stream.send_event_frame(service.audio("v", each))
        await stream.send_event_frame(service.content_end("v", "AUDIO", "END_TURN"))
        await receive_all_payloads(stream)

    async def receive_all_payloads(stream: PeerStream) -> None:
        while await stream.payload() is not None:
            pass
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    open_audio(stream)
    received = await receiver.wait_for(22)
    assert isinstance(received[0], ContentStarted)
    assert received[1:-1] == [("v", each) for each in pcm]
    assert received_by_sdk == 3
    await stream.close()


@pytest.mark.parametrize("cut", [1, 9, 100, 2_000])
async def test_audio_in_pieces_of_any_size_is_received(
    cut: int, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    pcm = [os.urandom(1_920) for _ in range(4)]
    data = b"".join(frames.event(service.audio("v", each)) for each in pcm)

    async def script(stream: PeerStream) -> None:
        stream.head()
        for at in range(0, len(data), cut):
            await stream.send_bytes(data[at : at + cut])
        await stream.until_gone()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open_stream()
    receiver = RecordingReceiver()
    stream.start(receiver)
    open_audio(stream)
    async with asyncio.timeout(60):
        assert await receiver.wait_for(4) == [("v", each) for each in pcm]
    await stream.close()


def test_pattern_gives_what_the_parser_gives() -> None:
    parser, whole = OutputEventParser(), OutputEventParser()
    payloads = [service.audio("v", os.urandom(1_920)) for _ in range(3)]
    parser.parse(payloads[0])
    for payload in payloads[1:]:
        (event,) = whole.parse(payload)
        assert isinstance(event, AudioOutput)
        assert parser.match_audio(payload) == (event.content_id, event.pcm)
    assert parser.match_audio(service.audio("w", b"\0\0")) is None
