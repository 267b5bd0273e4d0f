"""Which audio a client must keep, although no transcript covers it. See also `test_speech_detector`."""

import pytest

from voice.calls.engine.unconfirmed_speech import (
    NOISE_AFTER_S,
    PRE_ROLL_MS,
    SHORTEST_PAUSE_MS,
    TRANSCRIBED_WITHIN_S,
    TURN_ENDS_MS,
    InputFacts,
    UnconfirmedSpeech,
)

pytestmark = pytest.mark.pure

RATE_HZ = 16_000
PRE_ROLL = int(PRE_ROLL_MS * RATE_HZ / 1000)


def speech_at(*begins: int) -> UnconfirmedSpeech:
    """Return unconfirmed speech that ended at 1 s, 2 s, and so on."""
    speech = UnconfirmedSpeech(RATE_HZ, shortest_pause_ms=SHORTEST_PAUSE_MS)
    speech.change_session(now=0.0)
    for number, begin in enumerate(begins, start=1):
        speech.speech_began(begin)
        speech.speech_ended(until=begin + 100, ended_at=float(number))
    return speech


@pytest.mark.parametrize(("late_s", "since"), [(-0.001, 10_000 - PRE_ROLL), (0.0, None)])
def test_noise_that_is_not_transcribed_for_long_is_acknowledged(
    late_s: float, since: int | None
) -> None:
    speech = speech_at(10_000)
    assert speech.unacknowledged_since(None, now=1.0 + NOISE_AFTER_S + late_s) == since
    assert speech.since(None) == 10_000 - PRE_ROLL


def test_speech_after_a_noise_is_kept() -> None:
    speech = speech_at(10_000, 20_000)
    assert speech.unacknowledged_since(None, now=1.5 + NOISE_AFTER_S) == 20_000 - PRE_ROLL


def test_speech_that_goes_on_after_a_noise_is_kept() -> None:
    speech = speech_at(10_000)
    speech.speech_began(30_000)
    assert speech.unacknowledged_since(30_000, now=100.0) == 30_000 - PRE_ROLL


def test_loudness_that_may_become_speech_is_kept() -> None:
    assert speech_at().unacknowledged_since(40_000, now=100.0) == 40_000 - PRE_ROLL
    assert speech_at().unacknowledged_since(None, now=100.0) is None


def test_speech_without_a_session_is_kept() -> None:
    speech = speech_at(10_000)
    speech.lose_session()
    speech.speech_began(20_000)
    speech.speech_ended(until=20_100, ended_at=2.0)
    assert speech.unacknowledged_since(None, now=1_000.0) == 10_000 - PRE_ROLL


def test_speech_given_to_the_next_session_is_kept_as_long_again() -> None:
    speech = speech_at(10_000)
    speech.lose_session()
    speech.change_session(now=50.0)
    assert speech.unacknowledged_since(None, now=49.9 + NOISE_AFTER_S) == 10_000 - PRE_ROLL
    assert speech.unacknowledged_since(None, now=50.0 + NOISE_AFTER_S) is None


def test_speech_never_begins_before_the_call() -> None:
    assert speech_at(10).unacknowledged_since(None, now=1.0) == 0


def test_pause_without_speech_before_it_is_nothing() -> None:
    speech = UnconfirmedSpeech(RATE_HZ, shortest_pause_ms=SHORTEST_PAUSE_MS)
    speech.speech_ended(until=100, ended_at=1.0)
    assert speech.waits_since is None


# What the next session gets in a burst

TURN_ENDS = int(TURN_ENDS_MS * RATE_HZ / 1000)
LATE = InputFacts(received_to=10 * TURN_ENDS)
"""The newest audio is long after all speech of these tests."""


def burst(*begins: int) -> UnconfirmedSpeech:
    """Return speech that a session got at 10 s."""
    speech = speech_at(*begins)
    speech.change_session(now=10.0)
    return speech


def remaining(speech: UnconfirmedSpeech) -> list[int]:
    return [segment.begins for segment in speech.segments]


def test_each_transcript_of_a_burst_confirms_one_turn() -> None:
    speech = burst(0, 2 * TURN_ENDS, 4 * TURN_ENDS)
    # Long after the burst: a busy service may take seconds for the first turn of it.
    speech.confirm(LATE, now=12.5)
    assert remaining(speech) == [2 * TURN_ENDS, 4 * TURN_ENDS]
    speech.confirm(LATE, now=12.6)
    assert remaining(speech) == [4 * TURN_ENDS]
    speech.confirm(LATE, now=12.7)
    assert remaining(speech) == []


def test_transcript_of_a_burst_confirms_a_turn_with_short_pauses_whole() -> None:
    speech = burst(0, TURN_ENDS // 2, 4 * TURN_ENDS)
    speech.confirm(LATE, now=12.5)
    assert remaining(speech) == [4 * TURN_ENDS]


@pytest.mark.parametrize(("late_s", "left"), [(0.0, [2 * TURN_ENDS]), (0.001, [])])
def test_transcript_long_after_a_burst_confirms_all_of_it(late_s: float, left: list[int]) -> None:
    speech = burst(0, 2 * TURN_ENDS)
    speech.confirm(LATE, now=10.0 + TRANSCRIBED_WITHIN_S + late_s)
    assert remaining(speech) == left


@pytest.mark.parametrize(("late_s", "left"), [(0.0, [2 * TURN_ENDS]), (0.001, [])])
def test_rest_of_a_burst_is_noise_after_a_while(late_s: float, left: list[int]) -> None:
    speech = burst(0, 2 * TURN_ENDS)
    speech.confirm(LATE, now=11.0)
    speech.forget_ignored_burst(now=10.0 + TRANSCRIBED_WITHIN_S + late_s)
    assert remaining(speech) == left


def test_burst_without_a_transcript_is_kept() -> None:
    speech = burst(0, 2 * TURN_ENDS)
    speech.forget_ignored_burst(now=60.0)
    assert remaining(speech) == [0, 2 * TURN_ENDS]


def test_speech_after_a_burst_is_kept_with_its_rest_forgotten() -> None:
    speech = burst(0, 2 * TURN_ENDS)
    speech.confirm(LATE, now=11.0)
    speech.speech_began(4 * TURN_ENDS)
    speech.speech_ended(until=5 * TURN_ENDS, ended_at=12.0)
    speech.forget_ignored_burst(now=20.0)
    assert remaining(speech) == [4 * TURN_ENDS]
