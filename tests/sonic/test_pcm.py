"""Lengths in bytes, samples and milliseconds agree, in whole samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice import pcm

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("byte_count", "rate_hz", "duration_ms"),
    [(0, 16_000, 0), (1_024, 16_000, 32), (1_536, 24_000, 32), (48_000, 24_000, 1_000)],
)
def test_length_converts_between_bytes_and_milliseconds(
    byte_count: int, rate_hz: int, duration_ms: int
) -> None:
    assert pcm.duration_ms(byte_count, rate_hz) == duration_ms
    assert pcm.byte_count(duration_ms, rate_hz) == byte_count
    assert pcm.silence(duration_ms, rate_hz) == bytes(byte_count)


def test_half_a_sample_counts_as_none() -> None:
    assert (pcm.samples(3), pcm.samples(2), pcm.samples(1)) == (1, 1, 0)
    assert [pcm.is_whole(bytes(size)) for size in range(4)] == [True, False, True, False]
    assert pcm.byte_count(0.09, 16_000) == 2
    assert pcm.byte_count(0.06, 16_000) == 0


@given(st.integers(0, 10**7), st.sampled_from([8_000, 16_000, 24_000]))
def test_length_never_splits_a_sample(milliseconds: int, rate_hz: int) -> None:
    size = pcm.byte_count(milliseconds, rate_hz)
    assert size % pcm.SAMPLE_WIDTH_BYTES == 0
    assert pcm.duration_ms(size, rate_hz) == milliseconds
