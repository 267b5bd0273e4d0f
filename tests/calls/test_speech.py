"""Where the customer speaks, by loudness alone, and what a transcript of the service confirms."""

import array
import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.voice_activity import (
    ABOVE_BACKGROUND,
    BEGINS_AFTER_MS,
    FRAME_MS,
    LOUD_PEAK,
    MOST_PASSES,
    PRE_ROLL_MS,
    SHORTEST_PAUSE_MS,
    TURN_ENDS_MS,
    VoiceActivityTracker,
)

pytestmark = pytest.mark.pure

RATE_HZ = 16_000
CHUNK_MS = 32
SETTLED_S = 1.5 * SHORTEST_PAUSE_MS / 1000
"""How long before a transcript speech must have ended to be in it."""


def sound(duration_ms: float, peak: int) -> bytes:
    """Return a square wave of 100 Hz."""
    period = [peak] * 80 + [-peak] * 80
    return array.array(
        "h", itertools.islice(itertools.cycle(period), int(duration_ms * RATE_HZ / 1000))
    ).tobytes()


class Ear:
    """Feeds a tracker at the pace of speech."""

    def __init__(self) -> None:
        self.tracker = VoiceActivityTracker(RATE_HZ)
        self.position = 0

    @property
    def now(self) -> float:
        return self.position / RATE_HZ

    def hear(self, duration_ms: float, peak: int = 0, *, chunk_ms: float = CHUNK_MS) -> None:
        self.take(sound(duration_ms, peak), sizes=itertools.repeat(chunk_ms))

    def take(self, pcm: bytes, *, sizes: Iterator[float]) -> None:
        while pcm:
            size = 2 * int(next(sizes) * RATE_HZ / 1000)
            chunk, pcm = pcm[:size], pcm[size:]
            begin, self.position = self.position, self.position + len(chunk) // 2
            self.tracker.hear(chunk, position=begin, arrived=self.now)

    def begins_ms(self) -> float | None:
        """Where the first open speech begins, pre-roll left out."""
        since = self.tracker.unconfirmed_since
        return None if since is None else since * 1000 / RATE_HZ + PRE_ROLL_MS


def ear_after(quiet_ms: float = 1_000) -> Ear:
    ear = Ear()
    ear.hear(quiet_ms)
    return ear


class TestLoudness:
    @pytest.mark.parametrize(("peak", "speaks"), [(LOUD_PEAK - 1, False), (LOUD_PEAK, True)])
    def test_below_a_floor_nothing_is_speech(self, peak: int, speaks: bool) -> None:
        ear = ear_after()
        ear.hear(200, peak)
        assert ear.tracker.is_speaking is speaks

    @pytest.mark.parametrize(("samples", "speaks"), [(-1, False), (0, True)])
    def test_so_much_in_a_row_is_speech_and_less_is_a_click(
        self, samples: int, speaks: bool
    ) -> None:
        ear = ear_after()
        ear.hear(BEGINS_AFTER_MS + samples * 1000 / RATE_HZ, 5_000, chunk_ms=4)
        assert ear.tracker.is_speaking is speaks

    def test_clicks_do_not_add_up(self) -> None:
        ear = ear_after()
        for _ in range(10):
            ear.hear(32, 5_000)
            ear.hear(32)
        assert not ear.tracker.is_speaking

    def test_the_deepest_sample_is_as_loud_as_the_highest(self) -> None:
        ear = ear_after()
        ear.take(array.array("h", [-32768] * 3200).tobytes(), sizes=itertools.repeat(CHUNK_MS))
        assert ear.tracker.is_speaking

    def test_an_empty_chunk_is_nothing(self) -> None:
        tracker = VoiceActivityTracker(RATE_HZ)
        tracker.hear(b"", position=0, arrived=1.0)
        assert not tracker.is_speaking


class TestBackground:
    def test_steady_noise_is_no_speech_for_long(self) -> None:
        ear = Ear()
        ear.hear(3_000, 2_000)
        assert not ear.tracker.is_speaking

    def test_noise_that_begins_later_is_none_either(self) -> None:
        ear = ear_after(5_000)
        ear.hear(3_000, 2_000)
        assert not ear.tracker.is_speaking

    def test_what_stands_out_of_the_noise_is_speech(self) -> None:
        for times, speaks in ((ABOVE_BACKGROUND - 0.1, False), (ABOVE_BACKGROUND, True)):
            ear = Ear()
            ear.hear(4_000, 1_000)
            ear.hear(200, int(times * 1_000))
            assert ear.tracker.is_speaking is speaks

    def test_speech_is_not_learnt_as_background(self) -> None:
        ear = ear_after()
        for _ in range(40):
            ear.hear(160, 8_000)
            ear.hear(60)
            assert ear.tracker.is_speaking

    def test_speech_in_large_chunks_is_not_either(self) -> None:
        ear = ear_after()
        pcm = (sound(160, 8_000) + sound(60, 0)) * 40
        ear.take(pcm, sizes=itertools.repeat(500))
        assert ear.tracker.is_speaking

    def test_quiet_after_noise_is_learnt_again(self) -> None:
        ear = Ear()
        ear.hear(4_000, 5_000)
        ear.hear(3_000)
        ear.hear(200, LOUD_PEAK)
        assert ear.tracker.is_speaking


class TestPauses:
    def test_a_short_pause_does_not_end_speech_and_a_long_one_does(self) -> None:
        ear = ear_after()
        ear.hear(200, 5_000)
        ear.hear(SHORTEST_PAUSE_MS - CHUNK_MS)
        before = ear.tracker.is_speaking, ear.tracker.waits_since
        ear.hear(2 * CHUNK_MS)
        assert before == (True, None)
        assert not ear.tracker.is_speaking

    def test_it_waits_since_its_end_came_in(self) -> None:
        ear = ear_after(1_024)
        ear.hear(320, 5_000)
        ended_at = ear.now
        ear.hear(1_000)
        assert ear.tracker.waits_since == ended_at

    def test_the_oldest_of_several_waits(self) -> None:
        ear = ear_after(1_024)
        for _ in range(2):
            ear.hear(320, 5_000)
            ear.hear(1_024)
        assert ear.tracker.waits_since == pytest.approx(1.344)


class TestUnconfirmed:
    def test_nothing_where_nobody_spoke(self) -> None:
        assert ear_after().tracker.unconfirmed_since is None

    def test_it_begins_a_little_before_the_loudness(self) -> None:
        ear = ear_after(1_024)
        ear.hear(200, 5_000)
        assert ear.tracker.unconfirmed_since == int((1_024 - PRE_ROLL_MS) * RATE_HZ / 1000)

    def test_it_never_begins_before_the_call(self) -> None:
        ear = Ear()
        ear.hear(200, 5_000)
        assert ear.tracker.unconfirmed_since == 0

    def test_the_first_sound_of_a_word_counts_though_it_might_be_a_click(self) -> None:
        ear = ear_after(1_024)
        ear.hear(CHUNK_MS, 5_000)
        assert not ear.tracker.is_speaking
        assert ear.begins_ms() == 1_024

    def test_a_click_is_forgotten(self) -> None:
        ear = ear_after()
        ear.hear(CHUNK_MS, 5_000)
        ear.hear(CHUNK_MS)
        assert ear.begins_ms() is None

    def test_it_reaches_from_the_first_open_stretch(self) -> None:
        ear = ear_after(1_024)
        ear.hear(320, 5_000)
        ear.hear(1_024)
        ear.hear(320, 5_000)
        assert ear.begins_ms() == 1_024


class TestConfirmed:
    @pytest.mark.parametrize(("late_s", "is_open"), [(-0.001, True), (0.001, False)])
    def test_what_ended_a_pause_before_the_transcript(self, late_s: float, is_open: bool) -> None:
        ear = ear_after(1_024)
        ear.hear(320, 5_000)
        ear.hear(2_000)
        ear.hear(320, 5_000)
        ended_at = ear.now
        ear.hear(1_000)
        ear.tracker.confirmed(at=ended_at + SETTLED_S + late_s)
        assert (ear.tracker.waits_since is not None) is is_open

    def test_it_returns_when_the_newest_words_in_it_ended(self) -> None:
        ear = ear_after(1_024)
        ended_at = []
        for _ in range(2):
            ear.hear(320, 5_000)
            ended_at.append(ear.now)
            ear.hear(704)
        assert ear.tracker.confirmed(at=ear.now) == ended_at[-1]
        assert ear.tracker.confirmed(at=ear.now) is None

    def test_what_began_behind_that_pause_stays_open(self) -> None:
        ear = ear_after(1_024)
        ear.hear(320, 5_000)
        ear.hear(1_504)
        begins_ms = ear.position * 1000 / RATE_HZ
        ear.hear(320, 5_000)
        ear.tracker.confirmed(at=ear.now)
        assert ear.begins_ms() == begins_ms
        assert ear.tracker.is_speaking

    def test_speech_that_goes_on_is_open_from_shortly_before_the_transcript_on(self) -> None:
        """Where noise hides the pause that the service heard, nothing is said twice."""
        ear = ear_after(1_024)
        ear.hear(3_200, 5_000)
        for _ in range(30):
            ear.hear(64, 1_600)
            ear.hear(64)
        assert ear.tracker.is_speaking
        ear.tracker.confirmed(at=ear.now)
        begins_ms = ear.begins_ms()
        assert begins_ms is not None
        assert begins_ms == pytest.approx(1000 * (ear.now - SETTLED_S), abs=2 * CHUNK_MS)

    def test_the_only_words_there_are_must_be_in_it(self) -> None:
        ear = ear_after(1_024)
        ear.hear(320, 5_000)
        ear.hear(450)
        ended_at = ear.tracker.waits_since
        assert ear.tracker.confirmed(at=ear.now) == ended_at
        assert ear.tracker.unconfirmed_since is None


SPEECH = (sound(160, 8_000) + sound(60, 0)) * 10


class TestBurst:
    """What came at once, the service may have heard in no time, or not at all yet."""

    def burst(self, *pauses_ms: float) -> Ear:
        """Let speech come at once, so many times, each with a pause behind it."""
        ear = ear_after(1_024)
        pcm = b"".join(SPEECH + sound(pause_ms, 0) for pause_ms in pauses_ms)
        ear.tracker.hear(pcm, position=ear.position, arrived=ear.now)
        return ear

    @pytest.mark.parametrize(
        ("pauses_ms", "turns"),
        [
            ((2_000, 2_000, 2_000), 1),
            ((TURN_ENDS_MS - 100, 2_000, 2_000), 2),
            ((TURN_ENDS_MS, 2_000, 2_000), 1),
            ((700, 700, 2_000), 3),
            ((700, 700, 700), 3),
        ],
    )
    def test_a_transcript_confirms_its_first_turn(
        self, pauses_ms: tuple[float, ...], turns: int
    ) -> None:
        ear = self.burst(*pauses_ms)
        begins = [stretch.begins for stretch in ear.tracker._open]
        assert len(begins) == 3
        ear.tracker.confirmed(at=ear.now + 0.1)
        assert [stretch.begins for stretch in ear.tracker._open] == begins[turns:]

    def test_later_ones_confirm_all_that_had_time_to_be_heard(self) -> None:
        ear = self.burst(2_000, 2_000, 2_000)
        ear.tracker.confirmed(at=ear.now + SETTLED_S + 0.001)
        assert ear.tracker.unconfirmed_since is None

    def test_speech_that_goes_on_is_not_confirmed_by_the_turns_before_it(self) -> None:
        ear = self.burst(2_000, 50)
        begins = ear.tracker._current
        ear.tracker.confirmed(at=ear.now + 0.1)
        assert ear.tracker._current == begins
        assert begins is not None

    def test_what_another_session_hears_comes_to_it_at_once(self) -> None:
        ear = ear_after(1_024)
        for _ in range(3):
            ear.hear(320, 5_000)
            ear.hear(2_000)
        ear.tracker.moved(at=ear.now)
        begins = [stretch.begins for stretch in ear.tracker._open]
        ear.tracker.confirmed(at=ear.now + 0.1)
        assert [stretch.begins for stretch in ear.tracker._open] == begins[1:]

    def test_what_was_being_said_as_the_session_changed_stays_open_too(self) -> None:
        ear = ear_after(1_024)
        ear.take(SPEECH, sizes=itertools.repeat(CHUNK_MS))
        ear.tracker.moved(at=ear.now)
        ear.take(SPEECH[:10_000], sizes=itertools.repeat(CHUNK_MS))
        ear.tracker.confirmed(at=ear.now)
        assert ear.begins_ms() == 1_024


class TestPassedOver:
    def test_what_one_session_after_the_other_takes_no_notice_of_was_no_speech(self) -> None:
        ear = ear_after()
        ear.hear(200, 5_000)
        ear.hear(1_000)
        for _ in range(MOST_PASSES - 1):
            ear.tracker.passed_over()
            assert ear.tracker.waits_since is not None
        ear.tracker.passed_over()
        assert ear.tracker.waits_since is None
        assert ear.tracker.unconfirmed_since is None

    def test_what_is_being_said_is_not_passed_over(self) -> None:
        ear = ear_after()
        ear.hear(200, 5_000)
        for _ in range(MOST_PASSES):
            ear.tracker.passed_over()
        assert ear.tracker.is_speaking


LOUD_MS = st.integers(80, 900)
PAUSES_MS = st.one_of(st.integers(40, 340), st.integers(500, 1_500))
CHUNKS_MS = st.lists(st.integers(5, 120), min_size=1, max_size=20)


@given(st.lists(st.tuples(LOUD_MS, PAUSES_MS), min_size=1, max_size=8), CHUNKS_MS)
def test_the_same_stretches_are_found_however_the_audio_is_cut(
    talk: Sequence[tuple[int, int]], chunks_ms: list[int]
) -> None:
    pcm, expected, at, long_enough = sound(1_000, 0), [], 1_000, True
    for loud_ms, pause_ms in talk:
        pcm += sound(loud_ms, 6_000) + sound(pause_ms, 0)
        if long_enough:
            expected.append(at)
        at += loud_ms + pause_ms
        long_enough = pause_ms >= SHORTEST_PAUSE_MS
    ear = Ear()
    ear.take(pcm + sound(600, 0), sizes=itertools.cycle(map(float, chunks_ms)))
    begins = [stretch.begins * 1000 / RATE_HZ for stretch in ear.tracker._open]
    assert begins == pytest.approx(expected, abs=FRAME_MS)


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 9_000)), max_size=15), CHUNKS_MS)
def test_a_transcript_long_after_confirms_all(
    sounds: list[tuple[int, int]], chunks_ms: list[int]
) -> None:
    ear = Ear()
    sizes = itertools.cycle(map(float, chunks_ms))
    for duration_ms, peak in sounds:
        ear.take(sound(duration_ms, peak), sizes=sizes)
    ear.take(sound(700, 0), sizes=sizes)
    ear.tracker.confirmed(at=ear.now + 1)
    assert ear.tracker.unconfirmed_since is None
