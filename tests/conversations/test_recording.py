"""Open a conversation, record its progress and its tool calls, end it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from conversations import encryption, services
from conversations.domain import ConversationState, ConversationStatistics, Stage, ToolOutcome
from conversations.errors import ConversationNotFoundError, LeaseLostError, ToolCallNotFoundError
from tests.conversations.stored_calls import (
    CALL,
    NOW,
    SECRET,
    STATISTICS,
    STATISTICS_COST_USD,
    assistant,
    at,
    end_call,
    finish_tool,
    open_call,
    raw_checkpoints,
    raw_items,
    record,
    start_tool,
    take_over,
    texts,
    transcript,
    user,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def test_open_stores_the_conversation_with_epoch_one() -> None:
    assert open_call() == 1

    found = transcript().conversation
    assert (found.id, found.state_at(NOW)) == (CALL, ConversationState.LIVE)
    assert (found.started_at, found.heartbeat_at, found.ended_at) == (NOW, NOW, None)
    assert (found.voice, found.language, found.wire) == ("carlos", "es", "sonic.audio.v1")
    assert found.model_id == "amazon.nova-2-sonic-v1:0"
    assert found.statistics == ConversationStatistics()
    assert found.expires_at == NOW + timedelta(days=30)
    assert SECRET not in str(raw_items())


def test_open_with_used_id_is_refused() -> None:
    open_call()

    with pytest.raises(LeaseLostError):
        open_call(now=at(1), resume_secret="another")
    assert transcript().conversation.started_at == NOW


def test_repeated_open_returns_the_same_lease() -> None:
    open_call()
    record(user("Hola"))

    assert open_call(now=at(1)) == 1
    assert transcript().conversation.started_at == NOW
    assert [each.text for each in take_over().utterances] == ["Hola"]


@pytest.mark.parametrize("after", [take_over, end_call])
def test_repeated_open_after_takeover_or_end_is_refused(after: Callable[[], Any]) -> None:
    open_call()
    after()

    with pytest.raises(LeaseLostError):
        open_call(now=at(1))


def test_record_stores_utterances_and_statistics() -> None:
    open_call()
    hello = user("Hola", at=at(1))
    answer = assistant(
        "Buenas, soy Carlos", at=at(3), latency_ms=801.26, playback_latency_ms=950.04
    )
    record(hello, answer, statistics=STATISTICS, now=at(5))

    found = transcript()
    assert found.utterances == [hello, replace(answer, latency_ms=801.3, playback_latency_ms=950.0)]
    stored = replace(STATISTICS, latency=replace(STATISTICS.latency, median_ms=801.3))
    assert found.conversation.statistics == stored
    assert found.conversation.cost_usd == STATISTICS_COST_USD
    assert found.conversation.heartbeat_at == found.conversation.updated_at == at(5)


def test_recorded_utterance_replaces_the_stored_one_or_deletes_it() -> None:
    open_call()
    record(user("Hola"), assistant("Buenas tardes"), assistant("¿En qué…?", segment=3))
    record(assistant("Buenas", interrupted=True, latency_ms=700), assistant("", segment=3))

    assert transcript().utterances == [
        user("Hola"),
        assistant("Buenas", interrupted=True, latency_ms=700),
    ]


def test_record_stores_the_last_of_two_utterances_with_one_key() -> None:
    open_call()
    record(assistant("Buenas tardes"), assistant("Buenas"))

    assert texts() == ["Buenas"]


def test_unconfirmed_utterance_is_marked_until_it_is_confirmed() -> None:
    open_call()
    record(assistant("Buenas", stage=Stage.DELIVERED))
    assert transcript().utterances == [assistant("Buenas", stage=Stage.DELIVERED)]
    record(assistant("Buenas."))
    assert transcript().utterances == [assistant("Buenas.")]


@pytest.mark.parametrize("count", [0, 1, 97, 98, 99, 250])
def test_record_stores_more_utterances_than_fit_one_transaction(count: int) -> None:
    open_call()
    utterances = [user(f"palabra {n}", turn=n, at=at(n)) for n in range(count)]
    record(*utterances, statistics=ConversationStatistics(turns=count))

    found = transcript()
    assert found.utterances == utterances
    assert found.conversation.statistics.turns == count


def test_utterance_is_masked_in_the_table_but_not_in_the_checkpoint() -> None:
    open_call()
    utterance = user("Soy Ana, DNI 12.345.678, ana@email.com, pedido 300107")
    record(utterance, state={"wanted": 4})

    [stored] = transcript().utterances
    assert stored.text == "Soy Ana, DNI ******78, a***@e***.com, pedido 300107"
    raw = str(raw_items())
    assert "12.345.678" not in raw
    assert "ana@" not in raw
    stored_call = take_over()
    assert stored_call.utterances == (utterance,)
    assert stored_call.state == {"wanted": 4}


def test_utterance_is_masked_only_with_the_masks_of_the_settings(settings: Settings) -> None:
    settings.CONVERSATION_MASKS = ["email"]
    open_call()
    record(user("DNI 12345678, ana@email.com"))

    assert transcript().utterances[0].text == "DNI 12345678, a***@e***.com"


def test_utterance_text_is_cut_to_the_maximum_length() -> None:
    open_call()
    record(user("a" * 8_001), user("b" * 8_000, segment=2))

    assert [len(each.text) for each in transcript().utterances] == [8_000, 8_000]


def test_record_stores_at_most_twenty_error_codes() -> None:
    open_call()
    record(statistics=ConversationStatistics(error_codes=[f"code_{n}" for n in range(21)]))

    assert transcript().conversation.statistics.error_codes == tuple(f"code_{n}" for n in range(20))


def test_renewed_lease_keeps_the_conversation_live() -> None:
    open_call()
    assert transcript().conversation.state_at(at(91)) is ConversationState.LOST

    services.renew_lease(call_id=CALL, epoch=1, now=at(60))
    assert transcript().conversation.state_at(at(91)) is ConversationState.LIVE
    assert transcript().conversation.updated_at == NOW


def test_started_tool_call_is_stored_as_running() -> None:
    open_call()
    start_tool(orderId="300107", dni="12.345.678", now=at(2))

    [tool_call] = transcript().tool_calls
    assert (tool_call.call_id, tool_call.tool_use_id, tool_call.name) == (
        CALL,
        "tool-1",
        "consultarOrder",
    )
    assert tool_call.arguments == {"orderId": "300107", "dni": "******78"}
    assert (tool_call.outcome, tool_call.error_code, tool_call.duration_ms) == (
        ToolOutcome.RUNNING,
        None,
        None,
    )
    assert (tool_call.started_at, tool_call.turn) == (at(2), 1)
    assert transcript().conversation.heartbeat_at == at(2)


@pytest.mark.parametrize(
    ("name", "expected"), [("", "?"), ("x" * 64, "x" * 64), ("x" * 65, "x" * 64)]
)
def test_tool_call_with_odd_name_is_stored(name: str, expected: str) -> None:
    open_call()
    start_tool(name=name)

    assert [tool_call.name for tool_call in transcript().tool_calls] == [expected]


def test_tool_arguments_are_cut_to_the_maximum_length() -> None:
    open_call()
    start_tool("whole", notes="a" * (8_000 - len('{"notes": ""}')))
    start_tool("cut", notes="a" * (8_001 - len('{"notes": ""}')))

    stored = {tool_call.tool_use_id: tool_call.arguments for tool_call in transcript().tool_calls}
    assert list(stored["whole"] or {}) == ["notes"]
    assert stored["cut"] == {"…": '{"notes": "' + "a" * 7_988 + '"'}


def test_finished_tool_call_is_stored_with_its_outcome() -> None:
    open_call()
    start_tool(orderId="300107")
    finish_tool(outcome=ToolOutcome.REFUSED, error_code="order_not_found")

    [tool_call] = transcript().tool_calls
    assert (tool_call.outcome, tool_call.error_code) == (ToolOutcome.REFUSED, "order_not_found")
    assert tool_call.duration_ms == 12.3
    assert tool_call.arguments == {"orderId": "300107"}


def test_finish_of_unknown_tool_call_is_refused() -> None:
    open_call()

    with pytest.raises(ToolCallNotFoundError):
        finish_tool("tool-2")
    assert transcript().tool_calls == []


def test_arguments_hash_is_equal_for_the_same_tool_and_arguments() -> None:
    open_call()
    start_tool("a", orderId="1", dni="12345678")
    start_tool("b", dni="12345678", orderId="1")
    start_tool("c", dni="12345679", orderId="1")
    hashes = {
        tool_call.tool_use_id: tool_call.arguments_hash for tool_call in transcript().tool_calls
    }

    assert hashes["a"] == hashes["b"] != hashes["c"]
    arguments = {"orderId": "1", "dni": "12345678"}
    assert hashes["a"] == encryption.arguments_hash(name="consultarOrder", arguments=arguments)
    assert hashes["a"] != encryption.arguments_hash(name="cancelarOrder", arguments=arguments)


def test_arguments_hash_depends_on_the_secret_key(settings: Settings) -> None:
    before = encryption.arguments_hash(name="a", arguments={})
    settings.SECRET_KEY = "another"

    assert encryption.arguments_hash(name="a", arguments={}) != before


def test_tool_call_is_found_by_its_ids_only() -> None:
    open_call()
    start_tool("tool-9")

    found = services.get_tool_call(call_id=CALL, tool_use_id="tool-9")
    assert found == transcript().tool_calls[0]
    for call_id, tool_use_id in [(CALL, "tool-8"), ("b" * 32, "tool-9"), ("no id!", "tool-9")]:
        with pytest.raises(ConversationNotFoundError):
            services.get_tool_call(call_id=call_id, tool_use_id=tool_use_id)


def test_ended_conversation_has_reason_and_no_checkpoint() -> None:
    open_call()
    record(user("Hola"))
    end_call(reason="limit", statistics=STATISTICS, now=at(60))

    found = transcript().conversation
    assert found.state_at(at(60)) is ConversationState.ENDED
    assert (found.reason, found.ended_at) == ("limit", at(60))
    assert found.duration_at(at(600)) == timedelta(seconds=60)
    assert found.expires_at == at(60) + timedelta(days=30)
    assert (found.statistics.turns, found.cost_usd) == (3, STATISTICS_COST_USD)
    assert texts() == ["Hola"]
    assert not raw_checkpoints()


def test_write_after_the_end_is_refused() -> None:
    open_call()
    end_call()
    stored = raw_items()

    writes: list[Any] = [end_call, lambda: record(user("Hola")), start_tool]
    for write in writes:
        with pytest.raises(LeaseLostError):
            write()
    assert raw_items() == stored
