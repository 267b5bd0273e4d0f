"""The verbs of conversations, on the stand-in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from common.dynamodb.client import shared_client
from common.errors import InvalidCursorError, StaleVersionError
from conversations import encryption, models, repository, services
from conversations.domain import (
    ConversationQuery,
    Latency,
    Progress,
    Stage,
    State,
    Status,
    Tokens,
    ToolCallQuery,
    ToolOutcome,
)
from conversations.errors import (
    ConversationGoneError,
    ConversationLiveError,
    ConversationMovedError,
    ToolCallGoneError,
)
from tests.conversations.calls import (
    CALL,
    NOW,
    SECRET,
    assistant,
    at,
    begin,
    end,
    keep,
    start_tool,
    user,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

PROGRESS = Progress(
    turns=3,
    tool_runs=2,
    interruptions=1,
    resumes=4,
    renewals=5,
    tokens=Tokens(speech_in=1000, text_in=2000, speech_out=500, text_out=100),
    latency=Latency(median_ms=801.26, max_ms=1500.0, heard_median_ms=None),
    errors=("throttled", "timed_out"),
)


def talk(call_id: str = CALL, now: datetime = NOW) -> Any:
    return services.get_conversation(call_id=call_id, now=now)


def take_over(now: datetime = NOW, secret: str = SECRET) -> Any:
    return services.take_over(call_id=CALL, resume_secret=secret, now=now)


def finish_tool(tool_use_id: str = "tool-1", *, epoch: int = 1, **changes: Any) -> None:
    how: dict[str, Any] = {"outcome": ToolOutcome.OK, "code": None, "duration_ms": 12.34}
    services.finish_tool_call(
        call_id=CALL, epoch=epoch, tool_use_id=tool_use_id, now=NOW, **(how | changes)
    )


def raw_items() -> list[dict[str, Any]]:
    return list(models.Conversation._get_connection().scan()["Items"])


# --- Keeping


def test_a_conversation_is_there_as_it_was_opened() -> None:
    assert begin() == 1

    found = talk().conversation
    assert (found.id, found.status, found.state(NOW)) == (CALL, Status.LIVE, State.LIVE)
    assert (found.started_at, found.alive_at, found.ended_at) == (NOW, NOW, None)
    assert (found.voice, found.language, found.wire) == ("carlos", "es", "sonic.audio.v1")
    assert found.model_id == "amazon.nova-2-sonic-v1:0"
    assert found.progress == Progress()
    assert found.expires_at == NOW + timedelta(days=30)
    assert SECRET not in str(raw_items())


def test_an_id_is_opened_once() -> None:
    begin()

    with pytest.raises(ConversationMovedError):
        begin(now=at(1), resume_secret="another")
    assert talk().conversation.started_at == NOW


def test_opening_it_again_changes_nothing_so_that_a_lost_answer_does_no_harm() -> None:
    begin()
    keep(user("Hola"))

    assert begin(now=at(1)) == 1
    assert talk().conversation.started_at == NOW
    assert [said.text for said in take_over().words] == ["Hola"]


@pytest.mark.parametrize("after", [take_over, end])
def test_what_moved_or_ended_is_not_opened_again(after: Callable[[], Any]) -> None:
    begin()
    after()

    with pytest.raises(ConversationMovedError):
        begin(now=at(1))


def test_words_and_figures_are_kept() -> None:
    begin()
    hello = user("Hola", at=at(1))
    answer = assistant("Buenas, soy Carlos", at=at(3), latency_ms=801.26, heard_ms=950.04)
    keep(hello, answer, progress=PROGRESS, now=at(5))

    found = talk()
    assert found.words == [hello, replace(answer, latency_ms=801.3, heard_ms=950.0)]
    stored = replace(PROGRESS, latency=replace(PROGRESS.latency, median_ms=801.3))
    assert found.conversation.progress == stored
    assert found.conversation.cost_usd == Decimal("0.010344")
    assert found.conversation.alive_at == found.conversation.updated_at == at(5)


def test_words_kept_again_replace_and_without_text_disappear() -> None:
    begin()
    keep(user("Hola"), assistant("Buenas tardes"), assistant("¿En qué…?", segment=3))
    keep(assistant("Buenas", interrupted=True, latency_ms=700), assistant("", segment=3))

    assert talk().words == [user("Hola"), assistant("Buenas", interrupted=True, latency_ms=700)]


def test_the_last_of_two_at_one_place_is_kept() -> None:
    begin()
    keep(assistant("Buenas tardes"), assistant("Buenas"))

    assert [each.text for each in talk().words] == ["Buenas"]


def test_unconfirmed_utterance_is_marked_until_it_is_confirmed() -> None:
    begin()
    keep(assistant("Buenas", stage=Stage.DELIVERED))
    assert talk().words == [assistant("Buenas", stage=Stage.DELIVERED)]
    keep(assistant("Buenas."))
    assert talk().words == [assistant("Buenas.")]


@pytest.mark.parametrize("count", [0, 1, 97, 98, 99, 250])
def test_many_words_take_several_transactions(count: int) -> None:
    begin()
    words = [user(f"palabra {n}", turn=n, at=at(n)) for n in range(count)]
    keep(*words, progress=Progress(turns=count))

    found = talk()
    assert found.words == words
    assert found.conversation.progress.turns == count


def test_words_are_masked_in_the_table_and_whole_in_the_memory() -> None:
    begin()
    said = user("Soy Ana, DNI 12.345.678, ana@email.com, pedido 300107")
    keep(said, state={"wanted": 4})

    [kept] = talk().words
    assert kept.text == "Soy Ana, DNI ******78, a***@e***.com, pedido 300107"
    stored = str(raw_items())
    assert "12.345.678" not in stored
    assert "ana@" not in stored
    taken = take_over()
    assert taken.words == (said,)
    assert taken.state == {"wanted": 4}


def test_only_the_masks_that_are_set_hide(settings: Settings) -> None:
    settings.CONVERSATION_MASKS = ["email"]
    begin()
    keep(user("DNI 12345678, ana@email.com"))

    assert talk().words[0].text == "DNI 12345678, a***@e***.com"


def test_a_monstrous_text_is_cut() -> None:
    begin()
    keep(user("a" * 8_001), user("b" * 8_000, segment=2))

    assert [len(each.text) for each in talk().words] == [8_000, 8_000]


def test_at_most_twenty_errors_are_kept() -> None:
    begin()
    keep(progress=Progress(errors=[f"code_{n}" for n in range(21)]))

    assert talk().conversation.progress.errors == tuple(f"code_{n}" for n in range(20))


def test_a_sign_of_life_keeps_a_call_from_being_lost() -> None:
    begin()
    assert talk().conversation.state(at(91)) is State.LOST

    services.renew_lease(call_id=CALL, epoch=1, now=at(60))
    assert talk().conversation.state(at(91)) is State.LIVE
    assert talk().conversation.updated_at == NOW


# --- Tool runs


def test_a_tool_run_is_kept_from_its_beginning() -> None:
    begin()
    start_tool(orderId="300107", dni="12.345.678", now=at(2))

    [run] = talk().tool_runs
    assert (run.call_id, run.tool_use_id, run.name) == (CALL, "tool-1", "consultarOrder")
    assert run.arguments == {"orderId": "300107", "dni": "******78"}
    assert (run.outcome, run.code, run.duration_ms) == (ToolOutcome.RUNNING, None, None)
    assert (run.started_at, run.turn) == (at(2), 1)
    assert talk().conversation.alive_at == at(2)


@pytest.mark.parametrize(("name", "kept"), [("", "?"), ("x" * 64, "x" * 64), ("x" * 65, "x" * 64)])
def test_a_tool_that_the_model_made_up_is_kept_too(name: str, kept: str) -> None:
    begin()
    start_tool(name=name)

    assert [run.name for run in talk().tool_runs] == [kept]


def test_monstrous_arguments_are_cut() -> None:
    begin()
    start_tool("whole", notes="a" * (8_000 - len('{"notes": ""}')))
    start_tool("cut", notes="a" * (8_001 - len('{"notes": ""}')))

    kept = {run.tool_use_id: run.arguments for run in talk().tool_runs}
    assert list(kept["whole"]) == ["notes"]
    assert kept["cut"] == {"…": '{"notes": "' + "a" * 7_988 + '"'}


def test_what_became_of_a_tool_run_is_kept() -> None:
    begin()
    start_tool(orderId="300107")
    finish_tool(outcome=ToolOutcome.REFUSED, code="order_not_found")

    [run] = talk().tool_runs
    assert (run.outcome, run.code) == (ToolOutcome.REFUSED, "order_not_found")
    assert run.duration_ms == 12.3
    assert run.arguments == {"orderId": "300107"}


def test_a_tool_run_that_was_never_begun_is_not_finished() -> None:
    begin()

    with pytest.raises(ToolCallGoneError):
        finish_tool("tool-2")
    assert talk().tool_runs == []


def test_the_same_tool_with_the_same_arguments_has_the_same_hash() -> None:
    begin()
    start_tool("a", orderId="1", dni="12345678")
    start_tool("b", dni="12345678", orderId="1")
    start_tool("c", dni="12345679", orderId="1")
    hashes = {run.tool_use_id: run.arguments_hash for run in talk().tool_runs}

    assert hashes["a"] == hashes["b"] != hashes["c"]
    arguments = {"orderId": "1", "dni": "12345678"}
    assert hashes["a"] == encryption.arguments_hash(name="consultarOrder", arguments=arguments)
    assert hashes["a"] != encryption.arguments_hash(name="cancelarOrder", arguments=arguments)


def test_the_hash_hangs_on_the_secret_key(settings: Settings) -> None:
    before = encryption.arguments_hash(name="a", arguments={})
    settings.SECRET_KEY = "another"

    assert encryption.arguments_hash(name="a", arguments={}) != before


def test_one_tool_run_is_found_by_its_ids() -> None:
    begin()
    start_tool("tool-9")

    found = services.get_tool_call(call_id=CALL, tool_use_id="tool-9")
    assert found == talk().tool_runs[0]
    for call_id, tool_use_id in [(CALL, "tool-8"), ("b" * 32, "tool-9"), ("no id!", "tool-9")]:
        with pytest.raises(ConversationGoneError):
            services.get_tool_call(call_id=call_id, tool_use_id=tool_use_id)


# --- Taking over


def test_a_call_is_taken_over_with_all_it_needs() -> None:
    begin()
    said = [user("Quiero mi pedido"), assistant("¿Qué nú…", interrupted=True)]
    keep(*said, progress=PROGRESS, state={"wanted": 4})
    start_tool("done", orderId="1")
    finish_tool("done")
    start_tool("begun", orderId="2", now=at(3))

    taken = take_over(now=at(10))
    assert taken.epoch == 2
    assert taken.state == {"wanted": 4}
    assert taken.words == tuple(said)
    assert taken.progress.turns == 3
    assert (taken.voice, taken.language, taken.wire) == ("carlos", "es", "sonic.audio.v1")
    assert [(run.tool_use_id, run.outcome) for run in taken.tool_runs] == [
        ("done", ToolOutcome.OK),
        ("begun", ToolOutcome.RUNNING),
    ]
    assert talk().conversation.alive_at == at(10)


def test_a_call_of_which_nothing_was_kept_yet_is_taken_over() -> None:
    begin()

    assert take_over().words == ()


def test_who_had_the_call_before_writes_nothing_more() -> None:
    begin()
    start_tool()
    keep(user("Hola"))
    taken = take_over()
    stored = raw_items()

    old: list[Any] = [
        lambda: keep(user("Chau")),
        lambda: services.renew_lease(call_id=CALL, epoch=1, now=at(5)),
        lambda: start_tool("tool-2"),
        finish_tool,
        end,
    ]
    for verb in old:
        with pytest.raises(ConversationMovedError):
            verb()
    assert raw_items() == stored
    keep(user("Sigo acá"), epoch=taken.epoch)
    assert [each.text for each in talk().words] == ["Sigo acá"]


def test_what_the_one_before_keeps_to_the_last_is_taken_over_too() -> None:
    begin()
    keep(user("Uno"))
    events = shared_client.root().client.meta.events

    def keep_one_more(model: Any, **_rest: Any) -> None:
        events.unregister("before-call.dynamodb.TransactWriteItems", keep_one_more)
        keep(user("Uno"), user("Dos", segment=2), state={"wanted": 9})

    events.register("before-call.dynamodb.TransactWriteItems", keep_one_more)
    taken = take_over(now=at(1))
    assert [said.text for said in taken.words] == ["Uno", "Dos"]
    assert taken.state == {"wanted": 9}


def test_of_many_who_take_over_the_last_has_the_call() -> None:
    begin()
    with ThreadPoolExecutor(8) as threads:
        epochs = [taken.epoch for taken in threads.map(lambda n: take_over(at(n)), range(8))]

    assert sorted(epochs) == list(range(2, 10))
    services.renew_lease(call_id=CALL, epoch=9, now=at(20))
    with pytest.raises(ConversationMovedError):
        services.renew_lease(call_id=CALL, epoch=8, now=at(20))


def refusal(**changes: Any) -> tuple[str, str, dict[str, object]]:
    """Return what who may not take the call over is told."""
    asked: dict[str, Any] = {"call_id": CALL, "resume_secret": SECRET, "now": NOW}
    with pytest.raises(ConversationGoneError) as caught:
        services.take_over(**(asked | changes))
    return caught.value.code, caught.value.message, caught.value.data


def test_what_cannot_go_on_is_answered_alike() -> None:
    unknown = refusal()
    begin()
    others = [
        refusal(resume_secret="wrong"),
        refusal(now=NOW + timedelta(hours=1)),
        refusal(call_id="no id!"),
        refusal(call_id="another"),
    ]
    end()
    assert [unknown] * 5 == [*others, refusal()]


def test_each_keep_lets_the_memory_last_an_hour_more() -> None:
    begin()
    keep(user("Hola"), now=at(1800))

    assert take_over(now=at(1800 + 3599)).words == (user("Hola"),)
    with pytest.raises(ConversationGoneError):
        take_over(now=at(1800 + 3600))


def test_a_memory_sealed_with_another_secret_key_is_none(settings: Settings) -> None:
    begin()
    settings.SECRET_KEY = "another"

    with pytest.raises(ConversationGoneError):
        take_over()


def test_a_long_call_stays_short_enough_to_keep() -> None:
    begin()
    text = "".join(encryption.digest(str(n)) for n in range(20))
    for n in range(4):
        words = [user(text, turn=50 * n + k) for k in range(50)]
        keep(*words)

    assert 0 < len(take_over().words) <= 200
    [memory] = [item for item in raw_items() if item["SK"]["S"] == "MEMORY"]
    assert len(memory["sealed"]["S"]) <= 60 * 1024


# --- Ending


def test_a_conversation_that_ended_is_over() -> None:
    begin()
    keep(user("Hola"))
    end(reason="limit", progress=PROGRESS, now=at(60))

    found = talk().conversation
    assert (found.status, found.reason, found.ended_at) == (Status.ENDED, "limit", at(60))
    assert found.lasted(at(600)) == timedelta(seconds=60)
    assert found.expires_at == at(60) + timedelta(days=30)
    assert (found.progress.turns, found.cost_usd) == (3, Decimal("0.010344"))
    assert [each.text for each in talk().words] == ["Hola"]
    assert not [item for item in raw_items() if item["SK"]["S"] == "MEMORY"]


def test_after_the_end_nothing_is_written() -> None:
    begin()
    end()
    stored = raw_items()

    verbs: list[Any] = [end, lambda: keep(user("Hola")), start_tool]
    for verb in verbs:
        with pytest.raises(ConversationMovedError):
            verb()
    assert raw_items() == stored


# --- Retention


@pytest.mark.parametrize("days", [1, 30])
def test_everything_has_an_end(settings: Settings, days: int) -> None:
    settings.CONVERSATION_RETENTION_DAYS = days
    begin()
    keep(user("Hola"))
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
    with pytest.raises(ConversationGoneError):
        talk(now=until)
    assert talk(now=until - timedelta(seconds=1)).words
    assert conversations(now=until + timedelta(seconds=1)) == []


def test_without_retention_only_figures_are_kept(settings: Settings) -> None:
    settings.CONVERSATION_RETENTION_DAYS = 0
    begin()
    keep(user("Quiero mi pedido"), progress=PROGRESS, state={"wanted": 4})
    start_tool(orderId="300107")
    finish_tool()

    assert take_over().words == (user("Quiero mi pedido"),)
    end(epoch=2, progress=PROGRESS)
    found = talk()
    assert found.words == []
    assert [(run.arguments, run.outcome) for run in found.tool_runs] == [(None, ToolOutcome.OK)]
    assert found.conversation.progress.turns == 3
    assert found.conversation.expires_at == NOW + timedelta(days=30)
    assert "pedido" not in str(raw_items())
    assert "300107" not in str(raw_items())


# --- Tickets


def test_a_ticket_is_used_once() -> None:
    ticket: dict[str, Any] = {"nonce": "n0nce", "expires_at": at(60)}

    assert services.claim_ticket(**ticket, now=NOW)
    assert not services.claim_ticket(**ticket, now=at(1))
    assert services.claim_ticket(nonce="another", expires_at=at(60), now=NOW)


def test_of_many_who_use_a_ticket_one_does() -> None:
    with ThreadPoolExecutor(8) as threads:
        used = list(
            threads.map(
                lambda _: services.claim_ticket(nonce="one", expires_at=at(60), now=NOW), range(8)
            )
        )

    assert used.count(True) == 1


@pytest.mark.parametrize(("now", "may"), [(at(59.999), True), (at(60), False)])
def test_a_ticket_is_not_used_after_it_expired(now: datetime, may: bool) -> None:
    assert services.claim_ticket(nonce="n", expires_at=at(60), now=now) is may


@pytest.mark.parametrize("nonce", ["", "a b", "x" * 65, "ñ"])
def test_what_can_be_no_ticket_is_none(nonce: str) -> None:
    assert not services.claim_ticket(nonce=nonce, expires_at=at(60), now=NOW)
    assert raw_items() == []


# --- Lists


def conversations(now: datetime = NOW, **query: Any) -> list[str]:
    page = services.find_conversations(query=ConversationQuery(**query), now=now, limit=100)
    return [each.id for each in page.items]


def some_conversations() -> None:
    """Make four: a lost, an ended, an ended with errors, and a live one, a minute apart."""
    for n, call_id in enumerate(["lost", "ended", "failed", "live"]):
        begin(call_id, now=at(60 * n))
    end("ended", now=at(100))
    end("failed", progress=Progress(errors=("throttled",)), now=at(200))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["live", "failed", "ended", "lost"]),
        ({"oldest_first": True}, ["lost", "ended", "failed", "live"]),
        ({"state": State.LIVE}, ["live"]),
        ({"state": State.LOST}, ["lost"]),
        ({"state": State.ENDED}, ["failed", "ended"]),
        ({"with_errors": True}, ["failed"]),
        ({"with_errors": True, "state": State.ENDED}, ["failed"]),
        ({"with_errors": True, "state": State.LIVE}, []),
        ({"with_errors": True, "state": State.LOST}, []),
        ({"started_from": at(60)}, ["live", "failed", "ended"]),
        ({"started_to": at(60)}, ["lost"]),
        ({"started_from": at(60), "started_to": at(180)}, ["failed", "ended"]),
    ],
)
def test_conversations_are_listed_by_what_is_asked(query: dict[str, Any], found: list[str]) -> None:
    some_conversations()

    assert conversations(now=at(200), **query) == found


def test_a_live_one_with_errors_is_among_them() -> None:
    begin()
    keep(progress=Progress(errors=("timed_out",)))

    assert conversations(with_errors=True, state=State.LIVE) == [CALL]
    assert conversations(with_errors=True, state=State.LOST) == []
    assert conversations(with_errors=True, state=State.LOST, now=at(91)) == [CALL]


def test_pages_follow_one_another() -> None:
    some_conversations()
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
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    for find, query in [
        (services.find_conversations, ConversationQuery()),
        (services.find_tool_calls, ToolCallQuery()),
    ]:
        verb: Any = find
        with pytest.raises(InvalidCursorError):
            verb(query=query, now=NOW, cursor=cursor)


def some_tool_runs() -> None:
    begin()
    for n, name in enumerate(["consultarOrder", "crearOrder", "consultarOrder"]):
        start_tool(str(n), name, now=at(n))
    finish_tool("0")
    finish_tool("1", outcome=ToolOutcome.REFUSED, code="empty_order")


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
def test_tool_runs_are_listed_by_what_is_asked(query: dict[str, Any], found: str) -> None:
    some_tool_runs()

    page = services.find_tool_calls(query=ToolCallQuery(**query), now=NOW, limit=100)
    assert "".join(run.tool_use_id for run in page.items) == found


@pytest.mark.parametrize("name", [None, "crearOrder"])
def test_tool_runs_of_one_call_and_one_instant_come_in_pages(name: str | None) -> None:
    begin()
    for n in range(7):
        start_tool(f"tool use {n}", "crearOrder")
    shown: list[str] = []
    cursor = None
    for _ in range(4):
        page = services.find_tool_calls(
            query=ToolCallQuery(name=name), now=NOW, cursor=cursor, limit=2
        )
        shown += [run.tool_use_id for run in page.items]
        cursor = page.cursor

    assert sorted(shown) == [f"tool use {n}" for n in range(7)]
    assert cursor is None


# --- Search


def saying(words: str, **query: Any) -> list[str]:
    found = services.search_text(words=words, query=ConversationQuery(**query), now=at(200))
    assert found.stopped_after is None
    return [each.id for each in found.conversations]


def some_words() -> None:
    some_conversations()
    keep(user("Quiero cancelar el turno", at=at(1)), call_id="lost", now=at(5))
    keep(
        user("¿Dónde está mi PEDIDO?", at=at(181)),
        assistant("Su pedido llega mañana", at=at(185)),
        call_id="live",
        now=at(190),
    )


@pytest.mark.parametrize(
    ("words", "found"),
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
def test_conversations_are_found_by_what_was_said(words: str, found: list[str]) -> None:
    some_words()

    assert saying(words) == found


def test_a_search_keeps_to_its_query() -> None:
    some_words()

    assert saying("qu", state=State.LOST) == ["lost"]
    assert saying("qu", state=State.ENDED) == []
    assert saying("qu", started_from=at(1)) == []


def test_a_search_says_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    some_words()
    monkeypatch.setattr(services, "SEARCH_AT_MOST", 2)

    found = services.search_text(words="cancelar", query=ConversationQuery(), now=at(200))
    assert (found.conversations, found.stopped_after) == ([], 2)


@pytest.mark.parametrize(("most", "stopped_after"), [(1, 3), (2, None)])
def test_a_search_that_finds_too_many_shows_the_latest(
    monkeypatch: pytest.MonkeyPatch, most: int, stopped_after: int | None
) -> None:
    some_words()
    monkeypatch.setattr(services, "FOUND_AT_MOST", most)

    found = services.search_text(words="e", query=ConversationQuery(), now=at(200))
    assert [each.id for each in found.conversations] == ["live", "lost"][:most]
    assert found.stopped_after == stopped_after


# --- Forgetting


def test_everything_of_a_conversation_is_forgotten() -> None:
    begin()
    keep(*(user(f"palabra {n}", turn=n) for n in range(150)))
    start_tool()
    begin("other")
    services.delete_conversation(call_id=CALL, now=at(91))

    assert [item["PK"]["S"] for item in raw_items()] == ["CALL#other"] * 2
    with pytest.raises(ConversationGoneError):
        services.delete_conversation(call_id=CALL, now=at(91))


def test_one_that_goes_on_is_not_forgotten() -> None:
    begin()

    with pytest.raises(ConversationLiveError):
        services.delete_conversation(call_id=CALL, now=at(90))
    assert talk().conversation.status is Status.LIVE


def test_one_that_changed_meanwhile_is_not_forgotten() -> None:
    begin()
    end(now=at(10))

    with pytest.raises(StaleVersionError):
        services.delete_conversation(call_id=CALL, unchanged_since=NOW, now=at(20))
    services.delete_conversation(call_id=CALL, unchanged_since=at(10), now=at(20))


def test_a_server_that_was_thought_dead_adds_nothing_to_what_is_forgotten() -> None:
    begin()
    found = talk().conversation
    repository.delete_conversation(found)

    with pytest.raises(ConversationMovedError):
        keep(user("¿Hola?"), now=at(100))
    assert raw_items() == []


def test_forgetting_is_refused_if_it_changed_between_reading_and_writing() -> None:
    begin()
    found = talk().conversation
    keep(user("Hola"), now=at(1))

    with pytest.raises(StaleVersionError):
        repository.delete_conversation(found)
    assert [each.text for each in talk().words] == ["Hola"]
