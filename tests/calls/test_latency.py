"""Whose time a turn took."""

import pytest

from voice.calls.latency import MAX_UNHEARD, HeardReply, TurnTimer
from voice.wire.messages import PlaybackStarted, TurnLatency

pytestmark = pytest.mark.pure


def ms(latency: TurnLatency | None) -> tuple[int, int, int, int]:
    assert latency is not None
    return (
        round(latency.first_audio_ms),
        round(latency.model_ms),
        round(latency.tool_ms),
        round(latency.server_ms),
    )


def deliver(timer: TurnTimer, *, at: float, turn: int = 1, position: int = 0) -> TurnLatency | None:
    return timer.audio_delivered(at=at, turn=turn, position=position)


def answer(timer: TurnTimer, *, at: float, turn: int = 1, position: int = 0) -> TurnLatency | None:
    timer.audio_received(turn=turn, at=at)
    return deliver(timer, at=at, turn=turn, position=position)


def typed(*, at: float = 0.0, turn: int = 1) -> TurnTimer:
    timer = TurnTimer()
    timer.words_sent(turn=turn, arrived=at, sent=at)
    return timer


class TestTurn:
    def test_typed_words_count_from_their_arrival(self) -> None:
        timer = TurnTimer()
        timer.words_sent(turn=1, arrived=10.000, sent=10.002)
        timer.audio_received(turn=1, at=10.302)
        latency = deliver(timer, at=10.303)
        assert ms(latency) == (303, 300, 0, 3)
        assert latency == timer.latest
        assert latency is not None
        assert latency.hearing_ms is None

    def test_speech_counts_from_the_transcript_with_the_newest_chunks_wait(self) -> None:
        timer = TurnTimer()
        timer.chunk_sent(waited_s=0.001)
        timer.words_recognised(turn=1, at=20.0, ended_at=18.2)
        timer.audio_received(turn=1, at=20.5)
        latency = deliver(timer, at=20.502)
        assert ms(latency) == (503, 500, 0, 3)
        assert latency is not None
        assert latency.hearing_ms == pytest.approx(1800)

    def test_where_nobody_knows_when_the_words_ended_there_is_no_hearing(self) -> None:
        timer = TurnTimer()
        timer.words_recognised(turn=1, at=20.0)
        latency = answer(timer, at=20.5)
        assert latency is not None
        assert latency.hearing_ms is None

    def test_hearing_is_never_negative(self) -> None:
        timer = TurnTimer()
        timer.words_recognised(turn=1, at=20.0, ended_at=20.1)
        latency = answer(timer, at=20.5)
        assert latency is not None
        assert latency.hearing_ms == 0.0

    def test_the_customers_last_words_count(self) -> None:
        timer = typed(at=10.0)
        timer.words_recognised(turn=1, at=12.0)
        assert ms(answer(timer, at=12.3)) == (300, 300, 0, 0)

    def test_only_the_first_audio_of_a_turn_counts(self) -> None:
        timer = typed()
        assert ms(answer(timer, at=0.5)) == (500, 500, 0, 0)
        assert answer(timer, at=5.0) is None
        assert ms(timer.of(1)) == (500, 500, 0, 0)

    def test_what_was_measured_of_one_turn_says_nothing_of_another(self) -> None:
        timer = typed(turn=1)
        answer(timer, at=0.5)
        assert timer.of(2) is None

    def test_a_new_turn_begins_afresh(self) -> None:
        timer = TurnTimer()
        for turn, begin in ((1, 0.0), (2, 100.0)):
            timer.words_sent(turn=turn, arrived=begin, sent=begin)
            assert timer.latest is None
            assert ms(answer(timer, turn=turn, at=begin + 0.2)) == (200, 200, 0, 0)

    def test_the_rest_of_an_older_turns_answer_is_no_answer(self) -> None:
        timer = typed(turn=1)
        answer(timer, turn=1, at=0.2)
        timer.words_sent(turn=2, arrived=1.0, sent=1.0)
        assert answer(timer, turn=1, at=1.01) is None
        assert ms(answer(timer, turn=2, at=1.4)) == (400, 400, 0, 0)

    def test_audio_without_words_is_no_turn(self) -> None:
        assert answer(TurnTimer(), at=1) is None

    def test_audio_that_was_not_received_in_this_turn_is_no_answer(self) -> None:
        timer = typed()
        assert deliver(timer, at=1.0) is None

    def test_a_chunk_sent_after_the_words_says_nothing_of_their_wait(self) -> None:
        timer = TurnTimer()
        timer.chunk_sent(waited_s=0.001)
        timer.words_recognised(turn=1, at=20.0)
        timer.chunk_sent(waited_s=5.0)
        assert ms(answer(timer, at=20.5)) == (501, 500, 0, 1)


class TestTools:
    def test_those_that_overlap_count_once(self) -> None:
        timer = typed()
        timer.tool_started(at=0.1)
        timer.tool_started(at=0.2)
        timer.tool_finished(at=0.3)
        timer.tool_finished(at=0.4)
        assert ms(answer(timer, at=1.0)) == (1000, 700, 300, 0)

    def test_those_one_after_the_other_add_up(self) -> None:
        timer = typed()
        for begin in (0.1, 0.5):
            timer.tool_started(at=begin)
            timer.tool_finished(at=begin + 0.1)
        assert ms(answer(timer, at=1.0)) == (1000, 800, 200, 0)

    def test_one_that_still_runs_when_the_assistant_speaks_counts_up_to_there(self) -> None:
        timer = typed()
        timer.tool_started(at=0.1)
        timer.audio_received(turn=1, at=3.1)
        timer.tool_finished(at=5.0)
        assert ms(deliver(timer, at=5.0)) == (5000, 100, 3000, 1900)

    def test_one_that_began_before_the_words_counts_from_them_on(self) -> None:
        timer = typed(turn=1)
        timer.tool_started(at=0.1)
        timer.words_sent(turn=2, arrived=5.0, sent=5.0)
        timer.tool_finished(at=6.0)
        assert ms(answer(timer, turn=2, at=6.5)) == (1500, 500, 1000, 0)

    def test_one_that_nobody_asked_for_counts_nowhere(self) -> None:
        timer = TurnTimer()
        timer.tool_started(at=0.1)
        timer.tool_finished(at=5.0)
        timer.words_sent(turn=1, arrived=6.0, sent=6.0)
        assert ms(answer(timer, at=6.5)) == (500, 500, 0, 0)


class TestHeard:
    def word(self, position: int = 0, *, rtt_ms: float | None = 20.0) -> PlaybackStarted:
        return PlaybackStarted(position=position, after_ms=80.0, rtt_ms=rtt_ms)

    def test_it_is_all_from_the_last_word_to_the_ear(self) -> None:
        timer = TurnTimer()
        timer.words_recognised(turn=3, at=20.0, ended_at=18.0)
        answer(timer, turn=3, at=20.5, position=7)
        assert timer.heard(self.word(7)) == HeardReply(3, 2000 + 500 + 20 + 80)

    def test_a_way_nobody_measured_counts_nothing(self) -> None:
        timer = typed()
        answer(timer, at=0.5)
        assert timer.heard(self.word(rtt_ms=None)) == HeardReply(1, 580)

    def test_a_reply_that_was_not_measured_is_unknown(self) -> None:
        timer = typed()
        answer(timer, at=0.5, position=7)
        assert timer.heard(self.word(8)) is None

    def test_it_is_told_once(self) -> None:
        timer = typed()
        answer(timer, at=0.5)
        assert timer.heard(self.word()) is not None
        assert timer.heard(self.word()) is None

    def test_so_many_replies_are_remembered_and_no_more(self) -> None:
        timer = TurnTimer()
        for turn in range(MAX_UNHEARD + 1):
            timer.words_sent(turn=turn, arrived=turn, sent=turn)
            answer(timer, turn=turn, at=turn + 0.5, position=turn)
        assert timer.heard(self.word(0)) is None
        assert timer.heard(self.word(1)) is not None
