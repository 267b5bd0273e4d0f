"""The recordings in `samples/`, from microphone chunks to slots: real voice activity, real Whisper.

Judged by slots, never by transcript: spelling is the recogniser's affair, meaning is ours.
"""

import wave
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nova_sonic_simulator.dialogue.nlu.interpretation import interpret
from nova_sonic_simulator.dialogue.slots import Operation, Subject
from nova_sonic_simulator.speech.endpointing import SpeechEnded, SpeechStarted
from nova_sonic_simulator.speech.recognition import Recognition, open_recognition
from support.paths import MODELS, RECORDINGS

pytestmark = [pytest.mark.speech]

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("America/Argentina/Buenos_Aires"))
# What a browser sends: 32 ms at a time.
CHUNK_BYTES = 1024
SILENCE_MS = 600


@pytest.fixture(scope="module")
def hearing() -> Recognition:
    hearing = open_recognition(MODELS, "auto")
    if hearing.step != "speech":
        pytest.skip(f"THIS MACHINE CAN'T HEAR: {hearing.reason}")
    return hearing


def chunks(path: Path) -> Iterator[bytes]:
    with wave.open(str(path)) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (1, 16_000)
        pcm = recording.readframes(recording.getnframes()) + bytes(4 * 16 * SILENCE_MS)
    for start in range(0, len(pcm), CHUNK_BYTES):
        yield pcm[start : start + CHUNK_BYTES]


@pytest.mark.parametrize(
    ("recording", "intent", "slots"),
    [
        (
            "consulta-pedido-1",
            (Operation.LOOK_UP, Subject.ORDER),
            {"number": "1", "dni": "12345678"},
        ),
        (
            "cancela-pedido-2",
            (Operation.CANCEL, Subject.ORDER),
            {"number": "2", "name": "Juan Pérez"},
        ),
        (
            "crea-pedido",
            (Operation.CREATE, Subject.ORDER),
            {"name": "María García", "item_count": 2},
        ),
        (
            "agenda-cita",
            (Operation.CREATE, Subject.APPOINTMENT),
            {"when": "2026-11-24 10:00", "doctor": "Dr. Rodríguez"},
        ),
        (
            "modifica-cita-1",
            (Operation.RESCHEDULE, Subject.APPOINTMENT),
            {"number": "1", "when": "2026-11-27 15:00"},
        ),
        (
            "consulta-cita-2",
            (Operation.LOOK_UP, Subject.APPOINTMENT),
            {"number": "2", "name": "Luis Fernández"},
        ),
        (
            "cancela-cita-3",
            (Operation.CANCEL, Subject.APPOINTMENT),
            {"number": "3", "name": "Ana Martínez"},
        ),
    ],
)
def test_a_recording_is_one_turn_and_its_slots_are_recognized(
    hearing: Recognition, recording: str, intent: tuple[Operation, Subject], slots: dict[str, Any]
) -> None:
    assert hearing.recognizer is not None
    assert hearing.endpointer_factory is not None
    endpointer = hearing.endpointer_factory(silence_ms=SILENCE_MS)
    pieces = chunks(RECORDINGS / f"{recording}.wav")
    started, ended = [event for piece in pieces for event in endpointer.feed(piece)]
    assert isinstance(started, SpeechStarted)
    assert isinstance(ended, SpeechEnded)
    interpretation = interpret(hearing.recognizer.transcribe(ended.pcm), now=MONDAY)
    assert (interpretation.operation, interpretation.subject) == intent
    found = {name: getattr(interpretation.slots, name) for name in interpretation.slots.filled()}
    if "day" in found:
        found["when"] = f"{found.pop('day')} {found.pop('at'):%H:%M}"
    assert found == slots


def test_the_recordings_are_small() -> None:
    sizes = [path.stat().st_size for path in RECORDINGS.glob("*.wav")]
    assert len(sizes) == 7
    assert max(sizes) < 250_000
    assert sum(sizes) < 1_500_000
