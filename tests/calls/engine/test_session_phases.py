"""The sessions of a call: opened, prepared, moved to, lost and replaced, in each phase."""

from collections.abc import Callable

import pytest

from tests.calls.engine.driver import LOST, EngineDriver, connected
from tests.calls.limits import rotation_plan, watchdog_limits
from voice.calls.engine import commands as c
from voice.calls.engine import events as e
from voice.calls.engine.clock import ABSENCE_SHOWN_AFTER_S
from voice.calls.engine.sessions import PREPARE_AGAIN_S
from voice.calls.engine.state import SessionPhase
from voice.sonic import events as sonic
from voice.sonic.errors import TransportCode, TransportError
from voice.wire import messages as m

pytestmark = pytest.mark.pure

PLAN = rotation_plan(
    quiet_moment_after_s=100, between_replies_after_s=200, at_latest_s=210, prepared_for_s=30
)
FATAL = TransportError(TransportCode.ACCESS_DENIED, "")
AWAY = m.AssistantAvailability(phase=m.AssistantPhase.AWAY)
BACK = m.AssistantAvailability(phase=m.AssistantPhase.BACK)


def preparing() -> EngineDriver:
    """Return a call whose next session is being opened while the customer says something."""
    driver = connected(rotation=PLAN)
    driver.wait(100)
    driver.begin_speech()
    return driver


def prepared() -> EngineDriver:
    driver = preparing()
    driver.open()
    return driver


def recovering() -> EngineDriver:
    driver = connected(rotation=PLAN)
    driver.lose()
    return driver


def away() -> EngineDriver:
    driver = recovering()
    driver.wait(ABSENCE_SHOWN_AFTER_S + 0.01)
    return driver


def closing() -> EngineDriver:
    driver = connected(rotation=PLAN)
    driver.hang_up()
    return driver


def closed() -> EngineDriver:
    driver = closing()
    driver.lose(None)
    return driver


STATES: dict[SessionPhase, Callable[[], EngineDriver]] = {
    SessionPhase.CONNECTING: EngineDriver,
    SessionPhase.CONNECTED: connected,
    SessionPhase.PREPARING: preparing,
    SessionPhase.PREPARED: prepared,
    SessionPhase.RECOVERING: recovering,
    SessionPhase.AWAY: away,
    SessionPhase.CLOSING: closing,
    SessionPhase.CLOSED: closed,
}


@pytest.mark.parametrize("phase", SessionPhase)
def test_each_phase_of_the_sessions_is_reached(phase: SessionPhase) -> None:
    driver = STATES[phase]()
    assert driver.call.sessions.state.phase is phase
    driver.check()


@pytest.mark.parametrize("phase", SessionPhase)
def test_hang_up_in_each_phase_ends_all_sessions(phase: SessionPhase) -> None:
    driver = STATES[phase]()
    driver.hang_up()
    if driver.opening:
        driver.open()
    for number in list(driver.sessions):
        assert driver.sessions[number].is_ended
        driver.lose(None, number=number)
    assert driver.end_reason is m.EndReason.CLIENT
    assert driver.call.sessions.state.phase is SessionPhase.CLOSED


class TestFirst:
    def test_client_is_told_once_that_the_assistant_listens(self) -> None:
        driver = connected()
        driver.lose()
        driver.open()
        assert sum(isinstance(message, m.CallReady) for message in driver.sent) == 1

    def test_first_session_greets(self) -> None:
        driver = connected(greets=True)
        assert list(driver.sessions[1].inputs) == ["[greet]"]

    def test_text_typed_before_the_first_session_replaces_the_greeting(self) -> None:
        driver = EngineDriver(greets=True)
        driver.type("Hola")
        driver.open()
        assert list(driver.sessions[1].inputs) == ["Hola"]

    def test_first_session_that_fails_is_tried_again(self) -> None:
        driver = EngineDriver()
        driver.open(LOST)
        driver.open()
        assert driver.call.sessions.current == 2

    def test_first_session_that_fails_for_good_ends_the_call(self) -> None:
        driver = EngineDriver()
        driver.open(FATAL)
        driver.open(FATAL)
        assert driver.end_reason is m.EndReason.ERROR
        assert driver.call.sessions.state.phase is SessionPhase.CLOSED


class TestRotation:
    def test_next_session_is_prepared_at_a_quiet_moment(self) -> None:
        driver = connected(rotation=PLAN)
        driver.wait(99)
        assert not driver.opening
        driver.wait(1)
        assert driver.opening

    def test_next_session_is_prepared_once(self) -> None:
        driver = preparing()
        driver.end_speech()
        driver.wait(1)  # the driver allows one session that is being opened
        assert list(driver.opening) == [2]

    def test_call_moves_at_a_quiet_moment(self) -> None:
        driver = prepared()
        driver.wait(1)
        assert driver.call.sessions.current == 1
        driver.end_speech()
        driver.transcribe("Hola")
        driver.answer()
        driver.receive()
        driver.play()
        driver.wait(1)
        assert driver.call.sessions.current == 2
        assert driver.sessions[1].is_ended
        assert c.ReportRotation() in driver.reports

    def test_next_session_gets_the_conversation_when_it_takes_over(self) -> None:
        driver = prepared()
        assert not driver.sessions[2].is_started
        driver.end_speech()
        driver.transcribe("Hola")
        driver.answer()
        driver.receive()
        driver.play()
        driver.wait(1)
        said = driver.sessions[2].history
        assert [utterance.text for utterance in said] == ["Hola", "re Hola"]

    def test_call_is_rotated_again(self) -> None:
        driver = prepared()
        driver.wait(0.1)
        driver.lose()
        driver.end_speech()
        driver.transcribe("Hola")
        driver.answer()
        driver.receive()
        driver.play()
        driver.wait(110)
        assert list(driver.opening) == [3]

    def test_next_session_that_fails_is_tried_again_later(self) -> None:
        driver = preparing()
        driver.open(LOST)
        driver.end_speech()
        driver.transcribe("Hola")
        driver.answer()
        driver.receive()
        driver.play()
        driver.wait(PREPARE_AGAIN_S - 0.1)
        assert (driver.call.sessions.current, driver.opening) == (1, {})
        driver.wait(0.2)
        assert list(driver.opening) == [3]

    def test_prepared_session_that_is_lost_is_replaced_later(self) -> None:
        driver = prepared()
        driver.lose(number=2)
        assert driver.call.sessions.current == 1
        driver.wait(100)
        driver.open()
        driver.wait(1)
        assert driver.call.sessions.current == 3

    def test_prepared_session_that_waits_too_long_is_replaced(self) -> None:
        driver = prepared()
        driver.wait(30)
        assert driver.sessions[2].is_ended
        driver.wait(100)
        assert list(driver.opening) == [3]
        driver.check()


class TestLoss:
    def test_lost_session_is_replaced(self) -> None:
        driver = recovering()
        driver.open()
        assert driver.call.sessions.current == 2

    def test_session_lost_after_another_one_is_replaced_too(self) -> None:
        driver = recovering()
        driver.open()
        driver.lose()
        driver.open()
        assert driver.call.sessions.current == 3

    def test_prepared_session_takes_over_when_the_current_one_is_lost(self) -> None:
        driver = prepared()
        driver.lose()
        assert (driver.call.sessions.current, driver.opening) == (2, {})
        driver.check()

    def test_next_session_takes_over_as_soon_as_it_is_open(self) -> None:
        driver = preparing()
        driver.lose()
        assert list(driver.opening) == [2]
        driver.open()
        assert driver.call.sessions.current == 2
        assert driver.sessions[2].is_started

    def test_session_lost_for_good_leaves_the_next_one_a_chance(self) -> None:
        driver = connected(rotation=rotation_plan(quiet_moment_after_s=5))
        driver.lose(FATAL)
        driver.open()
        driver.wait(5)
        assert driver.call.sessions.state.phase is SessionPhase.PREPARING
        driver.lose(FATAL)
        driver.open()
        assert (driver.call.sessions.current, driver.end_reason) == (3, None)

    def test_absence_of_the_next_session_is_shown_too(self) -> None:
        driver = preparing()
        driver.lose()
        driver.wait(ABSENCE_SHOWN_AFTER_S + 0.01)
        assert driver.sent[-1] == AWAY

    @pytest.mark.parametrize("is_open", [True, False])
    def test_session_lost_for_good_ends_the_call(self, is_open: bool) -> None:
        driver = connected()
        driver.lose(FATAL)
        if is_open:
            driver.open()
            driver.lose(FATAL)
        else:
            driver.open(FATAL)
        assert driver.end_reason is m.EndReason.ERROR
        assert driver.call.sessions.state.phase is SessionPhase.CLOSED

    def test_sessions_that_fail_again_and_again_end_the_call(self) -> None:
        driver = recovering()
        while driver.end_reason is None:
            driver.open(LOST)
        assert driver.end_reason is m.EndReason.ERROR
        assert len(driver.call.sessions.state.failures) < 10

    def test_absent_session_that_fails_for_good_ends_the_call(self) -> None:
        driver = away()
        driver.open(FATAL)
        driver.open(FATAL)
        assert driver.end_reason is m.EndReason.ERROR
        assert driver.call.sessions.state.phase is SessionPhase.CLOSED

    def test_session_lost_twice_is_replaced_once(self) -> None:
        driver = recovering()
        driver.open()
        driver.handle(e.SessionLost(session=1, error=LOST))
        assert (driver.call.sessions.current, driver.opening) == (2, {})


class TestUnresponsive:
    LIMITS = watchdog_limits(unresponsive_s=10)

    def test_unresponsive_session_is_ended_and_replaced(self) -> None:
        driver = connected(watchdog=self.LIMITS)
        driver.type("Hola")
        driver.wait(10)
        assert driver.sessions[1].is_ended
        driver.open()
        assert list(driver.sessions[2].inputs) == ["Hola"]

    def test_output_of_an_unresponsive_session_is_ignored(self) -> None:
        driver = connected(watchdog=self.LIMITS)
        driver.type("Hola")
        driver.wait(10)
        driver.open()
        driver.send(sonic.PlannedText(content_id="p", text="Buenas"), session=1)
        assert not driver.call.turn.is_reply_coming

    def test_session_that_answers_is_kept(self) -> None:
        driver = connected(watchdog=self.LIMITS)
        driver.type("Hola")
        driver.wait(9)
        driver.begin_answer()
        driver.wait(9)
        assert not driver.sessions[1].is_ended


class TestAbsence:
    def test_long_absence_is_shown_until_it_ends(self) -> None:
        driver = away()
        driver.wait(1)
        assert driver.sent[-1] == AWAY
        assert driver.sent.count(AWAY) == 1
        driver.open()
        assert driver.sent[-1] == BACK
        driver.check()

    def test_session_that_fails_during_an_absence_is_replaced(self) -> None:
        driver = away()
        driver.open(LOST)
        driver.open()
        assert driver.sent.count(AWAY) == driver.sent.count(BACK) == 1

    def test_short_absence_is_not_shown(self) -> None:
        driver = recovering()
        driver.wait(ABSENCE_SHOWN_AFTER_S / 2)
        driver.open()
        assert AWAY not in driver.sent
        assert BACK not in driver.sent

    def test_second_absence_is_shown_again(self) -> None:
        driver = away()
        driver.open()
        driver.lose()
        driver.wait(ABSENCE_SHOWN_AFTER_S + 0.01)
        assert driver.sent.count(AWAY) == 2

    def test_absence_before_the_first_session_is_not_shown(self) -> None:
        driver = EngineDriver()
        driver.wait(100)
        assert AWAY not in driver.sent
