"""The invariants of a call, whatever customer, client, service and tools do, and in whatever order.

Nothing that it sends breaks the service's rules. No tool use stays open, no stream and no task is left over,
no queue grows past its bound. Each word that the customer speaks or types is understood exactly once. No
tool runs twice for one question. The client shows what was said.
"""

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_sonic_simulator.dialogue import Reply
from tests.calls import coded_speech
from tests.calls.harness import RunningCall, calls_tool, running_call, says
from tests.calls.limits import rotation_plan
from tests.calls.sonic_service import Conditions, SonicService
from tests.calls.virtual_time import run
from voice.calls.audio.inbound import MAX_WAITING_S, REMEMBERED_S
from voice.calls.audio.outbound import MAX_RETAINED_MESSAGES, MAX_WAITING_SAMPLES
from voice.calls.engine.client import MAX_WAITING_TEXTS
from voice.calls.engine.recovery import TRANSIENT
from voice.calls.uplink import MAX_UNSAFE
from voice.sonic.errors import TransportCode, TransportError
from voice.tools.registry import ToolContext, ToolRegistry
from voice.wire import messages as m
from voice.wire.binary import FrameType
from voice.wire.client import ServerFrame

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."
PASSING = [
    TransportCode.STREAM_LOST,
    TransportCode.INTERNAL,
    TransportCode.MODEL_STREAM,
    TransportCode.MODEL_TIMEOUT,
    TransportCode.BAD_FRAME,
]

TOOLS = ["quick tool", "slow tool", "failing tool"]

type Act = tuple[str, Any]


def act(name: str, *what: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), *what)


CUSTOMER = (
    act("speak", st.tuples(st.integers(1, 8), st.sampled_from([150, 500, 1700, 2600])))
    | act("type", st.sampled_from(["short", "long", *TOOLS, "announced slow tool"]))
    | act("wait", st.sampled_from([0.05, 0.3, 1.0, 4.0]))
)
CLIENT = act("drop", st.booleans()) | act("resume", st.booleans()) | act("mute", st.booleans())
SERVICE = (
    act("break_off", st.sampled_from(PASSING))
    | act("hang_up", st.none())
    | act("refuse", st.sampled_from(PASSING))
    | act("open_within", st.sampled_from([0.05, 0.5, 2.0]))
    | act("think_for", st.sampled_from([0.0, 0.4, 1.5]))
    | act("be_slow", st.sampled_from([0.0, 0.05, 0.4]))
    | act("be_unresponsive", st.none())
)
ACTS = st.lists(CUSTOMER | CUSTOMER | CLIENT | SERVICE, max_size=14)


class RandomCall:
    """Performs acts on a call, and knows what must follow from them."""

    def __init__(self, call: RunningCall, service: SonicService) -> None:
        self.call = call
        self.service = service
        self.numbers = itertools.count()
        self.spoken: list[str] = []
        self.typed: list[str] = []
        self.was_unresponsive = False

    async def play(self, acts: Sequence[Act]) -> None:
        for name, what in acts:
            if self.call.is_over:
                return
            await getattr(self, name)(what)
            self.check_bounds()

    # The customer

    async def speak(self, what: tuple[int, int]) -> None:
        count, pause_ms = what
        numbers = list(itertools.islice(self.numbers, count))
        self.spoken += map(str, numbers)
        await self.call.speak(numbers, pause_ms=pause_ms)

    async def type(self, kind: str) -> None:
        if len(self.typed) >= MAX_WAITING_TEXTS:
            return
        text = f"{kind} {len(self.typed)}"
        self.service.script[text] = reply(kind, text)
        self.typed.append(text)
        self.call.client.type(text)
        await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    # The client

    async def drop(self, noticed: bool) -> None:
        if self.call.browser.is_connected:
            self.call.browser.drop(noticed=noticed)

    async def resume(self, reload: bool) -> None:
        client = self.call.browser
        if client.is_connected:
            client.drop()
            await asyncio.sleep(0.1)
        if reload and not client.has_unreceived_frames:
            check_frames(client.frames)
            client.frames.clear()
            client.messages.clear()
            client.resume(reload=True)
        else:
            client.resume()
        await asyncio.sleep(0.1)

    async def mute(self, is_mute: bool) -> None:
        self.call.browser.acknowledges = not is_mute

    # The service

    async def break_off(self, code: TransportCode) -> None:
        for stream in self.service.live[-1:]:
            stream.break_off(TransportError(code, "cut"))
        await asyncio.sleep(0)

    async def hang_up(self, _: None) -> None:
        for stream in self.service.live[-1:]:
            stream.hang_up()

    async def refuse(self, code: TransportCode) -> None:
        self.service.conditions.openings.append(TransportError(code, "no"))

    async def open_within(self, seconds: float) -> None:
        self.service.conditions.opening_s = seconds

    async def think_for(self, seconds: float) -> None:
        self.service.conditions.thinks_s = seconds

    async def be_slow(self, seconds: float) -> None:
        self.service.conditions.way_s = self.service.conditions.closing_s = seconds

    async def be_unresponsive(self, _: None) -> None:
        if not self.was_unresponsive and self.service.live:
            self.was_unresponsive = self.service.newest.is_unresponsive = True

    # The end

    async def come_to_rest(self) -> None:
        """Connect the client, and wait until nothing is asked, said or played any more."""
        client = self.call.browser
        client.acknowledges = True
        if not client.is_connected:
            client.resume()
        for _ in range(3):
            await self.call.play(coded_speech.silence(3000))
            await self.call.until(lambda: self.call.is_over or self.is_at_rest, patience_s=180)

    @property
    def is_at_rest(self) -> bool:
        call = self.call.call
        state = call.state
        return state.sessions.current is not None and call.is_quiet and not state.unanswered_since

    def check_bounds(self) -> None:
        call = self.call.call
        assert call.outbound.waiting_samples <= MAX_WAITING_SAMPLES
        assert call.outbound.retained_messages <= MAX_RETAINED_MESSAGES
        assert call.inbound.waiting_samples <= (MAX_WAITING_S + REMEMBERED_S) * coded_speech.RATE_HZ
        assert call.inbound.take_dropped() == 0
        assert self.call.active_call.uplink.unsafe_frames <= MAX_UNSAFE

    def check(self) -> None:
        call = self.call
        transcripts = [text for text in call.said_by_customer if text not in self.typed]
        assert " ".join(transcripts).split() == self.spoken
        assert Counter(call.said_by_customer) & Counter(self.typed) == Counter(self.typed)
        for stream in self.service.live:
            assert list(stream.open_tool_uses) == []
        shown = [f"{u.speaker}: {u.text}" for u in call.transcript]
        assert call.client.spoken() == shown
        assert not call.call.state.turn.is_open


def reply(kind: str, text: str) -> Reply:
    match kind:
        case "short":
            return says(f"Respondo {text}.")
        case "long":
            return says(f"Respondo {text}.", LONG, LONG)
        case _:
            announced, tool = kind.startswith("announced"), kind.removeprefix("announced ")
            asked = calls_tool(tool.replace(" ", "_"), what=text)
            return replace(asked, sentences=("A ver…",)) if announced else asked


def toolbox(runs: Counter[str]) -> ToolRegistry:
    async def quick_tool(context: ToolContext, *, what: str) -> dict[str, Any]:
        """Answer at once."""
        runs[what] += 1
        return {"said": "listo"}

    async def slow_tool(context: ToolContext, *, what: str) -> dict[str, Any]:
        """Answer after a while."""
        runs[what] += 1
        await asyncio.sleep(3)
        return {"said": "listo"}

    async def failing_tool(context: ToolContext, *, what: str) -> dict[str, Any]:
        """Fail."""
        runs[what] += 1
        raise RuntimeError("of the test's own")

    return ToolRegistry([quick_tool, slow_tool, failing_tool])


def check_frames(frames: Sequence[ServerFrame]) -> None:
    """No audio of an older reply after a flush, and none twice or with a hole in it."""
    generation, at = 0, None
    for frame in frames:
        if frame.kind is FrameType.FLUSH:
            generation, at = frame.generation, None
        elif frame.kind is FrameType.RESUME:
            generation = frame.generation
        elif frame.kind is FrameType.AUDIO_OUT:
            assert frame.generation == generation
            assert at is None or frame.position == at
            at = frame.position + len(frame.payload) // 2


ENDINGS = st.sampled_from(["rest", "rest", "hang up", "go away"])


async def live(acts: Sequence[Act], ending: str) -> None:
    """Play acts on a call; at the end it comes to rest, or its customer hangs up, or its server goes."""
    runs: Counter[str] = Counter()
    service = SonicService(conditions=Conditions(openings=deque()))
    plan = rotation_plan(quiet_moment_after_s=9, between_replies_after_s=14, at_latest_s=20)
    async with running_call(service=service, tools=toolbox(runs), rotation=plan) as call:
        random_call = RandomCall(call, service)
        await random_call.play(acts)
        if ending == "rest":
            await random_call.come_to_rest()
        if call.is_over:
            assert call.reason is m.EndReason.ERROR
            assert len(call.failures) > TRANSIENT.tries, "it gave up too soon"
        elif ending == "rest":
            random_call.check()
        elif ending == "hang up":
            call.client.hang_up()
        else:
            call.cancel()
    assert max(runs.values(), default=0) <= 1
    check_frames(call.browser.frames)
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a task runs on"


@pytest.mark.slow
@given(ACTS, ENDINGS)
@settings(max_examples=100)
def test_call_keeps_its_invariants_whatever_happens(acts: list[Act], ending: str) -> None:
    run(live(acts, ending))
