"""Take the lease of a call over, and refuse writes of the process that had it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from common.dynamodb.client import shared_client
from conversations import encryption, services
from conversations.domain import CallCheckpoint, ToolOutcome
from conversations.errors import ConversationNotFoundError, LeaseLostError
from tests.conversations.stored_calls import (
    CALL,
    NOW,
    SECRET,
    STATISTICS,
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


def test_takeover_returns_everything_that_restores_the_call() -> None:
    open_call()
    utterances = [user("Quiero mi pedido"), assistant("¿Qué nú…", interrupted=True)]
    record(*utterances, statistics=STATISTICS, state={"wanted": 4})
    start_tool("done", orderId="1")
    finish_tool("done")
    start_tool("started", orderId="2", now=at(3))

    stored_call = take_over(now=at(10))
    assert stored_call.epoch == 2
    assert stored_call.state == {"wanted": 4}
    assert stored_call.utterances == tuple(utterances)
    assert stored_call.statistics.turns == 3
    assert (stored_call.voice, stored_call.language, stored_call.wire) == (
        "carlos",
        "es",
        "sonic.audio.v1",
    )
    assert [(tool_call.tool_use_id, tool_call.outcome) for tool_call in stored_call.tool_calls] == [
        ("done", ToolOutcome.OK),
        ("started", ToolOutcome.RUNNING),
    ]
    assert transcript().conversation.heartbeat_at == at(10)


def test_takeover_before_the_first_record_succeeds() -> None:
    open_call()

    assert take_over().utterances == ()


def test_write_with_an_old_epoch_is_refused() -> None:
    open_call()
    start_tool()
    record(user("Hola"))
    stored_call = take_over()
    stored = raw_items()

    old: list[Any] = [
        lambda: record(user("Chau")),
        lambda: services.renew_lease(call_id=CALL, epoch=1, now=at(5)),
        lambda: start_tool("tool-2"),
        finish_tool,
        end_call,
    ]
    for write in old:
        with pytest.raises(LeaseLostError):
            write()
    assert raw_items() == stored
    record(user("Sigo acá"), epoch=stored_call.epoch)
    assert texts() == ["Sigo acá"]


def test_takeover_includes_a_record_made_during_the_takeover() -> None:
    open_call()
    record(user("Uno"))
    events = shared_client.root().client.meta.events

    def record_once_more(model: Any, **_rest: Any) -> None:
        events.unregister("before-call.dynamodb.TransactWriteItems", record_once_more)
        record(user("Uno"), user("Dos", segment=2), state={"wanted": 9})

    events.register("before-call.dynamodb.TransactWriteItems", record_once_more)
    stored_call = take_over(now=at(1))
    assert [each.text for each in stored_call.utterances] == ["Uno", "Dos"]
    assert stored_call.state == {"wanted": 9}


def test_concurrent_takeovers_leave_one_valid_lease() -> None:
    open_call()
    with ThreadPoolExecutor(8) as threads:
        epochs = [
            stored_call.epoch for stored_call in threads.map(lambda n: take_over(at(n)), range(8))
        ]

    assert sorted(epochs) == list(range(2, 10))
    services.renew_lease(call_id=CALL, epoch=9, now=at(20))
    with pytest.raises(LeaseLostError):
        services.renew_lease(call_id=CALL, epoch=8, now=at(20))


def refusal(**changes: Any) -> tuple[str, str, dict[str, object]]:
    """Return the error of a takeover that is refused."""
    asked: dict[str, Any] = {"call_id": CALL, "resume_secret": SECRET, "now": NOW}
    with pytest.raises(ConversationNotFoundError) as caught:
        services.take_over_lease(**(asked | changes))
    return caught.value.code, caught.value.message, caught.value.data


def test_refused_takeover_gives_the_same_answer_for_every_reason() -> None:
    unknown = refusal()
    open_call()
    others = [
        refusal(resume_secret="wrong"),
        refusal(now=NOW + timedelta(hours=1)),
        refusal(call_id="no id!"),
        refusal(call_id="another"),
    ]
    end_call()
    assert [unknown] * 5 == [*others, refusal()]


def test_record_continues_the_checkpoint_of_the_record_before() -> None:
    open_call()
    first = record(user("Hola"))
    second = record(assistant("Buenas"), checkpoint=first)
    assert take_over().utterances == second.utterances == (user("Hola"), assistant("Buenas"))


def test_record_with_a_checkpoint_does_not_read_the_stored_one() -> None:
    open_call()
    record(user("Hola"))
    record(user("Chau", turn=2), checkpoint=CallCheckpoint())
    assert take_over().utterances == (user("Chau", turn=2),)


def test_record_extends_the_checkpoint_by_an_hour() -> None:
    open_call()
    record(user("Hola"), now=at(1800))

    assert take_over(now=at(1800 + 3599)).utterances == (user("Hola"),)
    with pytest.raises(ConversationNotFoundError):
        take_over(now=at(1800 + 3600))


def test_takeover_with_another_secret_key_is_refused(settings: Settings) -> None:
    open_call()
    settings.SECRET_KEY = "another"

    with pytest.raises(ConversationNotFoundError):
        take_over()


def test_checkpoint_of_a_long_call_fits_one_item() -> None:
    open_call()
    text = "".join(encryption.secret_hash(str(n)) for n in range(20))
    for n in range(4):
        utterances = [user(text, turn=50 * n + k) for k in range(50)]
        record(*utterances)

    assert 0 < len(take_over().utterances) <= 200
    [checkpoint] = raw_checkpoints()
    assert len(checkpoint["sealed"]["S"]) <= 60 * 1024
