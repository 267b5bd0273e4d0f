"""What one turn took, and whose time it was."""

import pytest

from voice.calls.engine.latency import MAX_UNPLAYED, PlaybackLatency, TurnTimer
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


def deliver(timer: TurnTimer, *, at: float, turn: int = 1, position: int = 0) -> TurnLatency | None:
    return timer.audio_sent(turn, position=position, now=at)


def answer(timer: TurnTimer, *, at: float, turn: int = 1, position: int = 0) -> TurnLatency | None:
    timer.audio_received(turn, now=at)
    return deliver(timer, at=at, turn=turn, position=position)


def typed(*, at: float = 0.0, turn: int = 1) -> TurnTimer:
    timer = TurnTimer()
    timer.begin(turn, now=at)
    return timer


class TestTurn:
    def test_turn_of_typed_text_begins_at_its_arrival(self) -> None:
        timer = TurnTimer()
        timer.begin(1, now=10.000)
        timer.audio_received(1, now=10.300)
        latency = deliver(timer, at=10.303)
        assert ms(latency) == (303, 300, 0, 3)
        assert latency == timer.latest
        assert latency is not None
        assert latency.hearing_ms is None

    def test_turn_of_speech_begins_at_its_transcript(self) -> None:
        timer = TurnTimer()
        timer.begin_speech(1, now=20.0, ended_at=18.2, waited_s=0.001)
        timer.audio_received(1, now=20.5)
        latency = deliver(timer, at=20.502)
        assert ms(latency) == (503, 500, 0, 3)
        assert latency is not None
        assert latency.hearing_ms == pytest.approx(1800)

    def test_turn_without_end_of_speech_has_no_hearing(self) -> None:
        timer = TurnTimer()
        timer.begin_speech(1, now=20.0)
        latency = answer(timer, at=20.5)
        assert latency is not None
        assert latency.hearing_ms is None

    def test_hearing_is_never_negative(self) -> None:
        timer = TurnTimer()
        timer.begin_speech(1, now=20.0, ended_at=20.1)
        latency = answer(timer, at=20.5)
        assert latency is not None
        assert latency.hearing_ms == 0.0

    def test_turn_begins_at_user_speech_end_if_the_model_sends_it(self) -> None:
        timer = TurnTimer()
        timer.speech_end_received(now=18.7)
        timer.begin_speech(1, now=20.0, ended_at=18.2)
        latency = answer(timer, at=20.5)
        assert ms(latency) == (1800, 1800, 0, 0)
        assert latency is not None
        assert latency.hearing_ms == pytest.approx(500)

    def test_user_speech_end_of_earlier_speech_is_ignored(self) -> None:
        timer = TurnTimer()
        timer.speech_end_received(now=17.0)
        timer.begin_speech(1, now=20.0, ended_at=18.2)
        assert ms(answer(timer, at=20.5)) == (500, 500, 0, 0)

    def test_user_speech_end_begins_one_turn_only(self) -> None:
        timer = TurnTimer()
        timer.speech_end_received(now=18.7)
        timer.begin_speech(1, now=20.0)
        timer.begin_speech(2, now=30.0)
        assert ms(answer(timer, at=30.5, turn=2)) == (500, 500, 0, 0)

    def test_typed_text_begins_at_its_arrival_after_user_speech_end(self) -> None:
        timer = TurnTimer()
        timer.speech_end_received(now=18.7)
        timer.begin(1, now=20.0)
        assert ms(answer(timer, at=20.5)) == (500, 500, 0, 0)

    def test_turn_counts_from_the_last_utterance(self) -> None:
        timer = typed(at=10.0)
        timer.begin(1, now=12.0)
        assert ms(answer(timer, at=12.3)) == (300, 300, 0, 0)

    def test_turn_counts_its_first_audio_only(self) -> None:
        timer = typed()
        assert ms(answer(timer, at=0.5)) == (500, 500, 0, 0)
        assert answer(timer, at=5.0) is None
        assert ms(timer.of(1)) == (500, 500, 0, 0)

    def test_latency_of_another_turn_is_unknown(self) -> None:
        timer = typed(turn=1)
        answer(timer, at=0.5)
        assert timer.of(2) is None

    def test_next_turn_is_measured_anew(self) -> None:
        timer = TurnTimer()
        for turn, begin in ((1, 0.0), (2, 100.0)):
            timer.begin(turn, now=begin)
            assert timer.latest is None
            assert ms(answer(timer, turn=turn, at=begin + 0.2)) == (200, 200, 0, 0)

    def test_audio_of_an_older_turn_is_not_measured(self) -> None:
        timer = typed(turn=1)
        answer(timer, turn=1, at=0.2)
        timer.begin(2, now=1.0)
        assert answer(timer, turn=1, at=1.01) is None
        assert ms(answer(timer, turn=2, at=1.4)) == (400, 400, 0, 0)

    def test_audio_without_a_turn_is_not_measured(self) -> None:
        assert answer(TurnTimer(), at=1) is None

    def test_audio_sent_before_any_was_received_is_not_measured(self) -> None:
        timer = typed()
        assert deliver(timer, at=1.0) is None


class TestTools:
    def test_tools_that_overlap_count_once(self) -> None:
        timer = typed()
        timer.tool_started(now=0.1)
        timer.tool_started(now=0.2)
        timer.tool_finished(now=0.3)
        timer.tool_finished(now=0.4)
        assert ms(answer(timer, at=1.0)) == (1000, 700, 300, 0)

    def test_tools_one_after_the_other_add_up(self) -> None:
        timer = typed()
        for begin in (0.1, 0.5):
            timer.tool_started(now=begin)
            timer.tool_finished(now=begin + 0.1)
        assert ms(answer(timer, at=1.0)) == (1000, 800, 200, 0)

    def test_tool_still_running_counts_up_to_the_first_audio(self) -> None:
        timer = typed()
        timer.tool_started(now=0.1)
        timer.audio_received(1, now=3.1)
        timer.tool_finished(now=5.0)
        assert ms(deliver(timer, at=5.0)) == (5000, 100, 3000, 1900)

    def test_tool_of_an_older_turn_counts_from_the_new_turn_on(self) -> None:
        timer = typed(turn=1)
        timer.tool_started(now=0.1)
        timer.begin(2, now=5.0)
        timer.tool_finished(now=6.0)
        assert ms(answer(timer, turn=2, at=6.5)) == (1500, 500, 1000, 0)

    def test_tool_without_a_turn_counts_nowhere(self) -> None:
        timer = TurnTimer()
        timer.tool_started(now=0.1)
        timer.tool_finished(now=5.0)
        timer.begin(1, now=6.0)
        assert ms(answer(timer, at=6.5)) == (500, 500, 0, 0)


class TestPlaybackLatency:
    def playback_latency(
        self, timer: TurnTimer, position: int = 0, *, rtt_ms: float | None = 20.0
    ) -> PlaybackLatency | None:
        return timer.playback_began(position=position, after_ms=80.0, rtt_ms=rtt_ms)

    def test_playback_latency_adds_up_from_the_end_of_speech(self) -> None:
        timer = TurnTimer()
        timer.begin_speech(3, now=20.0, ended_at=18.0)
        answer(timer, turn=3, at=20.5, position=7)
        assert self.playback_latency(timer, 7) == PlaybackLatency(
            turn=3, waited_ms=2000 + 500 + 20 + 80
        )

    def test_playback_latency_without_round_trip_leaves_it_out(self) -> None:
        timer = typed()
        answer(timer, at=0.5)
        assert self.playback_latency(timer, rtt_ms=None) == PlaybackLatency(turn=1, waited_ms=580)

    def test_playback_latency_that_was_not_measured_is_unknown(self) -> None:
        timer = typed()
        answer(timer, at=0.5, position=7)
        assert self.playback_latency(timer, 8) is None

    def test_playback_latency_is_reported_once(self) -> None:
        timer = typed()
        answer(timer, at=0.5)
        assert self.playback_latency(timer) is not None
        assert self.playback_latency(timer) is None

    def test_playback_latencies_remembered_are_bounded(self) -> None:
        timer = TurnTimer()
        for turn in range(MAX_UNPLAYED + 1):
            timer.begin(turn, now=turn)
            answer(timer, turn=turn, at=turn + 0.5, position=turn)
        assert self.playback_latency(timer, 0) is None
        assert self.playback_latency(timer, 1) is not None
