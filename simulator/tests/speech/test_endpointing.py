"""Where turns begin and end, from a stream of speech probabilities."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.speech.endpointing import (
    FRAME_BYTES,
    FRAME_MS,
    FRAME_SAMPLES,
    MAX_UTTERANCE_FRAMES,
    PAUSE_FRAMES,
    PRE_ROLL_FRAMES,
    STAY_PROBABILITY,
    TAIL_FRAMES,
    Endpointer,
    SpeechEnded,
    SpeechStarted,
    TurnDetector,
)

pytestmark = pytest.mark.pure

SILENCE_FRAMES = 5
SILENCE_MS = SILENCE_FRAMES * FRAME_MS

type Events = list[SpeechStarted | SpeechEnded]


def frame(number: int) -> bytes:
    """A frame that can be told from others."""
    return number.to_bytes(4, "little") * (FRAME_BYTES // 4)


def detected(probabilities: Iterable[float]) -> Events:
    detector = TurnDetector(silence_ms=SILENCE_MS)
    events = (detector.push(frame(n), p) for n, p in enumerate(probabilities))
    return [event for event in events if isinstance(event, SpeechStarted | SpeechEnded)]


def frame_numbers(pcm: bytes) -> list[int]:
    return [int.from_bytes(pcm[at : at + 4], "little") for at in range(0, len(pcm), FRAME_BYTES)]


def test_speech_starts_at_the_first_of_three_frames_of_it() -> None:
    assert detected([0, 0, 1, 1]) == []
    assert detected([0, 0, 1, 1, 1]) == [SpeechStarted(at_sample=2 * FRAME_SAMPLES)]


def test_a_click_is_not_speech() -> None:
    assert detected([0, 1, 1, 0, 1, 1, 0]) == []


def test_speech_ends_after_the_silence_asked_for_and_not_a_frame_before() -> None:
    spoken = [0, *[1] * 10]
    assert len(detected([*spoken, *[0] * (SILENCE_FRAMES - 1)])) == 1
    ended = detected([*spoken, *[0] * SILENCE_FRAMES])[1]
    assert isinstance(ended, SpeechEnded)
    assert ended.at_sample == len(spoken) * FRAME_SAMPLES


def test_a_pause_shorter_than_the_silence_does_not_split_a_turn() -> None:
    turn = [1] * 5 + [0] * (SILENCE_FRAMES - 1)
    assert len(detected(turn * 4 + [0] * SILENCE_FRAMES)) == 2


def test_staying_in_speech_takes_less_than_starting_it() -> None:
    assert detected([STAY_PROBABILITY] * 20) == []
    assert len(detected([1, 1, 1, *[STAY_PROBABILITY] * 20])) == 1
    assert len(detected([1, 1, 1, *[STAY_PROBABILITY - 0.01] * 20])) == 2


def test_the_utterance_has_a_pre_roll_and_a_tail() -> None:
    silence, speech = 30, 10
    ended = detected([*[0] * silence, *[1] * speech, *[0] * 100])[1]
    assert isinstance(ended, SpeechEnded)
    utterances = frame_numbers(ended.pcm)
    assert utterances[0] == silence - PRE_ROLL_FRAMES
    assert utterances[-1] == silence + speech + min(TAIL_FRAMES, SILENCE_FRAMES) - 1


def test_a_turn_without_end_is_cut() -> None:
    events = detected([1] * (MAX_UTTERANCE_FRAMES + 10))
    assert [type(event) for event in events] == [SpeechStarted, SpeechEnded, SpeechStarted]
    assert isinstance(events[1], SpeechEnded)
    assert len(events[1].pcm) == MAX_UTTERANCE_FRAMES * FRAME_BYTES


# Pauses.

LONG_SILENCE_MS = 2000
SPOKEN = [0.0] * 5 + [1.0] * 10


class Listener:
    """Notes what it's told of pauses."""

    def __init__(self) -> None:
        self.pauses: list[bytes] = []
        self.resumed = 0

    def on_pause(self, pcm: bytes) -> Callable[[], None]:
        self.pauses.append(pcm)
        return self.on_resume

    def on_resume(self) -> None:
        self.resumed += 1


def told_of(probabilities: list[float], silence_ms: int) -> tuple[Listener, Events]:
    listener, answers = Listener(), iter(probabilities)
    endpointer = Endpointer(
        silence_ms=silence_ms,
        speech_probability=lambda _frame: next(answers),
        on_pause=listener.on_pause,
    )
    return listener, endpointer.feed(b"".join(frame(n) for n in range(len(probabilities))))


def test_a_pause_that_ends_the_turn_had_told_its_very_bytes() -> None:
    listener, events = told_of(SPOKEN + [0.0] * 100, LONG_SILENCE_MS)
    assert isinstance(events[1], SpeechEnded)
    assert listener.pauses == [events[1].pcm]
    assert listener.resumed == 0


def test_speaking_on_after_a_pause_is_told_once() -> None:
    going_on = SPOKEN + [0.0] * PAUSE_FRAMES + [1.0] * 10
    listener, events = told_of(going_on, LONG_SILENCE_MS)
    assert (len(listener.pauses), listener.resumed, len(events)) == (1, 1, 1)


def test_a_breath_is_no_pause() -> None:
    listener, _events = told_of(SPOKEN + [0.0] * (PAUSE_FRAMES - 1) + [1.0], LONG_SILENCE_MS)
    assert (listener.pauses, listener.resumed) == ([], 0)


def test_a_turn_that_ends_sooner_has_no_pause() -> None:
    listener, events = told_of(SPOKEN + [0.0] * 100, SILENCE_MS)
    assert (listener.pauses, len(events)) == ([], 2)


PROBABILITIES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 1.0]), max_size=200)


@given(PROBABILITIES)
def test_starts_and_ends_alternate_and_go_forward(probabilities: list[float]) -> None:
    events = detected(probabilities)
    assert [type(event) for event in events] == ([SpeechStarted, SpeechEnded] * len(events))[
        : len(events)
    ]
    moments = [event.at_sample for event in events]
    assert moments == sorted(moments)


@given(PROBABILITIES)
def test_utterances_are_contiguous_and_never_overlap(
    probabilities: list[float],
) -> None:
    stretches = [
        frame_numbers(event.pcm)
        for event in detected(probabilities)
        if isinstance(event, SpeechEnded)
    ]
    for utterances in stretches:
        assert utterances == list(range(utterances[0], utterances[0] + len(utterances)))
    for before, after in itertools.pairwise(stretches):
        assert before[-1] < after[0]


@given(
    PROBABILITIES.filter(lambda them: len(them) > 3),
    st.lists(st.integers(0, 3000), min_size=1, max_size=20),
)
def test_the_sizes_of_the_pieces_do_not_matter(
    probabilities: list[float], sizes: list[int]
) -> None:
    stream = b"".join(frame(n) for n in range(len(probabilities)))

    def scripted() -> Iterator[float]:
        yield from probabilities

    answers = scripted()
    endpointer = Endpointer(silence_ms=SILENCE_MS, speech_probability=lambda _frame: next(answers))
    found = []
    for piece in pieces_of(stream, sizes):
        found += endpointer.feed(piece)
    assert found == detected(probabilities)


def pieces_of(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield stream[at : at + size]
        at += size
    yield stream[at:]
