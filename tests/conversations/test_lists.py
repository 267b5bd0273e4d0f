"""Lists and text search of conversations and tool calls."""

from typing import Any

import pytest

from common.errors import InvalidCursorError
from conversations import services
from conversations.domain import (
    ConversationQuery,
    ConversationState,
    ConversationStatistics,
    ToolCallQuery,
    ToolOutcome,
)
from tests.conversations.stored_calls import (
    CALL,
    NOW,
    assistant,
    at,
    finish_tool,
    listed_ids,
    open_call,
    record,
    start_tool,
    store_four_calls,
    take_over,
    user,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["live", "failed", "ended", "lost"]),
        ({"oldest_first": True}, ["lost", "ended", "failed", "live"]),
        ({"state": ConversationState.LIVE}, ["live"]),
        ({"state": ConversationState.LOST}, ["lost"]),
        ({"state": ConversationState.ENDED}, ["failed", "ended"]),
        ({"with_errors": True}, ["failed"]),
        ({"with_errors": True, "state": ConversationState.ENDED}, ["failed"]),
        ({"with_errors": True, "state": ConversationState.LIVE}, []),
        ({"with_errors": True, "state": ConversationState.LOST}, []),
        ({"started_from": at(60)}, ["live", "failed", "ended"]),
        ({"started_to": at(60)}, ["lost"]),
        ({"started_from": at(60), "started_to": at(180)}, ["failed", "ended"]),
    ],
)
def test_conversations_are_filtered_and_ordered(query: dict[str, Any], found: list[str]) -> None:
    store_four_calls()

    assert listed_ids(now=at(200), **query) == found


def test_live_conversation_with_errors_is_listed() -> None:
    open_call()
    record(statistics=ConversationStatistics(error_codes=("timed_out",)))

    assert listed_ids(with_errors=True, state=ConversationState.LIVE) == [CALL]
    assert listed_ids(with_errors=True, state=ConversationState.LOST) == []
    assert listed_ids(with_errors=True, state=ConversationState.LOST, now=at(91)) == [CALL]


def test_conversation_whose_customer_left_is_listed_as_left() -> None:
    open_call()
    record(left_at=at(10), now=at(10))

    assert listed_ids(state=ConversationState.LIVE, now=at(12)) == [CALL]
    assert listed_ids(state=ConversationState.LEFT, now=at(12)) == []
    for later in (at(13), at(200)):  # still so when the server has long suspended the call
        assert listed_ids(state=ConversationState.LEFT, now=later) == [CALL]
        assert listed_ids(state=ConversationState.LIVE, now=later) == []
        assert listed_ids(state=ConversationState.LOST, now=later) == []


def test_conversation_is_live_again_when_its_customer_returns() -> None:
    open_call()
    record(left_at=at(10), now=at(10))
    record(now=at(20))
    assert listed_ids(state=ConversationState.LIVE, now=at(20)) == [CALL]

    record(left_at=at(30), now=at(30))
    take_over(now=at(60))
    assert listed_ids(state=ConversationState.LIVE, now=at(60)) == [CALL]


def test_conversations_are_listed_page_by_page() -> None:
    store_four_calls()
    shown: list[str] = []
    cursor = None
    for _ in range(4):
        page = services.find_conversations(
            query=ConversationQuery(), now=at(200), cursor=cursor, limit=1
        )
        shown += [each.id for each in page.items]
        cursor = page.cursor

    assert shown == ["live", "failed", "ended", "lost"]
    assert cursor is None


@pytest.mark.parametrize("cursor", ["x", "[]", "[1, {}]"])
def test_malformed_cursor_is_refused(cursor: str) -> None:
    for find, query in [
        (services.find_conversations, ConversationQuery()),
        (services.find_tool_calls, ToolCallQuery()),
    ]:
        write: Any = find
        with pytest.raises(InvalidCursorError):
            write(query=query, now=NOW, cursor=cursor)


def store_three_tool_calls() -> None:
    open_call()
    for n, name in enumerate(["consultarOrder", "crearOrder", "consultarOrder"]):
        start_tool(str(n), name, now=at(n))
    finish_tool("0")
    finish_tool("1", outcome=ToolOutcome.REFUSED, error_code="empty_order")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "210"),
        ({"oldest_first": True}, "012"),
        ({"name": "consultarOrder"}, "20"),
        ({"name": "consultarOrder", "outcome": ToolOutcome.OK}, "0"),
        ({"name": "nothing"}, ""),
        ({"outcome": ToolOutcome.REFUSED}, "1"),
        ({"outcome": ToolOutcome.RUNNING}, "2"),
        ({"outcome": ToolOutcome.FAILED}, ""),
        ({"started_from": at(1)}, "21"),
        ({"started_to": at(1)}, "0"),
    ],
)
def test_tool_calls_are_filtered_and_ordered(query: dict[str, Any], found: str) -> None:
    store_three_tool_calls()

    page = services.find_tool_calls(query=ToolCallQuery(**query), now=NOW, limit=100)
    assert "".join(tool_call.tool_use_id for tool_call in page.items) == found


@pytest.mark.parametrize("name", [None, "crearOrder"])
def test_tool_calls_with_one_start_time_are_listed_page_by_page(name: str | None) -> None:
    open_call()
    for n in range(7):
        start_tool(f"tool use {n}", "crearOrder")
    shown: list[str] = []
    cursor = None
    for _ in range(4):
        page = services.find_tool_calls(
            query=ToolCallQuery(name=name), now=NOW, cursor=cursor, limit=2
        )
        shown += [tool_call.tool_use_id for tool_call in page.items]
        cursor = page.cursor

    assert sorted(shown) == [f"tool use {n}" for n in range(7)]
    assert cursor is None


def search(utterances: str, **query: Any) -> list[str]:
    found = services.search_text(text=utterances, query=ConversationQuery(**query), now=at(200))
    assert found.stopped_after is None
    return [each.id for each in found.conversations]


def store_some_utterances() -> None:
    store_four_calls()
    record(user("Quiero cancelar el turno", at=at(1)), call_id="lost", now=at(5))
    record(
        user("¿Dónde está mi PEDIDO?", at=at(181)),
        assistant("Su pedido llega mañana", at=at(185)),
        call_id="live",
        now=at(190),
    )


@pytest.mark.parametrize(
    ("utterances", "found"),
    [
        ("pedido", ["live"]),
        ("PEDÍDO donde", ["live"]),
        ("manana pedido", ["live"]),
        ("cancel", ["lost"]),
        ("celar", []),
        ("pedido cancelar", []),
        ("mi", ["live"]),
        ("qu", ["lost"]),
    ],
)
def test_search_finds_conversations_by_words_and_prefixes(
    utterances: str, found: list[str]
) -> None:
    store_some_utterances()

    assert search(utterances) == found


def test_search_applies_the_filter() -> None:
    store_some_utterances()

    assert search("qu", state=ConversationState.LOST) == ["lost"]
    assert search("qu", state=ConversationState.ENDED) == []
    assert search("qu", started_from=at(1)) == []


def test_search_over_too_many_utterances_reports_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_some_utterances()
    monkeypatch.setattr(services, "MAX_UTTERANCES_SEARCHED", 2)

    found = services.search_text(text="cancelar", query=ConversationQuery(), now=at(200))
    assert (found.conversations, found.stopped_after) == ([], 2)


@pytest.mark.parametrize(("most", "stopped_after"), [(1, 3), (2, None)])
def test_search_with_too_many_results_returns_the_latest(
    monkeypatch: pytest.MonkeyPatch, most: int, stopped_after: int | None
) -> None:
    store_some_utterances()
    monkeypatch.setattr(services, "MAX_CONVERSATIONS_FOUND", most)

    found = services.search_text(text="e", query=ConversationQuery(), now=at(200))
    assert [each.id for each in found.conversations] == ["live", "lost"][:most]
    assert found.stopped_after == stopped_after
