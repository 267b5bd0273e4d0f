"""The binary wire: encoding, decoding, and the frames that it refuses."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.domain import Speaker, Stage, ToolOutcome
from tests.wire.samples import READY, caption
from voice.wire import messages as m
from voice.wire.binary import HEADER, MAX_PAYLOAD_BYTES, BinaryWire, Flag, FrameType
from voice.wire.client import ClientFrameEncoder, mark_resent, parse_frame

pytestmark = pytest.mark.pure


def frame(kind: int, payload: bytes = b"", *, sequence: int = 0) -> bytes:
    return HEADER.pack(kind, 0, 0, sequence, 0, 0) + payload


def refusal(data: bytes | str, wire: BinaryWire | None = None) -> m.WireError:
    with pytest.raises(m.WireError) as caught:
        (wire or BinaryWire()).decode(data)
    return caught.value


def test_client_frames_are_decoded() -> None:
    client, wire = ClientFrameEncoder(), BinaryWire()
    frames = [
        client.event(type="start", inputSampleRateHz=8000),
        client.audio(b"\1\0\2\0"),
        client.event(type="text", text=" Hola "),
        client.acknowledgement(sequence=7, generation=2, position=480),
        client.ping(b"now"),
        client.event(type="heard", position=480, afterMs=83.2, rttMs=None),
        client.event(type="end"),
    ]
    assert [inbound for data in frames for inbound in wire.decode(data)] == [
        m.InboundMessage(m.StartCall(input_rate_hz=8000), 0),
        m.InboundMessage(m.CustomerAudio(pcm=b"\1\0\2\0"), 1),
        m.InboundMessage(m.CustomerText(text="Hola"), 2),
        m.InboundMessage(m.ClientAcknowledgement(sequence=7, generation=2, position=480)),
        m.InboundMessage(m.Ping(payload=b"now")),
        m.InboundMessage(m.PlaybackStarted(position=480, after_ms=83.2, rtt_ms=None), 3),
        m.InboundMessage(m.EndCall(), 4),
    ]


def test_start_event_has_the_call_options() -> None:
    start = {"ticket": "t", "voice": "lupe", "language": "es", "greet": False}
    (inbound,) = BinaryWire().decode(ClientFrameEncoder().event(type="start", **start))
    assert inbound.message == m.StartCall(ticket="t", voice="lupe", language="es", greet=False)
    assert "'t'" not in repr(inbound.message)


def test_resume_frame_is_decoded() -> None:
    data = ClientFrameEncoder().resume("c.secret", next_sequence=9, generation=2, position=480)
    assert BinaryWire().decode(data) == [
        m.InboundMessage(
            m.ResumeCall(token="c.secret", next_sequence=9, generation=2, position=480)
        )
    ]
    data = ClientFrameEncoder().resume(
        "c.secret", next_sequence=0, generation=0, position=480, has_lost_state=True
    )
    (inbound,) = BinaryWire().decode(data)
    assert isinstance(inbound.message, m.ResumeCall)
    assert inbound.message.has_lost_state


def test_resent_client_frame_is_marked() -> None:
    data = mark_resent(ClientFrameEncoder().event(type="end"))
    assert BinaryWire().decode(data) == [m.InboundMessage(m.EndCall(), 0, is_resent=True)]


def test_sample_rate_written_as_float_becomes_an_integer() -> None:
    (inbound,) = BinaryWire().decode(
        frame(FrameType.EVENT, b'{"type":"start","inputSampleRateHz":8e3}')
    )
    assert inbound.message == m.StartCall(input_rate_hz=8000)
    assert isinstance(inbound.message.input_rate_hz, int)


def test_start_without_sample_rate_uses_16_khz() -> None:
    assert BinaryWire().decode(ClientFrameEncoder().event(type="start")) == [
        m.InboundMessage(m.StartCall(), 0)
    ]


@pytest.mark.parametrize(
    ("data", "code", "close_code"),
    [
        ("text", "bad_frame", 1008),
        (b"", "bad_frame", 1008),
        (b"\1" * (HEADER.size - 1), "bad_frame", 1008),
        (frame(99), "bad_frame", 1008),
        (frame(FrameType.AUDIO_OUT), "bad_frame", 1008),
        (frame(FrameType.AUDIO_IN, bytes(MAX_PAYLOAD_BYTES + 1)), "frame_too_big", 1009),
        (frame(FrameType.AUDIO_IN, b"\1\0\2"), "odd_audio", None),
        (frame(FrameType.AUDIO_IN, b""), "empty_audio", None),
        (frame(FrameType.EVENT, b"{"), "bad_event", 1008),
        (frame(FrameType.EVENT, b"\xff\xfe"), "bad_event", 1008),
        (frame(FrameType.EVENT, b"[1]"), "bad_event", 1008),
        (frame(FrameType.EVENT, b"[" * 60_000), "bad_event", 1008),
        (frame(FrameType.EVENT, rb'{"type": "text", "text": "\ud800"}'), "bad_event", None),
        (frame(FrameType.EVENT, b'{"type": "sing"}'), "unknown_event", None),
        (frame(FrameType.EVENT, b"{}"), "unknown_event", None),
        (frame(FrameType.EVENT, b'{"type": "text"}'), "bad_event", None),
        (frame(FrameType.EVENT, b'{"type": "text", "text": "  "}'), "bad_event", None),
        (frame(FrameType.EVENT, b'{"type": "text", "text": 5}'), "bad_event", None),
        (
            frame(FrameType.EVENT, b'{"type": "start", "inputSampleRateHz": 44100}'),
            "bad_event",
            None,
        ),
        (frame(FrameType.EVENT, b'{"type": "start", "inputSampleRateHz": []}'), "bad_event", None),
        (frame(FrameType.EVENT, b'{"type": "start", "voice": 5}'), "bad_event", None),
        (
            frame(FrameType.EVENT, b'{"type": "start", "voice": "%s"}' % (b"x" * 33)),
            "bad_event",
            None,
        ),
        (
            frame(FrameType.EVENT, b'{"type": "start", "ticket": "%s"}' % (b"x" * 513)),
            "bad_event",
            None,
        ),
        (
            frame(FrameType.EVENT, b'{"type": "heard", "position": -1, "afterMs": 1}'),
            "bad_event",
            None,
        ),
        (
            frame(FrameType.EVENT, b'{"type": "heard", "position": 1, "afterMs": NaN}'),
            "bad_event",
            None,
        ),
        (
            frame(FrameType.EVENT, b'{"type": "heard", "position": 1, "afterMs": true}'),
            "bad_event",
            None,
        ),
        (
            frame(
                FrameType.EVENT, b'{"type": "heard", "position": 1, "afterMs": 1, "rttMs": 600001}'
            ),
            "bad_event",
            None,
        ),
        (frame(FrameType.RESUME, b"x" * 513), "bad_frame", 1008),
        (frame(FrameType.RESUME, "ñ".encode()), "bad_frame", 1008),
    ],
)
def test_broken_frame_is_refused_with_code_and_close_code(
    data: bytes | str, code: str, close_code: int | None
) -> None:
    error = refusal(data)
    assert (error.code, error.close_code) == (code, close_code)


def test_largest_frame_is_accepted() -> None:
    (inbound,) = BinaryWire().decode(frame(FrameType.AUDIO_IN, bytes(MAX_PAYLOAD_BYTES)))
    assert inbound.message == m.CustomerAudio(pcm=bytes(MAX_PAYLOAD_BYTES))


def test_text_is_accepted_up_to_the_maximum_length() -> None:
    client, wire = ClientFrameEncoder(), BinaryWire()
    longest = "á" * m.MAX_TEXT_CHARACTERS
    (inbound,) = wire.decode(client.event(type="text", text=longest))
    assert inbound.message == m.CustomerText(text=longest)
    assert refusal(client.event(type="text", text=longest + "á"), wire).code == "text_too_long"


@given(st.binary(max_size=64))
def test_arbitrary_frame_raises_only_wire_errors(data: bytes) -> None:
    with contextlib.suppress(m.WireError):
        BinaryWire().decode(data)


CALL = {
    "callId": "3f2a",
    "inputSampleRateHz": 16000,
    "outputSampleRateHz": 24000,
    "voice": "carlos",
    "language": "es",
    "resumeToken": "3f2a.zG0kq8",
    "resumeForS": 30,
    "windowMs": 3000,
}
LATENCY = m.TurnLatency(first_audio_ms=10.04, model_ms=8, tool_ms=1.5, server_ms=0.504)
EVENTS = [
    (READY, {"type": "ready", **CALL}),
    (m.AssistantAvailability(phase=m.AssistantPhase.AWAY), {"type": "assistant", "phase": "away"}),
    (m.HandoverStarted(resume_after_ms=100), {"type": "moving", "resumeAfterMs": 100}),
    (
        m.CallWaiting(message="Esperá.", resume_after_ms=5000),
        {"type": "waiting", "message": "Esperá.", "resumeAfterMs": 5000},
    ),
    (
        caption(Speaker.ASSISTANT, Stage.PLANNED, "¿Sí?", segment=2, position=480),
        {
            "type": "caption",
            "role": "assistant",
            "stage": "planned",
            "turn": 1,
            "segment": 2,
            "text": "¿Sí?",
            "position": 480,
            "interrupted": False,
        },
    ),
    (
        m.ReplyInterrupted(turn=1, generation=3),
        {"type": "interrupted", "turn": 1, "generation": 3},
    ),
    (
        m.ToolStarted(tool_use_id="t", name="crearOrder"),
        {"type": "tool", "phase": "started", "toolUseId": "t", "name": "crearOrder"},
    ),
    (
        m.ToolFinished(tool_use_id="t", name="n", outcome=ToolOutcome.REFUSED, duration_ms=4),
        {
            "type": "tool",
            "phase": "finished",
            "toolUseId": "t",
            "name": "n",
            "outcome": "refused",
            "durationMs": 4,
        },
    ),
    (
        m.TurnFinished(turn=2, latency=LATENCY),
        {
            "type": "turn",
            "phase": "finished",
            "turn": 2,
            "latency": {
                "firstAudioMs": 10.04,
                "modelMs": 8,
                "toolMs": 1.5,
                "serverMs": 0.5,
                "hearingMs": None,
            },
        },
    ),
    (
        m.TurnFinished(turn=2, latency=None),
        {"type": "turn", "phase": "finished", "turn": 2, "latency": None},
    ),
    (
        m.CallError(code="c", message="Ay", retryable=True),
        {
            "type": "error",
            "code": "c",
            "message": "Ay",
            "retryable": True,
            "retryAfterS": None,
        },
    ),
    (m.CallEnded(reason=m.EndReason.CLIENT), {"type": "ended", "reason": "client"}),
]


def encoded(
    message: m.ServerMessage, sequence: int | None = 0, *, is_resent: bool = False
) -> bytes:
    (data,) = BinaryWire().encode(
        m.OutboundMessage(message, sequence, is_resent), time_ms=2**32 + 7
    )
    assert isinstance(data, bytes)
    return data


@pytest.mark.parametrize(("message", "event"), EVENTS)
def test_message_is_encoded_as_json_event(
    message: m.ServerMessage, event: dict[str, object]
) -> None:
    received = parse_frame(encoded(message, 9))
    assert (received.kind, received.sequence) == (FrameType.EVENT, 9)
    assert json.loads(received.payload) == event


def test_audio_frame_has_generation_position_and_flags() -> None:
    chunk = m.SpeechChunk(generation=2, position=960, pcm=b"\1\0", is_first=True, is_last=True)
    data = encoded(chunk, 11)
    assert HEADER.unpack_from(data) == (FrameType.AUDIO_OUT, 3, 2, 11, 960, 7)
    assert data[HEADER.size :] == b"\1\0"


def test_resent_message_keeps_its_number_and_has_the_flag() -> None:
    chunk = m.SpeechChunk(generation=2, position=960, pcm=b"\1\0")
    received = parse_frame(encoded(chunk, 11, is_resent=True))
    assert (received.sequence, received.flags) == (11, Flag.RESENT)


def test_flush_frame_has_its_generation() -> None:
    received = parse_frame(encoded(m.Flush(generation=3), 4))
    assert (received.kind, received.generation, received.sequence) == (FrameType.FLUSH, 3, 4)


def test_unnumbered_frames_use_the_sequence_field_for_other_values() -> None:
    assert parse_frame(encoded(m.Pong(payload=b"x"), None)).kind is FrameType.PONG
    acknowledgement = parse_frame(encoded(m.ServerAcknowledgement(sequence=8, position=512), None))
    assert (acknowledgement.kind, acknowledgement.sequence, acknowledgement.position) == (
        FrameType.ACK,
        8,
        512,
    )
    resumed = m.CallResumed(
        ready=READY, next_sequence=5, generation=2, position=960, is_restored=True
    )
    resumed_frame = parse_frame(encoded(resumed, None))
    assert (resumed_frame.kind, resumed_frame.sequence, resumed_frame.generation, resumed_frame.position) == (FrameType.RESUME, 5, 2, 960)  # fmt: skip
    assert resumed_frame.event == {"type": "resumed", **CALL, "restored": True}


def test_service_event_is_not_sent() -> None:
    assert (
        BinaryWire().encode(m.OutboundMessage(m.ServiceEvent(source={"usageEvent": {}})), time_ms=0)
        == []
    )


@given(st.binary(max_size=60), st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_decode_audio_equals_decode(payload: bytes, sequence: int, flags: int) -> None:
    frame = HEADER.pack(FrameType.AUDIO_IN, flags, 0, sequence, 0, 0) + payload
    audio = BinaryWire().decode_audio(frame)
    if not payload or len(payload) % 2:
        assert audio is None
    else:
        (inbound,) = BinaryWire().decode(frame)
        assert isinstance(inbound.message, m.CustomerAudio)
        assert audio == (inbound.message.pcm, inbound.sequence, inbound.is_resent)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\1",
        "\1" * 20,
        HEADER.pack(FrameType.PING, 0, 0, 0, 0, 0) + b"ab",
        HEADER.pack(FrameType.AUDIO_IN, 0, 0, 0, 0, 0) + bytes(MAX_PAYLOAD_BYTES + 2),
    ],
)
def test_frame_that_is_not_audio_is_left_to_decode(frame: bytes | str) -> None:
    assert BinaryWire().decode_audio(frame) is None
