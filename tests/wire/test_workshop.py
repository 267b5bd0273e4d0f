"""The earlier system's wire: what its clients send in one burst, and what they demand."""

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.samples import READY
from voice.wire import messages as m
from voice.wire.legacy import MAX_FRAME_CHARACTERS, MAX_OPEN_TEXTS, LegacyWire

pytestmark = pytest.mark.pure

START = m.StartCall(greet=False)
AUDIO_START = {
    "promptName": "p",
    "contentName": "a",
    "type": "AUDIO",
    "interactive": True,
    "role": "USER",
    "audioInputConfiguration": {"sampleRateHertz": 16000},
}


def event(name: str, /, **body: Any) -> str:
    return json.dumps({"event": {name: body}})


def burst() -> list[str]:
    """What the workshop's React client sends when its socket opens."""
    return [
        event("sessionStart", inferenceConfiguration={"maxTokens": 1024}),
        event("promptStart", promptName="p", toolConfiguration={"tools": [{"toolSpec": {}}]}),
        event("contentStart", promptName="p", contentName="s", type="TEXT", role="SYSTEM"),
        event("textInput", promptName="p", contentName="s", content="You are a pirate."),
        event("contentEnd", promptName="p", contentName="s"),
        event("contentStart", promptName="p", contentName="h", type="TEXT", role="USER"),
        event("textInput", promptName="p", contentName="h", content="history"),
        event("contentEnd", promptName="p", contentName="h"),
        event("contentStart", **AUDIO_START),
    ]


def said(wire: LegacyWire, frames: list[str]) -> list[m.ClientMessage]:
    return [heard.word for frame in frames for heard in wire.decode(frame)]


def test_the_clients_prompt_tools_and_history_are_read_past() -> None:
    assert said(LegacyWire(), burst()) == [START]


def test_audio_and_typed_text_are_heard() -> None:
    wire = LegacyWire()
    said(wire, burst())
    assert said(
        wire,
        [
            event("audioInput", content=base64.b64encode(b"\1\0").decode()),
            event("contentStart", promptName="p", contentName="t", type="TEXT", role="USER"),
            event("textInput", promptName="p", contentName="t", content=" Hola "),
            event("contentEnd", promptName="p", contentName="t"),
        ],
    ) == [m.CustomerAudio(pcm=b"\1\0"), m.CustomerText(text="Hola")]


def test_the_end_is_said_once_and_another_session_may_follow() -> None:
    wire = LegacyWire()
    ending = [
        event("contentEnd", promptName="p", contentName="a"),
        event("promptEnd", promptName="p"),
        event("sessionEnd"),
    ]
    assert said(wire, [*burst(), *ending, *burst()]) == [START, m.EndCall(), START]


def test_the_api_gateways_wrapping_is_taken_off() -> None:
    wrapped = json.dumps({"body": event("contentStart", **AUDIO_START)})
    assert LegacyWire().decode(wrapped) == [m.Heard(START)]


def test_the_clients_own_events_are_read_past() -> None:
    assert LegacyWire().decode(event("APP_CUSTOM_state_update", publicIpAddress="x")) == []
    assert LegacyWire().decode(event("toolResult", content="{}")) == []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "bad_event"),
        ("[]", "bad_event"),
        ("null", "bad_event"),
        ('{"event": []}', "bad_event"),
        ('{"event": {}}', "bad_event"),
        ('{"event": {"a": {}, "b": {}}}', "bad_event"),
        ('{"event": {"audioInput": 1}}', "bad_event"),
        ('{"body": "{"}', "bad_event"),
        ("[" * 100_000, "bad_event"),
        (event("audioInput"), "bad_event"),
        (event("audioInput", content="§"), "bad_event"),
        (event("audioInput", content="W29iamVjdCBCbG9iXQ=="), "odd_audio"),  # "[object Blob]"
        (event("contentStart", **{**AUDIO_START, "audioInputConfiguration": {"sampleRateHertz": 1}}), "bad_event"),
        (event("promptStart", promptName="p" * 129), "bad_event"),
        ('{"event": {"promptStart": {"promptName": "p\\ud800"}}}', "bad_event"),
        (event("sing"), "unknown_event"),
        ("x" * (MAX_FRAME_CHARACTERS + 1), "frame_too_big"),
    ],
)  # fmt: skip
def test_a_broken_frame_is_refused_with_its_reason(frame: str, code: str) -> None:
    with pytest.raises(m.WireError) as caught:
        LegacyWire().decode(frame)
    assert caught.value.code == code
    assert caught.value.close_code == (1009 if code == "frame_too_big" else None)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["event", "body", "contentStart", "textInput", "audioInput", "promptStart", "type", "content"]), inner)))  # fmt: skip
def test_no_json_does_worse_than_a_wire_error(value: object) -> None:
    wire = LegacyWire()
    for frame in [*burst(), json.dumps(value)]:
        with contextlib.suppress(m.WireError):
            wire.decode(frame)


# Towards the client


def sent(wire: LegacyWire, message: m.ServerMessage) -> Any:
    (frame,) = wire.encode(m.Numbered(message), time_ms=1_690_000_000_000)
    return json.loads(frame)


def test_an_event_of_the_service_passes_with_a_timestamp_and_the_clients_name() -> None:
    wire = LegacyWire()
    said(wire, burst())
    source = {"contentStart": {"promptName": "ours", "contentId": "c", "type": "TEXT"}}
    assert sent(wire, m.ServiceEvent(source=source)) == {
        "event": {"contentStart": {"promptName": "p", "contentId": "c", "type": "TEXT"}},
        "timestamp": 1_690_000_000_000,
    }


def test_speech_passes_as_the_service_encoded_it() -> None:
    source = {"audioOutput": {"content": "AQA=", "contentId": "c"}}
    chunk = m.SpeechChunk(generation=0, position=0, pcm=b"\1\0", source=source)
    assert sent(LegacyWire(), chunk)["event"] == source


def test_an_error_looks_like_an_event() -> None:
    error = m.CallError(code="throttled", message="Ocupado.", retryable=True)
    body = {"code": "throttled", "message": "Ocupado.", "retryable": True}
    assert sent(LegacyWire(), error)["event"] == {"serverError": body}


def test_assistant_text_that_looks_like_json_is_made_harmless() -> None:
    source = {"textOutput": {"role": "ASSISTANT", "content": "{hola"}}
    assert (
        sent(LegacyWire(), m.ServiceEvent(source=source))["event"]["textOutput"]["content"]
        == " {hola"
    )


def test_the_interruption_passes_to_the_letter() -> None:
    source = {"textOutput": {"role": "ASSISTANT", "content": '{ "interrupted" : true }'}}
    assert sent(LegacyWire(), m.ServiceEvent(source=source))["event"] == source


@pytest.mark.parametrize(
    "message",
    [
        READY,
        m.Moving(resume_after_ms=1),
        m.AssistantPhase(phase=m.Phase.AWAY),
        m.Flush(generation=1),
        m.Interrupted(turn=1, generation=1),
        m.SpeechChunk(generation=0, position=0, pcm=b"", last=True),
        m.TurnFinished(turn=1, latency=None),
    ],
)
def test_what_those_clients_have_no_word_for_is_not_said(message: m.ServerMessage) -> None:
    assert LegacyWire().encode(m.Numbered(message), time_ms=0) == []


def test_a_client_may_have_so_many_texts_open_and_no_more() -> None:
    wire = LegacyWire()
    said(wire, burst())
    for number in range(MAX_OPEN_TEXTS):
        wire.decode(event("contentStart", contentName=f"t{number}", type="TEXT", role="USER"))
    with pytest.raises(m.WireError):
        wire.decode(event("contentStart", contentName="one more", type="TEXT", role="USER"))
    wire.decode(event("contentEnd", contentName="t0"))
    wire.decode(event("contentStart", contentName="one more", type="TEXT", role="USER"))
