"""What a call continues from that another server had."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from conversations.domain import (
    ConversationStatistics,
    Speaker,
    StoredCall,
    ToolCall,
    ToolOutcome,
    Utterance,
)
from voice.calls.restoration import restored_state, restored_uplink
from voice.wire.messages import ResumeCall, ToolFinished

pytestmark = pytest.mark.pure

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SENT = 40
"""How many frames the server that died had sent."""


def utterance(turn: int, speaker: Speaker, text: str) -> Utterance:
    return Utterance(turn=turn, segment=1, speaker=speaker, text=text, at=AT)


def tool_call(key: str, turn: int, **changes: Any) -> ToolCall:
    known: dict[str, Any] = {
        "call_id": "c",
        "tool_use_id": key,
        "name": "consultarOrder",
        "arguments": {},
        "arguments_hash": f"hash of {key}",
        "outcome": ToolOutcome.RUNNING,
        "error_code": None,
        "started_at": AT,
        "duration_ms": None,
        "turn": turn,
    }
    return ToolCall(**(known | changes))


ANSWER = utterance(3, Speaker.ASSISTANT, "Listo.")


def stored(*answer: Utterance, **changes: int) -> StoredCall:
    return StoredCall(
        epoch=2,
        utterances=(
            utterance(1, Speaker.USER, "Hola"),
            utterance(2, Speaker.USER, "Y ahora"),
            *answer,
        ),
        state={
            "wanted": 7,
            "words": 9,
            "sent": SENT,
            "owes": 0,
            "directed": 0,
            "greets": 0,
            "openSince": 2,
            "livedS": 90,
            "inputRateHz": 16_000,
            **changes,
        },
        statistics=ConversationStatistics(),
        voice="carlos",
        language="es",
        wire="sonic.audio.v1",
        tool_calls=[tool_call("old", 1), tool_call("new", 2), tool_call("newest", 3)],
    )


def resume(**changes: Any) -> ResumeCall:
    known: dict[str, Any] = {
        "token": "c.secret",
        "next_sequence": SENT,
        "generation": 0,
        "position": 0,
        "has_lost_state": False,
    }
    return ResumeCall(**(known | changes))


def test_restored_utterances_are_the_stored_ones() -> None:
    said = restored_state(stored(), resume()).utterances
    assert [(each.turn, each.text, each.at) for each in said] == [
        (1, "Hola", AT),
        (2, "Y ahora", AT),
    ]


def test_restored_uplink_expects_audio_again_but_not_texts() -> None:
    uplink = restored_uplink(stored(), resume())
    assert (uplink.next_sequence, uplink.next_text) == (7, 9)


def test_restored_uplink_of_a_reloaded_client_expects_new_frames() -> None:
    uplink = restored_uplink(stored(), resume(has_lost_state=True))
    assert (uplink.next_sequence, uplink.next_text) == (9, 9)


def test_tool_calls_of_the_open_question_are_restored() -> None:
    runs = [("new", "hash of new"), ("newest", "hash of newest")]
    assert restored_state(stored(), resume()).tool_calls == runs
    assert restored_state(stored(ANSWER, owes=1), resume()).tool_calls == runs


def test_tool_calls_of_an_answered_question_are_not_restored() -> None:
    assert restored_state(stored(ANSWER), resume()).tool_calls == ()


@pytest.mark.parametrize("outcome", ["ok", "refused", "failed"])
def test_finished_tool_call_is_shown_as_it_was(outcome: str) -> None:
    ended = tool_call("old", 1, outcome=ToolOutcome(outcome), duration_ms=12.4)
    assert restored_state(replace(stored(), tool_calls=[ended]), resume()).shown_tool_calls == (
        (
            1,
            ToolFinished(
                tool_use_id="old",
                name="consultarOrder",
                outcome=ToolOutcome(outcome),
                duration_ms=12,
            ),
        ),
    )


@pytest.mark.parametrize("outcome", ["running", "cancelled"])
def test_unfinished_tool_call_is_not_shown(outcome: str) -> None:
    broken_off = tool_call("old", 1, outcome=ToolOutcome(outcome))
    assert (
        restored_state(replace(stored(), tool_calls=[broken_off]), resume()).shown_tool_calls == ()
    )


def test_restored_call_is_as_old_as_it_was() -> None:
    restored = restored_state(stored(), resume())
    assert (restored.age_s, restored.opened_in) == (90, 2)


def test_answer_is_due_if_the_customer_spoke_last() -> None:
    assert restored_state(stored(), resume()).is_answer_due


@pytest.mark.parametrize(("owes", "is_due"), [(0, False), (1, True)])
def test_answer_is_due_if_it_had_not_all_come(owes: int, is_due: bool) -> None:
    assert restored_state(stored(ANSWER, owes=owes), resume()).is_answer_due is is_due


def test_goodbye_that_had_not_all_come_is_not_due() -> None:
    assert not restored_state(stored(ANSWER, owes=1, directed=1), resume()).is_answer_due
    assert restored_state(stored(owes=1, directed=1), resume()).is_answer_due, (
        "but what was said since is"
    )


GREETING = utterance(0, Speaker.ASSISTANT, "¡Hola!")


@pytest.mark.parametrize(
    ("said", "state", "is_due"),
    [
        ([], {"greets": 1, "owes": 1}, True),
        ([], {"greets": 1}, True),
        ([], {"owes": 1}, False),
        ([GREETING], {"greets": 1, "owes": 1}, True),
        ([GREETING], {"greets": 1, "sent": SENT + 1}, True),
        ([GREETING], {"greets": 1}, False),
    ],
)
def test_greeting_is_due_until_it_has_all_arrived(
    said: list[Utterance], state: dict[str, int], is_due: bool
) -> None:
    stored_call = replace(stored(**state), utterances=tuple(said))
    assert restored_state(stored_call, resume()).is_answer_due is is_due


@pytest.mark.parametrize(("wanted", "is_due"), [(SENT - 1, True), (SENT, False)])
def test_answer_is_due_if_it_had_not_all_arrived(wanted: int, is_due: bool) -> None:
    assert restored_state(stored(ANSWER), resume(next_sequence=wanted)).is_answer_due is is_due


def test_answer_to_a_reloaded_client_counts_as_arrived() -> None:
    assert not restored_state(
        stored(ANSWER), resume(next_sequence=0, has_lost_state=True)
    ).is_answer_due
