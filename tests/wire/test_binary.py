"""The binary wire: frames to messages and back, and what it refuses."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.domain import Speaker
from tests.wire.samples import READY
from voice.wire import messages as m
from voice.wire.binary import HEADER, MAX_PAYLOAD_BYTES, BinaryWire, Flag, FrameType
from voice.wire.client import ClientFrames, again, read

pytestmark = pytest.mark.pure


def frame(kind: int, payload: bytes = b"", *, sequence: int = 0) -> bytes:
    return HEADER.pack(kind, 0, 0, sequence, 0, 0) + payload


def refusal(data: bytes | str, wire: BinaryWire | None = None) -> m.WireError:
    with pytest.raises(m.WireError) as caught:
        (wire or BinaryWire()).decode(data)
    return caught.value


def test_a_client_frame_reads_as_what_it_says() -> None:
    client, wire = ClientFrames(), BinaryWire()
    frames = [
        client.event(type="start", inputSampleRateHz=8000),
        client.audio(b"\1\0\2\0"),
        client.event(type="text", text=" Hola "),
        client.played(sequence=7, generation=2, position=480),
        client.ping(b"now"),
        client.event(type="heard", position=480, afterMs=83.2, rttMs=None),
        client.event(type="end"),
    ]
    assert [heard for data in frames for heard in wire.decode(data)] == [
        m.Heard(m.StartCall(input_rate_hz=8000), 0),
        m.Heard(m.CustomerAudio(pcm=b"\1\0\2\0"), 1),
        m.Heard(m.CustomerText(text="Hola"), 2),
        m.Heard(m.Played(sequence=7, generation=2, position=480)),
        m.Heard(m.Ping(payload=b"now")),
        m.Heard(m.ReplyHeard(position=480, after_ms=83.2, rtt_ms=None), 3),
        m.Heard(m.EndCall(), 4),
    ]


def test_a_start_says_what_the_call_is_to_be_like() -> None:
    start = {"ticket": "t", "voice": "lupe", "language": "es", "greet": False}
    (heard,) = BinaryWire().decode(ClientFrames().event(type="start", **start))
    assert heard.word == m.StartCall(ticket="t", voice="lupe", language="es", greet=False)
    assert "'t'" not in repr(heard.word)


def test_a_client_comes_back_with_what_it_knows() -> None:
    data = ClientFrames().resume("c.secret", wanted=9, generation=2, position=480)
    assert BinaryWire().decode(data) == [
        m.Heard(m.ResumeCall(token="c.secret", wanted=9, generation=2, position=480))
    ]
    data = ClientFrames().resume("c.secret", wanted=0, generation=0, position=480, forgot=True)
    (heard,) = BinaryWire().decode(data)
    assert isinstance(heard.word, m.ResumeCall)
    assert heard.word.forgot


def test_a_frame_that_comes_again_says_so() -> None:
    data = again(ClientFrames().event(type="end"))
    assert BinaryWire().decode(data) == [m.Heard(m.EndCall(), 0, resent=True)]


def test_a_rate_written_with_a_point_is_a_whole_number() -> None:
    (heard,) = BinaryWire().decode(
        frame(FrameType.EVENT, b'{"type":"start","inputSampleRateHz":8e3}')
    )
    assert heard.word == m.StartCall(input_rate_hz=8000)
    assert isinstance(heard.word.input_rate_hz, int)


def test_a_start_without_a_rate_means_16_khz() -> None:
    assert BinaryWire().decode(ClientFrames().event(type="start")) == [m.Heard(m.StartCall(), 0)]


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
def test_a_broken_frame_is_refused_with_its_reason(
    data: bytes | str, code: str, close_code: int | None
) -> None:
    error = refusal(data)
    assert (error.code, error.close_code) == (code, close_code)


def test_the_largest_frame_passes() -> None:
    (heard,) = BinaryWire().decode(frame(FrameType.AUDIO_IN, bytes(MAX_PAYLOAD_BYTES)))
    assert heard.word == m.CustomerAudio(pcm=bytes(MAX_PAYLOAD_BYTES))


def test_the_longest_text_passes_and_one_character_more_does_not() -> None:
    client, wire = ClientFrames(), BinaryWire()
    longest = "á" * m.MAX_TEXT_CHARACTERS
    (heard,) = wire.decode(client.event(type="text", text=longest))
    assert heard.word == m.CustomerText(text=longest)
    assert refusal(client.event(type="text", text=longest + "á"), wire).code == "text_too_long"


@given(st.binary(max_size=64))
def test_no_frame_does_worse_than_a_wire_error(data: bytes) -> None:
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
    (m.AssistantPhase(phase=m.Phase.AWAY), {"type": "assistant", "phase": "away"}),
    (m.Moving(resume_after_ms=500), {"type": "moving", "resumeAfterMs": 500}),
    (
        m.Caption(
            speaker=Speaker.ASSISTANT,
            stage=m.Stage.PLANNED,
            turn=1,
            segment=2,
            text="¿Sí?",
            position=480,
        ),
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
        m.Interrupted(turn=1, generation=3),
        {"type": "interrupted", "turn": 1, "generation": 3},
    ),
    (
        m.ToolStarted(tool_use_id="t", name="crearOrder"),
        {"type": "tool", "phase": "started", "toolUseId": "t", "name": "crearOrder"},
    ),
    (
        m.ToolFinished(tool_use_id="t", name="n", outcome=m.Outcome.REFUSED, duration_ms=4),
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


def encoded(message: m.ServerMessage, sequence: int | None = 0, *, resent: bool = False) -> bytes:
    (data,) = BinaryWire().encode(m.Numbered(message, sequence, resent), time_ms=2**32 + 7)
    assert isinstance(data, bytes)
    return data


@pytest.mark.parametrize(("message", "event"), EVENTS)
def test_an_event_is_json(message: m.ServerMessage, event: dict[str, object]) -> None:
    received = read(encoded(message, 9))
    assert (received.kind, received.sequence) == (FrameType.EVENT, 9)
    assert json.loads(received.payload) == event


def test_speech_carries_generation_position_and_place_in_the_reply() -> None:
    chunk = m.SpeechChunk(generation=2, position=960, pcm=b"\1\0", first=True, last=True)
    data = encoded(chunk, 11)
    assert HEADER.unpack_from(data) == (FrameType.AUDIO_OUT, 3, 2, 11, 960, 7)
    assert data[HEADER.size :] == b"\1\0"


def test_a_message_that_is_sent_again_keeps_its_number_and_says_so() -> None:
    chunk = m.SpeechChunk(generation=2, position=960, pcm=b"\1\0")
    received = read(encoded(chunk, 11, resent=True))
    assert (received.sequence, received.flags) == (11, Flag.RESENT)


def test_a_flush_carries_its_generation() -> None:
    received = read(encoded(m.Flush(generation=3), 4))
    assert (received.kind, received.generation, received.sequence) == (FrameType.FLUSH, 3, 4)


def test_what_is_outside_the_count_has_a_meaning_of_its_own_for_the_number() -> None:
    assert read(encoded(m.Pong(payload=b"x"), None)).kind is FrameType.PONG
    told = read(encoded(m.Received(sequence=8, position=512), None))
    assert (told.kind, told.sequence, told.position) == (FrameType.ACK, 8, 512)
    resumed = m.CallResumed(ready=READY, wanted=5, generation=2, position=960, restored=True)
    back = read(encoded(resumed, None))
    assert (back.kind, back.sequence, back.generation, back.position) == (FrameType.RESUME, 5, 2, 960)  # fmt: skip
    assert back.event == {"type": "resumed", **CALL, "restored": True}


def test_the_services_own_events_have_no_place_here() -> None:
    assert (
        BinaryWire().encode(m.Numbered(m.ServiceEvent(source={"usageEvent": {}})), time_ms=0) == []
    )
