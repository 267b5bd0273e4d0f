"""Events encode to the service's JSON, compared with shapes written by hand."""

import base64
import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sonic import service
from voice.sonic import codec, events
from voice.sonic.codec import AudioPattern, decode, encode
from voice.sonic.errors import LocalProtocolError, RemoteProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
    EndpointingSensitivity,
    InputEvent,
    PromptEnd,
    PromptStart,
    Role,
    SessionEnd,
    SessionStart,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
    ToolSpec,
)

pytestmark = pytest.mark.pure

NAMES = {"prompt_name": "p-1", "content_name": "c-1"}
WIRE_NAMES = {"promptName": "p-1", "contentName": "c-1"}
PLAIN = {"mediaType": "text/plain"}

SHAPES = [
    (
        SessionStart(max_tokens=1024, top_p=0.9, temperature=0.7),
        {
            "sessionStart": {
                "inferenceConfiguration": {"maxTokens": 1024, "topP": 0.9, "temperature": 0.7}
            }
        },
    ),
    (
        SessionStart(
            max_tokens=1,
            top_p=0.0,
            temperature=1.0,
            endpointing_sensitivity=EndpointingSensitivity.HIGH,
        ),
        {
            "sessionStart": {
                "inferenceConfiguration": {"maxTokens": 1, "topP": 0.0, "temperature": 1.0},
                "turnDetectionConfiguration": {"endpointingSensitivity": "HIGH"},
            }
        },
    ),
    (
        PromptStart(
            prompt_name="p-1",
            voice_id="carlos",
            output_rate_hz=24_000,
            tools=(ToolSpec(name="t", description="d", input_schema='{"type":"object"}'),),
        ),
        {
            "promptStart": {
                "promptName": "p-1",
                "textOutputConfiguration": PLAIN,
                "audioOutputConfiguration": {
                    "mediaType": "audio/lpcm",
                    "sampleRateHertz": 24_000,
                    "sampleSizeBits": 16,
                    "channelCount": 1,
                    "voiceId": "carlos",
                    "encoding": "base64",
                    "audioType": "SPEECH",
                },
                "toolUseOutputConfiguration": {"mediaType": "application/json"},
                "toolConfiguration": {
                    "tools": [
                        {
                            "toolSpec": {
                                "name": "t",
                                "description": "d",
                                "inputSchema": {"json": '{"type":"object"}'},
                            }
                        }
                    ]
                },
            }
        },
    ),
    (
        PromptStart(prompt_name="p-1", voice_id="lupe", output_rate_hz=8_000),
        {
            "promptStart": {
                "promptName": "p-1",
                "textOutputConfiguration": PLAIN,
                "audioOutputConfiguration": {
                    "mediaType": "audio/lpcm",
                    "sampleRateHertz": 8_000,
                    "sampleSizeBits": 16,
                    "channelCount": 1,
                    "voiceId": "lupe",
                    "encoding": "base64",
                    "audioType": "SPEECH",
                },
            }
        },
    ),
    (
        AudioContentStart(**NAMES, input_rate_hz=16_000),
        {
            "contentStart": {
                **WIRE_NAMES,
                "type": "AUDIO",
                "interactive": True,
                "role": "USER",
                "audioInputConfiguration": {
                    "mediaType": "audio/lpcm",
                    "sampleRateHertz": 16_000,
                    "sampleSizeBits": 16,
                    "channelCount": 1,
                    "audioType": "SPEECH",
                    "encoding": "base64",
                },
            }
        },
    ),
    (
        TextContentStart(**NAMES, role=Role.SYSTEM, interactive=False),
        {
            "contentStart": {
                **WIRE_NAMES,
                "type": "TEXT",
                "interactive": False,
                "role": "SYSTEM",
                "textInputConfiguration": PLAIN,
            }
        },
    ),
    (
        ToolContentStart(**NAMES, tool_use_id="t-1"),
        {
            "contentStart": {
                **WIRE_NAMES,
                "interactive": False,
                "type": "TOOL",
                "role": "TOOL",
                "toolResultInputConfiguration": {
                    "toolUseId": "t-1",
                    "type": "TEXT",
                    "textInputConfiguration": PLAIN,
                },
            }
        },
    ),
    (AudioInput(**NAMES, pcm=b"\x01\x02"), {"audioInput": {**WIRE_NAMES, "content": "AQI="}}),
    (
        TextInput(**NAMES, content='año "9"\n'),
        {"textInput": {**WIRE_NAMES, "content": 'año "9"\n'}},
    ),
    (ToolResult(**NAMES, content='{"a":1}'), {"toolResult": {**WIRE_NAMES, "content": '{"a":1}'}}),
    (ContentEnd(**NAMES), {"contentEnd": WIRE_NAMES}),
    (PromptEnd(prompt_name="p-1"), {"promptEnd": {"promptName": "p-1"}}),
    (SessionEnd(), {"sessionEnd": {}}),
]


@pytest.mark.parametrize(("event", "shape"), SHAPES)
def test_input_event_encodes_to_service_json(event: InputEvent, shape: dict[str, Any]) -> None:
    assert json.loads(encode(event)) == {"event": shape}


def test_every_input_event_class_has_an_expected_shape() -> None:
    assert {type(event) for event, _ in SHAPES} == set(get_args(events.InputEvent.__value__))


@given(st.binary(min_size=2, max_size=4_000), st.text(min_size=1), st.text(min_size=1))
def test_audio_payload_equals_json_library_output(pcm: bytes, prompt: str, content: str) -> None:
    pcm = pcm[: len(pcm) // 2 * 2]
    payload = encode(AudioInput(prompt_name=prompt, content_name=content, pcm=pcm))
    body = json.loads(payload)["event"]["audioInput"]
    assert body == {
        "promptName": prompt,
        "contentName": content,
        "content": base64.b64encode(pcm).decode(),
    }


# A second decoder of input events, and the property that it inverts the encoder.

type Body = dict[str, Any]
type Names = dict[str, str]


def decoded(payload: bytes) -> InputEvent:
    ((name, body),) = json.loads(payload)["event"].items()
    wire_names = {"prompt_name": "promptName", "content_name": "contentName"}
    names = {ours: body[theirs] for ours, theirs in wire_names.items() if theirs in body}
    if name == "contentStart":
        name = f"contentStart {body['type']}"
    return DECODERS[name](body, names)


def decoded_session_start(body: Body, _names: Names) -> SessionStart:
    inference, turns = body["inferenceConfiguration"], body.get("turnDetectionConfiguration")
    return SessionStart(
        max_tokens=inference["maxTokens"],
        top_p=inference["topP"],
        temperature=inference["temperature"],
        endpointing_sensitivity=turns and EndpointingSensitivity(turns["endpointingSensitivity"]),
    )


def decoded_prompt_start(body: Body, names: Names) -> PromptStart:
    audio, tools = body["audioOutputConfiguration"], body.get("toolConfiguration", {"tools": []})
    specs = [
        ToolSpec(
            name=tool["toolSpec"]["name"],
            description=tool["toolSpec"]["description"],
            input_schema=tool["toolSpec"]["inputSchema"]["json"],
        )
        for tool in tools["tools"]
    ]
    rate_hz = audio["sampleRateHertz"]
    return PromptStart(
        **names, voice_id=audio["voiceId"], output_rate_hz=rate_hz, tools=tuple(specs)
    )


DECODERS: dict[str, Callable[[Body, Names], InputEvent]] = {
    "sessionStart": decoded_session_start,
    "promptStart": decoded_prompt_start,
    "contentStart AUDIO": lambda body, names: AudioContentStart(
        **names, input_rate_hz=body["audioInputConfiguration"]["sampleRateHertz"]
    ),
    "contentStart TEXT": lambda body, names: TextContentStart(
        **names, role=Role(body["role"]), interactive=body["interactive"]
    ),
    "contentStart TOOL": lambda body, names: ToolContentStart(
        **names, tool_use_id=body["toolResultInputConfiguration"]["toolUseId"]
    ),
    "audioInput": lambda body, names: AudioInput(**names, pcm=base64.b64decode(body["content"])),
    "textInput": lambda body, names: TextInput(**names, content=body["content"]),
    "toolResult": lambda body, names: ToolResult(**names, content=body["content"]),
    "contentEnd": lambda _body, names: ContentEnd(**names),
    "promptEnd": lambda _body, names: PromptEnd(**names),
    "sessionEnd": lambda _body, names: SessionEnd(**names),
}


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
NAMED = {"prompt_name": TEXTS, "content_name": TEXTS}
UNIT = st.floats(min_value=0, max_value=1)
RATES = st.sampled_from([8_000, 16_000, 24_000])
OBJECTS = st.dictionaries(TEXTS, st.none() | st.integers() | TEXTS).map(json.dumps)
INPUT_EVENTS = st.one_of(
    st.builds(
        SessionStart,
        max_tokens=st.integers(min_value=1),
        top_p=UNIT,
        temperature=UNIT,
        endpointing_sensitivity=st.none() | st.sampled_from(EndpointingSensitivity),
    ),
    st.builds(
        PromptStart,
        prompt_name=TEXTS,
        voice_id=TEXTS,
        output_rate_hz=RATES,
        tools=st.lists(
            st.builds(ToolSpec, name=TEXTS, description=st.just("d"), input_schema=OBJECTS),
            max_size=3,
        ).map(tuple),
    ),
    st.builds(AudioContentStart, **NAMED, input_rate_hz=RATES),
    st.builds(
        TextContentStart,
        **NAMED,
        role=st.sampled_from([Role.SYSTEM, Role.USER, Role.ASSISTANT]),
        interactive=st.just(False),
    ),
    st.builds(TextContentStart, **NAMED, role=st.just(Role.USER), interactive=st.just(True)),
    st.builds(ToolContentStart, **NAMED, tool_use_id=TEXTS),
    st.builds(AudioInput, **NAMED, pcm=st.binary(min_size=1, max_size=99).map(lambda b: b * 2)),
    st.builds(TextInput, **NAMED, content=TEXTS),
    st.builds(ToolResult, **NAMED, content=OBJECTS),
    st.builds(ContentEnd, **NAMED),
    st.builds(PromptEnd, prompt_name=TEXTS),
    st.just(SessionEnd()),
)


@given(INPUT_EVENTS)
def test_encoded_event_decodes_to_the_same_values(event: InputEvent) -> None:
    assert decoded(encode(event)) == event


def test_text_with_lone_surrogate_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        encode(TextInput(**NAMES, content="\ud800"))


def test_payload_above_service_limit_is_refused() -> None:
    overhead = len(encode(TextInput(**NAMES, content="x"))) - 1
    largest = "x" * (codec.MAX_CHUNK_BYTES - overhead)
    assert len(encode(TextInput(**NAMES, content=largest))) == codec.MAX_CHUNK_BYTES
    with pytest.raises(LocalProtocolError):
        encode(TextInput(**NAMES, content=largest + "x"))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hola",
        b"\xff\xfe",
        b"[]",
        b"1",
        b"{}",
        b'{"event": []}',
        b'{"event": {}}',
        b'{"event": "x"}',
        b"[" * 100_000,
    ],
)
def test_payload_without_event_raises_remote_error(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(payload)


def test_decode_returns_name_and_source_object() -> None:
    assert decode(b'{"event": {"novelty": {"a": 1}}}') == ("novelty", {"novelty": {"a": 1}})


@pytest.mark.parametrize("text", ["AAA", "AA=A", "!!!!", "AAAA\n", "ñ", "AAA="[:3] + "é"])
def test_audio_with_invalid_base64_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        codec.decode_pcm(text)


def test_audio_with_half_a_sample_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        codec.decode_pcm("AAAA")  # three bytes


# Audio patterns.


def pattern_of(payload: bytes) -> AudioPattern | None:
    return AudioPattern.learn(payload, decode(payload)[1])


def require_pattern(payload: bytes) -> AudioPattern:
    pattern = pattern_of(payload)
    assert pattern is not None
    return pattern


@given(st.lists(st.binary(min_size=1, max_size=300).map(lambda b: b * 2), min_size=2))
def test_pattern_match_equals_full_parse(pieces: list[bytes]) -> None:
    payloads = [service.audio("c-1", pcm) for pcm in pieces]
    pattern = require_pattern(payloads[0])
    for payload, pcm in zip(payloads, pieces, strict=True):
        known = pattern.match(payload)
        assert known is not None
        base64_text, given_pcm = known
        assert given_pcm == pcm
        assert pattern.source_with(base64_text) == decode(payload)[1]
        assert list(pattern.source_with(base64_text)["audioOutput"]) == list(
            decode(payload)[1]["audioOutput"]
        )


@pytest.mark.parametrize(
    "other",
    [
        service.audio("c-2", b"\x01\x02"),
        service.text("c-1", "AQI="),
        service.audio("c-1", b"\x01\x02")[:-1] + b" }",
        service.audio("c-1", b"\xff\xff\xff\xff").replace(b"/", b"\\/"),
        service.audio("c-1", b"\x01\x02").replace(b"AQI=", b'AQI=","content":"AQI='),
    ],
)
def test_different_payload_does_not_match_pattern(other: bytes) -> None:
    pattern = require_pattern(service.audio("c-1", b"\x01\x02"))
    assert pattern.match(other) is None


@pytest.mark.parametrize(
    "payload",
    [
        service.audio("c-1", b""),
        b'{"event":{"audioOutput":{"contentId":"AQI=","content":"AQI="}}}',
        b'{"event":{"audioOutput":{"content":"//8=","contentId":"x"}}}'.replace(b"/", b"\\/"),
    ],
)
def test_ambiguous_payload_gives_no_pattern(payload: bytes) -> None:
    assert pattern_of(payload) is None
