"""The simulator's session behind our own `SonicTransport`: both cores joined in memory, no wire between.

The session enforces the service's rules; its mind answers by script, its ears read coded words. Time
is the running loop's.
"""

import asyncio
import datetime as dt
import itertools
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.conversation import Reply
from simulator.deadlines import SESSION_S
from simulator.endpointing import Endpointer
from simulator.families import FAMILIES
from simulator.jobs import Hear, Interrupted, Job, Speak, ToolAnswered, Transcribe
from simulator.refusals import RefusedError
from simulator.session import Session, Surroundings
from tests.call import words
from voice.sonic.errors import TransportCode, TransportError

MODEL = "amazon.nova-2-sonic-v1:0"
CHARACTERS_A_SECOND = 20


@dataclass(slots=True)
class Mind:
    """Answers by script; what is in square brackets it takes for a direction."""

    script: Mapping[str, Reply]
    told: list[str] = field(default_factory=list)

    def hear(self, text: str, *, now: dt.datetime) -> Reply:
        self.told.append(text)
        if text.startswith("["):
            said = text.partition("«")[2].partition("»")[0]
            return Reply(sentences=(said or text.strip("[]"),))
        return self.script.get(text, Reply(sentences=(f"Dijiste {text}.",)))

    def tool_answered(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: dt.datetime
    ) -> Reply:
        self.told.append(f"{name}: {json.dumps(result)}")
        return Reply(sentences=(f"{name} dice {result.get('said', result.get('say'))}.",))

    def interrupted(self) -> None:
        self.told.append("interrupted")


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What goes wrong: openings that fail, one after the other, and how long opening takes."""

    openings: deque[TransportError | None] = field(default_factory=deque)
    opening_s: float = 0.1
    credentials_last_s: float | None = None


class Service:
    """A Nova Sonic in memory; a `SonicTransport`."""

    def __init__(self, script: Mapping[str, Reply] | None = None) -> None:
        self.script = dict(script or {})
        self.trouble = Trouble()
        self.streams: list[Stream] = []
        self.opened = 0

    async def open(self) -> "Stream":
        await asyncio.sleep(self.trouble.opening_s)
        self.opened += 1
        error = self.trouble.openings.popleft() if self.trouble.openings else None
        stream = Stream(self.script, self.trouble, refuses=error)
        self.streams.append(stream)
        return stream

    async def warm(self) -> None:
        pass

    async def close(self) -> None:
        pass

    @property
    def live(self) -> list["Stream"]:
        return [stream for stream in self.streams if not stream.is_over]


class Stream:
    """One stream, and the session at its other end; a `SonicStream`."""

    def __init__(
        self, script: Mapping[str, Reply], trouble: Trouble, *, refuses: TransportError | None
    ) -> None:
        now = _now()
        lasts_s = trouble.credentials_last_s
        self.credentials_until = None if lasts_s is None else now + lasts_s
        self.mind = Mind(script)
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.is_deaf = False
        self._refuses = refuses
        self._error: TransportError | None = None
        self._ended = self._closed = False
        self._out: deque[bytes] = deque()
        self._news = asyncio.Event()
        ids = itertools.count(1)
        surroundings = Surroundings(
            open_mind=lambda tools: self.mind,
            open_endpointing=lambda silence_ms: Endpointer(
                silence_ms=silence_ms,
                speech_probability=lambda frame: float(frame.count(0) < len(frame)),
            ),
            open_resampler=lambda rate_hz: lambda pcm: pcm,
            new_id=lambda: f"{id(self)}-{next(ids)}",
        )
        self.session = Session(FAMILIES[MODEL], surroundings, now_s=now)

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
        name = payload.split(b'"', 4)[3].decode()
        if self.is_deaf and name in {"audioInput", "textInput"}:
            return
        if name != "audioInput":
            self.received.append((name, json.loads(payload)["event"][name]))
        try:
            self.session.receive_payload(payload, now_s=_now())
        except RefusedError as refused:
            self.break_off(TransportError(TransportCode.VALIDATION, str(refused)))
            return
        while self.session.listen(now_s=_now()):
            pass
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
        self._closed = True
        self._news.set()

    # What a test does

    def break_off(self, error: TransportError) -> None:
        self._error = error
        self._news.set()

    def say_event(self, name: str, **body: Any) -> None:
        """Send an event of the test's own."""
        self._out.append(json.dumps({"event": {name: body}}).encode())
        self._news.set()

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
        return self.session.ended and not self._out

    def _take_out(self) -> None:
        while True:
            for event in self.session.events_to_send(now_s=_now()):
                self._out.append(json.dumps(event).encode())
            jobs = self.session.jobs_to_do()
            if not jobs:
                return
            for job in jobs:
                self.session.job_done(job, self._done(job))

    async def _rest(self) -> None:
        self._news.clear()
        wait_s = max(0.001, self.session.next_at_s - _now())
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            pass

    def _done(self, job: Job) -> Any:
        now = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)
        match job:
            case Transcribe():
                return words.heard_in(job.pcm)
            case Hear():
                return job.mind.hear(job.text, now=now)
            case ToolAnswered():
                return job.mind.tool_answered(
                    tool_use_id=job.tool_use_id, name=job.name, result=dict(job.result), now=now
                )
            case Interrupted():
                return job.mind.interrupted()
            case Speak():
                seconds = len(job.sentence.text) / CHARACTERS_A_SECOND
                return b"\x00\x10" * int(seconds * job.rate_hz)


LIFE_S = SESSION_S


def _now() -> float:
    return asyncio.get_running_loop().time()


type Check = Callable[[], bool]
