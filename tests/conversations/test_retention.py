"""How long the items of a call are stored."""

import unicodedata
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from conversations.domain import ToolOutcome
from conversations.errors import ConversationNotFoundError
from conversations.retention import storable_utterances
from tests.conversations.stored_calls import (
    NOW,
    STATISTICS,
    at,
    end_call,
    finish_tool,
    listed_ids,
    open_call,
    raw_items,
    record,
    start_tool,
    take_over,
    transcript,
    user,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def test_number_with_decomposed_accents_is_masked() -> None:
    dictated = "dieciséis veintidós treinta y tres uno dos"

    (stored,) = storable_utterances([user(unicodedata.normalize("NFD", dictated))])

    assert stored.text == "******12"


def test_number_that_goes_on_is_masked_in_the_utterance_before_too() -> None:
    open_call()
    record(user("mi DNI es 32 450", turn=1))
    record(user("612", turn=2))
    record(user("¿y el pedido 1?", turn=3))

    assert [each.text for each in transcript().utterances] == [
        "mi DNI es ******",
        "******12",
        "¿y el pedido 1?",
    ]


@pytest.mark.parametrize("days", [1, 30])
def test_every_item_expires(settings: Settings, days: int) -> None:
    settings.CONVERSATION_RETENTION_DAYS = days
    open_call()
    record(user("Hola"))
    start_tool()

    until = NOW + timedelta(days=days)
    ends = {item["SK"]["S"].partition("#")[0]: int(item["expiresAt"]["N"]) for item in raw_items()}
    stamp = int(until.timestamp())
    assert ends == {
        "CALL": stamp,
        "TURN": stamp,
        "TOOL": stamp,
        "MEMORY": int(at(3600).timestamp()),
    }
    with pytest.raises(ConversationNotFoundError):
        transcript(now=until)
    assert transcript(now=until - timedelta(seconds=1)).utterances
    assert listed_ids(now=until + timedelta(seconds=1)) == []


def test_zero_retention_stores_statistics_without_text(settings: Settings) -> None:
    settings.CONVERSATION_RETENTION_DAYS = 0
    open_call()
    record(user("Quiero mi pedido"), statistics=STATISTICS, state={"wanted": 4})
    start_tool(orderId="300107")
    finish_tool()

    assert take_over().utterances == (user("Quiero mi pedido"),)
    end_call(epoch=2, statistics=STATISTICS)
    found = transcript()
    assert found.utterances == []
    assert [(tool_call.arguments, tool_call.outcome) for tool_call in found.tool_calls] == [
        (None, ToolOutcome.OK)
    ]
    assert found.conversation.statistics.turns == 3
    assert found.conversation.expires_at == NOW + timedelta(days=30)
    assert "pedido" not in str(raw_items())
    assert "300107" not in str(raw_items())
