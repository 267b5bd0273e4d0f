"""The life of a call: goodbye, hang-up and end, in each phase of the call."""

import pytest

from tests.calls.engine.driver import LOST, EngineDriver, connected
from tests.calls.limits import watchdog_limits
from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine.client import HANG_UP_S
from voice.calls.engine.state import CallPhase
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.families import FIRST
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LIMITS = watchdog_limits(idle_s=20, limit_s=60, goodbye_s=12)
FATAL = TransportError(TransportCode.ACCESS_DENIED, "")


def idle() -> EngineDriver:
    """Return a call in which nobody has spoken for long."""
    driver = connected(watchdog=LIMITS)
    driver.wait(20)
    return driver


def old() -> EngineDriver:
    """Return a call that has reached its longest duration."""
    driver = connected(watchdog=LIMITS)
    driver.begin_speech()
    driver.wait(60)
    driver.end_speech()
    return driver


def give_up(driver: EngineDriver) -> None:
    """Lose the session, and the next one, for a reason that remains."""
    driver.lose(FATAL)
    driver.open(FATAL)


def is_ending(driver: EngineDriver) -> bool:
    return all(session.is_ended for session in driver.sessions.values())


class TestGoodbye:
    def test_idle_call_says_goodbye_before_it_ends(self) -> None:
        driver = idle()
        assert driver.call.phase is CallPhase.SIGNING_OFF
        assert list(driver.sessions[1].inputs) == ["[idle]"]
        assert not is_ending(driver)

    def test_call_whose_line_is_needed_says_goodbye_once(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.need_line()
        driver.need_line()
        phases = [driver.call.phase]
        assert list(driver.sessions[1].inputs) == ["[idle]"]
        driver.begin_speech()
        phases.append(driver.call.phase)
        assert phases == [CallPhase.SIGNING_OFF, CallPhase.ACTIVE]

    def test_call_that_ends_already_ignores_that_its_line_is_needed(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.hang_up()
        driver.need_line()
        assert list(driver.sessions[1].inputs) == []
        assert driver.call.end_reason is m.EndReason.CLIENT

    def test_call_without_budget_says_goodbye_and_nobody_can_stay(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.exhaust_budget()
        driver.exhaust_budget()
        driver.begin_speech()
        assert list(driver.sessions[1].inputs) == ["[budget]"]
        assert driver.call.phase is CallPhase.SIGNING_OFF
        assert driver.call.end_reason is m.EndReason.LIMIT

    def test_model_without_text_ends_the_call_without_goodbye(self) -> None:
        driver = connected(watchdog=LIMITS, family=FIRST)
        driver.wait(20)
        driver.wait(0.1)
        driver.lose(None)
        assert driver.end_reason is m.EndReason.IDLE

    def test_goodbye_that_was_played_ends_the_call(self) -> None:
        driver = idle()
        driver.answer()
        driver.receive()
        driver.wait(0.1)
        assert not is_ending(driver)
        driver.play()
        driver.wait(0.1)
        assert is_ending(driver)
        driver.lose(None)
        assert driver.end_reason is m.EndReason.IDLE

    def test_goodbye_not_said_in_time_ends_the_call(self) -> None:
        driver = idle()
        driver.wait(LIMITS.goodbye_s - 0.1)
        assert not is_ending(driver)
        driver.wait(0.2)
        assert is_ending(driver)

    def test_goodbye_that_breaks_off_is_repeated(self) -> None:
        driver = idle()
        driver.begin_answer()
        driver.lose()
        driver.open()
        assert list(driver.sessions[2].inputs) == ["[idle]"]

    @pytest.mark.parametrize("how", ["speech", "text"])
    def test_customer_who_stays_is_answered(self, how: str) -> None:
        driver = idle()
        driver.begin_answer()
        if how == "speech":
            driver.begin_speech()
            driver.end_speech()
            driver.transcribe("Hola")
        else:
            driver.type("Hola")
        assert driver.call.phase is CallPhase.ACTIVE
        driver.end_answer()
        driver.confirm()
        driver.answer()
        driver.receive()
        driver.play()
        driver.wait(LIMITS.goodbye_s)
        assert not is_ending(driver)

    def test_customer_who_stays_and_falls_silent_gets_another_goodbye(self) -> None:
        driver = idle()
        driver.type("Hola")
        driver.answer()
        driver.receive()
        driver.play()
        driver.wait(20)
        assert list(driver.sessions[1].inputs) == ["[idle]"]

    def test_call_at_its_longest_duration_ends_whatever_is_said(self) -> None:
        driver = old()
        assert "[limit]" in driver.sessions[1].inputs
        driver.type("Hola")
        assert driver.call.phase is CallPhase.SIGNING_OFF
        driver.wait(LIMITS.goodbye_s)
        assert is_ending(driver)
        driver.lose(None)
        assert driver.end_reason is m.EndReason.LIMIT

    def test_goodbye_is_asked_for_once(self) -> None:
        driver = idle()
        for _ in range(5):
            driver.wait(1)
        assert list(driver.sessions[1].inputs) == ["[idle]"]

    def test_customer_who_hangs_up_during_the_goodbye_ends_the_call(self) -> None:
        driver = idle()
        driver.hang_up()
        assert is_ending(driver)
        driver.lose(None)
        assert driver.end_reason is m.EndReason.CLIENT

    @pytest.mark.parametrize("is_said", [True, False])
    def test_session_that_outlasts_the_goodbye_is_not_waited_for(self, is_said: bool) -> None:
        driver = idle()
        if is_said:
            driver.answer()
            driver.receive()
            driver.play()
        else:
            driver.hang_up()
        driver.wait(0.1)
        driver.wait(HANG_UP_S)
        assert driver.end_reason is (m.EndReason.IDLE if is_said else m.EndReason.CLIENT)

    def test_session_lost_for_good_during_the_goodbye_ends_the_call(self) -> None:
        driver = idle()
        give_up(driver)
        assert driver.end_reason is m.EndReason.ERROR
        assert driver.call.phase is CallPhase.ENDED


class TestHangUp:
    def test_hang_up_waits_for_the_end_of_the_session(self) -> None:
        driver = connected()
        driver.hang_up()
        assert (is_ending(driver), driver.end_reason) == (True, None)
        driver.lose(None)
        assert driver.end_reason is m.EndReason.CLIENT

    def test_session_that_does_not_end_is_not_waited_for(self) -> None:
        driver = connected()
        driver.hang_up()
        driver.wait(HANG_UP_S - 0.1)
        assert driver.end_reason is None
        driver.wait(0.2)
        assert driver.end_reason is m.EndReason.CLIENT

    def test_session_that_ends_too_late_does_not_end_the_call_again(self) -> None:
        driver = connected()
        driver.hang_up()
        driver.wait(HANG_UP_S)
        driver.lose(None)
        assert driver.end_reason is m.EndReason.CLIENT

    def test_second_hang_up_changes_nothing(self) -> None:
        driver = connected()
        driver.hang_up()
        driver.hang_up()
        assert driver.end_reason is None

    def test_text_after_the_hang_up_is_ignored(self) -> None:
        driver = connected()
        driver.hang_up()
        driver.type("Hola")
        assert driver.texts == []

    def test_session_lost_after_the_hang_up_is_not_replaced(self) -> None:
        driver = connected()
        driver.hang_up()
        driver.lose()
        assert not driver.opening

    def test_hang_up_before_the_first_session_ends_the_call_at_once(self) -> None:
        driver = EngineDriver()
        driver.hang_up()
        assert driver.end_reason is m.EndReason.CLIENT

    def test_session_opened_after_the_hang_up_is_ended(self) -> None:
        driver = EngineDriver()
        driver.hang_up()
        driver.open()
        assert driver.sessions[1].is_ended
        assert not driver.sessions[1].is_started


class TestEnd:
    def test_call_whose_session_cannot_be_replaced_ends(self) -> None:
        driver = connected()
        give_up(driver)
        assert driver.end_reason is m.EndReason.ERROR
        assert driver.reports[-1] == c.SendFailure(error=FATAL)

    def test_ended_call_accepts_nothing(self) -> None:
        driver = connected()
        give_up(driver)
        driver.type("Hola")
        driver.hang_up()
        driver.wait(100)
        assert driver.texts == []
        assert driver.call.phase is CallPhase.ENDED

    def test_ended_call_stays_ended_once_it_is_stopped(self) -> None:
        driver = connected()
        driver.hang_up()
        driver.lose(None)
        driver.handle(e.Stopped(played_to=0))
        assert driver.end_reason is m.EndReason.CLIENT

    def test_stopped_call_keeps_the_answer_as_far_as_it_was_played(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.plan("uno dos tres cuatro")
        driver.push_audio(9)
        driver.end_segment()
        driver.receive()
        driver.play(driver.buffered_to // 2)
        driver.handle(e.Stopped(played_to=driver.outbound.played_to))
        assert driver.texts == ["Hola", "uno dos"]
        assert driver.call.phase is CallPhase.ENDED

    def test_stopped_call_of_a_legacy_client_keeps_the_answer_as_it_is(self) -> None:
        driver = connected(is_playback_reported=False)
        driver.type("Hola")
        driver.plan("uno dos tres cuatro")
        driver.end_segment()
        driver.confirm()
        driver.handle(e.Stopped(played_to=0))
        assert driver.texts == ["Hola", "uno dos tres cuatro"]


def test_lost_session_alone_does_not_end_the_call() -> None:
    driver = connected()
    driver.lose(LOST)
    assert driver.end_reason is None
