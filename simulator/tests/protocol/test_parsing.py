"""One row per shape: which JSON is an event of AWS's page, and which is refused in which words."""

import pytest

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import (
    INVALID_INPUT,
    TOOL_RESULT,
    UNPARSABLE,
    RefusedError,
)
from nova_sonic_simulator.protocol.input_events import (
    AudioInput,
    PromptStart,
    SessionStart,
    TextStart,
    ToolDeclaration,
    ToolResult,
)
from nova_sonic_simulator.protocol.parsing import parse_event
from support.events import (
    Event,
    audio_input,
    audio_start,
    changed,
    prompt_start,
    raw,
    sensitivity,
    session_end,
    session_start,
    text_start,
    tool,
    tool_result,
    tool_start,
)

pytestmark = pytest.mark.pure

INFERENCE = "sessionStart.inferenceConfiguration"
AUDIO_OUT = "promptStart.audioOutputConfiguration"
AUDIO_IN = "contentStart.audioInputConfiguration"
RESULT = "contentStart.toolResultInputConfiguration"


def tools(*items: object, **fields: object) -> dict[str, object]:
    return prompt_start(toolConfiguration={"tools": list(items), **fields})


ACCEPTED = {
    "sessionStart without anything": {"sessionStart": {}},
    "whole numbers where fractions may stand": changed(
        session_start(), f"{INFERENCE}.temperature", 0
    ),
    "topP of 1": changed(session_start(), f"{INFERENCE}.topP", 1.0),
    "one token": changed(session_start(), f"{INFERENCE}.maxTokens", 1),
    "no tool configuration": prompt_start(),
    "an empty list of tools": tools(),
    "toolUseOutputConfiguration": prompt_start(
        toolUseOutputConfiguration={"mediaType": "application/json"}
    ),
    "toolChoice auto": tools(tool("a"), toolChoice={"auto": {}}),
    "toolChoice any": tools(tool("a"), toolChoice={"any": {}}),
    "toolChoice of one tool": tools(tool("a"), toolChoice={"tool": {"name": "a"}}),
    "a tool without a description": tools(
        {"toolSpec": {"name": "a", "inputSchema": {"json": "{}"}}}
    ),
    "no interactive on text": changed(text_start("a"), "contentStart.interactive", ...),
    "no role on audio": audio_start(),
    "role USER on audio": audio_start(role="USER"),
    "8 kHz": audio_start(rate_hz=8000),
    "interactive on a tool's block": tool_start("r", "use-1", interactive=True),
    "connectionEnd": {"connectionEnd": {}},
    "no audio in audioInput": audio_input(b""),
}

REFUSED = {
    "a flat endpointingSensitivity": (INVALID_INPUT, session_start(endpointingSensitivity="HIGH")),
    "an unknown sensitivity": (INVALID_INPUT, sensitivity("high")),
    "topP over 1": (INVALID_INPUT, changed(session_start(), f"{INFERENCE}.topP", 1.1)),
    "a temperature under 0": (
        INVALID_INPUT,
        changed(session_start(), f"{INFERENCE}.temperature", -0.1),
    ),
    "no tokens": (INVALID_INPUT, changed(session_start(), f"{INFERENCE}.maxTokens", 0)),
    "half a token": (INVALID_INPUT, changed(session_start(), f"{INFERENCE}.maxTokens", 1.5)),
    "no voice": (INVALID_INPUT, changed(prompt_start(), f"{AUDIO_OUT}.voiceId", ...)),
    "no audio configuration": (INVALID_INPUT, changed(prompt_start(), AUDIO_OUT, ...)),
    "an output rate that doesn't exist": (INVALID_INPUT, prompt_start(rate_hz=48000)),
    "an input rate that doesn't exist": (INVALID_INPUT, audio_start(rate_hz=44100)),
    "stereo": (INVALID_INPUT, changed(audio_start(), f"{AUDIO_IN}.channelCount", 2)),
    "true is no number": (
        INVALID_INPUT,
        changed(audio_start(), f"{AUDIO_IN}.channelCount", True),
    ),
    "an empty name": (INVALID_INPUT, text_start("")),
    "a tool's schema as an object": (UNPARSABLE, tools(tool("a", {"type": "object"}))),
    "a tool's schema that isn't JSON": (INVALID_INPUT, tools(tool("a", "{"))),
    "a tool's schema that is a list": (INVALID_INPUT, tools(tool("a", "[]"))),
    "an unknown toolChoice": (INVALID_INPUT, tools(toolChoice={"none": {}})),
    "two toolChoices": (INVALID_INPUT, tools(toolChoice={"auto": {}, "any": {}})),
    "an unknown field": (INVALID_INPUT, session_start(voice="x")),
    "an unknown event": (INVALID_INPUT, {"APP_CUSTOM_state_update": {}}),
    "two events in one": (INVALID_INPUT, {**session_start(), **session_end()}),
    "an unknown type of block": (
        INVALID_INPUT,
        changed(text_start("a"), "contentStart.type", "VIDEO"),
    ),
    "an unknown role": (INVALID_INPUT, text_start("a", "NARRATOR")),
    "interactive that is a text": (
        INVALID_INPUT,
        changed(text_start("a"), "contentStart.interactive", "yes"),
    ),
    "audio of half a sample": (INVALID_INPUT, audio_input(bytes(13))),
    "audio that isn't base64": (
        INVALID_INPUT,
        changed(audio_input(), "audioInput.content", "[object Blob]"),
    ),
    "audio that is a list": (INVALID_INPUT, changed(audio_input(), "audioInput.content", [0])),
    "a result in prose": (TOOL_RESULT, tool_result("r", "El pedido está en camino")),
    "a result that is a list": (TOOL_RESULT, tool_result("r", "[]")),
    "a result with NaN": (TOOL_RESULT, tool_result("r", '{"a": NaN}')),
    "a tool's block by the USER": (TOOL_RESULT, tool_start("r", "use-1", role="USER")),
    "a tool's block without a media type": (
        TOOL_RESULT,
        changed(tool_start("r", "use-1"), f"{RESULT}.textInputConfiguration", ...),
    ),
}

UNREADABLE = {
    "bytes that aren't JSON": (UNPARSABLE, b"{"),
    "bytes that aren't UTF-8": (UNPARSABLE, b'"\xff"'),
    "no bytes": (UNPARSABLE, b""),
    "NaN": (UNPARSABLE, b'{"event":{"sessionStart":NaN}}'),
    "nesting without end": (UNPARSABLE, b"[" * 100_000),
    "a list": (INVALID_INPUT, b"[]"),
    "a key beside `event`": (INVALID_INPUT, b'{"event":{"sessionStart":{}},"timestamp":1}'),
    "an event that is a text": (INVALID_INPUT, b'{"event":"sessionStart"}'),
    "fields that are a list": (INVALID_INPUT, b'{"event":{"sessionStart":[]}}'),
    "a contentStart that is a list": (INVALID_INPUT, b'{"event":{"contentStart":[]}}'),
    "a type that is a list": (INVALID_INPUT, b'{"event":{"contentStart":{"type":[]}}}'),
    "a number without end": (UNPARSABLE, b'{"event":{"sessionStart":' + b"1" * 5000 + b"}}"),
}


@pytest.mark.parametrize("event", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_it_reads(event: Event) -> None:
    parse_event(raw(event))


@pytest.mark.parametrize(("failure", "event"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(failure: Failure, event: Event) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_event(raw(event))
    assert caught.value.failure == failure


@pytest.mark.parametrize(("failure", "payload"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_it_refuses_what_is_no_event(failure: Failure, payload: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_event(payload)
    assert caught.value.failure == failure


def test_events_are_read_as_they_were_written() -> None:
    assert parse_event(raw(sensitivity("LOW"))) == SessionStart(sensitivity="LOW")
    declared = tuple(
        ToolDeclaration(name=name, description="x", schema={"type": "object"}) for name in "ab"
    )
    assert parse_event(raw(prompt_start(rate_hz=16000, tools=("a", "b")))) == PromptStart(
        prompt_name="prompt-1", voice_id="carlos", rate_hz=16000, tools=declared
    )
    assert parse_event(raw(text_start("s", "SYSTEM"))) == TextStart(
        prompt_name="prompt-1", content_name="s", role="SYSTEM", interactive=False
    )
    assert parse_event(raw(audio_input(b"\x01\x02"))) == AudioInput(
        prompt_name="prompt-1", content_name="microphone", pcm=b"\x01\x02"
    )
    assert parse_event(raw(tool_result("r", '{"ñ": [1]}'))) == ToolResult(
        prompt_name="prompt-1", content_name="r", result={"ñ": [1]}
    )
