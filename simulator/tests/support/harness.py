"""A session with a scripted mind, its jobs done at once, and a clock that is moved by hand."""

import datetime as dt
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nova_sonic_simulator.dialogue import Reply, ToolCall
from nova_sonic_simulator.protocol.families import FAMILIES
from nova_sonic_simulator.session.jobs import (
    Hear,
    Interrupted,
    Job,
    Remember,
    Speak,
    ToolAnswered,
    Transcribe,
)
from nova_sonic_simulator.session.session import Session, Surroundings
from nova_sonic_simulator.speech.coded_audio import CodedEndpointer
from nova_sonic_simulator.speech.endpointing import Endpointer, Endpointing
from nova_sonic_simulator.speech.resampling import HEARING_RATE_HZ
from support.events import Event, audio_input, opening, raw

NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)
V1, V2 = "amazon.nova-sonic-v1:0", "amazon.nova-2-sonic-v1:0"
TOOLS = ("consultarOrder", "cancelarOrder")
SENTENCE_S = 2.0
LOUD = b"\x00\x40"


@dataclass(slots=True)
class ScriptedMind:
    """Answers from a script: a text to a reply; what it was told is kept."""

    script: Mapping[str, Reply]
    tools: frozenset[str] = frozenset()
    told: list[str] = field(default_factory=list)

    def remember(self, turns: Sequence[tuple[str, str]], *, now: dt.datetime) -> None:
        self.told.append(" / ".join(f"{role}: {text}" for role, text in turns))

    def hear(self, text: str, *, now: dt.datetime) -> Reply:
        self.told.append(text)
        return self.script.get(text, Reply(sentences=(f"Dijiste {text}.",)))

    def hear_words(self, words: Sequence[str], *, now: dt.datetime) -> Reply:
        self.told.append("words " + " ".join(words))
        return Reply(sentences=(f"Escuché {len(words)}.",))

    def tool_answered(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: dt.datetime
    ) -> Reply:
        self.told.append(f"{name}: {json.dumps(result)}")
        return Reply(sentences=(f"El pedido está {result['status']}.",))

    def interrupted(self) -> None:
        self.told.append("interrupted")


def loudness(frame: bytes) -> float:
    return float(any(frame))


class World:
    """A session, its client, its jobs done at once, and a clock that is moved by hand."""

    def __init__(
        self, model: str = V2, script: Mapping[str, Reply] | None = None, *, coded: bool = False
    ) -> None:
        self.now_s = 100.0
        self.mind = ScriptedMind(script or {})
        self.transcripts = iter(["hola", "basta"])
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.moments: list[float] = []
        self.postponed: list[Job] = []
        self.postpone: Callable[[Job], bool] = lambda job: False
        ids = itertools.count(1)
        surroundings = Surroundings(
            open_mind=self.open_mind,
            open_endpointing=_coded_endpointing if coded else _endpointing,
            open_resampler=lambda rate_hz: lambda pcm: pcm * (HEARING_RATE_HZ // rate_hz),
            new_id=lambda: f"id-{next(ids)}",
        )
        self.session = Session(FAMILIES[model], surroundings, now_s=self.now_s)

    def open_mind(self, tools: frozenset[str]) -> ScriptedMind:
        self.mind.tools = tools
        return self.mind

    def send(self, *events: Event) -> None:
        for event in events:
            self.session.receive_payload(raw(event), now_s=self.now_s)
            while self.session.listen(now_s=self.now_s):
                pass
            self.settle()

    def settle(self) -> None:
        """Do all the jobs and take all that may go out now."""
        while True:
            for name, fields in map(_named, self.session.events_to_send(now_s=self.now_s)):
                self.sent.append((name, fields))
                self.moments.append(self.now_s)
            jobs = self.session.jobs_to_do()
            if not jobs:
                return
            for job in jobs:
                if self.postpone(job):
                    self.postponed.append(job)
                else:
                    self.do(job)

    def do(self, job: Job) -> None:
        self.session.job_done(job, self.result_of(job))

    def result_of(self, job: Job) -> Any:
        match job:
            case Transcribe():
                return next(self.transcripts)
            case Remember():
                return job.mind.remember(job.turns, now=NOW)
            case Hear(coded=True):
                return job.mind.hear_words(job.text.split(), now=NOW)
            case Hear():
                return job.mind.hear(job.text, now=NOW)
            case ToolAnswered():
                return job.mind.tool_answered(
                    tool_use_id=job.tool_use_id, name=job.name, result=dict(job.result), now=NOW
                )
            case Interrupted():
                return job.mind.interrupted()
            case Speak():
                return bytes(int(SENTENCE_S * job.rate_hz) * 2)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, waking the session whenever it asked for it."""
        end_s = self.now_s + seconds
        while not self.session.ended and self.session.next_at_s <= end_s:
            self.now_s = max(self.now_s, self.session.next_at_s)
            self.settle()
        self.now_s = end_s
        self.settle()

    def say(self, pcm: bytes) -> None:
        """Let the microphone hear this, 32 ms at a time, in real time."""
        for start in range(0, len(pcm), 1024):
            self.send(audio_input(pcm[start : start + 1024]))
            self.pass_time(0.032)

    def speak(self, seconds: float = 0.5) -> None:
        """Let the customer speak, 32 ms at a time, in real time."""
        for _ in range(int(seconds / 0.032)):
            self.send(audio_input(LOUD * 512))
            self.pass_time(0.032)

    def be_silent(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.032) + 1):
            self.send(audio_input(bytes(1024)))
            self.pass_time(0.032)

    def take(self) -> list[str]:
        """Return what was sent since, one word per event, audio and usage folded."""
        words = [word(name, fields) for name, fields in self.sent]
        self.sent.clear()
        self.moments.clear()
        return [key for key, _ in itertools.groupby(word for word in words if word != "usage")]

    def fields(self, name: str) -> list[dict[str, Any]]:
        return [fields for sent, fields in self.sent if sent == name]


def _endpointing(silence_ms: int) -> Endpointing:
    return Endpointer(silence_ms=silence_ms, speech_probability=loudness)


def _coded_endpointing(silence_ms: int) -> Endpointing:
    return CodedEndpointer(silence_ms=silence_ms)


def _named(event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    ((name, fields),) = event["event"].items()
    return name, fields


def word(name: str, fields: Mapping[str, Any]) -> str:
    """Return a block's event as one readable word."""
    match name:
        case "contentStart" if fields["type"] == "TEXT":
            stage = json.loads(fields["additionalModelFields"])["generationStage"]
            return f"{fields['role']} {stage}"
        case "contentStart":
            return f"start {fields['type']}"
        case "textOutput":
            return f"«{fields['content']}»"
        case "toolUse":
            return f"{fields['toolName']} {fields['content']}"
        case "contentEnd":
            return f"end {fields['type']} {fields['stopReason']}"
        case "usageEvent":
            return "usage"
        case _:
            return name


def planned(text: str, stop: str = "END_TURN") -> list[str]:
    return [
        "ASSISTANT SPECULATIVE",
        f"«{text}»",
        "end TEXT PARTIAL_TURN",
        "start AUDIO",
        "audioOutput",
        f"end AUDIO {stop}",
    ]


def final(text: str, stop: str = "END_TURN") -> list[str]:
    return ["ASSISTANT FINAL", f"«{text}»", f"end TEXT {stop}"]


def user(text: str) -> list[str]:
    return ["USER FINAL", f"«{text}»", "end TEXT PARTIAL_TURN"]


INTERRUPTED = final('{ "interrupted" : true }', "INTERRUPTED")
TWO = Reply(sentences=("Uno dos tres cuatro.", "Cinco."))
CALL = Reply(
    sentences=("Un momento.",),
    tool_calls=(ToolCall(name="consultarOrder", arguments={"orderId": "1", "nombre": "Pérez"}),),
)
SILENT_CALL = Reply(tool_calls=(ToolCall(name="consultarOrder", arguments={}),))


def open_world(model: str = V2, *, coded: bool = False, **script: Reply) -> World:
    world = World(model, script, coded=coded)
    world.send(*opening(tools=TOOLS))
    assert world.take() == []
    return world
