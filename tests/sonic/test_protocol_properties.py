"""Properties of the protocol that hold for every sequence of actions.

Two independent checks: a walk over the payloads, and the simulator's rules, which are written from
AWS's documentation.
"""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.protocol.families import FAMILIES
from nova_sonic_simulator.protocol.rules import SessionRules
from tests.sonic import service
from tests.sonic.sessions import (
    AUDIO,
    AUDIO_START,
    PROMPT,
    START,
    receive_tool_use,
    send_result,
    send_text,
)
from voice.sonic.errors import LocalProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
    InputEvent,
    PromptEnd,
    Role,
    SessionEnd,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
)
from voice.sonic.protocol import SonicProtocol

pytestmark = pytest.mark.pure


@dataclass(frozen=True)
class SendText:
    name: str
    role: Role
    interactive: bool

    def do(self, protocol: SonicProtocol) -> None:
        send_text(protocol, self.name, self.role, "hola" * 400, interactive=self.interactive)


@dataclass(frozen=True)
class SendResult:
    name: str
    tool_use_id: str

    def do(self, protocol: SonicProtocol) -> None:
        send_result(protocol, self.name, self.tool_use_id)


@dataclass(frozen=True)
class Send:
    event: InputEvent

    def do(self, protocol: SonicProtocol) -> None:
        protocol.send(self.event)


type Action = SendText | SendResult | Send | str  # a string: the service sends that tool use
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
    st.builds(SendText, CONTENTS, st.just(Role.USER), st.booleans()),
    st.builds(SendResult, CONTENTS, TOOL_USES),
    TOOL_USES,  # the service sends a tool use
)
OPENINGS = st.sampled_from(
    [
        [],
        [Send(START), Send(PROMPT)],
        [Send(START), Send(PROMPT), SendText("s", Role.SYSTEM, False)],
        [Send(START), Send(PROMPT), SendText("s", Role.SYSTEM, False), Send(AUDIO_START)],
    ]
)
HISTORIES = st.builds(list.__add__, OPENINGS, st.lists(ACTIONS, max_size=60))


def play(protocol: SonicProtocol, actions: list[Action]) -> tuple[list[Action], Wire]:
    """Perform the actions; return those that were accepted, and the traffic.

    The traffic: (id, b"") for a tool use of the service, (None, payload) for a sent payload.
    """
    accepted: list[Action] = []
    wire: Wire = []
    asked: set[str] = set()
    for action in actions:
        if isinstance(action, str):
            if action in asked:
                continue
            asked.add(action)
            receive_tool_use(protocol, action)
            wire.append((action, b""))
        elif not is_accepted(protocol, action):
            continue
        accepted.append(action)
        wire += [(None, payload) for payload in protocol.payloads_to_send()]
    return accepted, wire


def is_accepted(protocol: SonicProtocol, action: SendText | SendResult | Send) -> bool:
    try:
        action.do(protocol)
    except LocalProtocolError:
        return False
    return True


@given(HISTORIES)
def test_refused_event_changes_nothing(actions: list[Action]) -> None:
    protocol, again = SonicProtocol(), SonicProtocol()
    accepted, wire = play(protocol, actions)
    assert play(again, accepted) == (accepted, wire)
    assert again.state is protocol.state
    assert dict(again.open_tool_uses) == dict(protocol.open_tool_uses)
    assert again.close() == protocol.close()
    assert again.payloads_to_send() == protocol.payloads_to_send()


@given(HISTORIES)
def test_simulator_rules_accept_everything_sent(actions: list[Action]) -> None:
    protocol, rules = SonicProtocol(), SessionRules(FAMILIES["amazon.nova-2-sonic-v1:0"])
    _, wire = play(protocol, actions)
    protocol.close()
    closing: Wire = [(None, payload) for payload in protocol.payloads_to_send()]
    for tool_use_id, payload in wire + closing:
        if tool_use_id:
            rules.register_tool_use(tool_use_id)
        else:
            rules.receive(payload)


@given(HISTORIES)
def test_audio_is_never_inside_a_block(actions: list[Action]) -> None:
    protocol = SonicProtocol()
    _, wire = play(protocol, actions)
    block = None
    for name, body in service.decode_sent([payload for _, payload in wire if payload]):
        if name == "contentStart" and body["type"] != "AUDIO":
            assert block is None
            block = body["contentName"]
        elif name == "contentEnd" and body["contentName"] == block:
            block = None
        elif block is not None:
            assert (name, body["contentName"]) in {("textInput", block), ("toolResult", block)}


@given(HISTORIES)
def test_every_tool_use_has_a_result_or_is_reported(actions: list[Action]) -> None:
    protocol = SonicProtocol()
    _, wire = play(protocol, actions)
    unanswered = protocol.close()
    asked = [tool_use_id for tool_use_id, _ in wire if tool_use_id]
    answered: set[str] = set()
    open_block = ""
    for name, body in service.decode_sent([payload for _, payload in wire if payload]):
        if name == "contentStart" and body["type"] == "TOOL":
            open_block = body["toolResultInputConfiguration"]["toolUseId"]
        elif name == "toolResult":
            answered.add(open_block)
    done = answered | tool_uses_after_session_end(wire)
    assert list(unanswered) == [each for each in asked if each not in done]


def tool_uses_after_session_end(wire: Wire) -> set[str]:
    """Return the tool uses received after our sessionEnd: they accept no result."""
    over, late = False, set[str]()
    for tool_use_id, payload in wire:
        over |= b'"sessionEnd"' in payload
        if tool_use_id and over:
            late.add(tool_use_id)
    return late
