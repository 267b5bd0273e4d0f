"""Questions through a whole call: each is answered, whatever happens to the sessions in between."""

import pytest

from conversations.domain import Speaker, ToolOutcome
from tests.calls.engine.driver import EngineDriver, connected
from tests.calls.limits import watchdog_limits
from voice.calls.engine import commands as c
from voice.calls.engine.client import MAX_WAITING_TEXTS
from voice.calls.engine.state import TurnPhase
from voice.sonic.families import FIRST
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LIMITS = watchdog_limits(unresponsive_s=10, tool_patience_s=1_000)


def replace_session(driver: EngineDriver) -> list[str]:
    """Lose the session, open the next one, and return what it is asked."""
    driver.lose()
    driver.open()
    assert driver.current is not None
    return list(driver.current.inputs)


def history(driver: EngineDriver) -> list[tuple[Speaker, str]]:
    assert driver.current is not None
    return [(each.speaker, each.text) for each in driver.current.history]


def turn_phase(driver: EngineDriver) -> TurnPhase:
    return driver.call.turn.phase


class TestAsking:
    def test_typed_text_is_asked_at_once(self) -> None:
        driver = connected()
        driver.type("Hola")
        assert list(driver.sessions[1].inputs) == ["Hola"]

    def test_text_typed_before_a_session_is_asked_of_the_first(self) -> None:
        driver = EngineDriver()
        driver.type("Hola")
        driver.open()
        assert list(driver.sessions[1].inputs) == ["Hola"]

    def test_spoken_question_is_not_asked_again_as_text(self) -> None:
        driver = connected()
        driver.transcribe("Hola")
        assert list(driver.sessions[1].inputs) == ["Hola"]

    def test_text_beyond_the_limit_is_refused(self) -> None:
        driver = connected()
        for number in range(MAX_WAITING_TEXTS + 1):
            driver.type(f"{number}")
        assert driver.reports == [c.RefuseText()]
        assert len(driver.sessions[1].inputs) == MAX_WAITING_TEXTS

    def test_text_without_characters_is_no_question(self) -> None:
        driver = connected()
        driver.type("")
        assert (driver.texts, turn_phase(driver)) == ([], TurnPhase.IDLE)

    def test_each_answer_ends_its_turn(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.answer()
        driver.receive()
        finished = [message for message in driver.sent if isinstance(message, m.TurnFinished)]
        assert [message.turn for message in finished] == [1]
        assert turn_phase(driver) is TurnPhase.IDLE

    def test_announcement_of_an_answer_does_not_end_the_turn(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.plan("Ya miro")
        driver.call_tool()
        driver.end_segment(ends_turn=True)
        driver.receive()
        assert not any(isinstance(message, m.TurnFinished) for message in driver.sent)


class TestLostQuestions:
    def test_question_without_a_sign_is_asked_again(self) -> None:
        driver = connected()
        driver.type("Hola")
        assert replace_session(driver) == ["Hola"]
        assert history(driver) == []

    def test_two_questions_in_a_row_are_asked_again(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.type("Dos")
        assert replace_session(driver) == ["Uno Dos"]

    def test_question_asked_during_a_reply_is_asked_again_with_the_first(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        assert replace_session(driver) == ["Uno Dos"]

    def test_question_asked_during_a_reply_is_asked_again_after_it(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        driver.end_answer()
        assert replace_session(driver) == ["Dos"]
        assert history(driver) == [(Speaker.USER, "Uno"), (Speaker.ASSISTANT, "re Uno")]

    def test_question_asked_by_interrupting_is_asked_again_alone(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        driver.interrupt()
        assert replace_session(driver) == ["Dos"]

    def test_session_silent_about_two_lost_questions_is_replaced(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        assert replace_session(driver) == ["Uno Dos"]
        assert driver.call.playback.generation == 1, "the reply is cut once"
        assert turn_phase(driver) is TurnPhase.THINKING
        driver.wait(LIMITS.unresponsive_s)
        driver.open()
        assert list(driver.sessions[3].inputs) == ["Uno Dos"]

    def test_question_behind_an_interrupted_reply_is_still_due(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        driver.interrupt()
        assert turn_phase(driver) is TurnPhase.THINKING
        driver.wait(LIMITS.unresponsive_s)
        driver.open()
        assert list(driver.sessions[2].inputs) == ["Dos"]

    def test_answered_question_is_not_asked_again(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.answer()
        assert replace_session(driver) == []
        assert history(driver) == [(Speaker.USER, "Hola"), (Speaker.ASSISTANT, "re Hola")]

    def test_interrupted_answer_is_not_given_again(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.begin_answer()
        driver.interrupt()
        assert replace_session(driver) == []

    def test_reply_nobody_asked_for_is_not_repeated(self) -> None:
        driver = connected()
        driver.plan("¿Sigue ahí?")
        assert replace_session(driver) == []

    def test_answer_that_broke_off_is_given_again(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.begin_answer()
        assert replace_session(driver) == ["Hola"]
        driver.answer()
        assert turn_phase(driver) is TurnPhase.IDLE
        assert driver.texts == ["Hola", "re Hola"]

    def test_question_survives_any_number_of_sessions(self) -> None:
        driver = connected()
        driver.type("Hola")
        for _ in range(3):
            assert replace_session(driver) == ["Hola"]

    def test_greeting_that_broke_off_is_given_again(self) -> None:
        driver = connected(greets=True)
        driver.begin_answer()
        assert replace_session(driver) == ["[greet]"]

    def test_greeting_is_not_given_again_once_the_customer_asks(self) -> None:
        driver = connected(greets=True)
        driver.type("Hola")
        assert replace_session(driver) == ["Hola"]


class TestLostToolCalls:
    def test_result_is_given_to_the_session_that_asked(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        driver.finish_tool()
        assert driver.sessions[1].tool_uses == {}
        assert list(driver.sessions[1].inputs) == ["Hola"]

    def test_result_that_comes_after_the_loss_is_given_as_text(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        assert replace_session(driver) == []
        assert history(driver) == [(Speaker.USER, "Hola")]
        driver.finish_tool()
        assert list(driver.sessions[2].inputs) == ["[result:look:use-1]"]

    def test_result_not_spoken_before_the_loss_is_given_again(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        driver.finish_tool()
        assert replace_session(driver) == ["[result:look:use-1]"]
        assert history(driver) == [(Speaker.USER, "Hola")]

    def test_result_whose_answer_broke_off_is_given_again(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        driver.finish_tool()
        driver.begin_answer()
        assert replace_session(driver) == ["[result:look:use-1]"]

    def test_result_spoken_before_the_loss_is_not_given_again(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        driver.finish_tool()
        driver.answer()
        assert replace_session(driver) == []

    def test_tool_the_next_session_asks_for_again_runs_once(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        replace_session(driver)
        driver.call_tool()
        driver.finish_tool()
        assert len(driver.tools_run) == 1
        assert driver.sessions[2].tool_uses == {}

    def test_tool_the_next_session_asks_for_gets_the_result_there_is(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        driver.finish_tool()
        driver.lose()
        driver.open()
        driver.call_tool()
        assert len(driver.tools_run) == 1
        assert driver.sessions[2].tool_uses == {}
        assert turn_phase(driver) is TurnPhase.THINKING

    def test_tool_that_failed_is_tried_again_with_its_key(self) -> None:
        driver = connected()
        driver.type("Hola")
        driver.call_tool()
        driver.finish_tool(outcome=ToolOutcome.FAILED)
        driver.call_tool()
        assert [call.key for call in driver.tools_run] == ["use-1", "use-1"]

    def test_question_typed_while_a_tool_runs_is_asked_again(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.call_tool()
        driver.type("Dos")
        assert replace_session(driver) == ["Dos"]
        assert history(driver) == [(Speaker.USER, "Uno")]

    def test_reply_over_a_running_tool_leaves_the_question_open(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.call_tool()
        driver.plan("Un momento")
        driver.end_segment(ends_turn=True)
        assert turn_phase(driver) is TurnPhase.TOOL_RUNNING
        driver.finish_tool()
        assert replace_session(driver) == ["[result:look:use-1]"]

    def test_result_during_a_reply_is_answered_after_it(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.call_tool()
        driver.plan("Un momento")
        driver.finish_tool()
        driver.end_segment(ends_turn=True)
        assert turn_phase(driver) is TurnPhase.THINKING
        assert replace_session(driver) == ["[result:look:use-1]"]

    def test_reply_over_a_tool_interrupted_leaves_the_question_open(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.call_tool()
        driver.plan("Un momento")
        driver.interrupt()
        assert turn_phase(driver) is TurnPhase.TOOL_RUNNING

    def test_session_lost_during_a_reply_over_a_tool_keeps_the_tool(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.call_tool()
        driver.plan("Un momento")
        assert replace_session(driver) == []
        assert turn_phase(driver) is TurnPhase.TOOL_RUNNING
        driver.finish_tool()
        assert list(driver.sessions[2].inputs) == ["[result:look:use-1]"]

    def test_second_tool_during_a_reply_over_a_tool_is_waited_for(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.call_tool()
        driver.plan("Un momento")
        driver.call_tool('{"second": true}')
        assert turn_phase(driver) is TurnPhase.TOOL_RUNNING
        driver.finish_tool()
        assert turn_phase(driver) is TurnPhase.TOOL_RUNNING
        driver.finish_tool()
        assert turn_phase(driver) is TurnPhase.THINKING

    def test_tool_called_after_a_new_question_serves_the_older_one(self) -> None:
        driver = connected()
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        driver.call_tool()
        assert replace_session(driver) == ["Dos"]
        assert history(driver) == [(Speaker.USER, "Uno")]

    def test_tool_nobody_asked_for_is_no_question(self) -> None:
        driver = connected()
        driver.call_tool()
        assert turn_phase(driver) is TurnPhase.TOOL_RUNNING
        driver.finish_tool()
        driver.answer()
        assert replace_session(driver) == []


class TestDueSigns:
    """What the watchdog waits for: a sign of the session for what was asked."""

    def is_replaced(self, driver: EngineDriver) -> bool:
        driver.wait(10)
        return driver.sessions[1].is_ended

    def test_sign_of_a_question_is_due(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Hola")
        assert self.is_replaced(driver)

    def test_sign_of_an_answer_after_tool_results_is_due(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Hola")
        driver.call_tool()
        driver.finish_tool()
        assert self.is_replaced(driver)

    def test_no_sign_is_due_while_a_tool_runs(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Hola")
        driver.call_tool()
        assert not self.is_replaced(driver)

    def test_no_sign_is_due_during_a_reply(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Hola")
        driver.begin_answer()
        assert not self.is_replaced(driver)

    def test_sign_of_a_question_during_a_reply_is_due(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Uno")
        driver.begin_answer()
        driver.wait(5)
        driver.type("Dos")
        assert self.is_replaced(driver)

    def test_sign_of_a_question_is_due_after_the_reply_before_it(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Uno")
        driver.begin_answer()
        driver.type("Dos")
        driver.end_answer()
        assert self.is_replaced(driver)

    def test_no_sign_is_due_during_a_reply_nobody_asked_for(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.plan("¿Sigue ahí?")
        assert not self.is_replaced(driver)

    def test_no_sign_is_due_once_the_answer_has_come(self) -> None:
        driver = connected(watchdog=LIMITS)
        driver.type("Hola")
        driver.answer()
        assert not self.is_replaced(driver)


class TestModelWithoutText:
    """The first model accepts no text: what it is asked is lost with its session."""

    def test_model_without_text_is_not_asked_typed_text(self) -> None:
        driver = connected(family=FIRST)
        driver.type("Hola")
        assert not driver.sessions[1].inputs
        assert turn_phase(driver) is TurnPhase.IDLE

    def test_model_without_text_drops_a_lost_question(self) -> None:
        driver = connected(family=FIRST)
        driver.transcribe("Hola")
        assert replace_session(driver) == []
        assert turn_phase(driver) is TurnPhase.IDLE
        assert history(driver) == [(Speaker.USER, "Hola")]

    def test_model_without_text_drops_a_running_tool_call(self) -> None:
        driver = connected(family=FIRST)
        driver.transcribe("Hola")
        driver.call_tool()
        assert replace_session(driver) == []
        assert turn_phase(driver) is TurnPhase.IDLE
        driver.finish_tool()
        assert not driver.sessions[2].inputs

    def test_model_without_text_answers_after_a_drop(self) -> None:
        driver = connected(family=FIRST)
        driver.transcribe("Hola")
        replace_session(driver)
        driver.transcribe("¿Hola?")
        driver.answer()
        assert driver.texts == ["Hola", "¿Hola?", "re ¿Hola?"]
