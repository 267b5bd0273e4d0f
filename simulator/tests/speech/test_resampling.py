"""A microphone of another rate is heard at the right speed."""

import math
from array import array

import pytest

from nova_sonic_simulator.speech.resampling import HEARING_RATE_HZ, open_resampler

pytestmark = pytest.mark.pure

TONE_HZ = 440


def tone(rate_hz: int, seconds: float) -> bytes:
    step = 2 * math.pi * TONE_HZ / rate_hz
    return array(
        "h", (int(8000 * math.sin(step * n)) for n in range(int(rate_hz * seconds)))
    ).tobytes()


@pytest.mark.parametrize("rate_hz", [8000, 24000])
@pytest.mark.parametrize("piece_bytes", [2, 640, 100_000])
def test_a_second_stays_a_second_and_a_tone_its_pitch(rate_hz: int, piece_bytes: int) -> None:
    resample, pcm = open_resampler(rate_hz), tone(rate_hz, 1.0)
    pieces = [pcm[start : start + piece_bytes] for start in range(0, len(pcm), piece_bytes)]
    resampled = array("h", b"".join(resample(piece) for piece in pieces))
    # The filter keeps up to 70 ms back until more comes.
    assert len(resampled) == pytest.approx(HEARING_RATE_HZ, rel=0.08)
    crossings = sum(1 for n in range(1, len(resampled)) if resampled[n - 1] < 0 <= resampled[n])
    assert crossings / (len(resampled) / HEARING_RATE_HZ) == pytest.approx(TONE_HZ, rel=0.02)
