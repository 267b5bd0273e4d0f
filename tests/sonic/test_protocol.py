"""The protocol lets through what the service accepts, in whole blocks, and nothing else.

The laws at the end are checked against two judges that share nothing with the protocol: a
walk over the payloads, and the simulator's rules, which are written from AWS's documents.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.families import FAMILIES
from simulator.rules import SessionRules
from tests.sonic import service
from voice.sonic.errors import LocalProtocolError, RemoteProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
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
    ToolUse,
    Unknown,
)
from voice.sonic.protocol import MAX_TEXT_BYTES, SessionState, SonicProtocol, split_text

pytestmark = pytest.mark.pure

MICROPHONE = {"prompt_name": "p", "content_name": "mic"}
START = SessionStart(max_tokens=1024, top_p=0.9, temperature=0.7)
PROMPT = PromptStart(prompt_name="p", voice_id="carlos", output_rate_hz=24_000)
OPEN_MICROPHONE = AudioContentStart(**MICROPHONE, input_rate_hz=16_000)
AUDIO = AudioInput(**MICROPHONE, pcm=b"\x01\x02")


def protocol_in(state: SessionState) -> SonicProtocol:
    """Bring a session to ``state`` by the way every call takes."""
    protocol = SonicProtocol()
    steps: dict[SessionState, Callable[[], None]] = {
        SessionState.NEW: lambda: None,
        SessionState.STARTED: lambda: protocol.send(START),
        SessionState.PROMPTED: lambda: protocol.send(PROMPT),
        SessionState.INSTRUCTED: lambda: say(protocol, "system", Role.SYSTEM),
        SessionState.LISTENING: lambda: protocol.send(OPEN_MICROPHONE),
        SessionState.MUTED: lambda: protocol.send(ContentEnd(**MICROPHONE)),
        SessionState.PROMPT_ENDED: lambda: protocol.send(PromptEnd(prompt_name="p")),
        SessionState.ENDED: lambda: protocol.send(SessionEnd()),
    }
    for reached, step in steps.items():
        step()
        assert protocol.state is reached
        if reached is state:
            break
    protocol.payloads_to_send()
    return protocol


def say(
    protocol: SonicProtocol, name: str, role: Role, text: str = "hola", *, interactive: bool = False
) -> None:
    protocol.send_text(content_name=name, role=role, text=text, interactive=interactive)


def ask(protocol: SonicProtocol, tool_use_id: str = "u-1") -> None:
    protocol.receive_payload(service.tool_use("t", tool_use_id, "{}"))


def answer(protocol: SonicProtocol, name: str, tool_use_id: str = "u-1") -> None:
    protocol.send_tool_result(content_name=name, tool_use_id=tool_use_id, result={"ok": True})


def names(protocol: SonicProtocol) -> list[str]:
    return [name for name, _ in service.sent(protocol.payloads_to_send())]


def refuses(protocol: SonicProtocol, event: InputEvent) -> bool:
    """Say whether the protocol refuses ``event``; if it does, nothing may have changed."""
    before = (protocol.state, dict(protocol.open_tool_uses))
    try:
        protocol.send(event)
    except LocalProtocolError:
        assert (protocol.state, dict(protocol.open_tool_uses)) == before
        assert protocol.payloads_to_send() == []
        return True
    return False


# The way of a whole session.


def test_a_session_is_sent_in_the_services_order() -> None:
    protocol = SonicProtocol()
    protocol.send(START)
    protocol.send(PROMPT)
    say(protocol, "s", Role.SYSTEM)
    say(protocol, "h1", Role.USER)
    say(protocol, "h2", Role.ASSISTANT)
    protocol.send(OPEN_MICROPHONE)
    protocol.send(AUDIO)
    say(protocol, "l", Role.USER, interactive=True)
    protocol.close()
    block = ["contentStart", "textInput", "contentEnd"]
    assert names(protocol) == [
        *["sessionStart", "promptStart", *block, *block, *block],
        *["contentStart", "audioInput", *block],
        *["contentEnd", "promptEnd", "sessionEnd"],
    ]


STEPS: dict[str, InputEvent] = {
    "sessionStart": START,
    "promptStart": PROMPT,
    "system": TextContentStart(
        prompt_name="p", content_name="x", role=Role.SYSTEM, interactive=False
    ),
    "history": TextContentStart(
        prompt_name="p", content_name="x", role=Role.USER, interactive=False
    ),
    "microphone": AudioContentStart(prompt_name="p", content_name="x", input_rate_hz=16_000),
    "audio": AUDIO,
    "live": TextContentStart(prompt_name="p", content_name="x", role=Role.USER, interactive=True),
    "mute": ContentEnd(**MICROPHONE),
    "promptEnd": PromptEnd(prompt_name="p"),
    "sessionEnd": SessionEnd(),
}
ALLOWED: dict[SessionState, set[str]] = {
    SessionState.NEW: {"sessionStart"},
    SessionState.STARTED: {"promptStart"},
    SessionState.PROMPTED: {"system"},
    SessionState.INSTRUCTED: {"history", "microphone"},
    SessionState.LISTENING: {"audio", "live", "mute"},
    SessionState.MUTED: {"promptEnd"},
    SessionState.PROMPT_ENDED: {"sessionEnd"},
    SessionState.ENDED: set(),
}


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("step", STEPS)
def test_each_state_allows_its_steps_and_no_others(state: SessionState, step: str) -> None:
    assert refuses(protocol_in(state), STEPS[step]) is (step not in ALLOWED[state])


# Blocks.


@pytest.fixture
def listening() -> SonicProtocol:
    return protocol_in(SessionState.LISTENING)


def test_while_a_text_block_is_open_only_its_own_events_pass(listening: SonicProtocol) -> None:
    block = {"prompt_name": "p", "content_name": "b"}
    text = TextInput(**block, content="hola")
    end = ContentEnd(**block)
    listening.send(TextContentStart(**block, role=Role.USER, interactive=True))
    assert names(listening) == ["contentStart"]
    for event in (
        AUDIO,
        ContentEnd(**MICROPHONE),
        end,  # empty
        TextContentStart(prompt_name="p", content_name="b2", role=Role.USER, interactive=True),
        TextInput(prompt_name="p", content_name="mic", content="hola"),
        TextInput(prompt_name="q", content_name="b", content="hola"),
        ToolResult(**block, content="{}"),
        PromptEnd(prompt_name="p"),
        SessionEnd(),
    ):
        assert refuses(listening, event)
    for event in (text, text, end, AUDIO):
        assert not refuses(listening, event)


def test_a_tool_block_holds_exactly_one_result(listening: SonicProtocol) -> None:
    ask(listening)
    block = {"prompt_name": "p", "content_name": "b"}
    result, end = ToolResult(**block, content="{}"), ContentEnd(**block)
    listening.send(ToolContentStart(**block, tool_use_id="u-1"))
    assert names(listening) == ["contentStart"]
    for event in (end, TextInput(**block, content="hola"), AUDIO):
        assert refuses(listening, event)
    assert not refuses(listening, result)
    assert not listening.open_tool_uses
    listening.payloads_to_send()
    assert refuses(listening, result)
    assert not refuses(listening, end)


def test_a_content_name_is_used_once(listening: SonicProtocol) -> None:
    say(listening, "b", Role.USER, interactive=True)
    listening.payloads_to_send()
    for name in ("b", "mic", "system"):
        with pytest.raises(LocalProtocolError):
            say(listening, name, Role.USER, interactive=True)
    assert listening.payloads_to_send() == []


def test_another_prompts_events_are_refused(listening: SonicProtocol) -> None:
    for event in (
        AudioInput(prompt_name="q", content_name="mic", pcm=b"\x01\x02"),
        AudioInput(prompt_name="p", content_name="other", pcm=b"\x01\x02"),
        ContentEnd(prompt_name="q", content_name="mic"),
        PromptEnd(prompt_name="q"),
        TextContentStart(prompt_name="q", content_name="b", role=Role.USER, interactive=True),
    ):
        assert refuses(listening, event)


def test_content_events_outside_any_block_are_refused(listening: SonicProtocol) -> None:
    block = {"prompt_name": "p", "content_name": "b"}
    for event in (
        TextInput(**block, content="hola"),
        ToolResult(**block, content="{}"),
        ContentEnd(**block),
    ):
        assert refuses(listening, event)


def test_the_system_prompt_comes_once() -> None:
    protocol = protocol_in(SessionState.INSTRUCTED)
    with pytest.raises(LocalProtocolError):
        say(protocol, "again", Role.SYSTEM)


def test_history_begins_with_the_customer_and_takes_turns() -> None:
    protocol = protocol_in(SessionState.INSTRUCTED)
    with pytest.raises(LocalProtocolError):
        say(protocol, "a", Role.ASSISTANT)
    say(protocol, "b", Role.USER)
    with pytest.raises(LocalProtocolError):
        say(protocol, "c", Role.USER)
    say(protocol, "d", Role.ASSISTANT)
    with pytest.raises(LocalProtocolError):
        say(protocol, "e", Role.ASSISTANT)
    say(protocol, "f", Role.USER)


@pytest.mark.parametrize(
    ("size", "pieces"), [(1, 1), (MAX_TEXT_BYTES, 1), (MAX_TEXT_BYTES + 1, 2), (5_000, 5)]
)
def test_long_text_is_several_inputs_of_one_block(size: int, pieces: int) -> None:
    protocol = protocol_in(SessionState.PROMPTED)
    say(protocol, "s", Role.SYSTEM, "x" * size)
    start, *inputs, end = service.sent(protocol.payloads_to_send())
    assert (start[0], end[0]) == ("contentStart", "contentEnd")
    assert [name for name, _ in inputs] == ["textInput"] * pieces
    assert "".join(body["content"] for _, body in inputs) == "x" * size


@given(st.text(), st.integers(min_value=4, max_value=40))
def test_text_is_cut_between_characters_and_nothing_is_lost(text: str, limit_bytes: int) -> None:
    pieces = list(split_text(text, limit_bytes))
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= limit_bytes for piece in pieces)
    assert len(pieces) <= 1 + len(text.encode()) // (limit_bytes - 3)


@pytest.mark.parametrize("text", ["", "\ud800"])
def test_a_text_block_that_cannot_be_sent_changes_nothing(
    listening: SonicProtocol, text: str
) -> None:
    with pytest.raises(LocalProtocolError):
        say(listening, "b", Role.USER, text, interactive=True)
    assert listening.payloads_to_send() == []
    say(listening, "b", Role.USER, interactive=True)


# Tool uses.


def test_a_tool_result_travels_whole_while_the_microphone_is_open(listening: SonicProtocol) -> None:
    ask(listening)
    listening.send(AUDIO)
    answer(listening, "r")
    listening.send(AUDIO)
    sent = service.sent(listening.payloads_to_send())
    assert [name for name, _ in sent] == [
        *["audioInput", "contentStart", "toolResult", "contentEnd", "audioInput"]
    ]
    assert sent[1][1]["toolResultInputConfiguration"]["toolUseId"] == "u-1"
    assert json.loads(sent[2][1]["content"]) == {"ok": True}


def test_tool_uses_are_answered_in_any_order_and_each_once(listening: SonicProtocol) -> None:
    for tool_use_id in ("u-1", "u-2", "u-3"):
        ask(listening, tool_use_id)
    assert list(listening.open_tool_uses) == ["u-1", "u-2", "u-3"]
    assert listening.open_tool_uses["u-2"].name == "consultarOrder"
    answer(listening, "a", "u-2")
    answer(listening, "b", "u-1")
    assert list(listening.open_tool_uses) == ["u-3"]
    for tool_use_id in ("u-1", "u-2", "u-4"):
        with pytest.raises(LocalProtocolError):
            answer(listening, "c", tool_use_id)


@pytest.mark.parametrize("result", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}])
def test_a_result_that_is_no_json_changes_nothing(
    listening: SonicProtocol, result: dict[str, Any]
) -> None:
    ask(listening)
    with pytest.raises(LocalProtocolError):
        listening.send_tool_result(content_name="r", tool_use_id="u-1", result=result)
    assert list(listening.open_tool_uses) == ["u-1"]
    assert listening.payloads_to_send() == []
    answer(listening, "r")


def test_a_view_of_the_open_tool_uses_cannot_be_written(listening: SonicProtocol) -> None:
    view: Any = listening.open_tool_uses
    with pytest.raises(TypeError):
        view["u"] = ToolUse(content_id="c", tool_use_id="u", name="n", content="{}")


# Receiving.


def test_events_are_taken_once(listening: SonicProtocol) -> None:
    listening.receive_payload(service.completion_start())
    assert len(listening.events_received()) == 1
    assert listening.events_received() == []


def test_unknown_events_are_counted(listening: SonicProtocol) -> None:
    listening.receive_payload(service.payload("novelty"))
    assert listening.events_received() == [Unknown(name="novelty")]
    assert listening.unknown_events == {"novelty": 1}


def test_an_unreadable_payload_is_a_remote_error_and_the_next_one_is_read(
    listening: SonicProtocol,
) -> None:
    with pytest.raises(RemoteProtocolError):
        listening.receive_payload(b"hola")
    assert listening.events_received() == []
    ask(listening)
    assert len(listening.events_received()) == 1


def test_a_stream_that_ends_before_the_session_is_a_remote_error(listening: SonicProtocol) -> None:
    with pytest.raises(RemoteProtocolError):
        listening.receive_eof()
    assert refuses(listening, AUDIO)
    with pytest.raises(RemoteProtocolError):
        listening.receive_payload(service.completion_end())


def test_a_stream_that_ends_after_the_session_is_no_error(listening: SonicProtocol) -> None:
    listening.close()
    listening.receive_payload(service.completion_end())
    listening.receive_eof()
    assert len(listening.events_received()) == 1


# Closing.


@pytest.mark.parametrize(
    ("state", "farewell"),
    [
        (SessionState.NEW, []),
        (SessionState.STARTED, []),
        (SessionState.PROMPTED, []),
        (SessionState.INSTRUCTED, []),
        (SessionState.LISTENING, ["contentEnd", "promptEnd", "sessionEnd"]),
        (SessionState.MUTED, ["promptEnd", "sessionEnd"]),
        (SessionState.PROMPT_ENDED, ["sessionEnd"]),
        (SessionState.ENDED, []),
    ],
)
def test_closing_says_goodbye_as_far_as_that_is_legal(
    state: SessionState, farewell: list[str]
) -> None:
    protocol = protocol_in(state)
    assert protocol.close() == ()
    assert names(protocol) == farewell
    assert protocol.state is SessionState.ENDED
    assert refuses(protocol, START)


def test_closing_ends_an_open_block_if_it_may_be_ended(listening: SonicProtocol) -> None:
    block = {"prompt_name": "p", "content_name": "b"}
    listening.send(TextContentStart(**block, role=Role.USER, interactive=True))
    listening.send(TextInput(**block, content="hola"))
    listening.payloads_to_send()
    listening.close()
    assert names(listening) == ["contentEnd", "contentEnd", "promptEnd", "sessionEnd"]


def test_closing_within_an_empty_block_says_nothing(listening: SonicProtocol) -> None:
    listening.send(
        TextContentStart(prompt_name="p", content_name="b", role=Role.USER, interactive=True)
    )
    listening.payloads_to_send()
    listening.close()
    assert names(listening) == []


def test_closing_keeps_what_is_queued(listening: SonicProtocol) -> None:
    listening.send(AUDIO)
    listening.close()
    assert names(listening)[0] == "audioInput"


def test_tool_uses_that_nobody_answered_are_reported_once(listening: SonicProtocol) -> None:
    for tool_use_id in ("u-1", "u-2", "u-3"):
        ask(listening, tool_use_id)
    answer(listening, "r", "u-2")
    assert listening.close() == ("u-1", "u-3")
    assert listening.close() == ()
    assert not listening.open_tool_uses


def test_a_tool_use_after_the_end_is_heard_but_cannot_be_answered(listening: SonicProtocol) -> None:
    listening.close()
    ask(listening)
    assert len(listening.events_received()) == 1
    with pytest.raises(LocalProtocolError):
        answer(listening, "r")


# Laws.


@dataclass(frozen=True)
class Say:
    name: str
    role: Role
    interactive: bool

    def do(self, protocol: SonicProtocol) -> None:
        say(protocol, self.name, self.role, "hola" * 400, interactive=self.interactive)


@dataclass(frozen=True)
class Answer:
    name: str
    tool_use_id: str

    def do(self, protocol: SonicProtocol) -> None:
        answer(protocol, self.name, self.tool_use_id)


@dataclass(frozen=True)
class Send:
    event: InputEvent

    def do(self, protocol: SonicProtocol) -> None:
        protocol.send(self.event)


type Action = Say | Answer | Send | str  # a string: the service asks for that tool
type Wire = list[tuple[str | None, bytes]]

CONTENTS = st.sampled_from(["mic", "b1", "b2", "b3", "b4"])
TOOL_USES = st.sampled_from(["u-1", "u-2", "u-3"])
PROMPTS = st.sampled_from(["p", "p", "p", "q"])
NAMED = {"prompt_name": PROMPTS, "content_name": CONTENTS}


def text_start(
    *, prompt_name: str, content_name: str, role: Role, interactive: bool
) -> TextContentStart:
    live = interactive and role is Role.USER
    return TextContentStart(
        prompt_name=prompt_name, content_name=content_name, role=role, interactive=live
    )


SPEAKERS = st.sampled_from([Role.SYSTEM, Role.USER, Role.ASSISTANT])
EVENTS = st.one_of(
    st.just(START),
    st.just(PROMPT),
    st.builds(AudioContentStart, **NAMED, input_rate_hz=st.just(16_000)),
    st.builds(text_start, **NAMED, role=SPEAKERS, interactive=st.booleans()),
    st.builds(ToolContentStart, **NAMED, tool_use_id=TOOL_USES),
    st.builds(AudioInput, **NAMED, pcm=st.just(b"\x01\x02")),
    st.builds(TextInput, **NAMED, content=st.just("hola")),
    st.builds(ToolResult, **NAMED, content=st.just("{}")),
    st.builds(ContentEnd, **NAMED),
    st.builds(PromptEnd, prompt_name=PROMPTS),
    st.just(SessionEnd()),
)
ACTIONS = st.one_of(
    EVENTS.map(Send),
    st.just(Send(AUDIO)),
    st.builds(Say, CONTENTS, st.just(Role.USER), st.booleans()),
    st.builds(Answer, CONTENTS, TOOL_USES),
    TOOL_USES,  # the service asks for a tool
)
OPENINGS = st.sampled_from(
    [
        [],
        [Send(START), Send(PROMPT)],
        [Send(START), Send(PROMPT), Say("s", Role.SYSTEM, False)],
        [Send(START), Send(PROMPT), Say("s", Role.SYSTEM, False), Send(OPEN_MICROPHONE)],
    ]
)
HISTORIES = st.builds(list.__add__, OPENINGS, st.lists(ACTIONS, max_size=60))


def play(protocol: SonicProtocol, actions: list[Action]) -> tuple[list[Action], Wire]:
    """Do the actions; give those that were accepted, and all that went over the wire.

    Of the wire: (id, b"") where the service asked for a tool, (None, payload) what we sent.
    """
    accepted: list[Action] = []
    wire: Wire = []
    asked: set[str] = set()
    for action in actions:
        if isinstance(action, str):
            if action in asked:
                continue
            asked.add(action)
            ask(protocol, action)
            wire.append((action, b""))
        elif not done(protocol, action):
            continue
        accepted.append(action)
        wire += [(None, payload) for payload in protocol.payloads_to_send()]
    return accepted, wire


def done(protocol: SonicProtocol, action: Say | Answer | Send) -> bool:
    try:
        action.do(protocol)
    except LocalProtocolError:
        return False
    return True


@given(HISTORIES)
def test_a_refused_event_changes_nothing(actions: list[Action]) -> None:
    protocol, again = SonicProtocol(), SonicProtocol()
    accepted, wire = play(protocol, actions)
    assert play(again, accepted) == (accepted, wire)
    assert again.state is protocol.state
    assert dict(again.open_tool_uses) == dict(protocol.open_tool_uses)
    assert again.close() == protocol.close()
    assert again.payloads_to_send() == protocol.payloads_to_send()


@given(HISTORIES)
def test_the_service_would_accept_all_that_is_ever_sent(actions: list[Action]) -> None:
    protocol, rules = SonicProtocol(), SessionRules(FAMILIES["amazon.nova-2-sonic-v1:0"])
    _, wire = play(protocol, actions)
    protocol.close()
    farewell: Wire = [(None, payload) for payload in protocol.payloads_to_send()]
    for tool_use_id, payload in wire + farewell:
        if tool_use_id:
            rules.open_tool_use(tool_use_id)
        else:
            rules.receive(payload)


@given(HISTORIES)
def test_audio_never_lies_within_a_block(actions: list[Action]) -> None:
    protocol = SonicProtocol()
    _, wire = play(protocol, actions)
    block = None
    for name, body in service.sent([payload for _, payload in wire if payload]):
        if name == "contentStart" and body["type"] != "AUDIO":
            assert block is None
            block = body["contentName"]
        elif name == "contentEnd" and body["contentName"] == block:
            block = None
        elif block is not None:
            assert (name, body["contentName"]) in {("textInput", block), ("toolResult", block)}


@given(HISTORIES)
def test_every_tool_use_is_answered_or_reported_at_the_end(actions: list[Action]) -> None:
    protocol = SonicProtocol()
    _, wire = play(protocol, actions)
    unanswered = protocol.close()
    asked = [tool_use_id for tool_use_id, _ in wire if tool_use_id]
    answered: set[str] = set()
    open_block = ""
    for name, body in service.sent([payload for _, payload in wire if payload]):
        if name == "contentStart" and body["type"] == "TOOL":
            open_block = body["toolResultInputConfiguration"]["toolUseId"]
        elif name == "toolResult":
            answered.add(open_block)
    settled = answered | asked_after_the_end(wire)
    assert list(unanswered) == [each for each in asked if each not in settled]


def asked_after_the_end(wire: Wire) -> set[str]:
    """Give the tool uses that came after our sessionEnd: nobody could answer them."""
    over, late = False, set[str]()
    for tool_use_id, payload in wire:
        over |= b'"sessionEnd"' in payload
        if tool_use_id and over:
            late.add(tool_use_id)
    return late
