"""Which audio a client must keep, although no transcript covers it. See also `test_speech_detector`."""

import pytest

from voice.calls.engine.unconfirmed_speech import (
    NOISE_AFTER_S,
    PRE_ROLL_MS,
    SHORTEST_PAUSE_MS,
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
