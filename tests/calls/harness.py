"""A whole call in virtual time: the call under test, the service it uses, and a customer."""

import asyncio
import datetime as dt
import functools
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

from appointments.opening_hours import OpeningHours
from conversations.domain import Speaker, Utterance
from nova_sonic_simulator.dialogue import Reply, ToolCall
from tests.calls import coded_speech
from tests.calls.clients import DELAY_S, BrowserClient, LegacyClient
from tests.calls.limits import rotation_plan, watchdog_limits
from tests.calls.sonic_service import SonicService
from tests.calls.virtual_time import run
from voice import pcm
from voice.calls.active_call import ActiveCall
from voice.calls.engine.settings import RestoredState
from voice.calls.engine.unconfirmed_speech import SHORTEST_PAUSE_MS
from voice.calls.options import CallOptions, CallSettings
from voice.calls.runtime import Call, Recorder
from voice.calls.uplink import Uplink
from voice.gateway.rate_limits import Rate
from voice.prompts import load_directives
from voice.prompts.business import Business
from voice.sonic.events import EndpointingSensitivity, SessionStart
from voice.sonic.families import FIRST, NOVA_2
from voice.tools.registry import ToolRegistry
from voice.wire import messages as m

CHUNK_MS = 32
BUSINESS = Business(name="la prueba", opening_hours=OpeningHours.parse("Mon-Fri 08:00-20:00"))
DIRECTIVES = load_directives(language="es", voice="carlos", business=BUSINESS)


def settings(**changed: Any) -> CallSettings:
    ids = itertools.count()
    start = dt.datetime(2026, 11, 23, 13, 0, tzinfo=dt.UTC)
    values: dict[str, Any] = {
        "session": SessionStart(
            max_tokens=1024,
            top_p=0.9,
            temperature=0.7,
            endpointing_sensitivity=EndpointingSensitivity.HIGH,
        ),
        "family": NOVA_2,
        "time_zone": ZoneInfo("America/Argentina/Buenos_Aires"),
        "system_prompt": lambda language, voice, now: "Eres Carlos.",
        "directives": lambda language, voice: DIRECTIVES,
        "now": lambda: start + dt.timedelta(milliseconds=next(ids)),
        "jitter": lambda: 0.5,
        "rotation": rotation_plan(),
        "watchdog": watchdog_limits(),
        "window_ms": 3000,
        "resume_for_s": 30.0,
        "tool_deadline_s": 10.0,
        "confirms_changes": False,
        "shortest_pause_ms": SHORTEST_PAUSE_MS,
        "text_rate": Rate(per_s=100, burst=100),
        **changed,
    }
    return CallSettings(**values)


FIRST_MODEL: dict[str, Any] = {
    "family": FIRST,
    "session": SessionStart(max_tokens=1024, top_p=0.9, temperature=0.7),
}
"""What is changed for the first model."""


class RunningCall:
    """A running call, its service and its client."""

    def __init__(self, call: Call, service: SonicService, *, delay_s: float) -> None:
        self.call = call
        self.service = service
        self.active_call = ActiveCall(call=call, address="192.0.2.1", uplink=Uplink())
        self.client: BrowserClient | LegacyClient = LegacyClient(self.active_call)
        if call.options.acknowledges:
            self.client = BrowserClient(self.active_call, delay_s=delay_s)
        self.reason: m.EndReason | None = None
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Drop the call, as a server does that stops."""
        assert self.task is not None
        self.task.cancel()

    @property
    def browser(self) -> BrowserClient:
        """The client, if it uses the binary wire."""
        assert isinstance(self.client, BrowserClient)
        return self.client

    @property
    def transcript(self) -> list[Utterance]:
        return self.call.state.transcript.utterances()

    @property
    def said_by_customer(self) -> list[str]:
        return [u.text for u in self.transcript if u.speaker is Speaker.USER]

    @property
    def said_by_assistant(self) -> list[str]:
        return [u.text for u in self.transcript if u.speaker is Speaker.ASSISTANT]

    @property
    def is_over(self) -> bool:
        return self.task is not None and self.task.done()

    @property
    def rotations(self) -> int:
        return self.call.state.sessions.state.rotations

    @property
    def failures(self) -> Sequence[str]:
        return self.call.state.sessions.state.failures

    async def speak(self, numbers: Sequence[int], *, pause_ms: float = 0.0) -> None:
        """Say words, in real time."""
        await self.play(
            b"".join(map(coded_speech.spoken, numbers)) + coded_speech.silence(pause_ms)
        )

    async def play(self, audio: bytes) -> None:
        size = pcm.byte_count(CHUNK_MS, coded_speech.RATE_HZ)
        for start in range(0, len(audio), size):
            self.client.speak(audio[start : start + size])
            await asyncio.sleep(CHUNK_MS / 1000)

    async def ask(self, text: str, *, patience_s: float = 60.0) -> str:
        """Type something, wait for the whole answer to be heard, and return it."""
        before = len(self.said_by_assistant)
        self.client.type(text)
        await self.until(
            lambda: len(self.said_by_assistant) > before and self.call.is_quiet,
            patience_s=patience_s,
        )
        return " ".join(self.said_by_assistant[before:])

    async def wait_until_quiet(self, patience_s: float = 60.0) -> None:
        await asyncio.sleep(0.1)
        await self.until(lambda: self.call.is_quiet, patience_s=patience_s)

    async def until(self, is_so: Callable[[], bool], *, patience_s: float = 60.0) -> None:
        async with asyncio.timeout(patience_s):
            while not is_so():  # noqa: ASYNC110 -- the time is virtual
                await asyncio.sleep(0.05)

    async def until_over(self, patience_s: float = 60.0) -> m.EndReason:
        await self.until(lambda: self.is_over, patience_s=patience_s)
        assert self.reason is not None
        return self.reason


def make_options(*, greet: bool = False, acknowledges: bool = True) -> CallOptions:
    return CallOptions(
        call_id="call-1",
        resume_token="call-1.secret",
        input_rate_hz=coded_speech.RATE_HZ,
        voice="carlos",
        language="es",
        greet=greet,
        acknowledges=acknowledges,
    )


def make_call(
    service: SonicService,
    *,
    tools: ToolRegistry | None = None,
    restored: RestoredState | None = None,
    resume: m.ResumeCall | None = None,
    recorder: Recorder | None = None,
    greet: bool = False,
    acknowledges: bool = True,
    **changed: Any,
) -> Call:
    options = make_options(greet=greet, acknowledges=acknowledges)
    return Call(
        options,
        transport=service,
        tools=tools or ToolRegistry(),
        settings=settings(**changed),
        restored=restored,
        resume=resume,
        recorder=recorder,
    )


@asynccontextmanager
async def running_call(
    script: Mapping[str, Reply] | None = None,
    *,
    service: SonicService | None = None,
    wait_s: float = 0.5,
    delay_s: float = DELAY_S,
    **options: Any,
) -> AsyncIterator[RunningCall]:
    """Run a call for as long as the block lasts; it is hung up at the end. For `options` see `make_call`.

    Whatever happens in between, nothing of it may be left over: no stream, no task, no open tool use.
    """
    service = service or SonicService(script)
    call = make_call(service, **options)
    running = RunningCall(call, service, delay_s=delay_s)
    async with asyncio.TaskGroup() as tasks:
        ends = [
            tasks.create_task(running.client.receive_messages()),
            tasks.create_task(running.client.acknowledge_forever()),
        ]
        running.task = task = tasks.create_task(_run(running))
        await asyncio.sleep(wait_s)
        try:
            yield running
        finally:
            if not task.done():
                call.hang_up()
            await asyncio.wait({task})
            await asyncio.sleep(0.1)
            for end in ends:
                end.cancel()
    assert not service.live, "a stream is left over"
    assert service.rejections == [], "the service refused what it was sent"


async def _run(running: RunningCall) -> None:
    running.reason = await running.call.run()
    running.call.send_message(m.CallEnded(reason=running.reason))


def in_virtual_time[**P](scenario: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in virtual time."""

    @functools.wraps(scenario)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        run(scenario(*args, **kwargs))

    return test


def restored_from(
    *turns: tuple[str, str],
    tool_calls: Sequence[tuple[str, str]] = (),
    shown_tool_calls: Sequence[tuple[int, m.ToolFinished]] = (),
    is_answer_due: bool = False,
    generation: int = 0,
) -> RestoredState:
    """Return what a call continues from after these turns; an answer may be missing."""
    at = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
    speakers = (Speaker.USER, Speaker.ASSISTANT)
    said = tuple(
        Utterance(turn=turn, segment=segment, speaker=speaker, text=text, at=at)
        for turn, texts in enumerate(turns, start=1)
        for segment, (speaker, text) in enumerate(zip(speakers, texts, strict=True), start=1)
        if text
    )
    return RestoredState(
        utterances=said,
        tool_calls=tool_calls,
        shown_tool_calls=shown_tool_calls,
        is_answer_due=is_answer_due or said[-1].speaker is Speaker.USER,
        opened_in=len(turns),
        generation=generation,
    )


def says(*sentences: str) -> Reply:
    return Reply(sentences=sentences)


def calls_tool(name: str, *several: dict[str, Any], **arguments: Any) -> Reply:
    """Ask for a tool, or for it several times at once."""
    each = several or (arguments,)
    return Reply(tool_calls=tuple(ToolCall(name=name, arguments=given) for given in each))
