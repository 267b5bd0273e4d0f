"""What a customer wanted and got, derived from the tool calls."""

from datetime import UTC, datetime

import pytest

from conversations.domain import ToolCall, ToolOutcome
from conversations.results import PURPOSES, RESULTS, CallResult, CallSummary, Purpose, summarize
from voice.tools import TOOLS

pytestmark = pytest.mark.pure

OK, REFUSED, PROPOSED = ToolOutcome.OK, ToolOutcome.REFUSED, ToolOutcome.PROPOSED


def tool_calls(*calls: tuple[str, ToolOutcome, str | None]) -> list[ToolCall]:
    return [
        ToolCall(
            call_id="call",
            tool_use_id=str(number),
            name=name,
            arguments={},
            arguments_hash="",
            outcome=outcome,
            error_code=code,
            started_at=datetime(2099, 1, 1, tzinfo=UTC),
            duration_ms=1,
            turn=number,
        )
        for number, (name, outcome, code) in enumerate(calls)
    ]


def result_of(*calls: tuple[str, ToolOutcome, str | None]) -> tuple[CallResult, str | None]:
    summary = summarize(tool_calls(*calls))
    return summary.result, summary.code


def test_every_tool_has_a_purpose_and_every_outcome_a_result() -> None:
    assert {spec.name for spec in TOOLS.specs()} == set(PURPOSES)
    assert set(RESULTS) == set(ToolOutcome)


def test_call_without_tools_asked_for_nothing() -> None:
    assert summarize([]) == CallSummary()
    assert result_of(("otra", OK, None)) == (CallResult.NOTHING_ASKED, None)


def test_purposes_are_in_the_order_in_which_they_came_up() -> None:
    summary = summarize(
        tool_calls(
            ("consultarDisponibilidad", OK, None),
            ("agendarTurno", PROPOSED, "confirmation_needed"),
            ("consultarDisponibilidad", OK, None),
            ("agendarTurno", OK, None),
        )
    )
    assert summary == CallSummary(
        wanted=(Purpose.ASK_FREE_TIMES, Purpose.BOOK_APPOINTMENT), result=CallResult.DONE
    )


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (ToolOutcome.OK, CallResult.DONE),
        (ToolOutcome.PROPOSED, CallResult.UNCONFIRMED),
        (ToolOutcome.REFUSED, CallResult.REFUSED),
        (ToolOutcome.FAILED, CallResult.FAILED),
        (ToolOutcome.CANCELLED, CallResult.FAILED),
        (ToolOutcome.RUNNING, CallResult.FAILED),
    ],
)
def test_last_call_of_a_purpose_counts(outcome: ToolOutcome, result: CallResult) -> None:
    first = ("cancelarTurno", REFUSED, "appointment_not_found")
    assert result_of(first, ("cancelarTurno", outcome, "x")) == (
        result,
        None if result is CallResult.DONE else "x",
    )


def test_change_counts_before_a_question() -> None:
    question = ("consultarInformacion", REFUSED, "entry_not_found")
    assert result_of(question, ("crearOrder", OK, None)) == (CallResult.DONE, None)
    assert result_of(question) == (CallResult.REFUSED, "entry_not_found")


def test_one_undone_change_of_two_counts() -> None:
    assert result_of(("crearOrder", REFUSED, "unknown_product"), ("agendarTurno", OK, None)) == (
        CallResult.REFUSED,
        "unknown_product",
    )


def test_message_after_what_was_not_done_is_the_result() -> None:
    refused = ("cancelarOrder", REFUSED, "order_packed")
    message = ("dejarMensaje", OK, None)
    assert result_of(refused, message) == (CallResult.MESSAGE_LEFT, "order_packed")
    assert result_of(message) == (CallResult.MESSAGE_LEFT, None)
    assert result_of(("cancelarOrder", OK, None), message) == (CallResult.DONE, None)
    assert result_of(("cancelarOrder", OK, None), ("dejarMensaje", PROPOSED, "y")) == (
        CallResult.UNCONFIRMED,
        "y",
    )
