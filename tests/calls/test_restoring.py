"""What a call goes on from that another server began."""

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


def words(turn: int, speaker: Speaker, text: str) -> Utterance:
    return Utterance(turn=turn, segment=1, speaker=speaker, text=text, at=AT)


def run(key: str, turn: int, **changes: Any) -> ToolCall:
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


ANSWER = words(3, Speaker.ASSISTANT, "Listo.")


def taken(*answer: Utterance, **changes: int) -> StoredCall:
    return StoredCall(
        epoch=2,
        utterances=(words(1, Speaker.USER, "Hola"), words(2, Speaker.USER, "Y ahora"), *answer),
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
        tool_calls=[run("old", 1), run("new", 2), run("newest", 3)],
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


def test_the_words_stand_as_they_were_said() -> None:
    said = restored_state(taken(), resume()).transcript.utterances()
    assert [(each.turn, each.text, each.at) for each in said] == [
        (1, "Hola", AT),
        (2, "Y ahora", AT),
    ]


def test_speech_that_was_not_transcribed_is_wanted_again_and_the_words_in_between_are_not() -> None:
    uplink = restored_uplink(taken(), resume())
    assert (uplink.wanted, uplink.words) == (7, 9)


def test_a_client_that_forgot_its_frames_begins_behind_all_that_came() -> None:
    uplink = restored_uplink(taken(), resume(has_lost_state=True))
    assert (uplink.wanted, uplink.words) == (9, 9)


def test_the_tool_runs_of_the_open_question_may_not_have_been_told() -> None:
    runs = [("new", "hash of new"), ("newest", "hash of newest")]
    assert restored_state(taken(), resume()).tool_runs == runs
    assert restored_state(taken(ANSWER, owes=1), resume()).tool_runs == runs


def test_once_it_was_answered_the_same_wish_is_a_new_one() -> None:
    assert restored_state(taken(ANSWER), resume()).tool_runs == ()


@pytest.mark.parametrize("outcome", ["ok", "refused", "failed"])
def test_a_tool_run_that_came_to_an_end_is_shown_as_it_was(outcome: str) -> None:
    ended = run("old", 1, outcome=ToolOutcome(outcome), duration_ms=12.4)
    assert restored_state(replace(taken(), tool_calls=[ended]), resume()).shown_tool_calls == [
        (
            1,
            ToolFinished(
                tool_use_id="old",
                name="consultarOrder",
                outcome=ToolOutcome(outcome),
                duration_ms=12,
            ),
        )
    ]


@pytest.mark.parametrize("outcome", ["running", "cancelled"])
def test_one_that_did_not_is_not_shown(outcome: str) -> None:
    broken_off = run("old", 1, outcome=ToolOutcome(outcome))
    assert (
        restored_state(replace(taken(), tool_calls=[broken_off]), resume()).shown_tool_calls == []
    )


def test_the_call_is_as_old_as_it_was() -> None:
    restored = restored_state(taken(), resume())
    assert (restored.age_s, restored.open_since) == (90, 2)


def test_one_is_owed_where_the_customer_had_the_last_word() -> None:
    assert restored_state(taken(), resume()).owes_answer


@pytest.mark.parametrize(("owes", "is_owed"), [(0, False), (1, True)])
def test_an_answer_that_had_not_all_come_is_owed(owes: int, is_owed: bool) -> None:
    assert restored_state(taken(ANSWER, owes=owes), resume()).owes_answer is is_owed


def test_a_goodbye_that_had_not_all_come_is_not() -> None:
    assert not restored_state(taken(ANSWER, owes=1, directed=1), resume()).owes_answer
    assert restored_state(taken(owes=1, directed=1), resume()).owes_answer, (
        "but what was said since is"
    )


GREETING = words(0, Speaker.ASSISTANT, "¡Hola!")


@pytest.mark.parametrize(
    ("said", "state", "is_owed"),
    [
        ([], {"greets": 1, "owes": 1}, True),
        ([], {"greets": 1}, True),
        ([], {"owes": 1}, False),
        ([GREETING], {"greets": 1, "owes": 1}, True),
        ([GREETING], {"greets": 1, "sent": SENT + 1}, True),
        ([GREETING], {"greets": 1}, False),
    ],
)
def test_a_greeting_is_owed_until_it_has_all_come_and_arrived(
    said: list[Utterance], state: dict[str, int], is_owed: bool
) -> None:
    begun = replace(taken(**state), utterances=tuple(said))
    assert restored_state(begun, resume()).owes_answer is is_owed


@pytest.mark.parametrize(("wanted", "is_owed"), [(SENT - 1, True), (SENT, False)])
def test_so_is_one_that_did_not_all_arrive(wanted: int, is_owed: bool) -> None:
    assert restored_state(taken(ANSWER), resume(next_sequence=wanted)).owes_answer is is_owed


def test_a_page_that_was_loaded_anew_cannot_tell() -> None:
    assert not restored_state(
        taken(ANSWER), resume(next_sequence=0, has_lost_state=True)
    ).owes_answer
