"""The simulator's session behind our own `SonicTransport`: both cores joined in memory, no wire between.

The session enforces the service's rules; its dialogue answers by script, and coded words stand for speech. Time
is the running loop's.
"""

import asyncio
import base64
import datetime as dt
import itertools
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.protocol.errors import RefusedError
from nova_sonic_simulator.protocol.families import FAMILIES, Sensitivity
from nova_sonic_simulator.session.jobs import (
    HandleInterruption,
    HandleToolResult,
    Job,
    Respond,
    RestoreHistory,
    Synthesize,
    Transcribe,
)
from nova_sonic_simulator.session.session import Session, SessionDependencies
from nova_sonic_simulator.speech.endpointing import Endpointer
from tests.calls import coded_speech
from tests.calls.payload_adapter import PayloadStreamAdapter
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.interfaces import SonicStream

MODEL = "amazon.nova-2-sonic-v1:0"
CHARACTERS_A_SECOND = 20
DOCUMENTED_SILENCE_MS: Mapping[Sensitivity, int] = {"HIGH": 1500, "MEDIUM": 1750, "LOW": 2000}
"""As on AWS's page on turn taking; the longest that a turn may stay open."""


@dataclass(slots=True)
class ScriptedDialogue:
    """Answers by script; follows what is in square brackets as a directive."""

    script: Mapping[str, Reply]
    inputs: list[str] = field(default_factory=list)
    """Texts, tool results and interruptions that it got, in order."""

    def restore(self, turns: Sequence[tuple[str, str]], *, now: dt.datetime) -> None:
        pass

    def respond_to_numbers(self, numbers: Sequence[str], *, now: dt.datetime) -> Reply:
        return self.respond(" ".join(numbers), now=now)

    def respond(self, text: str, *, now: dt.datetime, is_typed: bool = False) -> Reply:
        self.inputs.append(text)
        if text.startswith("[") and text not in self.script:
            said = text.partition("«")[2].partition("»")[0]
            return Reply(sentences=(said or text.strip("[]"),))
        return self.script.get(text, Reply(sentences=(f"Dijiste {text}.",)))

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: dt.datetime
    ) -> Reply:
        self.inputs.append(f"{name}: {json.dumps(result)}")
        return Reply(sentences=(f"{name} dice {result.get('said', result.get('say'))}.",))

    def handle_interruption(self) -> None:
        self.inputs.append("interrupted")


@dataclass(slots=True, kw_only=True)
class Conditions:
    """What goes wrong, and how long things take."""

    openings: deque[TransportError | None] = field(default_factory=deque)
    """What becomes of the next ones; None: nothing."""
    every_opening: TransportError | None = None
    """What becomes of those after them."""
    opening_s: float = 0.1
    way_s: float = 0.0
    """How long what is sent is on its way."""
    closing_s: float = 0.0
    thinks_s: float = 0.0
    """From the words to the first sound of the answer."""
    unresponsive: deque[bool] = field(default_factory=deque)
    """Which of the next streams take audio and text and never answer."""
    credentials_until: float | None = None


class SonicService:
    """A Nova Sonic in memory; a `SonicTransport`."""

    def __init__(
        self,
        script: Mapping[str, Reply] | None = None,
        *,
        conditions: Conditions | None = None,
        model: str = MODEL,
    ) -> None:
        self.script = dict(script or {})
        self.conditions = conditions or Conditions()
        self.model = model
        self.streams: list[Stream] = []
        self.opened = 0

    async def open_stream(self) -> SonicStream:
        return PayloadStreamAdapter(await self.open())

    def may_open_elsewhere(self, _error: TransportError) -> bool:
        return False

    async def open(self) -> "Stream":
        await asyncio.sleep(self.conditions.opening_s)
        self.opened += 1
        conditions = self.conditions
        error = conditions.openings.popleft() if conditions.openings else conditions.every_opening
        stream = Stream(self.script, conditions, refuses=error, model=self.model)
        stream.is_unresponsive = (
            conditions.unresponsive.popleft() if conditions.unresponsive else False
        )
        self.streams.append(stream)
        return stream

    async def warm(self) -> None:
        pass

    async def close(self) -> None:
        pass

    @property
    def live(self) -> list["Stream"]:
        return [stream for stream in self.streams if not stream.is_over]

    @property
    def newest(self) -> "Stream":
        return self.live[-1]

    @property
    def inputs(self) -> list[str]:
        """All that the dialogues of all sessions got, in order."""
        return [text for stream in self.streams for text in stream.dialogue.inputs]

    @property
    def rejections(self) -> list[str]:
        """What the sessions refused of what they were sent."""
        return [stream.rejection for stream in self.streams if stream.rejection is not None]


class Stream:
    """One stream, and the session at its other end; a `PayloadStream`."""

    def __init__(
        self,
        script: Mapping[str, Reply],
        conditions: Conditions,
        *,
        refuses: TransportError | None,
        model: str,
    ) -> None:
        now = _now()
        self.credentials_until = conditions.credentials_until
        self.rejection: str | None = None
        self.opened_at = now
        self.dialogue = ScriptedDialogue(script)
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.is_unresponsive = False
        self.is_stubborn = False
        """Whether it does not end the stream though its client has."""
        self._refuses = refuses
        self._error: TransportError | None = None
        self._ended = self._closed = False
        self._out: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._conditions = conditions
        self._in: deque[tuple[float, bytes]] = deque()
        self._ignored: set[str] = set()
        self._jobs: deque[tuple[float, Job]] = deque()
        ids = itertools.count(1)
        dependencies = SessionDependencies(
            open_dialogue=lambda tools: self.dialogue,
            open_endpointing=lambda silence_ms: Endpointer(
                silence_ms=silence_ms,
                speech_probability=lambda frame: float(coded_speech.is_speech(frame)),
            ),
            open_resampler=lambda rate_hz: lambda pcm: pcm,
            new_id=lambda: f"{id(self)}-{next(ids)}",
        )
        family = replace(FAMILIES[model], turn_silence_ms=DOCUMENTED_SILENCE_MS)
        self.session = Session(family, dependencies, now_s=now)

    @property
    def is_over(self) -> bool:
        return self._closed or self._error is not None

    # What our side does

    async def accepted(self) -> None:
        await asyncio.sleep(0)
        if self._refuses is not None:
            raise self._refuses

    async def send(self, payload: bytes) -> None:
        await asyncio.sleep(0)
        if self._error is not None or self._closed:
            raise self._error or TransportError(TransportCode.STREAM_LOST, "closed")
        self._in.append((_now() + self._conditions.way_s, payload))
        self._take_in()
        self._news.set()

    async def receive(self) -> bytes | None:
        while not self._out:
            if self._error is not None:
                raise self._error
            if self._closed or self._is_over_there():
                return None
            await self._rest()
        return self._out.popleft()

    async def end_input(self) -> None:
        self.session.receive_eof()
        self._news.set()

    async def close(self) -> None:
        try:
            await asyncio.sleep(self._conditions.closing_s)
        finally:
            self._closed = True
            self._news.set()

    # What a test does

    def lose(self) -> None:
        self.break_off(TransportError(TransportCode.STREAM_LOST, "cut"))

    def hang_up(self) -> None:
        """End the stream in order, though nobody asked."""
        self.session.end_silently()
        self._news.set()

    def break_off(self, error: TransportError) -> None:
        self._error = error
        self._news.set()

    def send_payload(self, payload: bytes) -> None:
        """Send something of the test's own."""
        self._out.append(payload)
        self._news.set()

    @property
    def open_tool_uses(self) -> Sequence[str]:
        """The tools it asked for and has no result of."""
        return self.session.pending_tool_uses

    @property
    def history(self) -> list[tuple[str, str]]:
        """The conversation so far, as the session got it."""
        roles: dict[str, str] = {}
        said: dict[str, str] = {}
        for name, body in self.received:
            if name == "contentStart" and not body.get("interactive"):
                roles[body["contentName"]] = body["role"]
            elif name == "textInput" and roles.get(body["contentName"]) in {"USER", "ASSISTANT"}:
                block = body["contentName"]
                said[block] = said.get(block, "") + body["content"]
        return [(roles[block], text) for block, text in said.items()]

    # The service

    def _is_over_there(self) -> bool:
        self._take_out()
        if self.session.failure is not None and not self._out:
            failure = self.session.failure
            code = TransportCode.VALIDATION
            if failure.exception_type == "modelTimeoutException":
                code = TransportCode.MODEL_TIMEOUT
            transient = "InternalErrorCode" in failure.message
            raise TransportError(code, failure.message, retryable=transient or None)
        return self.session.ended and not self._out and not self.is_stubborn

    def _take_in(self) -> None:
        while self._in and self._in[0][0] <= _now():
            _, payload = self._in.popleft()
            name = payload.split(b'"', 4)[3].decode()
            if name != "audioInput":
                self.received.append((name, json.loads(payload)["event"][name]))
            if not self.is_unresponsive:
                self._receive(payload)
            elif (silent := self._unheard(payload)) is not None:
                self._receive(silent)

    def _unheard(self, payload: bytes) -> bytes | None:
        """Return what is left of an event for an unresponsive session: silence, and no live text."""
        event = json.loads(payload)
        ((name, body),) = event["event"].items()
        if name == "audioInput":
            body["content"] = base64.b64encode(bytes(1024)).decode()
            return json.dumps(event).encode()
        if body.get("interactive") and body.get("type") == "TEXT":
            self._ignored.add(body["contentName"])
        return None if body.get("contentName") in self._ignored else payload

    def _receive(self, payload: bytes) -> None:
        try:
            self.session.receive_payload(payload, now_s=_now())
        except RefusedError as refused:
            self.rejection = str(refused)
            self.break_off(TransportError(TransportCode.VALIDATION, str(refused)))
            return
        while self.session.process_audio(now_s=_now()):
            pass

    def _take_out(self) -> None:
        """Bring the session forward until nothing of it is due."""
        self._take_in()
        is_moving = True
        while is_moving:
            events = self.session.pop_events(now_s=_now())
            self._out += [json.dumps(event).encode() for event in events]
            jobs = self.session.pop_jobs()
            for job in jobs:
                if isinstance(job, Respond | HandleToolResult):
                    self._jobs.append((_now() + self._conditions.thinks_s, job))
                else:
                    self._do(job)
            is_due = bool(self._jobs) and self._jobs[0][0] <= _now()
            if is_due:
                self._do(self._jobs.popleft()[1])
            is_moving = bool(events or jobs or is_due)

    def _do(self, job: Job) -> None:
        if not self.is_unresponsive:
            self.session.complete_job(job, self._done(job))

    async def _rest(self) -> None:
        self._news.clear()
        due = [waiting[0][0] for waiting in (self._in, self._jobs) if waiting]
        wait_s = max(0.001, min([self.session.next_at_s, *due]) - _now())
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            pass

    def _done(self, job: Job) -> Any:
        now = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)
        match job:
            case Transcribe():
                return coded_speech.transcribe(job.pcm)
            case RestoreHistory():
                return job.dialogue.restore(job.turns, now=now)
            case Respond():
                return job.dialogue.respond(job.text, now=now)
            case HandleToolResult():
                return job.dialogue.handle_tool_result(
                    tool_use_id=job.tool_use_id, name=job.name, result=dict(job.result), now=now
                )
            case HandleInterruption():
                return job.dialogue.handle_interruption()
            case Synthesize():
                seconds = len(job.sentence.text) / CHARACTERS_A_SECOND
                return b"\x00\x10" * int(seconds * job.rate_hz)


def _now() -> float:
    return asyncio.get_running_loop().time()
