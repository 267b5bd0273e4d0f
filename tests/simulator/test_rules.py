"""One row per rule: what the service refuses, in which words, and what it lives with."""

import json
from typing import Any

import pytest

from simulator.families import FAMILIES
from simulator.inputs import PromptStart, SessionStart, TextStart
from simulator.refusals import INVALID_INPUT, LATE_HISTORY, TOOL_RESULT, UNPARSABLE, RefusedError
from simulator.rules import SessionRules, Stage
from tests.simulator.dialogue import (
    Event,
    answer,
    audio_input,
    audio_start,
    closing,
    content_end,
    opening,
    prompt_end,
    prompt_start,
    raw,
    sensitivity,
    session_end,
    session_start,
    system,
    text,
    text_input,
    text_start,
    tool,
    tool_result,
    tool_start,
    typed,
)

pytestmark = pytest.mark.pure

V1, V2, V25 = "amazon.nova-sonic-v1:0", "amazon.nova-2-sonic-v1:0", "amazon.nova-2-5-sonic"
BEGUN = [session_start(), prompt_start()]
BEFORE_AUDIO = [*BEGUN, *system()]
LONG = "x" * 1024
TOO_LONG = "x" * 1025


def rules(model: str = V2, **options: bool) -> SessionRules:
    """Return rules that have three open tool uses, as if the service had asked."""
    machine = SessionRules(FAMILIES[model], **options)
    for tool_use_id in ("use-1", "use-2", "use-3"):
        machine.open_tool_use(tool_use_id)
    return machine


def play(machine: SessionRules, events: list[Event]) -> None:
    for event in events:
        machine.receive(raw(event))


def history(*roles: str, content: str = "Hola.") -> list[Event]:
    numbered = enumerate(roles)
    return [event for n, role in numbered for event in text(f"past-{n}", content, role)]


def changed(event: Event, path: str, value: Any) -> Event:
    """Return a copy of the event with the field at the dotted path set, or removed by `...`."""
    copy: Event = json.loads(json.dumps(event))
    *outer, last = path.split(".")
    inner = copy
    for key in outer:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return copy


AUDIO_OUT = "promptStart.audioOutputConfiguration"
AUDIO_IN = "contentStart.audioInputConfiguration"
RESULT = "contentStart.toolResultInputConfiguration"

ACCEPTED = {
    "the whole course of a conversation": [
        *opening(tools=("consultarOrder",)),
        audio_input(),
        *typed("t1", "Hola"),
        audio_input(),
        *answer("r1", "use-1"),
        *answer("r2", "use-2", '{"ok": true}'),
        *closing(),
    ],
    "sessionStart without anything": [{"sessionStart": {}}],
    "no tools and no toolUseOutputConfiguration": [session_start(), prompt_start()],
    "an empty list of tools": [
        session_start(),
        prompt_start(
            toolConfiguration={"tools": []},
            toolUseOutputConfiguration={"mediaType": "application/json"},
        ),
    ],
    "toolChoice auto": [
        session_start(),
        prompt_start(toolConfiguration={"toolChoice": {"auto": {}}, "tools": [tool("a")]}),
    ],
    "toolChoice of one tool": [
        session_start(),
        prompt_start(toolConfiguration={"toolChoice": {"tool": {"name": "a"}}, "tools": []}),
    ],
    "interactive true on the system prompt": [*BEGUN, *system(interactive=True)],
    "interactive true on history": [
        *BEFORE_AUDIO,
        *text("a", interactive=True),
        *text("b", role="ASSISTANT", interactive=True),
    ],
    "no interactive at all": [
        *BEGUN,
        changed(text_start("s", "SYSTEM"), "contentStart.interactive", ...),
    ],
    "no role on audio": [*BEFORE_AUDIO, audio_start()],
    "role USER on audio": [*BEFORE_AUDIO, audio_start(role="USER")],
    "audio without a system prompt": [*BEGUN, audio_start(), audio_input()],
    "a system prompt in pieces of any size": [
        *BEGUN,
        text_start("s", "SYSTEM"),
        text_input("s", "x" * 5000),
        text_input("s", "y"),
        content_end("s"),
    ],
    "SYSTEM_SPEECH beside the system prompt": [
        *BEFORE_AUDIO,
        *text("speech", "x", "SYSTEM_SPEECH"),
    ],
    "history, USER first, in turn": [*BEFORE_AUDIO, *history("USER", "ASSISTANT", "USER")],
    "history texts of 1 KB": [*BEFORE_AUDIO, *history("USER", content=LONG)],
    "40 KB of history": [
        *BEFORE_AUDIO,
        text_start("a"),
        *[text_input("a", LONG)] * 40,
        content_end("a"),
    ],
    "an empty audio block": [*opening(), content_end()],
    "audio while a tool runs": [*opening(), audio_input()],
    "audio inside an open tool block": [
        *opening(),
        tool_start("r", "use-1"),
        audio_input(),
        tool_result("r", "{}"),
        content_end("r"),
    ],
    "results of two tools in any order": [
        *opening(),
        *answer("r2", "use-2"),
        *answer("r1", "use-1"),
    ],
    "a result after the microphone was closed": [
        *opening(),
        content_end(),
        *answer("r", "use-1"),
    ],
    "a microphone that is never closed": [*opening(), audio_input(), prompt_end(), session_end()],
    "connectionEnd in place of sessionEnd": [
        *opening(),
        content_end(),
        prompt_end(),
        {"connectionEnd": {}},
    ],
    "a session without a prompt": [session_start(), session_end()],
    "a prompt that never had audio": [*BEFORE_AUDIO, prompt_end(), session_end()],
    "8 kHz both ways": [session_start(), prompt_start(rate_hz=8000), audio_start(rate_hz=8000)],
    "each sensitivity": [sensitivity("LOW")],
    "an interactive text of any size": [*opening(), *typed("t", "x" * 5000)],
    "whole numbers where fractions may stand": [
        changed(session_start(), "sessionStart.inferenceConfiguration.temperature", 0)
    ],
}

REFUSED = {
    "nothing before sessionStart": (INVALID_INPUT, [prompt_start()]),
    "sessionEnd of nothing": (INVALID_INPUT, [session_end()]),
    "sessionStart once": (INVALID_INPUT, [session_start(), session_start()]),
    "promptStart once": (INVALID_INPUT, [*BEGUN, prompt_start()]),
    "no block before promptStart": (INVALID_INPUT, [session_start(), text_start("a")]),
    "an unknown promptName": (
        INVALID_INPUT,
        [*BEGUN, changed(text_start("a"), "contentStart.promptName", "other")],
    ),
    "a voice of another model": (INVALID_INPUT, [session_start(), prompt_start(voice="greta")]),
    "a flat endpointingSensitivity": (
        INVALID_INPUT,
        [session_start(endpointingSensitivity="HIGH")],
    ),
    "an unknown sensitivity": (INVALID_INPUT, [sensitivity("high")]),
    "no voice": (
        INVALID_INPUT,
        [session_start(), changed(prompt_start(), f"{AUDIO_OUT}.voiceId", ...)],
    ),
    "no audio configuration": (
        INVALID_INPUT,
        [session_start(), changed(prompt_start(), AUDIO_OUT, ...)],
    ),
    "an output rate that doesn't exist": (
        INVALID_INPUT,
        [session_start(), prompt_start(rate_hz=48000)],
    ),
    "an input rate that doesn't exist": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, audio_start(rate_hz=44100)],
    ),
    "stereo": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, changed(audio_start(), f"{AUDIO_IN}.channelCount", 2)],
    ),
    "true is no number": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, changed(audio_start(), f"{AUDIO_IN}.channelCount", True)],
    ),
    "a tool's schema as an object": (
        UNPARSABLE,
        [
            session_start(),
            prompt_start(toolConfiguration={"tools": [tool("a", {"type": "object"})]}),
        ],
    ),
    "a tool's schema that isn't JSON": (
        INVALID_INPUT,
        [session_start(), prompt_start(toolConfiguration={"tools": [tool("a", "{")]})],
    ),
    "an unknown toolChoice": (
        INVALID_INPUT,
        [session_start(), prompt_start(toolConfiguration={"toolChoice": {"none": {}}})],
    ),
    "an unknown field": (INVALID_INPUT, [changed(session_start(), "sessionStart.voice", "x")]),
    "an unknown event": (INVALID_INPUT, [session_start(), {"APP_CUSTOM_state_update": {}}]),
    "two events in one": (INVALID_INPUT, [{**session_start(), **prompt_start()}]),
    "an unknown type of block": (
        INVALID_INPUT,
        [*BEGUN, changed(text_start("a"), "contentStart.type", "VIDEO")],
    ),
    "an unknown role": (INVALID_INPUT, [*BEGUN, text_start("a", "NARRATOR")]),
    "topP over 1": (
        INVALID_INPUT,
        [changed(session_start(), "sessionStart.inferenceConfiguration.topP", 1.1)],
    ),
    "no tokens": (
        INVALID_INPUT,
        [changed(session_start(), "sessionStart.inferenceConfiguration.maxTokens", 0)],
    ),
    "a second system prompt": (INVALID_INPUT, [*BEFORE_AUDIO, text_start("s2", "SYSTEM")]),
    "a system prompt behind history": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, *history("USER"), text_start("s2", "SYSTEM_SPEECH")],
    ),
    "history before the system prompt": (INVALID_INPUT, [*BEGUN, text_start("a")]),
    "history where the assistant is first": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a", "ASSISTANT")],
    ),
    "history where one speaks twice": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, *history("USER"), text_start("a")],
    ),
    "a history text over 1 KB": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), text_input("a", TOO_LONG)],
    ),
    "history over 40 KB": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), *[text_input("a", LONG)] * 40, text_input("a", "x")],
    ),
    "history after the audio began": (LATE_HISTORY, [*opening(), text_start("a")]),
    "audio inside a block of text": (
        LATE_HISTORY,
        [*opening(), text_start("a", interactive=True), audio_input()],
    ),
    "the microphone inside a block of text": (
        LATE_HISTORY,
        [*BEFORE_AUDIO, text_start("a"), audio_start()],
    ),
    "a block inside a block of text": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), text_start("b", "ASSISTANT")],
    ),
    "interactive text by the assistant": (
        INVALID_INPUT,
        [*opening(), text_start("a", "ASSISTANT", interactive=True)],
    ),
    "interactive text after the microphone was closed": (
        INVALID_INPUT,
        [*opening(), content_end(), text_start("a", interactive=True)],
    ),
    "a second microphone": (INVALID_INPUT, [*opening(), audio_start("other")]),
    "a microphone opened again": (INVALID_INPUT, [*opening(), content_end(), audio_start("other")]),
    "a contentName used before": (INVALID_INPUT, [*BEFORE_AUDIO, text_start("system")]),
    "audio without a block": (INVALID_INPUT, [*BEFORE_AUDIO, audio_input()]),
    "audio after its block": (INVALID_INPUT, [*opening(), content_end(), audio_input()]),
    "audio into a text's block": (
        INVALID_INPUT,
        [*opening(), tool_start("r", "use-1"), audio_input(name="r")],
    ),
    "audio of half a sample": (INVALID_INPUT, [*opening(), audio_input(bytes(13))]),
    "audio that isn't base64": (
        INVALID_INPUT,
        [*opening(), changed(audio_input(), "audioInput.content", "[object Blob]")],
    ),
    "text without a block": (INVALID_INPUT, [*BEFORE_AUDIO, text_input("a", "x")]),
    "a block of text with nothing inside": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), content_end("a")],
    ),
    "a tool's block with nothing inside": (
        INVALID_INPUT,
        [*opening(), tool_start("r", "use-1"), content_end("r")],
    ),
    "contentEnd of nothing": (INVALID_INPUT, [*BEFORE_AUDIO, content_end("a")]),
    "a block closed twice": (INVALID_INPUT, [*opening(), content_end(), content_end()]),
    "a result nobody asked for": (INVALID_INPUT, [*opening(), tool_start("r", "use-9")]),
    "a second result for a tool": (
        INVALID_INPUT,
        [*opening(), *answer("r", "use-1"), tool_start("r2", "use-1")],
    ),
    "two results in one block": (
        INVALID_INPUT,
        [*opening(), tool_start("r", "use-1"), *[tool_result("r", "{}")] * 2],
    ),
    "a result in prose": (
        TOOL_RESULT,
        [*opening(), tool_start("r", "use-1"), tool_result("r", "El pedido está en camino")],
    ),
    "a result that is a list": (
        TOOL_RESULT,
        [*opening(), tool_start("r", "use-1"), tool_result("r", "[]")],
    ),
    "a result with NaN": (
        TOOL_RESULT,
        [*opening(), tool_start("r", "use-1"), tool_result("r", '{"a": NaN}')],
    ),
    "text in place of a result": (
        TOOL_RESULT,
        [*opening(), tool_start("r", "use-1"), text_input("r", "{}")],
    ),
    "a tool's block by the USER": (
        TOOL_RESULT,
        [*opening(), tool_start("r", "use-1", role="USER")],
    ),
    "a tool's block without a media type": (
        TOOL_RESULT,
        [*opening(), changed(tool_start("r", "use-1"), f"{RESULT}.textInputConfiguration", ...)],
    ),
    "promptEnd inside a block of text": (
        INVALID_INPUT,
        [*opening(), text_start("a", interactive=True), prompt_end()],
    ),
    "promptEnd twice": (INVALID_INPUT, [*opening(), prompt_end(), prompt_end()]),
    "sessionEnd inside the prompt": (INVALID_INPUT, [*opening(), session_end()]),
    "anything after sessionEnd": (INVALID_INPUT, [*opening(), *closing(), session_start()]),
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


@pytest.mark.parametrize("events", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_it_lives_with(events):
    play(rules(), events)


@pytest.mark.parametrize(("failure", "events"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses_the_last_of_these_events_and_none_before(failure, events):
    machine = rules()
    play(machine, events[:-1])
    with pytest.raises(RefusedError) as caught:
        machine.receive(raw(events[-1]))
    assert caught.value.failure == failure


@pytest.mark.parametrize(("failure", "payload"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_it_refuses_what_is_no_event(failure, payload):
    with pytest.raises(RefusedError) as caught:
        rules().receive(payload)
    assert caught.value.failure == failure


FIRST_MODEL_REFUSES = {
    "turn detection": [sensitivity("HIGH")],
    "the second model's voice": [session_start(), prompt_start(voice="tina")],
    "SYSTEM_SPEECH": [*BEGUN, text_start("s", "SYSTEM_SPEECH")],
    "promptEnd of a prompt that never had audio": [*BEFORE_AUDIO, prompt_end()],
    "more than 40 messages of history": [
        *BEFORE_AUDIO,
        *history(*["USER", "ASSISTANT"] * 20),
        text_start("a"),
    ],
}


@pytest.mark.parametrize("events", FIRST_MODEL_REFUSES.values(), ids=FIRST_MODEL_REFUSES.keys())
def test_the_first_model_refuses_what_the_later_ones_take(events):
    machine = rules(V1)
    play(machine, events[:-1])
    with pytest.raises(RefusedError):
        machine.receive(raw(events[-1]))
    for later in (V2, V25):
        if "promptStart" not in events[-1]:
            play(rules(later), events)


def test_each_model_has_its_own_german_voice():
    play(rules(V1), [session_start(), prompt_start(voice="greta")])
    play(rules(V2), [session_start(), prompt_start(voice="tina")])


def test_a_report_of_deafness_during_tools_can_be_imitated():
    machine = rules(deaf_during_tools=True)
    play(machine, opening())
    with pytest.raises(RefusedError, match="while a tool runs"):
        machine.receive(raw(audio_input()))
    for number in (1, 2, 3):
        play(machine, answer(f"r{number}", f"use-{number}"))
    machine.receive(raw(audio_input()))


@pytest.mark.parametrize(("failure", "events"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_event_changes_nothing(failure, events):
    refused, spared = rules(), rules()
    play(refused, events[:-1])
    play(spared, events[:-1])
    with pytest.raises(RefusedError):
        refused.receive(raw(events[-1]))
    assert state_of(refused) == state_of(spared)


def state_of(machine: SessionRules) -> tuple[object, ...]:
    blocks = {name: (block.start, block.filled) for name, block in machine._blocks.items()}
    past = (list(machine._history.roles), machine._history.total_bytes)
    return (
        machine.stage,
        machine.audio_begun,
        blocks,
        machine._names_used,
        past,
        machine.open_tool_uses,
    )


def test_events_are_read_as_they_were_written():
    machine = rules()
    assert machine.receive(raw(sensitivity("LOW"))) == SessionStart(sensitivity="LOW")
    assert machine.receive(raw(prompt_start(rate_hz=16000, tools=("a", "b")))) == PromptStart(
        prompt_name="prompt-1", voice_id="carlos", rate_hz=16000, tools=("a", "b")
    )
    assert machine.receive(raw(text_start("s", "SYSTEM"))) == TextStart(
        prompt_name="prompt-1", content_name="s", role="SYSTEM", interactive=False
    )


def test_the_stages_follow_each_other():
    machine = rules()
    seen = [machine.stage]
    for event in [*opening(), *closing()]:
        machine.receive(raw(event))
        if machine.stage is not seen[-1]:
            seen.append(machine.stage)
    assert seen == list(Stage)
