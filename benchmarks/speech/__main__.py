"""`make speech-figures`: slots understood, and the time from the end of speech to the first audio.

    python -m benchmarks.speech RECORDINGS             slots of all sets, typed and by both voices
    python -m benchmarks.speech RECORDINGS --latency   one set through a running simulator, at the pace of speech

RECORDINGS holds `<set>/<voice>/<number>.wav`, made by `voices.py`. Judged by intent and slots, never by
transcript. `everyday.yaml` may be used to improve the grammars; the other sets were written without
them, and docs/speech.md says what their first runs gave.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from nova_sonic_simulator.dialogue.nlu.interpretation import Interpretation, interpret
from nova_sonic_simulator.dialogue.nlu.plausibility import most_plausible
from nova_sonic_simulator.dialogue.nlu.tokens import fold
from nova_sonic_simulator.dialogue.slots import INTENTS, Operation
from nova_sonic_simulator.speech.recognition import open_recognition
from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from support.events import audio_input, opening
from support.raw_client import RawClient, RawStream

FOLDER = Path(__file__).parent
MODELS = Path("var/models")
SETS = ("everyday", "unseen", "fresh", "strangers", "callers", "newcomers", "passersby")
VOICES = ("ef_dora", "em_alex")
MODEL = "amazon.nova-2-5-sonic"
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("America/Argentina/Buenos_Aires"))
RATE_HZ, CHUNK_BYTES, CHUNK_S = 16_000, 1024, 0.032
LOUD = 500
"""Samples above this are speech; the recordings have digital silence around it."""
QUIET_AFTER_S = 8.0


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks.speech")
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--model", default=MODEL, help="for --latency (%(default)s)")
    parser.add_argument("--set", action="append", choices=SETS, help="only this set; repeatable")
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.latency:
        asyncio.run(measure_latency(options.recordings, options.model))
    else:
        judge_sets(options.recordings, options.set or SETS)


# Slots.


def judge_sets(recordings: Path, sets: Sequence[str]) -> None:
    """Print how many sentences of each set were understood."""
    recognizer = open_recognition(MODELS, "speech", choose=most_plausible).recognizer
    if recognizer is None:
        sys.exit("the speech model is missing: make model")
    for name in sets:
        sentences = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
        for voice in ("typed", *VOICES):
            right = 0
            for number, sentence in enumerate(sentences):
                text = str(sentence["say"])
                if voice != "typed":
                    text = recognizer.transcribe(read_pcm(recordings, name, voice, number))
                said = interpret(text, now=MONDAY)
                if is_as_expected(said, sentence):
                    right += 1
                else:
                    print(f"  {name} {voice} {number:02}: {text}\n      {found_slots(said)}")
            print(f"{name} {voice}: {right} of {len(sentences)}", flush=True)


def is_as_expected(said: Interpretation, sentence: dict[str, Any]) -> bool:
    """Return whether intent and slots are those of the sentence, apart from case and accents."""
    names_one = said.subject_is_named and said.slots.number is not None
    operation = said.operation or (Operation.LOOK_UP if names_one else None)
    intent = INTENTS.get((operation, said.subject)) if operation and said.subject else None
    is_same = fold(str(found_slots(said))) == fold(str(sentence["slots"]))
    return intent == sentence["intent"] and is_same


def found_slots(said: Interpretation) -> dict[str, Any]:
    """Return the slots in the form of the sets."""
    slots = said.slots
    names = ("number", "dni", "name", "email", "doctor")
    found = {name: value for name in names if (value := getattr(slots, name))}
    if slots.day or slots.at:
        found["when"] = f"{slots.day} {slots.at:%H:%M}" if slots.at else str(slots.day)
    if slots.items:
        found["items"] = [[item.quantity, item.name, str(item.price)] for item in slots.items]
    return found


def read_pcm(recordings: Path, name: str, voice: str, number: int) -> bytes:
    """Return the samples of one recording."""
    with wave.open(str(recordings / name / voice / f"{number:02}.wav")) as recording:
        samples: bytes = recording.readframes(recording.getnframes())
    return samples


# Latency.


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When the events of one turn came, in seconds after the end of speech."""

    transcript_s: float
    first_audio_s: float


async def measure_latency(recordings: Path, model: str) -> None:
    """Print how long after the end of speech transcript and audio came."""
    turns: list[Turn] = []
    with tempfile.TemporaryDirectory() as folder:
        options = ("--hearing", "speech", "--models", str(MODELS))
        with run_simulator(Path(folder), *options) as simulator:
            for voice in VOICES:
                for number in range(10):
                    pcm = read_pcm(recordings, "everyday", voice, number)
                    turns.append(await measure_turn(simulator, pcm, model))
                    print(f"  {voice} {number:02}: {turns[-1]}", flush=True)
    for name in ("transcript_s", "first_audio_s"):
        values = sorted(getattr(turn, name) for turn in turns)
        print(f"{name}: median {statistics.median(values):.2f}, longest {values[-1]:.2f}")


async def measure_turn(simulator: RunningSimulator, pcm: bytes, model: str) -> Turn:
    """Speak one sentence at its pace and return when the reply came; no tools, so nothing is waited for."""
    async with RawClient(simulator.url, simulator.ca_file, patience_s=60) as client:
        target = f"/model/{model.replace(':', '%3A')}/invoke-with-bidirectional-stream"
        stream = client.open(target)
        await stream.send(*opening())
        ended_at = asyncio.get_running_loop().create_future()
        speaking = asyncio.create_task(speak(stream, pcm, ended_at))
        await stream.until("textOutput", role="USER")
        transcript_at = time.monotonic()
        await stream.until("audioOutput")
        first_audio_at = time.monotonic()
        end = await ended_at
        speaking.cancel()
        return Turn(
            transcript_s=round(transcript_at - end, 2), first_audio_s=round(first_audio_at - end, 2)
        )


async def speak(stream: RawStream, pcm: bytes, ended_at: "asyncio.Future[float]") -> None:
    """Send the samples at their pace, then silence; report when the last loud sample was sent."""
    last_loud = max(n for n, sample in enumerate(memoryview(pcm).cast("h")) if abs(sample) > LOUD)
    began = time.monotonic()
    for number, chunk in enumerate(chunks(pcm)):
        await stream.send(audio_input(chunk))
        if not ended_at.done() and (number + 1) * CHUNK_BYTES // 2 > last_loud:
            ended_at.set_result(began + last_loud / RATE_HZ)
        await asyncio.sleep(max(0.0, began + (number + 1) * CHUNK_S - time.monotonic()))


def chunks(pcm: bytes) -> Iterator[bytes]:
    """Yield the samples in pieces of 32 ms, then silence."""
    yield from (pcm[start : start + CHUNK_BYTES] for start in range(0, len(pcm), CHUNK_BYTES))
    for _ in range(int(QUIET_AFTER_S / CHUNK_S)):
        yield bytes(CHUNK_BYTES)


if __name__ == "__main__":
    main()
