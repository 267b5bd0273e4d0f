"""One row per rule: what the service refuses, in which words, and what it lives with."""

import pytest

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import (
    INVALID_INPUT,
    LATE_HISTORY,
    TOOL_RESULT,
    RefusedError,
)
from nova_sonic_simulator.protocol.families import FAMILIES
from nova_sonic_simulator.protocol.rules import SessionRules, Stage
from support.events import (
    Event,
    answer,
    audio_input,
    audio_start,
    changed,
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
    tool_result,
    tool_start,
    typed,
)

pytestmark = pytest.mark.pure

V1, V2, V25 = "amazon.nova-sonic-v1:0", "amazon.nova-2-sonic-v1:0", "amazon.nova-2-5-sonic"
STARTED = [session_start(), prompt_start()]
BEFORE_AUDIO = [*STARTED, *system()]
KB = 1024
LONG = "x" * (50 * KB)
HALF = "x" * (25 * KB)


def rules(model: str = V2, **options: bool) -> SessionRules:
    """Return rules that have three open tool uses, as if the service had asked."""
    machine = SessionRules(FAMILIES[model], **options)
    for tool_use_id in ("use-1", "use-2", "use-3"):
        machine.register_tool_use(tool_use_id)
    return machine


def play(machine: SessionRules, events: list[Event]) -> None:
    for event in events:
        machine.receive(raw(event))


def history(*roles: str, content: str = "Hola.") -> list[Event]:
    numbered = enumerate(roles)
    return [event for n, role in numbered for event in text(f"past-{n}", content, role)]


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
    "interactive true on the system prompt": [*STARTED, *system(interactive=True)],
    "interactive true on history": [
        *BEFORE_AUDIO,
        *text("a", interactive=True),
        *text("b", role="ASSISTANT", interactive=True),
    ],
    "no role on audio": [*BEFORE_AUDIO, audio_start()],
    "role USER on audio": [*BEFORE_AUDIO, audio_start(role="USER")],
    "audio without a system prompt": [*STARTED, audio_start(), audio_input()],
    "a system prompt in pieces of any size": [
        *STARTED,
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
    "a history message of 50 KB": [*BEFORE_AUDIO, *history("USER", content=LONG)],
    "a history message of 50 KB in two pieces": [
        *BEFORE_AUDIO,
        text_start("a"),
        *[text_input("a", HALF)] * 2,
        content_end("a"),
    ],
    "200 KB of history": [*BEFORE_AUDIO, *history(*["USER", "ASSISTANT"] * 2, content=LONG)],
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
    "each sensitivity": [sensitivity("LOW")],
    "an interactive text of any size": [*opening(), *typed("t", "x" * 5000)],
}

REFUSED = {
    "nothing before sessionStart": (INVALID_INPUT, [prompt_start()]),
    "sessionEnd of nothing": (INVALID_INPUT, [session_end()]),
    "sessionStart once": (INVALID_INPUT, [session_start(), session_start()]),
    "promptStart once": (INVALID_INPUT, [*STARTED, prompt_start()]),
    "no block before promptStart": (INVALID_INPUT, [session_start(), text_start("a")]),
    "an unknown promptName": (
        INVALID_INPUT,
        [*STARTED, changed(text_start("a"), "contentStart.promptName", "other")],
    ),
    "a voice of another model": (INVALID_INPUT, [session_start(), prompt_start(voice="greta")]),
    "a second system prompt": (INVALID_INPUT, [*BEFORE_AUDIO, text_start("s2", "SYSTEM")]),
    "a system prompt behind history": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, *history("USER"), text_start("s2", "SYSTEM_SPEECH")],
    ),
    "history before the system prompt": (INVALID_INPUT, [*STARTED, text_start("a")]),
    "history where the assistant is first": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a", "ASSISTANT")],
    ),
    "history where one speaks twice": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, *history("USER"), text_start("a")],
    ),
    "a history message over 50 KB": (
        INVALID_INPUT,
        [*BEFORE_AUDIO, text_start("a"), *[text_input("a", HALF)] * 2, text_input("a", "x")],
    ),
    "history over 200 KB": (
        INVALID_INPUT,
        [
            *BEFORE_AUDIO,
            *history(*["USER", "ASSISTANT"] * 2, content=LONG),
            text_start("a"),
            text_input("a", "x"),
        ],
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
    "text in place of a result": (
        TOOL_RESULT,
        [*opening(), tool_start("r", "use-1"), text_input("r", "{}")],
    ),
    "promptEnd inside a block of text": (
        INVALID_INPUT,
        [*opening(), text_start("a", interactive=True), prompt_end()],
    ),
    "promptEnd twice": (INVALID_INPUT, [*opening(), prompt_end(), prompt_end()]),
    "sessionEnd inside the prompt": (INVALID_INPUT, [*opening(), session_end()]),
    "anything after sessionEnd": (INVALID_INPUT, [*opening(), *closing(), session_start()]),
}


@pytest.mark.parametrize("events", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_it_lives_with(events: list[Event]) -> None:
    play(rules(), events)


@pytest.mark.parametrize(("failure", "events"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses_the_last_of_these_events_and_none_before(
    failure: Failure, events: list[Event]
) -> None:
    machine = rules()
    play(machine, events[:-1])
    with pytest.raises(RefusedError) as caught:
        machine.receive(raw(events[-1]))
    assert caught.value.failure == failure


FIRST_MODEL_REFUSES = {
    "turn detection": [sensitivity("HIGH")],
    "the second model's voice": [session_start(), prompt_start(voice="tina")],
    "SYSTEM_SPEECH": [*STARTED, text_start("s", "SYSTEM_SPEECH")],
    "promptEnd of a prompt that never had audio": [*BEFORE_AUDIO, prompt_end()],
    "more than 40 messages of history": [
        *BEFORE_AUDIO,
        *history(*["USER", "ASSISTANT"] * 20),
        text_start("a"),
    ],
    "a history textInput over 1 KB": [
        *BEFORE_AUDIO,
        text_start("a"),
        text_input("a", "x" * (KB + 1)),
    ],
    "history over 40 KB": [
        *BEFORE_AUDIO,
        text_start("a"),
        *[text_input("a", "x" * KB)] * 40,
        text_input("a", "x"),
    ],
}


@pytest.mark.parametrize("events", FIRST_MODEL_REFUSES.values(), ids=FIRST_MODEL_REFUSES.keys())
def test_the_first_model_refuses_what_the_later_ones_take(events: list[Event]) -> None:
    machine = rules(V1)
    play(machine, events[:-1])
    with pytest.raises(RefusedError):
        machine.receive(raw(events[-1]))
    for later in (V2, V25):
        if "promptStart" not in events[-1]:
            play(rules(later), events)


def test_each_model_has_its_own_german_voice() -> None:
    play(rules(V1), [session_start(), prompt_start(voice="greta")])
    play(rules(V2), [session_start(), prompt_start(voice="tina")])


def test_audio_during_tools_can_be_rejected() -> None:
    machine = rules(reject_audio_during_tools=True)
    play(machine, opening())
    with pytest.raises(RefusedError, match="while a tool runs"):
        machine.receive(raw(audio_input()))
    for number in (1, 2, 3):
        play(machine, answer(f"r{number}", f"use-{number}"))
    machine.receive(raw(audio_input()))


@pytest.mark.parametrize(("failure", "events"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_event_changes_nothing(failure: Failure, events: list[Event]) -> None:
    refused, spared = rules(), rules()
    play(refused, events[:-1])
    play(spared, events[:-1])
    with pytest.raises(RefusedError):
        refused.receive(raw(events[-1]))
    assert state_of(refused) == state_of(spared)


def state_of(machine: SessionRules) -> tuple[object, ...]:
    blocks = {name: (block.start, block.filled) for name, block in machine._blocks.items()}
    past = (
        list(machine._history.roles),
        machine._history.total_bytes,
        machine._history.message_bytes,
    )
    return (
        machine.stage,
        machine.audio_started,
        blocks,
        machine._names_used,
        past,
        machine.pending_tool_uses,
    )


def test_the_stages_follow_each_other() -> None:
    machine = rules()
    seen = [machine.stage]
    for event in [*opening(), *closing()]:
        machine.receive(raw(event))
        if machine.stage is not seen[-1]:
            seen.append(machine.stage)
    assert seen == list(Stage)
