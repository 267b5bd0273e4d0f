"""The legacy wire: what its clients send, and what they require."""

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.samples import READY
from voice.wire import messages as m
from voice.wire.binary import MAX_PAYLOAD_BYTES
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


def base64_of(size_bytes: int) -> str:
    return base64.b64encode(bytes(size_bytes)).decode()


def burst() -> list[str]:
    """Return the frames that the workshop's React client sends when its socket opens."""
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


def decoded(wire: LegacyWire, frames: list[str]) -> list[m.ClientMessage]:
    return [inbound.message for frame in frames for inbound in wire.decode(frame)]


def test_prompt_tools_and_history_of_the_client_are_ignored() -> None:
    assert decoded(LegacyWire(), burst()) == [START]


def test_audio_and_typed_text_are_decoded() -> None:
    wire = LegacyWire()
    decoded(wire, burst())
    assert decoded(
        wire,
        [
            event("audioInput", content=base64.b64encode(b"\1\0").decode()),
            event("contentStart", promptName="p", contentName="t", type="TEXT", role="USER"),
            event("textInput", promptName="p", contentName="t", content=" Hola "),
            event("contentEnd", promptName="p", contentName="t"),
        ],
    ) == [m.CustomerAudio(pcm=b"\1\0"), m.CustomerText(text="Hola")]


def test_session_end_ends_the_call_once_and_another_may_follow() -> None:
    wire = LegacyWire()
    ending = [
        event("contentEnd", promptName="p", contentName="a"),
        event("promptEnd", promptName="p"),
        event("sessionEnd"),
    ]
    assert decoded(wire, [*burst(), *ending, *burst()]) == [START, m.EndCall(), START]


def test_event_wrapped_by_api_gateway_is_decoded() -> None:
    wrapped = json.dumps({"body": event("contentStart", **AUDIO_START)})
    assert LegacyWire().decode(wrapped) == [m.InboundMessage(START)]


def test_custom_events_of_the_client_are_ignored() -> None:
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
        (event("audioInput", content=""), "empty_audio"),
        (event("audioInput", content="W29iamVjdCBCbG9iXQ=="), "odd_audio"),  # "[object Blob]"
        (event("contentStart", **{**AUDIO_START, "audioInputConfiguration": {"sampleRateHertz": 1}}), "bad_event"),
        (event("promptStart", promptName="p" * 129), "bad_event"),
        ('{"event": {"promptStart": {"promptName": "p\\ud800"}}}', "bad_event"),
        (event("sing"), "unknown_event"),
        ("x" * (MAX_FRAME_CHARACTERS + 1), "frame_too_big"),
        (event("audioInput", content=base64_of(MAX_PAYLOAD_BYTES + 2)), "frame_too_big"),
    ],
)  # fmt: skip
def test_broken_frame_is_refused_with_its_code(frame: str, code: str) -> None:
    with pytest.raises(m.WireError) as caught:
        LegacyWire().decode(frame)
    assert caught.value.code == code
    assert caught.value.close_code == (1009 if code == "frame_too_big" else None)


def test_longest_audio_is_decoded_and_longer_is_not() -> None:
    wire = LegacyWire()
    longest = event("audioInput", content=base64_of(MAX_PAYLOAD_BYTES))
    (message,) = wire.decode(longest)
    assert message.message == m.CustomerAudio(pcm=bytes(MAX_PAYLOAD_BYTES))
    assert wire.decode_audio(longest) == (bytes(MAX_PAYLOAD_BYTES), None, False)
    longer = event("audioInput", content=base64_of(MAX_PAYLOAD_BYTES + 2))
    assert wire.decode_audio(longer) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["event", "body", "contentStart", "textInput", "audioInput", "promptStart", "type", "content"]), inner)))  # fmt: skip
def test_arbitrary_json_raises_only_wire_errors(value: object) -> None:
    wire = LegacyWire()
    for frame in [*burst(), json.dumps(value)]:
        with contextlib.suppress(m.WireError):
            wire.decode(frame)


# --- To the client


def encoded(wire: LegacyWire, message: m.ServerMessage) -> Any:
    (frame,) = wire.encode(m.OutboundMessage(message), time_ms=1_690_000_000_000)
    return json.loads(frame)


def test_service_event_has_a_timestamp_and_the_prompt_name_of_the_client() -> None:
    wire = LegacyWire()
    decoded(wire, burst())
    source = {"contentStart": {"promptName": "ours", "contentId": "c", "type": "TEXT"}}
    assert encoded(wire, m.ServiceEvent(source=source)) == {
        "event": {"contentStart": {"promptName": "p", "contentId": "c", "type": "TEXT"}},
        "timestamp": 1_690_000_000_000,
    }


def test_audio_is_sent_as_the_service_encoded_it() -> None:
    wire = LegacyWire()
    for content_id in ("c", "d", "ñ"):
        names = {"contentId": content_id, "promptName": "ours"}
        for _ in range(2):
            chunk = m.SpeechChunk(generation=0, position=0, pcm=b"\1\0", source=names)
            event = {"audioOutput": {**names, "content": "AQA="}}
            assert encoded(wire, chunk)["event"] == event


def test_audio_has_the_prompt_name_of_the_client() -> None:
    wire = LegacyWire()
    decoded(wire, burst())
    chunk = m.SpeechChunk(generation=0, position=0, pcm=b"\1\0", source={"promptName": "ours"})
    assert encoded(wire, chunk)["event"]["audioOutput"] == {"promptName": "p", "content": "AQA="}


def test_end_of_a_reply_is_not_sent() -> None:
    chunk = m.SpeechChunk(generation=0, position=0, pcm=b"", is_last=True, source={})
    assert LegacyWire().encode(m.OutboundMessage(chunk), time_ms=0) == []


def audio_input(content: str, **names: str) -> str:
    return json.dumps({"event": {"audioInput": {**names, "content": content}}})


def test_audio_like_the_one_before_is_not_parsed() -> None:
    wire = LegacyWire()
    names = {"promptName": "p", "contentName": "c"}
    assert wire.decode_audio(audio_input("AQA=", **names)) is None
    assert wire.decode(audio_input("AQA=", **names))[0].message == m.CustomerAudio(pcm=b"\1\0")
    assert wire.decode_audio(audio_input("AgACAA==", **names)) == (b"\2\0\2\0", None, False)


@pytest.mark.parametrize(
    "frame",
    [
        audio_input("AQA=", promptName="p", contentName="d"),
        audio_input("AQ==", promptName="p", contentName="c"),
        audio_input("AQA\n", promptName="p", contentName="c"),
        audio_input('AQA="', promptName="p", contentName="c"),
        audio_input("AQA=", promptName="p", contentName="c").encode(),
        json.dumps({"event": {"promptEnd": {}}}),
        "",
    ],
)
def test_other_frame_is_left_to_the_parser(frame: bytes | str) -> None:
    wire = LegacyWire()
    wire.decode(audio_input("AQA=", promptName="p", contentName="c"))
    assert wire.decode_audio(frame) is None


def test_error_is_sent_as_an_event() -> None:
    error = m.CallError(code="throttled", message="Ocupado.", retryable=True)
    body = {"code": "throttled", "message": "Ocupado.", "retryable": True}
    assert encoded(LegacyWire(), error)["event"] == {"serverError": body}


def test_assistant_text_that_starts_like_json_is_escaped() -> None:
    source = {"textOutput": {"role": "ASSISTANT", "content": "{hola"}}
    assert (
        encoded(LegacyWire(), m.ServiceEvent(source=source))["event"]["textOutput"]["content"]
        == " {hola"
    )


def test_interruption_event_is_sent_unchanged() -> None:
    source = {"textOutput": {"role": "ASSISTANT", "content": '{ "interrupted" : true }'}}
    assert encoded(LegacyWire(), m.ServiceEvent(source=source))["event"] == source


@pytest.mark.parametrize(
    "message",
    [
        READY,
        m.HandoverStarted(resume_after_ms=1),
        m.AssistantAvailability(phase=m.AssistantPhase.AWAY),
        m.Flush(generation=1),
        m.ReplyInterrupted(turn=1, generation=1),
        m.SpeechChunk(generation=0, position=0, pcm=b"", is_last=True),
        m.TurnFinished(turn=1, latency=None),
    ],
)
def test_message_without_legacy_event_is_not_sent(message: m.ServerMessage) -> None:
    assert LegacyWire().encode(m.OutboundMessage(message), time_ms=0) == []


def test_number_of_open_texts_is_limited() -> None:
    wire = LegacyWire()
    decoded(wire, burst())
    for number in range(MAX_OPEN_TEXTS):
        wire.decode(event("contentStart", contentName=f"t{number}", type="TEXT", role="USER"))
    with pytest.raises(m.WireError):
        wire.decode(event("contentStart", contentName="one more", type="TEXT", role="USER"))
    wire.decode(event("contentEnd", contentName="t0"))
    wire.decode(event("contentStart", contentName="one more", type="TEXT", role="USER"))


def test_event_body_that_is_no_object_is_wrapped() -> None:
    source = {"usageEvent": 5}
    assert encoded(LegacyWire(), m.ServiceEvent(source=source))["event"] == {
        "usageEvent": {"value": 5}
    }


@pytest.mark.parametrize("content", ["¡Hola!", '{"interrupted" : true}', 5, None])
def test_assistant_text_that_the_client_can_show_is_unchanged(content: object) -> None:
    body = {"role": "ASSISTANT", "content": content}
    source = {"textOutput": body}
    assert encoded(LegacyWire(), m.ServiceEvent(source=source))["event"]["textOutput"] == body


def test_call_without_a_sample_rate_starts_at_16_khz() -> None:
    body = {key: value for key, value in AUDIO_START.items() if key != "audioInputConfiguration"}
    assert decoded(LegacyWire(), [event("contentStart", **body)]) == [START]


@pytest.mark.parametrize(
    "first",
    [
        # As bytes, which are decoded but not compared.
        audio_input("AQACAA==").encode(),
        # Written with an escape: the base64 is not in the frame as it is.
        audio_input("AQACAA==").replace("AQACAA==", "\\u0041QACAA=="),
        # The base64 occurs in a key, too, before it stands as the content.
        event("audioInput", promptNa="x", content="promptNa"),
    ],
    ids=["bytes", "escaped", "twice"],
)
def test_audio_after_a_frame_that_teaches_nothing_is_parsed(first: bytes | str) -> None:
    wire = LegacyWire()
    decoded(wire, burst())
    [message] = wire.decode(first)
    assert isinstance(message.message, m.CustomerAudio)

    assert wire.decode_audio(audio_input("AgACAA==")) is None
    assert decoded(wire, [audio_input("AgACAA==")]) == [m.CustomerAudio(pcm=b"\2\0\2\0")]
