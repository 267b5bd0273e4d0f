"""How much of Whisper's 30 seconds the encoder gets."""

import numpy as np
import pytest

from nova_sonic_simulator.speech.recognition import (
    MIN_WINDOW_FRAMES,
    WINDOW_MARGIN_FRAMES,
    window_frames,
)

pytestmark = pytest.mark.pure

PADDED_FRAMES = 3000


def padded(frames: int) -> np.ndarray:
    features = np.zeros((80, PADDED_FRAMES), np.float32)
    features[3, :frames] = 0.5
    return features


@pytest.mark.parametrize(
    ("frames", "window"),
    [
        (0, MIN_WINDOW_FRAMES),
        (1, MIN_WINDOW_FRAMES),
        (MIN_WINDOW_FRAMES - WINDOW_MARGIN_FRAMES, MIN_WINDOW_FRAMES),
        (MIN_WINDOW_FRAMES - WINDOW_MARGIN_FRAMES + 1, MIN_WINDOW_FRAMES + 1),
        (PADDED_FRAMES - WINDOW_MARGIN_FRAMES, PADDED_FRAMES),
        (PADDED_FRAMES - 1, PADDED_FRAMES),
        (PADDED_FRAMES, PADDED_FRAMES),
    ],
)
def test_window_is_the_speech_and_a_margin(frames: int, window: int) -> None:
    assert window_frames(padded(frames)) == window


def test_window_counts_a_batch_as_one() -> None:
    assert window_frames(padded(1500)[None]) == 1500 + WINDOW_MARGIN_FRAMES
