"""Delete conversations."""

import pytest

from common.errors import StaleVersionError
from conversations import repository, services
from conversations.errors import ConversationLiveError, ConversationNotFoundError, LeaseLostError
from tests.conversations.stored_calls import (
    CALL,
    NOW,
    at,
    end_call,
    open_call,
    raw_items,
    record,
    start_tool,
    texts,
    transcript,
    user,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def test_delete_removes_every_item_of_the_call() -> None:
    open_call()
    record(*(user(f"palabra {n}", turn=n) for n in range(150)))
    start_tool()
    open_call("other")
    services.delete_conversation(call_id=CALL, now=at(91))

    assert [item["PK"]["S"] for item in raw_items()] == ["CALL#other"] * 2
    with pytest.raises(ConversationNotFoundError):
        services.delete_conversation(call_id=CALL, now=at(91))


def test_delete_of_a_live_conversation_is_refused() -> None:
    open_call()

    with pytest.raises(ConversationLiveError):
        services.delete_conversation(call_id=CALL, now=at(90))
    assert not transcript().conversation.is_ended


def test_delete_with_an_old_version_is_refused() -> None:
    open_call()
    end_call(now=at(10))

    with pytest.raises(StaleVersionError):
        services.delete_conversation(call_id=CALL, unchanged_since=NOW, now=at(20))
    services.delete_conversation(call_id=CALL, unchanged_since=at(10), now=at(20))


def test_write_after_delete_is_refused() -> None:
    open_call()
    found = transcript().conversation
    repository.delete_conversation(found)

    with pytest.raises(LeaseLostError):
        record(user("¿Hola?"), now=at(100))
    assert raw_items() == []


def test_delete_during_a_concurrent_write_is_refused() -> None:
    open_call()
    found = transcript().conversation
    record(user("Hola"), now=at(1))

    with pytest.raises(StaleVersionError):
        repository.delete_conversation(found)
    assert texts() == ["Hola"]
