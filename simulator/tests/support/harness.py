"""A session with a scripted dialogue, its jobs done at once, and a clock that is moved by hand."""

import datetime as dt
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nova_sonic_simulator.dialogue import DialogueSetup, Reply, ToolCall
from nova_sonic_simulator.protocol.families import FAMILIES
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
from nova_sonic_simulator.speech.coded_audio import CodedEndpointer
from nova_sonic_simulator.speech.endpointing import Endpointer, Endpointing
from nova_sonic_simulator.speech.resampling import HEARING_RATE_HZ
from support.events import Event, audio_input, opening, raw

NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.UTC)
V1, V2, V25 = "amazon.nova-sonic-v1:0", "amazon.nova-2-sonic-v1:0", "amazon.nova-2-5-sonic"
TOOLS = ("consultarOrder", "cancelarOrder")
SENTENCE_S = 2.0
LOUD = b"\x00\x40"


@dataclass(slots=True)
class ScriptedMind:
    """Answers from a script: a text to a reply; what it was told is kept."""

    script: Mapping[str, Reply]
    setup: DialogueSetup = field(default_factory=DialogueSetup)
    told: list[str] = field(default_factory=list)

    def restore(self, turns: Sequence[tuple[str, str]], *, now: dt.datetime) -> None:
        self.told.append(" / ".join(f"{role}: {text}" for role, text in turns))

    def respond(self, text: str, *, now: dt.datetime, is_typed: bool = False) -> Reply:
        self.told.append(text)
        return self.script.get(text, Reply(sentences=(f"Dijiste {text}.",)))

    def respond_to_numbers(self, numbers: Sequence[str], *, now: dt.datetime) -> Reply:
        self.told.append("words " + " ".join(numbers))
        return Reply(sentences=(f"Escuché {len(numbers)}.",))

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: dt.datetime
    ) -> Reply:
        self.told.append(f"{name}: {json.dumps(result)}")
        return Reply(sentences=(f"El pedido está {result['status']}.",))

    def handle_interruption(self) -> None:
        self.told.append("interrupted")


def loudness(frame: bytes) -> float:
    return float(any(frame))


class World:
    """A session, its client, its jobs done at once, and a clock that is moved by hand."""

    def __init__(
        self,
        model: str = V2,
        script: Mapping[str, Reply] | None = None,
        *,
        coded: bool = False,
        **options: Any,
    ) -> None:
        self.now_s = 100.0
        self.dialogue = ScriptedMind(script or {})
        self.transcripts = iter(["hola", "basta"])
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.moments: list[float] = []
        self.postponed: list[Job] = []
        self.postpone: Callable[[Job], bool] = lambda job: False
        ids = itertools.count(1)
        dependencies = SessionDependencies(
            open_dialogue=self.open_dialogue,
            open_endpointing=_coded_endpointing if coded else _endpointing,
            open_resampler=lambda rate_hz: lambda pcm: pcm * (HEARING_RATE_HZ // rate_hz),
            new_id=lambda: f"id-{next(ids)}",
            **options,
        )
        self.session = Session(FAMILIES[model], dependencies, now_s=self.now_s)

    def open_dialogue(self, setup: DialogueSetup) -> ScriptedMind:
        self.dialogue.setup = setup
        return self.dialogue

    def send(self, *events: Event) -> None:
        for event in events:
            self.session.receive_payload(raw(event), now_s=self.now_s)
            while self.session.process_audio(now_s=self.now_s):
                pass
            self.run_jobs()

    def run_jobs(self) -> None:
        """Do all the jobs and take all that may go out now."""
        while True:
            for name, fields in map(_named, self.session.pop_events(now_s=self.now_s)):
                self.sent.append((name, fields))
                self.moments.append(self.now_s)
            jobs = self.session.pop_jobs()
            if not jobs:
                return
            for job in jobs:
                if self.postpone(job):
                    self.postponed.append(job)
                else:
                    self.do(job)

    def do(self, job: Job) -> None:
        self.session.complete_job(job, self.result_of(job))

    def result_of(self, job: Job) -> Any:
        match job:
            case Transcribe():
                return next(self.transcripts)
            case RestoreHistory():
                return job.dialogue.restore(job.turns, now=NOW)
            case Respond(coded=True):
                return job.dialogue.respond_to_numbers(job.text.split(), now=NOW)
            case Respond():
                return job.dialogue.respond(job.text, now=NOW)
            case HandleToolResult():
                return job.dialogue.handle_tool_result(
                    tool_use_id=job.tool_use_id, name=job.name, result=dict(job.result), now=NOW
                )
            case HandleInterruption():
                return job.dialogue.handle_interruption()
            case Synthesize():
                return bytes(int(SENTENCE_S * job.rate_hz) * 2)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, waking the session whenever it asked for it."""
        end_s = self.now_s + seconds
        while not self.session.ended and self.session.next_at_s <= end_s:
            self.now_s = max(self.now_s, self.session.next_at_s)
            self.run_jobs()
        self.now_s = end_s
        self.run_jobs()

    def send_speech(self, pcm: bytes) -> None:
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

    def take_sent(self) -> list[str]:
        """Return what was sent since, one word per event, audio and usage folded."""
        names = [event_name(name, fields) for name, fields in self.sent]
        self.sent.clear()
        self.moments.clear()
        return [
            key
            for key, _ in itertools.groupby(
                event_name for event_name in names if event_name != "usage"
            )
        ]

    def fields(self, name: str) -> list[dict[str, Any]]:
        return [fields for sent, fields in self.sent if sent == name]


def _endpointing(silence_ms: int) -> Endpointing:
    return Endpointer(silence_ms=silence_ms, speech_probability=loudness)


def _coded_endpointing(silence_ms: int) -> Endpointing:
    return CodedEndpointer(silence_ms=silence_ms)


def _named(event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    ((name, fields),) = event["event"].items()
    return name, fields


def event_name(name: str, fields: Mapping[str, Any]) -> str:
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
    assert world.take_sent() == []
    return world
