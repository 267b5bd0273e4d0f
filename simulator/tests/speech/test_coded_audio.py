"""Words coded in the audio: heard whole or told as cut, however the audio arrives."""

import pickle
import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.speech.coded_audio import CodedEndpointer
from nova_sonic_simulator.speech.endpointing import (
    CodedBurstDamaged,
    CodedNumberReceived,
    CodedTurnEnded,
    EndpointingEvent,
    SpeechStarted,
)
from nova_sonic_simulator.speech.resampling import open_resampler
from nova_sonic_simulator.testing.coded_audio import (
    LEVEL,
    NUMBER_MS,
    checksum,
    encode_number,
    encode_numbers,
    encode_turn,
    silence,
)

pytestmark = pytest.mark.pure

NUMBER_BYTES = len(encode_number(0))
NUMBERS = st.integers(0, 9999)


def listen(
    pcm: bytes, *, piece_bytes: int = 1024, silence_ms: float = 1750
) -> list[EndpointingEvent]:
    endpointer = CodedEndpointer(silence_ms=silence_ms)
    found: list[EndpointingEvent] = []
    for start in range(0, len(pcm), piece_bytes):
        found += endpointer.feed(pcm[start : start + piece_bytes])
    return found


def recognized(pcm: bytes) -> tuple[list[str], int]:
    """Return the words heard, and how many bursts were cut."""
    found = listen(pcm + silence(100))
    cut = sum(isinstance(one, CodedBurstDamaged) for one in found)
    return [one.number for one in found if isinstance(one, CodedNumberReceived)], cut


def test_the_checksum_is_the_published_one() -> None:
    assert checksum(0x3132) == 0x3DBA  # of "12", by any calculator of CRC-16/CCITT-FALSE
    assert NUMBER_BYTES == 2 * 16 * NUMBER_MS


def test_a_turn_starts_with_the_first_sound_and_ends_with_the_silence() -> None:
    found = listen(silence(500) + encode_turn(17, 18, 19))
    assert found == [
        SpeechStarted(at_sample=8000),
        CodedNumberReceived(number="17"),
        CodedNumberReceived(number="18"),
        CodedNumberReceived(number="19"),
        CodedTurnEnded(numbers=("17", "18", "19"), samples=(3 * 120 + 2 * 60) * 16),
    ]


@pytest.mark.parametrize("silence_ms", [1500, 1750.0, 2000])
def test_a_turn_ends_after_as_long_a_silence_as_was_asked_for(silence_ms: float) -> None:
    just_short = listen(
        encode_number(1) + silence(silence_ms - 1), piece_bytes=2, silence_ms=silence_ms
    )
    assert not isinstance(just_short[-1], CodedTurnEnded)
    enough = listen(encode_number(1) + silence(silence_ms), piece_bytes=2, silence_ms=silence_ms)
    assert isinstance(enough[-1], CodedTurnEnded)


def test_no_silence_is_so_short_that_the_gap_between_words_ends_a_turn() -> None:
    found = listen(encode_numbers([1, 2], gap_ms=99) + silence(1), silence_ms=1)
    assert found[-1] == CodedTurnEnded(numbers=("1", "2"), samples=(2 * 120 + 99) * 16)
    split = listen(encode_numbers([1, 2], gap_ms=101), silence_ms=1)
    assert sum(isinstance(one, CodedTurnEnded) for one in split) == 2


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.integers(1, 5000))
def test_pieces_of_any_size_contain_the_same_numbers(numbers: list[int], piece_bytes: int) -> None:
    pcm = silence(7) + encode_turn(*numbers, pause_ms=200)
    assert listen(pcm, piece_bytes=piece_bytes) == listen(pcm, piece_bytes=len(pcm))
    assert recognized(pcm) == ([str(number) for number in numbers], 0)


def test_every_number_is_recognized() -> None:
    numbers = range(0, 10_000, 7)
    assert recognized(encode_numbers([*numbers, 9999])) == ([*map(str, numbers), "9999"], 0)


@pytest.mark.parametrize("number", [10_000, 0xFFFF])
def test_a_number_too_large_is_no_word(number: int) -> None:
    assert recognized(encode_numbers([number])) == ([], 1)


@given(NUMBERS, st.integers(1, NUMBER_BYTES // 2 - 13))
def test_a_burst_whose_beginning_or_end_is_missing_is_cut(number: int, kept: int) -> None:
    whole = encode_number(number)
    assert recognized(whole[: 2 * kept]) == ([], 1)
    assert recognized(whole[-2 * kept :]) == ([], 1)


@given(NUMBERS, st.integers(13, 1900), st.integers(0, 1900))
def test_a_burst_with_a_hole_in_it_is_cut(number: int, missing: int, at: int) -> None:
    whole = encode_number(number)
    assert recognized(whole[: 2 * at] + whole[2 * (at + missing) :]) == ([], 1)


@given(NUMBERS, NUMBERS, st.integers(0, 40))
def test_two_halves_of_different_words_make_none(one: int, other: int, bits: int) -> None:
    joined = encode_number(one)[: 96 * bits] + encode_number(other)[96 * bits :]
    whole = [str(number) for number in {one, other} if encode_number(number) == joined]
    assert recognized(joined) == (whole, 1 - len(whole))


def test_numbers_after_a_cut_burst_are_recognized() -> None:
    assert recognized(encode_number(5)[:1000] + silence(40) + encode_numbers([6])) == (["6"], 1)


def test_two_words_without_a_gap_are_none() -> None:
    assert recognized(encode_number(5) + encode_number(6)) == ([], 1)


def test_noise_without_end_is_speech_but_no_word_and_is_not_kept() -> None:
    noise = array("h", random.Random(1).choices((-9000, 9000), k=16_000)).tobytes()
    endpointer = CodedEndpointer(silence_ms=1750)
    found = [one for _ in range(20) for one in endpointer.feed(noise)]
    assert found == [SpeechStarted(at_sample=0)]
    assert len(pickle.dumps(endpointer)) < len(noise)
    assert endpointer.feed(silence(1800)) == [
        CodedBurstDamaged(),
        CodedTurnEnded(numbers=(), samples=320_000),
    ]


def test_background_noise_is_silence() -> None:
    hum = array("h", [3999, -3999] * 8000).tobytes()
    assert listen(hum) == []
    assert listen(array("h", [0, 4000, 0]).tobytes()) == [SpeechStarted(at_sample=1)]


@pytest.mark.parametrize("rate_hz", [8000, 24_000])
def test_a_microphone_of_another_rate_is_understood(rate_hz: int) -> None:
    pcm = encode_numbers([17, 9999, 0], rate_hz=rate_hz) + silence(100, rate_hz=rate_hz)
    resample = open_resampler(rate_hz)
    step = rate_hz // 50
    resampled = b"".join(resample(pcm[at : at + step]) for at in range(0, len(pcm), step))
    assert recognized(resampled) == (["17", "9999", "0"], 0)


@pytest.mark.parametrize("level", [LEVEL // 2, 32_767])
def test_it_may_be_softer_or_louder(level: int) -> None:
    assert recognized(encode_numbers([1234], level=level)) == (["1234"], 0)
