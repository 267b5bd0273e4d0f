"""Calls that continue from what another server left, and what their client is shown."""

from datetime import UTC, datetime

import pytest

from conversations.domain import Speaker, ToolOutcome, Utterance
from tests.calls.engine.driver import EngineDriver, connected
from tests.calls.limits import watchdog_limits
from voice.calls.engine.settings import RestoredState
from voice.wire import messages as m

pytestmark = pytest.mark.pure

AT = datetime(2026, 11, 23, 11, tzinfo=UTC)


def said(turn: int, segment: int, text: str) -> Utterance:
    speaker = Speaker.ASSISTANT if text.startswith("re ") else Speaker.USER
    return Utterance(turn=turn, segment=segment, speaker=speaker, text=text, at=AT)


SAID = (said(1, 1, "Uno"), said(1, 2, "re Uno"), said(2, 1, "Dos"))
FINISHED = m.ToolFinished(tool_use_id="use-0", name="look", outcome=ToolOutcome.OK, duration_ms=5)


def restored(**state: object) -> EngineDriver:
    return connected(restored=RestoredState(**state))  # type: ignore[arg-type]  # any fields


def asked(driver: EngineDriver) -> list[str]:
    return list(driver.sessions[1].inputs)


def test_restored_call_gives_the_conversation_to_its_session() -> None:
    driver = restored(utterances=SAID[:2], opened_in=1)
    assert [utterance.text for utterance in driver.sessions[1].history] == ["Uno", "re Uno"]
    assert asked(driver) == []


def test_restored_call_asks_the_question_that_was_open() -> None:
    driver = restored(utterances=SAID, opened_in=2, is_answer_due=True)
    assert asked(driver) == ["Dos"]
    assert [utterance.text for utterance in driver.sessions[1].history] == ["Uno", "re Uno"]


def test_restored_call_asks_all_questions_that_were_open() -> None:
    driver = restored(utterances=SAID, opened_in=1, is_answer_due=True)
    assert asked(driver) == ["Uno Dos"]


def test_restored_call_greets_if_nothing_was_said() -> None:
    driver = restored(is_answer_due=True)
    assert asked(driver) == ["[greet]"]


def test_restored_call_does_not_greet_again() -> None:
    driver = connected(restored=RestoredState(utterances=SAID[:2]), greets=True)
    assert asked(driver) == []


def test_client_of_a_restored_call_is_not_told_that_it_began() -> None:
    driver = restored(utterances=SAID)
    assert not any(isinstance(message, m.CallReady) for message in driver.sent)


def test_restored_call_counts_the_turns_on() -> None:
    driver = restored(utterances=SAID, opened_in=2)
    driver.type("Tres")
    assert driver.shown[3, 1].text == "Tres"


def test_restored_call_is_as_old_as_it_was() -> None:
    driver = connected(
        restored=RestoredState(utterances=SAID[:2], age_s=50), watchdog=watchdog_limits(limit_s=60)
    )
    driver.wait(9)
    assert driver.call.age_s(driver.now) == 59
    assert asked(driver) == []
    driver.wait(1)
    assert asked(driver) == ["[limit]"]


def test_client_of_a_restored_call_is_shown_all_in_order() -> None:
    driver = restored(utterances=SAID[:2], shown_tool_calls=[(1, FINISHED)])
    driver.type("Dos")
    driver.call_tool()
    shown = [
        message.utterance.text if isinstance(message, m.Caption) else message
        for message in driver.call.shown_messages()
    ]
    assert shown == [
        "Uno",
        FINISHED,
        "re Uno",
        "Dos",
        m.ToolStarted(tool_use_id="use-1", name="look"),
    ]


def test_tool_call_of_a_dead_server_keeps_its_key() -> None:
    driver = connected(
        restored=RestoredState(
            utterances=SAID, opened_in=2, is_answer_due=True, tool_calls=[("old", "{}")]
        )
    )
    driver.call_tool()
    assert list(driver.tools) == ["old"]


def test_tool_call_after_the_open_question_was_answered_is_new() -> None:
    driver = connected(
        restored=RestoredState(
            utterances=SAID, opened_in=2, is_answer_due=True, tool_calls=[("old", "{}")]
        )
    )
    driver.answer()
    driver.type("Tres")
    driver.call_tool()
    assert list(driver.tools) == ["use-1"]


def test_tool_call_after_an_interrupted_answer_is_new() -> None:
    driver = connected(
        restored=RestoredState(
            utterances=SAID, opened_in=2, is_answer_due=True, tool_calls=[("old", "{}")]
        )
    )
    driver.begin_answer()
    driver.interrupt()
    driver.type("Tres")
    driver.call_tool()
    assert list(driver.tools) == ["use-1"]


def test_client_of_a_new_call_is_shown_what_was_said() -> None:
    driver = connected()
    driver.type("Hola")
    assert driver.call.shown_messages() == [m.Caption(utterance=driver.shown[1, 1])]
