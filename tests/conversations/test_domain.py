"""What a conversation is, without a store."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from conversations.domain import (
    Conversation,
    ConversationQuery,
    Prices,
    Progress,
    RestoreData,
    State,
    Status,
    Tokens,
    ToolCall,
    ToolOutcome,
    Transcript,
)
from tests.conversations.calls import NOW, assistant, at, user

pytestmark = pytest.mark.pure

PRICES = Prices(
    speech_in=Decimal("0.0034"),
    text_in=Decimal("0.00006"),
    speech_out=Decimal("0.0136"),
    text_out=Decimal("0.00024"),
)


def conversation(**changes: Any) -> Conversation:
    values: dict[str, Any] = {
        "id": "1",
        "status": Status.LIVE,
        "started_at": NOW,
        "updated_at": NOW,
        "alive_at": NOW,
        "expires_at": NOW + timedelta(days=30),
        "voice": "carlos",
        "language": "es",
        "model_id": "model",
        "wire": "wire",
        "resume_hash": "hash",
    }
    return Conversation(**(values | changes))


def tool_run(**changes: Any) -> ToolCall:
    values: dict[str, Any] = {
        "call_id": "1",
        "tool_use_id": "t",
        "name": "consultarOrder",
        "arguments": {},
        "arguments_hash": "",
        "outcome": ToolOutcome.OK,
        "code": None,
        "started_at": NOW,
        "duration_ms": 12.0,
        "turn": 1,
    }
    return ToolCall(**(values | changes))


@pytest.mark.parametrize(
    ("silent_s", "state"), [(0, State.LIVE), (90, State.LIVE), (90.001, State.LOST)]
)
def test_a_live_one_is_lost_after_ninety_seconds_of_silence(silent_s: float, state: State) -> None:
    assert conversation().state(at(silent_s)) is state


def test_one_that_has_ended_is_never_lost() -> None:
    assert conversation(status=Status.ENDED).state(at(10_000)) is State.ENDED


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 60),
        ({"alive_at": at(-40), "started_at": at(-100)}, 60),
        ({"status": Status.ENDED, "ended_at": at(30)}, 30),
        ({"started_at": at(3600)}, 0),
    ],
)
def test_it_lasts_until_it_ends_or_was_last_alive_or_now(
    changes: dict[str, Any], seconds: int
) -> None:
    assert conversation(**changes).lasted(at(60)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("tokens", "cost"),
    [
        (Tokens(), "0.000000"),
        (Tokens(speech_in=1000), "0.003400"),
        (Tokens(text_in=1000), "0.000060"),
        (Tokens(speech_out=1000), "0.013600"),
        (Tokens(text_out=1000), "0.000240"),
        (Tokens(speech_in=1, text_in=1, speech_out=1, text_out=1), "0.000017"),
    ],
)
def test_tokens_cost_what_the_prices_say(tokens: Tokens, cost: str) -> None:
    assert str(PRICES.of(tokens)) == cost


def test_words_and_tool_runs_stand_in_the_order_of_time() -> None:
    asked, answered = user("uno", at=at(1)), assistant("dos", at=at(5))
    before, beside = tool_run(started_at=at(2)), tool_run(started_at=at(5))
    talk = Transcript(
        conversation=conversation(), words=[asked, answered], tool_runs=[before, beside]
    )

    assert talk.in_order() == [asked, before, answered, beside]


# --- The memory


def test_words_kept_again_replace_those_at_the_same_place() -> None:
    memory = RestoreData(words=[user("hola"), assistant("buenas")])
    cut = assistant("bue", interrupted=True)

    assert memory.after([cut], {"wanted": 1}) == RestoreData(
        words=(user("hola"), cut), state={"wanted": 1}
    )


def test_words_without_text_are_taken_back() -> None:
    memory = RestoreData(words=[user("hola"), assistant("buenas")])

    assert memory.after([assistant("")], {}).words == (user("hola"),)


def test_words_that_come_late_stand_where_they_belong() -> None:
    memory = RestoreData(words=[user("c", turn=2)])

    said = memory.after([assistant("b", turn=1, segment=2), user("a", turn=1)], {}).words
    assert [each.text for each in said] == ["a", "b", "c"]


# --- Queries


@pytest.mark.parametrize(
    ("query", "is_admitted"),
    [
        (ConversationQuery(), True),
        (ConversationQuery(state=State.LIVE), True),
        (ConversationQuery(state=State.LOST), False),
        (ConversationQuery(state=State.ENDED), False),
        (ConversationQuery(with_errors=True), False),
        (ConversationQuery(started_from=NOW), True),
        (ConversationQuery(started_from=at(0.001)), False),
        (ConversationQuery(started_to=NOW), False),
        (ConversationQuery(started_to=at(0.001)), True),
    ],
)
def test_a_query_admits_what_it_asks_for(query: ConversationQuery, is_admitted: bool) -> None:
    assert query.admits(conversation(), NOW) is is_admitted


def test_a_query_for_errors_admits_what_had_some() -> None:
    had_some = replace(conversation(), progress=Progress(errors=["throttled"]))

    assert ConversationQuery(with_errors=True).admits(had_some, NOW)
