"""The protocol core against the simulator's rules: two implementations of AWS's documents.

Only tests may import both. The rules must accept every event that the core sends, and the core must
parse every event that the simulated service sends.
"""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.protocol.families import FAMILIES
from nova_sonic_simulator.protocol.rules import SessionRules
from support.events import answer, closing, typed
from support.harness import CALL, TWO, World, open_world
from voice.sonic.errors import LocalProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    AudioOutput,
    BargeIn,
    CompletionEnd,
    ContentEnd,
    EndpointingSensitivity,
    InputEvent,
    OutputEvent,
    PlannedText,
    PromptEnd,
    PromptStart,
    Role,
    SessionEnd,
    SessionStart,
    SpokenText,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
    ToolSpec,
    ToolUse,
    Unknown,
    UserText,
)
from voice.sonic.protocol import SessionState, SonicProtocol

pytestmark = pytest.mark.pure

MODEL = "amazon.nova-2-sonic-v1:0"
TOOL_USE_IDS = ("use-1", "use-2")

type Step = Callable[[SonicProtocol], object]

PROMPTS = st.sampled_from(["prompt", "other"])
NAMES = st.sampled_from(["system", "microphone", "a", "b", "c"])
ROLES = st.sampled_from([Role.SYSTEM, Role.USER, Role.ASSISTANT])
TEXTS = st.text(min_size=1, max_size=50)
OBJECTS = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | TEXTS, max_size=3)
TOOLS = st.builds(ToolSpec, name=TEXTS, description=TEXTS, input_schema=OBJECTS.map(json.dumps))
RATES_HZ = st.sampled_from([8000, 16000, 24000])
CONTENT_NAMES = {"prompt_name": PROMPTS, "content_name": NAMES}
EVENTS = (
    st.builds(
        SessionStart,
        max_tokens=st.integers(1, 10_000),
        top_p=st.floats(0, 1),
        temperature=st.floats(0, 1),
        endpointing_sensitivity=st.none() | st.sampled_from(EndpointingSensitivity),
    )
    | st.builds(
        PromptStart,
        prompt_name=PROMPTS,
        voice_id=st.sampled_from(["carlos", "lupe"]),
        output_rate_hz=RATES_HZ,
        tools=st.lists(TOOLS, max_size=2).map(tuple),
    )
    | st.builds(AudioContentStart, **CONTENT_NAMES, input_rate_hz=RATES_HZ)
    | st.builds(TextContentStart, **CONTENT_NAMES, role=ROLES, interactive=st.just(False))
    | st.builds(
        TextContentStart, **CONTENT_NAMES, role=st.just(Role.USER), interactive=st.just(True)
    )
    | st.builds(ToolContentStart, **CONTENT_NAMES, tool_use_id=st.sampled_from(TOOL_USE_IDS))
    | st.builds(AudioInput, **CONTENT_NAMES, pcm=st.just(bytes(64)))
    | st.builds(TextInput, **CONTENT_NAMES, content=TEXTS)
    | st.builds(ToolResult, **CONTENT_NAMES, content=OBJECTS.map(json.dumps))
    | st.builds(ContentEnd, **CONTENT_NAMES)
    | st.builds(PromptEnd, prompt_name=PROMPTS)
    | st.just(SessionEnd())
)
LONG_TEXTS = st.tuples(TEXTS, st.integers(1, 80)).map(lambda pair: pair[0] * pair[1])


def send_event(event: InputEvent) -> Step:
    return lambda core: core.send(event)


def send_text(name: str, role: Role, text: str, interactive: bool) -> Step:
    return lambda core: core.send_text(
        content_name=name, role=role, text=text, interactive=interactive
    )


def send_tool_result(name: str, tool_use_id: str, result: dict[str, object]) -> Step:
    return lambda core: core.send_tool_result(
        content_name=name, tool_use_id=tool_use_id, result=result
    )


STEPS = (
    EVENTS.map(send_event)
    | st.builds(send_text, NAMES, ROLES, LONG_TEXTS, st.booleans())
    | st.builds(send_tool_result, NAMES, st.sampled_from(TOOL_USE_IDS), OBJECTS)
)
SESSION = SessionStart(max_tokens=1024, top_p=0.9, temperature=0.7)
PROMPT = PromptStart(prompt_name="prompt", voice_id="carlos", output_rate_hz=24000)
MICROPHONE = AudioContentStart(prompt_name="prompt", content_name="microphone", input_rate_hz=16000)
OPENING: list[Step] = [
    send_event(SESSION),
    send_event(PROMPT),
    send_text("system", Role.SYSTEM, "Sos un asistente.", False),
    send_event(MICROPHONE),
]


class Pair:
    """The core and the rules, connected; each step of the core is checked by the rules."""

    def __init__(self) -> None:
        self.core = SonicProtocol()
        self.rules = SessionRules(FAMILIES[MODEL])

    def request_tools(self) -> None:
        for tool_use_id in TOOL_USE_IDS:
            fields = {
                "sessionId": "s",
                "promptName": "prompt",
                "completionId": "c",
                "contentId": tool_use_id,
                "content": "{}",
                "toolName": "consultarOrder",
                "toolUseId": tool_use_id,
            }
            self.core.receive_payload(json.dumps({"event": {"toolUse": fields}}).encode())
            self.rules.register_tool_use(tool_use_id)

    def run_step(self, step: Step) -> None:
        try:
            step(self.core)
        except LocalProtocolError:
            assert self.core.payloads_to_send() == []
        for payload in self.core.payloads_to_send():
            self.rules.receive(payload)


@given(st.integers(0, len(OPENING)), st.lists(STEPS, max_size=25), st.booleans(), st.booleans())
@example(len(OPENING), [], False, True)
def test_rules_accept_every_event_that_the_core_sends(
    opening_steps: int, steps: list[Step], has_tools: bool, is_closed: bool
) -> None:
    pair = Pair()
    for step in OPENING[:opening_steps]:
        pair.run_step(step)
    if has_tools:
        pair.request_tools()
    for step in steps:
        pair.run_step(step)
    if is_closed:
        pair.run_step(lambda core: core.close())


def test_rules_accept_a_complete_session_of_the_core() -> None:
    pair = Pair()
    for step in OPENING:
        pair.run_step(step)
    pair.request_tools()
    microphone = {"prompt_name": "prompt", "content_name": "microphone"}
    pair.run_step(send_event(AudioInput(**microphone, pcm=bytes(1024))))
    pair.run_step(send_text("typed", Role.USER, "ñandú " * 1000, True))
    for tool_use_id in TOOL_USE_IDS:
        pair.run_step(send_tool_result(tool_use_id, tool_use_id, {"ok": True}))
    pair.run_step(lambda core: core.close())
    assert pair.core.state is SessionState.ENDED
    assert pair.rules.stage.name == "ENDED"
    assert pair.rules.pending_tool_uses == []


def parsed_events(world: World) -> list[OutputEvent]:
    """Return the events that the core parses from everything that the service has sent."""
    core = SonicProtocol()
    for name, fields in world.sent:
        core.receive_payload(json.dumps({"event": {name: fields}}).encode())
    return core.events_received()


def test_core_parses_every_event_that_the_service_sends() -> None:
    world = open_world(hola=TWO, pedido=CALL)
    world.send(*typed("t1", "hola"))
    world.pass_time(10)
    world.send(*typed("t2", "pedido"))
    world.pass_time(10)
    (use,) = world.fields("toolUse")
    world.send(*answer("r1", use["toolUseId"], '{"status": "listo"}'))
    world.pass_time(1)
    world.speak()
    world.be_silent(2)
    world.pass_time(10)
    world.send(*closing())
    events = parsed_events(world)
    texts = [
        (type(event), event.text)
        for event in events
        if isinstance(event, UserText | PlannedText | SpokenText)
    ]
    assert [event for event in events if isinstance(event, Unknown)] == []
    assert texts[:5] == [
        (UserText, "hola"),
        (PlannedText, "Uno dos tres cuatro."),
        (PlannedText, "Cinco."),
        (SpokenText, "Uno dos tres cuatro."),
        (SpokenText, "Cinco."),
    ]
    assert [event.tool_use_id for event in events if isinstance(event, ToolUse)] == [
        use["toolUseId"]
    ]
    assert len([event for event in events if isinstance(event, BargeIn)]) == 1
    assert isinstance(events[-1], CompletionEnd)


def test_core_returns_every_sample_that_the_service_sends() -> None:
    world = open_world(hola=Reply(sentences=("Uno.",)))
    world.send(*typed("t1", "hola"))
    world.pass_time(10)
    pcm = b"".join(event.pcm for event in parsed_events(world) if isinstance(event, AudioOutput))
    assert len(pcm) == 2 * 24000 * 2
