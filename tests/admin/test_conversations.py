"""The staff's conversations: listed, found, read while they go on, forgotten; and who may."""

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django.fixtures import Settings

from common import clock
from common.timestamps import to_iso
from conversations import services
from conversations.domain import (
    ConversationStatistics,
    Latency,
    Speaker,
    TokenUsage,
    ToolOutcome,
    Utterance,
)
from conversations.errors import ConversationNotFoundError
from tests.admin.conftest import LogIn, Requests, messages
from tests.fixtures.forms import fields_of
from voice.tools import TOOLS

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

CONVERSATIONS = "/admin/conversations/conversation/"
TOOL_RUNS = "/admin/conversations/toolrun/"
MOST_REQUESTS = 8
SECRET = "secret"


def call(call_id: str, *, began: datetime) -> None:
    services.open_conversation(
        call_id=call_id,
        resume_secret=SECRET,
        voice="carlos",
        language="es",
        model_id="amazon.nova-2-sonic-v1:0",
        wire="sonic.audio.v1",
        now=began,
    )


def say(
    call_id: str,
    *texts: str,
    at: datetime,
    progress: ConversationStatistics | None = None,
    **first: Any,
) -> None:
    """Keep what customer and assistant said in turn, a second each."""
    words = [
        Utterance(
            turn=n // 2 + 1,
            segment=n % 2 + 1,
            speaker=list(Speaker)[n % 2],
            text=text,
            at=at + timedelta(seconds=n),
            **(first if n == 1 else {}),
        )
        for n, text in enumerate(texts)
    ]
    services.record_progress(
        call_id=call_id,
        epoch=1,
        utterances=words,
        statistics=progress or ConversationStatistics(),
        state={},
        now=at,
    )


def run_tool(
    call_id: str, tool_use_id: str, name: str, *, at: datetime, outcome: str, **arguments: Any
) -> None:
    services.start_tool_call(
        call_id=call_id,
        epoch=1,
        tool_use_id=tool_use_id,
        name=name,
        arguments=arguments,
        turn=1,
        now=at,
    )
    services.finish_tool_call(
        call_id=call_id,
        epoch=1,
        tool_use_id=tool_use_id,
        outcome=ToolOutcome(outcome),
        error_code=None if outcome == "ok" else "order_not_found",
        duration_ms=41.2,
        now=at,
    )


def end(call_id: str, *, at: datetime, progress: ConversationStatistics | None = None) -> None:
    services.end_conversation(
        call_id=call_id,
        epoch=1,
        reason="client",
        statistics=progress or ConversationStatistics(),
        now=at,
    )


PROGRESS = ConversationStatistics(
    turns=2,
    tool_calls=1,
    interruptions=1,
    tokens=TokenUsage(speech_in=1000, text_in=2000, speech_out=1500, text_out=300),
    latency=Latency(median_ms=812, max_ms=1530, playback_median_ms=905),
)


@pytest.fixture
def calls() -> datetime:
    """A live call, one that ended, one that failed, and a lost one; return when it was."""
    now = clock.now()
    call("lost", began=now - timedelta(days=2))
    call("failed", began=now - timedelta(hours=2))
    say("failed", "Hola", "Buenas", at=now - timedelta(hours=2))
    end(
        "failed",
        at=now - timedelta(hours=1),
        progress=ConversationStatistics(error_codes=("throttled",)),
    )
    began = now - timedelta(minutes=10)
    call("ended", began=began)
    run_tool("ended", "tool-1", "consultarOrder", at=began, outcome="ok", dni="12345678")
    say(
        "ended",
        "Mi DNI es 12345678, ¿dónde está el pedido 300107?",
        "Llega <mañana>",
        at=began,
        interrupted=True,
        latency_ms=812.3,
        playback_latency_ms=905.0,
    )
    end("ended", at=began + timedelta(seconds=125), progress=PROGRESS)
    call("live", began=now)
    say("live", "Quiero cancelar", at=now)
    run_tool("live", "tool-2", "cancelarOrder", at=now, outcome="refused", orderId="300107")
    return now


def shown(page: Any) -> list[str]:
    return [record.id for record in page.context["cl"].result_list]


# --- Lists


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["live", "ended", "failed", "lost"]),
        ({"o": "1"}, ["lost", "failed", "ended", "live"]),
        ({"state": "live"}, ["live"]),
        ({"state": "lost"}, ["lost"]),
        ({"state": "ended"}, ["ended", "failed"]),
        ({"had_errors": "yes"}, ["failed"]),
        ({"had_errors": "yes", "state": "live"}, []),
        ({"days": "1"}, ["live", "ended", "failed"]),
        ({"days": "7", "state": "lost"}, ["lost"]),
        ({"q": "pedido 300107"}, ["ended"]),
        ({"q": "PÉDIDO"}, ["ended"]),
        ({"q": "quiero"}, ["live"]),
        ({"q": "quiero", "state": "ended"}, []),
        ({"q": "12345678"}, []),
        ({"q": "ended"}, ["ended"]),
        ({"q": "a@b.com"}, []),
    ],
)
def test_conversations_are_searched_filtered_and_sorted(
    calls: datetime, reception: Client, query: dict[str, str], found: list[str]
) -> None:
    assert shown(reception.get(CONVERSATIONS, query)) == found


def test_list_shows_how_each_call_went(calls: datetime, reception: Client) -> None:
    page = reception.get(CONVERSATIONS).content.decode()

    for text in ("En curso", "Perdida", "2:05", "Cortó el cliente", "throttled"):
        assert text in page
    assert "US$\N{NO-BREAK SPACE}0,024" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["live:tool-2", "ended:tool-1"]),
        ({"o": "1"}, ["ended:tool-1", "live:tool-2"]),
        ({"name": "consultarOrder"}, ["ended:tool-1"]),
        ({"name": "crearOrder"}, []),
        ({"outcome": "refused"}, ["live:tool-2"]),
        ({"outcome": "ok", "name": "cancelarOrder"}, []),
        ({"days": "1"}, ["live:tool-2", "ended:tool-1"]),
    ],
)
def test_tool_calls_are_filtered_and_sorted(
    calls: datetime, supervisor: Client, query: dict[str, str], found: list[str]
) -> None:
    assert shown(supervisor.get(TOOL_RUNS, query)) == found


def test_tool_call_list_offers_all_tools_and_links_to_calls(
    calls: datetime, supervisor: Client
) -> None:
    page = supervisor.get(TOOL_RUNS).content.decode()

    for spec in TOOLS.specs():
        assert f"?name={spec.name}" in page
    assert f'href="{CONVERSATIONS}ended/change/"' in page
    assert "dni: ******78" in page


def test_tool_call_has_a_page(calls: datetime, supervisor: Client) -> None:
    page = supervisor.get(f"{TOOL_RUNS}ended:tool-1/change/").content.decode()

    assert "dni: ******78" in page
    assert supervisor.get(f"{TOOL_RUNS}ended:tool-9/change/").status_code == 302


@pytest.mark.parametrize("query", ["state=gone", "had_errors=no", "days=3", "started_at__gte=x"])
def test_url_with_invalid_filters_redirects_to_the_list(
    calls: datetime, reception: Client, query: str
) -> None:
    assert reception.get(f"{CONVERSATIONS}?{query}").status_code == 302


@pytest.mark.parametrize("query", ["reason=client", "value=1"])
def test_url_with_a_filter_without_index_is_refused(
    calls: datetime, reception: Client, query: str
) -> None:
    assert reception.get(f"{CONVERSATIONS}?{query}").status_code == 400


def test_search_shows_where_it_stopped(
    calls: datetime, reception: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_UTTERANCES_SEARCHED", 1)
    page = reception.get(CONVERSATIONS, {"q": "mañana"})

    assert shown(page) == []
    assert messages(page)[0].startswith("Se buscó en las últimas 1 cosas")


FIRST_PAGES = {
    CONVERSATIONS: 1,
    f"{CONVERSATIONS}?days=7": 1,
    f"{CONVERSATIONS}?state=live": 1,
    f"{CONVERSATIONS}?state=lost": 1,
    f"{CONVERSATIONS}?state=ended": 2,
    f"{CONVERSATIONS}?had_errors=yes": 1,
    f"{CONVERSATIONS}?q=palabra": 6,
    f"{CONVERSATIONS}call-3/change/": 4,
    f"{CONVERSATIONS}call-3/talk/": 3,
    TOOL_RUNS: 5,
    f"{TOOL_RUNS}?name=consultarOrder": 1,
    f"{TOOL_RUNS}?outcome=ok": 1,
    f"{TOOL_RUNS}?outcome=ok&name=consultarOrder": 2,
    "/admin/": MOST_REQUESTS,
}
"""What each may cost, in requests to DynamoDB."""


def test_first_page_needs_few_requests_and_no_scan(
    supervisor: Client, requests: Requests, subtests: pytest.Subtests
) -> None:
    now = clock.now()
    for n in range(60):
        began = now - timedelta(minutes=n)
        call(f"call-{n}", began=began)
        say(f"call-{n}", "una palabra", at=began)
        run_tool(f"call-{n}", "t", "consultarOrder", at=began, outcome=["ok", "failed"][n % 2])
        if n:
            end(f"call-{n}", at=began)
    for url, most in FIRST_PAGES.items():
        with subtests.test(url):
            supervisor.get(url)
            requests.names.clear()

            assert supervisor.get(url).status_code == 200
            assert len(requests) <= most <= MOST_REQUESTS
            assert set(requests.names) <= {"Query", "GetItem", "BatchGetItem"}


# --- One conversation


def test_transcript_is_shown_in_order_of_time(calls: datetime, reception: Client) -> None:
    page = reception.get(f"{CONVERSATIONS}ended/change/").content.decode()
    said = ["Mi DNI es ******78", "consultarOrder", "Llega &lt;mañana&gt;"]

    assert sorted(said, key=page.index) == said
    for text in ("interrumpido", "a los 0,8", "se oyó a los 0,9", "Cortó el cliente", "2:05"):
        assert text in page
    assert "1\N{NO-BREAK SPACE}000 de entrada, 1\N{NO-BREAK SPACE}500 de salida" in page
    assert "12345678" not in page
    assert "<mañana>" not in page
    assert "data-live>" not in page


@pytest.mark.parametrize("call_id", ["gone", "no id", "a" * 70])
def test_missing_conversation_redirects_to_the_start_page(reception: Client, call_id: str) -> None:
    assert reception.get(f"{CONVERSATIONS}{call_id}/change/").status_code == 302
    assert reception.get(f"{CONVERSATIONS}{call_id}/talk/").status_code == 404


def test_live_conversation_is_updated_until_it_ends(calls: datetime, reception: Client) -> None:
    url = f"{CONVERSATIONS}live/talk/"
    page = reception.get(f"{CONVERSATIONS}live/change/").content.decode()
    assert f'data-live-url="{url}"' in page
    assert "Quiero cancelar" in page

    say("live", "Quiero cancelar", "¿Qué pedido?", at=calls)
    part = reception.get(url).content.decode()
    assert "¿Qué pedido?" in part
    assert "data-live>" in part
    assert "<html" not in part
    end("live", at=calls)
    assert "data-live>" not in reception.get(url).content.decode()


def test_conversation_without_text_shows_a_note(settings: Settings, reception: Client) -> None:
    settings.CONVERSATION_RETENTION_DAYS = 0
    call("bare", began=clock.now())
    url = f"{CONVERSATIONS}bare/change/"
    assert "Todavía no se dijo nada" in reception.get(url).content.decode()

    say("bare", "Hola", at=clock.now())
    end("bare", at=clock.now())
    assert "No se guardaron sus palabras" in reception.get(url).content.decode()


def test_conversation_can_be_neither_added_nor_changed(calls: datetime, supervisor: Client) -> None:
    for url in (f"{CONVERSATIONS}add/", f"{TOOL_RUNS}add/"):
        assert supervisor.get(url).status_code == 403
    for url in (f"{CONVERSATIONS}ended/change/", f"{TOOL_RUNS}ended:tool-1/change/"):
        assert supervisor.post(url, {"id": "x"}).status_code == 403
    assert supervisor.get(f"{TOOL_RUNS}ended:tool-1/delete/").status_code == 403


# --- Forgetting


def kept(call_id: str) -> bool:
    try:
        services.get_transcript(call_id=call_id, now=clock.now())
    except ConversationNotFoundError:
        return False
    return True


def test_supervisor_deletes_a_conversation(calls: datetime, supervisor: Client) -> None:
    url = f"{CONVERSATIONS}ended/delete/"
    page = supervisor.get(url)
    assert "Conversación ended" in page.content.decode()
    version = page.context["object"].version
    answer = supervisor.post(url, {"post": "yes", "version": version}, follow=True)

    assert not kept("ended")
    assert kept("failed")
    assert len(messages(answer)) == 1
    assert LogEntry.objects.get().object_repr == "Conversación ended"


def test_supervisor_deletes_several_conversations(calls: datetime, supervisor: Client) -> None:
    data = {"action": "delete_selected", "_selected_action": ["ended", "lost"]}
    asked = fields_of(supervisor.post(CONVERSATIONS, data).content.decode())
    supervisor.post(CONVERSATIONS, {**asked, **data})

    assert [kept(call_id) for call_id in ("ended", "lost", "failed")] == [False, False, True]


def test_live_conversation_is_not_deleted(calls: datetime, supervisor: Client) -> None:
    url = f"{CONVERSATIONS}live/delete/"
    version = supervisor.get(url).context["object"].version
    answer = supervisor.post(url, {"post": "yes", "version": version}, follow=True)

    assert messages(answer) == ["Esa conversación sigue en curso. Se puede borrar cuando termine."]
    assert kept("live")


def test_conversation_changed_since_the_question_is_not_deleted(
    calls: datetime, supervisor: Client
) -> None:
    answer = supervisor.post(
        f"{CONVERSATIONS}ended/delete/", {"post": "yes", "version": "2020"}, follow=True
    )

    assert messages(answer) == ["Otra persona acaba de cambiar esto. Fijate de nuevo, por favor."]
    assert kept("ended")


# --- Who may


@pytest.mark.parametrize(
    ("path", "viewer", "reception", "supervisor"),
    [
        (CONVERSATIONS, 403, 200, 200),
        (f"{CONVERSATIONS}ended/change/", 403, 200, 200),
        (f"{CONVERSATIONS}ended/talk/", 403, 200, 200),
        (f"{CONVERSATIONS}ended/delete/", 403, 403, 200),
        (TOOL_RUNS, 403, 403, 200),
        (f"{TOOL_RUNS}ended:tool-1/change/", 403, 403, 200),
    ],
)
def test_each_role_sees_its_conversation_pages(
    calls: datetime, log_in: LogIn, path: str, viewer: int, reception: int, supervisor: int
) -> None:
    statuses = {"viewer": viewer, "reception": reception, "supervisor": supervisor}

    assert {role: log_in(role).get(path).status_code for role in statuses} == statuses


def test_anonymous_user_is_redirected_to_the_login(calls: datetime, client: Client) -> None:
    for url in (CONVERSATIONS, f"{CONVERSATIONS}ended/talk/", TOOL_RUNS):
        assert client.get(url).headers["location"].startswith("/admin/login/")


def test_reception_has_no_delete_action(calls: datetime, reception: Client) -> None:
    version = to_iso(services.get_conversation(call_id="ended", now=clock.now()).updated_at)
    data = {"action": "delete_selected", "_selected_action": ["ended"], "post": "yes"}
    reception.post(CONVERSATIONS, {**data, "versions": json.dumps({"ended": version})})

    assert kept("ended")


# --- The start page


def test_start_page_shows_live_calls_and_the_latest_ended(
    calls: datetime, reception: Client
) -> None:
    page = reception.get("/admin/")
    found = page.context["calls"]

    assert (found["count"], found["is_more"]) == (1, False)
    assert [one["record"].id for one in found["shown"]] == ["live", "ended", "failed", "lost"]
    assert f'href="{CONVERSATIONS}live/change/"' in page.content.decode()
    assert "Llamadas ahora" in page.content.decode()
    assert "2:05, 2 intercambios" in page.content.decode()


def test_start_page_shows_five_ended_calls(reception: Client) -> None:
    now = clock.now()
    for n in range(7):
        call(f"call-{n}", began=now - timedelta(days=1, minutes=n))
    found = reception.get("/admin/").context["calls"]

    assert found["count"] == 0
    assert [one["record"].id for one in found["shown"]] == [f"call-{n}" for n in range(5)]


def test_start_page_shows_no_calls_without_permission(calls: datetime, viewer: Client) -> None:
    page = viewer.get("/admin/")

    assert "calls" not in page.context
    assert "Llamadas" not in page.content.decode()
    assert CONVERSATIONS not in page.content.decode()


# --- Export


def exported(client: Client, url: str, *ids: str) -> list[dict[str, str]]:
    data: dict[str, Any] = {"action": "export_csv", "index": "0", "_selected_action": ids}
    answer: Any = client.post(url, data)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def test_conversations_are_exported_with_their_statistics(
    calls: datetime, reception: Client
) -> None:
    [line] = exported(reception, CONVERSATIONS, "ended")

    assert (line["llamada"], line["duración en segundos"]) == ("ended", "125")
    assert (line["terminó por"], line["intercambios"]) == ("Cortó el cliente", "2")
    assert line["costo en dólares"] == "0,023992"
    assert "DNI" not in str(line)


def test_tool_calls_are_exported_masked(calls: datetime, supervisor: Client) -> None:
    [line] = exported(supervisor, TOOL_RUNS, "ended:tool-1")

    assert (line["herramienta"], line["pidió"]) == ("consultarOrder", "dni: ******78")


# --- Languages and policy


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("es-AR", ["Conversaciones", "duración", "En curso", "Con errores"]),
        ("en", ["Conversations", "length", "Live now", "With errors"]),
    ],
)
def test_conversation_pages_are_in_spanish_and_english(
    calls: datetime, reception: Client, language: str, words: list[str]
) -> None:
    page = reception.get(CONVERSATIONS, headers={"accept-language": language}).content.decode()

    for word in words:
        assert word.lower() in page.lower()


@pytest.mark.parametrize(
    "url", [CONVERSATIONS, f"{CONVERSATIONS}live/change/", f"{CONVERSATIONS}live/talk/", TOOL_RUNS]
)
def test_pages_comply_with_the_content_security_policy(
    calls: datetime, supervisor: Client, url: str
) -> None:
    answer = supervisor.get(url)
    page = answer.content.decode()

    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    for forbidden in (" style=", " onclick=", "<script>", "<style"):
        assert forbidden not in page
