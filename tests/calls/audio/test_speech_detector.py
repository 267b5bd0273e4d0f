"""Where the customer speaks, by loudness alone, and what a transcript of the service covers."""

import array
import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.audio.speech_detector import (
    ABOVE_BACKGROUND,
    BEGINS_AFTER_MS,
    FRAME_MS,
    LOUD_PEAK,
    SpeechDetector,
)
from voice.calls.engine.events import SpeechBegan
from voice.calls.engine.unconfirmed_speech import (
    MOST_SESSIONS,
    PRE_ROLL_MS,
    SHORTEST_PAUSE_MS,
    TURN_ENDS_MS,
    InputFacts,
    UnconfirmedSpeech,
)

pytestmark = pytest.mark.pure

RATE_HZ = 16_000
CHUNK_MS = 32
TRANSCRIPTION_MARGIN_S = 1.5 * SHORTEST_PAUSE_MS / 1000
"""How long before a transcript speech must have ended to be in it."""


def sound(duration_ms: float, peak: int) -> bytes:
    """Return a square wave of 100 Hz."""
    period = [peak] * 80 + [-peak] * 80
    return array.array(
        "h", itertools.islice(itertools.cycle(period), int(duration_ms * RATE_HZ / 1000))
    ).tobytes()


class Microphone:
    """Feeds a detector in real time, and what it finds to the unconfirmed speech, as a call does."""

    def __init__(self) -> None:
        self.detector = SpeechDetector(RATE_HZ, shortest_pause_ms=SHORTEST_PAUSE_MS)
        self.speech = UnconfirmedSpeech(RATE_HZ, shortest_pause_ms=SHORTEST_PAUSE_MS)
        self.speech.change_session(now=0.0)
        self.position = 0

    @property
    def now(self) -> float:
        return self.position / RATE_HZ

    def play(self, duration_ms: float, peak: int = 0, *, chunk_ms: float = CHUNK_MS) -> None:
        self.feed(sound(duration_ms, peak), sizes=itertools.repeat(chunk_ms))

    def feed(self, pcm: bytes, *, sizes: Iterator[float]) -> None:
        while pcm:
            size = 2 * int(next(sizes) * RATE_HZ / 1000)
            chunk, pcm = pcm[:size], pcm[size:]
            begin, self.position = self.position, self.position + len(chunk) // 2
            self.process(chunk, begin, arrived=self.now)

    def process(self, chunk: bytes, position: int, *, arrived: float) -> None:
        for edge in self.detector.process(chunk, position=position, arrived=arrived):
            if isinstance(edge, SpeechBegan):
                self.speech.speech_began(edge.begins)
            else:
                self.speech.speech_ended(until=edge.until, ended_at=edge.ended_at)

    def confirm(self, *, at: float) -> float | None:
        """Confirm what a transcript at an instant covers."""
        facts = InputFacts(
            received_to=self.detector.received_to,
            loud_since=self.detector.loud_since,
            covered_to=self.detector.received_by(at - self.speech.transcription_margin_s),
        )
        return self.speech.confirm(facts, now=at)

    @property
    def unconfirmed_since(self) -> int | None:
        return self.speech.since(self.detector.loud_since)

    @property
    def is_speaking(self) -> bool:
        assert self.detector.is_speaking is self.speech.is_speaking
        return self.detector.is_speaking

    def begins(self) -> list[int]:
        """Return where the speech begins that ended and is not confirmed."""
        return [segment.begins for segment in self.speech.segments]

    def begins_ms(self) -> float | None:
        """Return where the unconfirmed speech begins, without the pre-roll."""
        since = self.unconfirmed_since
        return None if since is None else since * 1000 / RATE_HZ + PRE_ROLL_MS


def microphone_after(quiet_ms: float = 1_000) -> Microphone:
    microphone = Microphone()
    microphone.play(quiet_ms)
    return microphone


class TestLoudness:
    @pytest.mark.parametrize(("peak", "speaks"), [(LOUD_PEAK - 1, False), (LOUD_PEAK, True)])
    def test_sound_below_the_floor_is_not_speech(self, peak: int, speaks: bool) -> None:
        microphone = microphone_after()
        microphone.play(200, peak)
        assert microphone.is_speaking is speaks

    @pytest.mark.parametrize(("samples", "speaks"), [(-1, False), (0, True)])
    def test_sound_shorter_than_speech_is_a_click(self, samples: int, speaks: bool) -> None:
        microphone = microphone_after()
        microphone.play(BEGINS_AFTER_MS + samples * 1000 / RATE_HZ, 5_000, chunk_ms=4)
        assert microphone.is_speaking is speaks

    def test_clicks_do_not_add_up_to_speech(self) -> None:
        microphone = microphone_after()
        for _ in range(10):
            microphone.play(32, 5_000)
            microphone.play(32)
        assert not microphone.is_speaking

    def test_lowest_sample_is_as_loud_as_the_highest(self) -> None:
        microphone = microphone_after()
        microphone.feed(
            array.array("h", [-32768] * 3200).tobytes(), sizes=itertools.repeat(CHUNK_MS)
        )
        assert microphone.is_speaking

    def test_empty_chunk_is_not_speech(self) -> None:
        detector = SpeechDetector(RATE_HZ, shortest_pause_ms=SHORTEST_PAUSE_MS)
        assert detector.process(b"", position=0, arrived=1.0) == []
        assert not detector.is_speaking


class TestBackground:
    def test_steady_noise_is_not_speech(self) -> None:
        microphone = Microphone()
        microphone.play(3_000, 2_000)
        assert not microphone.is_speaking

    def test_steady_noise_that_begins_later_is_not_speech(self) -> None:
        microphone = microphone_after(5_000)
        microphone.play(3_000, 2_000)
        assert not microphone.is_speaking

    def test_sound_above_the_noise_is_speech(self) -> None:
        for times, speaks in ((ABOVE_BACKGROUND - 0.1, False), (ABOVE_BACKGROUND, True)):
            microphone = Microphone()
            microphone.play(4_000, 1_000)
            microphone.play(200, int(times * 1_000))
            assert microphone.is_speaking is speaks

    def test_long_speech_does_not_become_background(self) -> None:
        microphone = microphone_after()
        for _ in range(40):
            microphone.play(160, 8_000)
            microphone.play(60)
            assert microphone.is_speaking

    def test_long_speech_in_large_chunks_does_not_become_background(self) -> None:
        microphone = microphone_after()
        pcm = (sound(160, 8_000) + sound(60, 0)) * 40
        microphone.feed(pcm, sizes=itertools.repeat(500))
        assert microphone.is_speaking

    def test_quiet_after_noise_becomes_background(self) -> None:
        microphone = Microphone()
        microphone.play(4_000, 5_000)
        microphone.play(3_000)
        microphone.play(200, LOUD_PEAK)
        assert microphone.is_speaking


class TestPauses:
    def test_speech_ends_with_a_long_pause_only(self) -> None:
        microphone = microphone_after()
        microphone.play(200, 5_000)
        microphone.play(SHORTEST_PAUSE_MS - CHUNK_MS)
        before = microphone.is_speaking, microphone.speech.waits_since
        microphone.play(2 * CHUNK_MS)
        assert before == (True, None)
        assert not microphone.is_speaking

    def test_speech_waits_since_its_end_arrived(self) -> None:
        microphone = microphone_after(1_024)
        microphone.play(320, 5_000)
        ended_at = microphone.now
        microphone.play(1_000)
        assert microphone.speech.waits_since == ended_at

    def test_speech_waits_since_the_oldest_end(self) -> None:
        microphone = microphone_after(1_024)
        for _ in range(2):
            microphone.play(320, 5_000)
            microphone.play(1_024)
        assert microphone.speech.waits_since == pytest.approx(1.344)


class TestUnconfirmed:
    def test_silence_is_confirmed(self) -> None:
        assert microphone_after().unconfirmed_since is None

    def test_unconfirmed_speech_begins_before_the_loudness(self) -> None:
        microphone = microphone_after(1_024)
        microphone.play(200, 5_000)
        assert microphone.unconfirmed_since == int((1_024 - PRE_ROLL_MS) * RATE_HZ / 1000)

    def test_unconfirmed_speech_never_begins_before_the_call(self) -> None:
        microphone = Microphone()
        microphone.play(200, 5_000)
        assert microphone.unconfirmed_since == 0

    def test_unconfirmed_speech_may_still_be_a_click(self) -> None:
        microphone = microphone_after(1_024)
        microphone.play(CHUNK_MS, 5_000)
        assert not microphone.is_speaking
        assert microphone.begins_ms() == 1_024

    def test_click_is_not_unconfirmed_speech(self) -> None:
        microphone = microphone_after()
        microphone.play(CHUNK_MS, 5_000)
        microphone.play(CHUNK_MS)
        assert microphone.begins_ms() is None

    def test_unconfirmed_speech_begins_with_the_oldest(self) -> None:
        microphone = microphone_after(1_024)
        microphone.play(320, 5_000)
        microphone.play(1_024)
        microphone.play(320, 5_000)
        assert microphone.begins_ms() == 1_024


class TestConfirmed:
    @pytest.mark.parametrize(("late_s", "is_open"), [(-0.001, True), (0.001, False)])
    def test_transcript_covers_speech_that_ended_a_pause_before(
        self, late_s: float, is_open: bool
    ) -> None:
        microphone = microphone_after(1_024)
        microphone.play(320, 5_000)
        microphone.play(2_000)
        microphone.play(320, 5_000)
        ended_at = microphone.now
        microphone.play(1_000)
        microphone.confirm(at=ended_at + TRANSCRIPTION_MARGIN_S + late_s)
        assert (microphone.speech.waits_since is not None) is is_open

    def test_transcript_returns_when_its_newest_speech_ended(self) -> None:
        microphone = microphone_after(1_024)
        ended_at = []
        for _ in range(2):
            microphone.play(320, 5_000)
            ended_at.append(microphone.now)
            microphone.play(704)
        assert microphone.confirm(at=microphone.now) == ended_at[-1]
        assert microphone.confirm(at=microphone.now) is None

    def test_transcript_does_not_cover_speech_that_began_later(self) -> None:
        microphone = microphone_after(1_024)
        microphone.play(320, 5_000)
        microphone.play(1_504)
        begins_ms = microphone.position * 1000 / RATE_HZ
        microphone.play(320, 5_000)
        microphone.confirm(at=microphone.now)
        assert microphone.begins_ms() == begins_ms
        assert microphone.is_speaking

    def test_transcript_in_noise_covers_speech_up_to_shortly_before(self) -> None:
        """Where noise hides the pause that the service heard, nothing is said twice."""
        microphone = microphone_after(1_024)
        microphone.play(3_200, 5_000)
        for _ in range(30):
            microphone.play(64, 1_600)
            microphone.play(64)
        assert microphone.is_speaking
        microphone.confirm(at=microphone.now)
        begins_ms = microphone.begins_ms()
        assert begins_ms is not None
        assert begins_ms == pytest.approx(
            1000 * (microphone.now - TRANSCRIPTION_MARGIN_S), abs=2 * CHUNK_MS
        )

    def test_transcript_covers_the_only_speech_there_is(self) -> None:
        microphone = microphone_after(1_024)
        microphone.play(320, 5_000)
        microphone.play(450)
        ended_at = microphone.speech.waits_since
        assert microphone.confirm(at=microphone.now) == ended_at
        assert microphone.unconfirmed_since is None


SPEECH = (sound(160, 8_000) + sound(60, 0)) * 10


class TestBurst:
    """What came at once, the service may have heard in no time, or not at all yet."""

    def burst(self, *pauses_ms: float) -> Microphone:
        """Let speech come at once, so many times, each with a pause behind it."""
        microphone = microphone_after(1_024)
        pcm = b"".join(SPEECH + sound(pause_ms, 0) for pause_ms in pauses_ms)
        microphone.process(pcm, microphone.position, arrived=microphone.now)
        return microphone

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
    def test_transcript_after_a_burst_covers_the_first_turn(
        self, pauses_ms: tuple[float, ...], turns: int
    ) -> None:
        microphone = self.burst(*pauses_ms)
        begins = microphone.begins()
        assert len(begins) == 3
        microphone.confirm(at=microphone.now + 0.1)
        assert microphone.begins() == begins[turns:]

    def test_transcript_long_after_a_burst_covers_all_of_it(self) -> None:
        microphone = self.burst(2_000, 2_000, 2_000)
        microphone.confirm(at=microphone.now + TRANSCRIPTION_MARGIN_S + 0.001)
        assert microphone.unconfirmed_since is None

    def test_transcript_after_a_burst_leaves_speech_that_goes_on(self) -> None:
        microphone = self.burst(2_000, 50)
        microphone.confirm(at=microphone.now + 0.1)
        assert microphone.is_speaking
        assert microphone.begins() == []

    def test_transcript_of_the_next_session_covers_the_first_turn(self) -> None:
        microphone = microphone_after(1_024)
        for _ in range(3):
            microphone.play(320, 5_000)
            microphone.play(2_000)
        microphone.speech.change_session(now=microphone.now)
        begins = microphone.begins()
        microphone.confirm(at=microphone.now + 0.1)
        assert microphone.begins() == begins[1:]

    def test_transcript_leaves_speech_during_the_session_change(self) -> None:
        microphone = microphone_after(1_024)
        microphone.feed(SPEECH, sizes=itertools.repeat(CHUNK_MS))
        microphone.speech.change_session(now=microphone.now)
        microphone.feed(SPEECH[:10_000], sizes=itertools.repeat(CHUNK_MS))
        microphone.confirm(at=microphone.now)
        assert microphone.begins_ms() == 1_024


class TestPassedOver:
    def test_speech_ignored_by_two_sessions_was_noise(self) -> None:
        microphone = microphone_after()
        microphone.play(200, 5_000)
        microphone.play(1_000)
        for _ in range(MOST_SESSIONS - 1):
            microphone.speech.session_ignored()
            assert microphone.speech.waits_since is not None
        microphone.speech.session_ignored()
        assert microphone.speech.waits_since is None
        assert microphone.unconfirmed_since is None

    def test_speech_that_goes_on_is_not_ignored(self) -> None:
        microphone = microphone_after()
        microphone.play(200, 5_000)
        for _ in range(MOST_SESSIONS):
            microphone.speech.session_ignored()
        assert microphone.is_speaking


LOUD_MS = st.integers(80, 900)
PAUSES_MS = st.one_of(st.integers(40, 340), st.integers(500, 1_500))
CHUNKS_MS = st.lists(st.integers(5, 120), min_size=1, max_size=20)


@given(st.lists(st.tuples(LOUD_MS, PAUSES_MS), min_size=1, max_size=8), CHUNKS_MS)
def test_speech_is_the_same_however_the_audio_is_cut(
    sounds: Sequence[tuple[int, int]], chunks_ms: list[int]
) -> None:
    pcm, expected, at, long_enough = sound(1_000, 0), [], 1_000, True
    for loud_ms, pause_ms in sounds:
        pcm += sound(loud_ms, 6_000) + sound(pause_ms, 0)
        if long_enough:
            expected.append(at)
        at += loud_ms + pause_ms
        long_enough = pause_ms >= SHORTEST_PAUSE_MS
    microphone = Microphone()
    microphone.feed(pcm + sound(600, 0), sizes=itertools.cycle(map(float, chunks_ms)))
    begins = [begin * 1000 / RATE_HZ for begin in microphone.begins()]
    assert begins == pytest.approx(expected, abs=FRAME_MS)


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 9_000)), max_size=15), CHUNKS_MS)
def test_transcript_long_after_covers_everything(
    sounds: list[tuple[int, int]], chunks_ms: list[int]
) -> None:
    microphone = Microphone()
    sizes = itertools.cycle(map(float, chunks_ms))
    for duration_ms, peak in sounds:
        microphone.feed(sound(duration_ms, peak), sizes=sizes)
    microphone.feed(sound(700, 0), sizes=sizes)
    microphone.confirm(at=microphone.now + 1)
    assert microphone.unconfirmed_since is None
