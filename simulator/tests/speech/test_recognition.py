"""The recognizer and their steps: what they hear, what they don't make up, and when they say they can't."""

import random
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nova_sonic_simulator.speech.endpointing import Endpointer
from nova_sonic_simulator.speech.recognition import Recognition, is_silence, open_recognition
from nova_sonic_simulator.speech.weights import WHISPER_BASE
from support.paths import MODELS

pytestmark = pytest.mark.speech


@pytest.fixture(scope="module")
def hearing() -> Recognition:
    hearing = open_recognition(MODELS, "speech")
    if hearing.step != "speech":
        pytest.skip(f"THIS MACHINE CAN'T HEAR: {hearing.reason}")
    return hearing


def noise(seconds: float, loudness: int) -> bytes:
    chance = random.Random(7)
    samples = (chance.randint(-loudness, loudness) for _ in range(int(16_000 * seconds)))
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


@pytest.mark.parametrize("pcm", [b"", b"\x00", bytes(32_000), noise(2, 300)])
def test_nothing_is_made_up_where_nobody_speaks(hearing: Recognition, pcm: bytes) -> None:
    assert hearing.recognizer is not None
    assert hearing.recognizer.transcribe(pcm) == ""


@pytest.mark.parametrize("loudness", [0, 30, 600])
def test_neither_silence_nor_hiss_is_taken_for_speech(hearing: Recognition, loudness: int) -> None:
    assert Endpointer(silence_ms=600).feed(noise(3, loudness)) == []


@pytest.mark.parametrize(
    ("text", "no_speech", "log_probability", "silent"),
    [
        ("Consulta el pedido.", 0.1, -0.3, False),
        ("Consulta el pedido.", 0.9, -0.3, False),
        ("Consulta el pedido.", 0.9, -1.5, True),
        ("Subtítulos realizados por la comunidad de Amara.org", 0.0, -0.1, True),
        ("¡Gracias por ver el video!", 0.0, -0.1, True),
        ("Muchas gracias.", 0.0, -0.1, False),
    ],
)
def test_what_whisper_writes_over_silence_is_dropped(
    text: str, no_speech: float, log_probability: float, silent: bool
) -> None:
    segment = SimpleNamespace(text=text, no_speech_prob=no_speech, avg_logprob=log_probability)
    assert is_silence(segment) is silent


# The steps.


def test_typed_text_alone_can_be_asked_for() -> None:
    hearing = open_recognition(MODELS, "text")
    assert (hearing.step, hearing.recognizer, hearing.endpointer_factory) == ("text", None, None)
    assert hearing.reason == "typed text was asked for"


def test_without_weights_it_steps_down_and_says_how_to_get_them(tmp_path: Path) -> None:
    hearing = open_recognition(tmp_path, "auto")
    assert hearing.step == "text"
    assert "nova-sonic-simulator download-model" in hearing.reason


def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    for name in WHISPER_BASE.digests:
        (tmp_path / name).write_bytes(b"not the weights")
    hearing = open_recognition(tmp_path, "auto")
    assert hearing.step == "text"
    assert "is not the published faster-whisper-base" in hearing.reason


@pytest.mark.usefixtures("hearing")
def test_without_the_recogniser_it_steps_down_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python does where a package isn't installed: nothing of ours is replaced.
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    stepped_down = open_recognition(MODELS, "auto")
    assert (stepped_down.step, stepped_down.reason) == ("text", "faster_whisper is not installed")
