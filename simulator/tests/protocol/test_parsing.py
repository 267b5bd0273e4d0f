"""One row per shape: which JSON is an event of AWS's page, and which is refused in which words."""

import pytest

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import (
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
from support.broken_rules import INFERENCE, SHAPE, UNREADABLE, tools
from support.events import (
    Event,
    audio_input,
    audio_start,
    changed,
    prompt_start,
    raw,
    sensitivity,
    session_start,
    text_start,
    tool,
    tool_result,
    tool_start,
)

pytestmark = pytest.mark.pure

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


@pytest.mark.parametrize("event", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_it_reads(event: Event) -> None:
    parse_event(raw(event))


@pytest.mark.parametrize(("failure", "event"), SHAPE.values(), ids=SHAPE.keys())
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
