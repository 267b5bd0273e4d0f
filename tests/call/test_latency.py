"""Whose time a turn took."""

import pytest

from voice.call.latency import TurnTimer
from voice.wire.messages import TurnLatency

pytestmark = pytest.mark.pure


def ms(latency: TurnLatency | None) -> tuple[int, int, int, int]:
    assert latency is not None
    return (
        round(latency.first_audio_ms),
        round(latency.model_ms),
        round(latency.tool_ms),
        round(latency.server_ms),
    )


def test_typed_words_count_from_their_arrival() -> None:
    timer = TurnTimer()
    timer.words_sent(arrived=10.000, sent=10.002)
    timer.audio_received(at=10.302)
    timer.audio_delivered(at=10.303)
    assert ms(timer.latest) == (303, 300, 0, 3)


def test_speech_counts_from_the_transcript_with_the_newest_chunks_wait() -> None:
    timer = TurnTimer()
    timer.chunk_sent(waited_s=0.001)
    timer.words_recognised(at=20.0)
    timer.audio_received(at=20.5)
    timer.audio_delivered(at=20.502)
    assert ms(timer.latest) == (503, 500, 0, 3)


def test_the_transcript_of_typed_words_does_not_begin_the_turn_again() -> None:
    timer = TurnTimer()
    timer.words_sent(arrived=10.0, sent=10.0)
    timer.words_recognised(at=10.2)
    timer.audio_received(at=10.3)
    timer.audio_delivered(at=10.3)
    assert ms(timer.latest) == (300, 300, 0, 0)


def test_tools_that_overlap_count_once() -> None:
    timer = TurnTimer()
    timer.words_sent(arrived=0, sent=0)
    timer.tool_started(at=0.1)
    timer.tool_started(at=0.2)
    timer.tool_finished(at=0.3)
    timer.tool_finished(at=0.4)
    timer.audio_received(at=1.0)
    timer.audio_delivered(at=1.0)
    assert ms(timer.latest) == (1000, 700, 300, 0)


def test_only_the_first_audio_of_a_turn_counts() -> None:
    timer = TurnTimer()
    timer.words_sent(arrived=0, sent=0)
    for at in (0.5, 5.0):
        timer.audio_received(at=at)
        timer.audio_delivered(at=at)
    assert ms(timer.latest) == (500, 500, 0, 0)


def test_a_new_turn_begins_afresh() -> None:
    timer = TurnTimer()
    for begin in (0.0, 100.0):
        timer.words_sent(arrived=begin, sent=begin)
        assert timer.latest is None
        timer.audio_received(at=begin + 0.2)
        timer.audio_delivered(at=begin + 0.2)
    assert ms(timer.latest) == (200, 200, 0, 0)


def test_audio_without_words_is_no_turn() -> None:
    timer = TurnTimer()
    timer.audio_received(at=1)
    timer.audio_delivered(at=1)
    assert timer.latest is None
