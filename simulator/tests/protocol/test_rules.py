"""One row per rule: what the service refuses, in which words, and what it lives with."""

from copy import deepcopy

import pytest

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import (
    RefusedError,
)
from nova_sonic_simulator.protocol.families import FAMILIES
from nova_sonic_simulator.protocol.rules import SessionRules, Stage
from support.broken_rules import (
    BEFORE_AUDIO,
    HALF,
    LONG,
    ORDER,
    ORDER_OF_THE_FIRST_MODEL,
    STARTED,
    history,
)
from support.events import (
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
    tool_result,
    tool_start,
    typed,
)

pytestmark = pytest.mark.pure

V1, V2, V25 = "amazon.nova-sonic-v1:0", "amazon.nova-2-sonic-v1:0", "amazon.nova-2-5-sonic"


def rules(model: str = V2, **options: bool) -> SessionRules:
    """Return rules that have three open tool uses, as if the service had asked."""
    machine = SessionRules(FAMILIES[model], **options)
    for tool_use_id in ("use-1", "use-2", "use-3"):
        machine.register_tool_use(tool_use_id)
    return machine


def play(machine: SessionRules, events: list[Event]) -> None:
    for event in events:
        machine.receive(raw(event))


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


@pytest.mark.parametrize("events", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_it_lives_with(events: list[Event]) -> None:
    play(rules(), events)


@pytest.mark.parametrize(("failure", "events"), ORDER.values(), ids=ORDER.keys())
def test_it_refuses_the_last_of_these_events_and_none_before(
    failure: Failure, events: list[Event]
) -> None:
    machine = rules()
    play(machine, events[:-1])
    with pytest.raises(RefusedError) as caught:
        machine.receive(raw(events[-1]))
    assert caught.value.failure == failure


@pytest.mark.parametrize(
    "events", ORDER_OF_THE_FIRST_MODEL.values(), ids=ORDER_OF_THE_FIRST_MODEL.keys()
)
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


@pytest.mark.parametrize(("failure", "events"), ORDER.values(), ids=ORDER.keys())
def test_a_refused_event_changes_nothing(failure: Failure, events: list[Event]) -> None:
    refused, spared = rules(), rules()
    play(refused, events[:-1])
    play(spared, events[:-1])
    with pytest.raises(RefusedError):
        refused.receive(raw(events[-1]))
    facts = [
        (machine.stage, machine.audio_started, machine.pending_tool_uses)
        for machine in (refused, spared)
    ]
    assert facts[0] == facts[1]
    assert answers_of(refused) == answers_of(spared)


# What may come next, whatever came before: each shows a part of the state.
CONTINUATIONS: list[list[Event]] = [
    [session_start()],
    [prompt_start()],
    *([start(name)] for name in ("a", "b", "new") for start in (text_start, audio_start)),
    *([text_start(name, "ASSISTANT")] for name in ("a", "b", "new")),
    *([text_start(name, "SYSTEM")] for name in ("s2", "new")),
    [text_start("new", "SYSTEM_SPEECH")],
    *([text_start(name, interactive=True)] for name in ("a", "new")),
    *([tool_start(name, use)] for name in ("r", "r2", "new") for use in ("use-1", "use-2")),
    [tool_start("new", "use-9")],
    [audio_input()],
    *([text_input(name, "x")] for name in ("a", "b", "r", "new")),
    *([text_input("a", "x" * 1024)] * count for count in (24, 25, 26, 49, 50, 51)),
    [tool_result("r", "{}")],
    *([content_end(name)] for name in ("a", "b", "r", "system", "new")),
    [content_end()],
    [prompt_end()],
    [session_end()],
]


def answers_of(machine: SessionRules) -> list[Failure | None]:
    """Return the first failure, if any, of each continuation."""
    answers: list[Failure | None] = []
    for events in CONTINUATIONS:
        copied = deepcopy(machine)
        try:
            play(copied, events)
        except RefusedError as refusal:
            answers.append(refusal.failure)
        else:
            answers.append(None)
    return answers


def test_the_stages_follow_each_other() -> None:
    machine = rules()
    seen = [machine.stage]
    for event in [*opening(), *closing()]:
        machine.receive(raw(event))
        if machine.stage is not seen[-1]:
            seen.append(machine.stage)
    assert seen == list(Stage)
