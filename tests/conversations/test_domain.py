"""The values of a stored conversation: states, costs, checkpoints and queries."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from conversations.domain import (
    CallCheckpoint,
    Conversation,
    ConversationQuery,
    ConversationState,
    ConversationStatistics,
    TokenPrices,
    TokenUsage,
    ToolCall,
    ToolOutcome,
    Transcript,
)
from tests.conversations.stored_calls import NOW, assistant, at, user

pytestmark = pytest.mark.pure

PRICES = TokenPrices(
    speech_in=Decimal("0.0034"),
    text_in=Decimal("0.00006"),
    speech_out=Decimal("0.0136"),
    text_out=Decimal("0.00024"),
)


def conversation(**changes: Any) -> Conversation:
    values: dict[str, Any] = {
        "id": "1",
        "started_at": NOW,
        "updated_at": NOW,
        "heartbeat_at": NOW,
        "expires_at": NOW + timedelta(days=30),
        "voice": "carlos",
        "language": "es",
        "model_id": "model",
        "wire": "wire",
        "resume_hash": "hash",
    }
    return Conversation(**(values | changes))


def tool_call(**changes: Any) -> ToolCall:
    values: dict[str, Any] = {
        "call_id": "1",
        "tool_use_id": "t",
        "name": "consultarOrder",
        "arguments": {},
        "arguments_hash": "",
        "outcome": ToolOutcome.OK,
        "error_code": None,
        "started_at": NOW,
        "duration_ms": 12.0,
        "turn": 1,
    }
    return ToolCall(**(values | changes))


@pytest.mark.parametrize(
    ("silent_s", "state"),
    [(0, ConversationState.LIVE), (90, ConversationState.LIVE), (90.001, ConversationState.LOST)],
)
def test_live_conversation_is_lost_after_ninety_seconds(
    silent_s: float, state: ConversationState
) -> None:
    assert conversation().state_at(at(silent_s)) is state


@pytest.mark.parametrize(
    ("away_s", "state", "may_go_on"),
    [
        (0, ConversationState.LIVE, True),
        (2.999, ConversationState.LIVE, True),
        (3, ConversationState.LEFT, True),
        (3_599, ConversationState.LEFT, True),
        (3_600, ConversationState.LEFT, False),
    ],
)
def test_live_conversation_is_left_three_seconds_after_its_connection(
    away_s: float, state: ConversationState, may_go_on: bool
) -> None:
    left = conversation(left_at=NOW)
    assert left.state_at(at(away_s)) is state
    assert left.may_go_on_at(at(away_s)) is may_go_on


def test_connected_conversation_goes_on_until_it_is_lost() -> None:
    assert conversation().may_go_on_at(NOW)
    assert not conversation().may_go_on_at(at(100))
    assert not conversation(is_ended=True, left_at=NOW).may_go_on_at(at(4))


@pytest.mark.parametrize(
    ("changes", "seconds", "is_abandoned"),
    [
        ({}, 3599, False),
        ({}, 3600, True),
        ({"left_at": at(60)}, 3659, False),
        ({"left_at": at(60)}, 3660, True),
        ({"left_at": at(-60)}, 3600, True),
        ({"heartbeat_at": at(3599)}, 3600, False),
        ({"is_ended": True, "ended_at": NOW}, 100_000, False),
    ],
)
def test_conversation_is_abandoned_when_nobody_can_resume_it(
    changes: dict[str, Any], seconds: int, is_abandoned: bool
) -> None:
    assert conversation(**changes).is_abandoned_at(at(seconds)) is is_abandoned


def test_ended_conversation_is_never_lost() -> None:
    assert conversation(is_ended=True).state_at(at(10_000)) is ConversationState.ENDED


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 60),
        ({"heartbeat_at": at(-40), "started_at": at(-100)}, 60),
        ({"is_ended": True, "ended_at": at(30)}, 30),
        ({"left_at": at(20)}, 20),
        ({"started_at": at(3600)}, 0),
    ],
)
def test_duration_runs_to_the_end_the_last_heartbeat_or_now(
    changes: dict[str, Any], seconds: int
) -> None:
    assert conversation(**changes).duration_at(at(60)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("tokens", "cost"),
    [
        (TokenUsage(), "0.000000"),
        (TokenUsage(speech_in=1000), "0.003400"),
        (TokenUsage(text_in=1000), "0.000060"),
        (TokenUsage(speech_out=1000), "0.013600"),
        (TokenUsage(text_out=1000), "0.000240"),
        (TokenUsage(speech_in=1, text_in=1, speech_out=1, text_out=1), "0.000017"),
    ],
)
def test_tokens_cost_the_configured_prices(tokens: TokenUsage, cost: str) -> None:
    assert str(PRICES.cost_usd(tokens)) == cost


def test_transcript_entries_are_in_order_of_time() -> None:
    asked, answered = user("uno", at=at(1)), assistant("dos", at=at(5))
    before, beside = tool_call(started_at=at(2)), tool_call(started_at=at(5))
    transcript = Transcript(
        conversation=conversation(), utterances=[asked, answered], tool_calls=[before, beside]
    )

    assert transcript.entries() == [asked, before, answered, beside]


# --- Checkpoints


def test_checkpoint_utterance_replaces_the_one_with_the_same_key() -> None:
    checkpoint = CallCheckpoint(utterances=[user("hola"), assistant("buenas")])
    cut = assistant("bue", interrupted=True)

    assert checkpoint.updated([cut], {"wanted": 1}) == CallCheckpoint(
        utterances=(user("hola"), cut), state={"wanted": 1}
    )


def test_checkpoint_utterance_with_empty_text_deletes_the_stored_one() -> None:
    checkpoint = CallCheckpoint(utterances=[user("hola"), assistant("buenas")])

    assert checkpoint.updated([assistant("")], {}).utterances == (user("hola"),)


def test_checkpoint_orders_a_late_utterance_by_turn_and_segment() -> None:
    checkpoint = CallCheckpoint(utterances=[user("c", turn=2)])

    utterances = checkpoint.updated(
        [assistant("b", turn=1, segment=2), user("a", turn=1)], {}
    ).utterances
    assert [each.text for each in utterances] == ["a", "b", "c"]


# --- Queries


@pytest.mark.parametrize(
    ("query", "is_match"),
    [
        (ConversationQuery(), True),
        (ConversationQuery(state=ConversationState.LIVE), True),
        (ConversationQuery(state=ConversationState.LOST), False),
        (ConversationQuery(state=ConversationState.ENDED), False),
        (ConversationQuery(with_errors=True), False),
        (ConversationQuery(started_from=NOW), True),
        (ConversationQuery(started_from=at(0.001)), False),
        (ConversationQuery(started_to=NOW), False),
        (ConversationQuery(started_to=at(0.001)), True),
    ],
)
def test_query_matches_state_errors_and_start_time(
    query: ConversationQuery, is_match: bool
) -> None:
    assert query.matches(conversation(), NOW) is is_match


def test_query_for_errors_matches_a_failed_conversation() -> None:
    failed = replace(conversation(), statistics=ConversationStatistics(error_codes=["throttled"]))

    assert ConversationQuery(with_errors=True).matches(failed, NOW)
