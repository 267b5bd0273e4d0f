"""The voice and its stand-in: audible, at the rate asked for, silent where there is nothing to say."""

import itertools
import sys
from array import array

import pytest

from nova_sonic_simulator.speech.text_to_speech import Tone, Voice, open_synthesis

pytestmark = pytest.mark.speech

RATES_HZ = [8_000, 16_000, 24_000]


def loudest(pcm: bytes) -> int:
    return max(map(abs, array("h", pcm)), default=0)


def duration_s(pcm: bytes, rate_hz: int) -> float:
    return len(pcm) / 2 / rate_hz


@pytest.fixture(scope="module")
def pico() -> Voice:
    speaking = open_synthesis()
    if speaking.step != "voice":
        pytest.skip(f"no voice on this machine: {speaking.reason}")
    return speaking.voice


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_sentence_is_audible_and_as_long_at_every_rate(pico: Voice, rate_hz: int) -> None:
    pcm = pico.synthesize("Tu pedido está pendiente.", rate_hz)
    assert loudest(pcm) > 3000
    assert 1.0 < duration_s(pcm, rate_hz) < 3.0


def test_the_marker_is_not_said(pico: Voice) -> None:
    marked = pico.synthesize("Listo. [FINAL]", 16_000)
    plain = pico.synthesize("Listo.", 16_000)
    assert len(marked) == len(plain)


@pytest.mark.parametrize("text", ["", "  ", "[FINAL]", "…", "¿?"])
def test_nothing_to_say_is_silence(pico: Voice, text: str) -> None:
    assert pico.synthesize(text, 24_000) == b""
    assert Tone().synthesize(text, 24_000) == b""


@pytest.mark.parametrize("text", ["€ 😀 \x00 <b>&", "中文", "a" * 150, "a" * 500])
def test_no_text_is_too_strange_to_be_spoken(pico: Voice, text: str) -> None:
    assert len(pico.synthesize(text, 24_000)) % 2 == 0


def test_a_monstrous_word_is_spoken_even_late_in_the_day(pico: Voice) -> None:
    # Uncut, it would never end, and the simulator with it: Pico holds Python's global lock.
    for _ in range(400):
        pico.synthesize("Sí.", 16_000)
    assert duration_s(pico.synthesize("a" * 500, 16_000), 16_000) > 10


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_tone_lasts_as_long_as_the_sentence_would(rate_hz: int) -> None:
    pcm = Tone().synthesize("Tu pedido está pendiente.", rate_hz)
    assert duration_s(pcm, rate_hz) == pytest.approx(1.5, abs=0.01)
    assert loudest(pcm) > 3000


def test_the_tone_does_not_click() -> None:
    samples = array("h", Tone().synthesize("Hola.", 24_000))
    assert samples[0] == samples[-1] == 0
    assert max(abs(a - b) for a, b in itertools.pairwise(samples)) < 1000


def test_without_the_voice_package_a_tone_stands_in_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What Python does where a package isn't installed: nothing of ours is replaced.
    monkeypatch.setitem(sys.modules, "py_nanotts", None)
    speaking = open_synthesis()
    assert speaking.step == "tone"
    assert isinstance(speaking.voice, Tone)
    assert "py_nanotts" in speaking.reason
