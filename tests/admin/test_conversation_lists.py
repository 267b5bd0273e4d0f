"""Lists of conversations and of tool calls: filters, searches, costs, export, languages."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from common import clock
from conversations import services
from tests.admin.conftest import Requests, messages
from tests.admin.stored_calls import (
    CONVERSATIONS,
    TOOL_CALLS,
    add_tool_call,
    add_utterances,
    end_call,
    listed_ids,
    open_call,
)
from voice.tools import TOOLS

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

MAX_REQUESTS = 8


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
        ({"result": "done"}, ["ended"]),
        ({"result": "refused"}, ["live"]),
        ({"result": "done", "state": "live"}, []),
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
    assert listed_ids(reception.get(CONVERSATIONS, query)) == found


def test_list_and_page_show_what_was_wanted_and_why_it_was_not_done(
    calls: datetime, reception: Client
) -> None:
    page = reception.get(CONVERSATIONS, {"result": "refused"}).text
    assert "Cancelar pedido" in page
    assert "No se pudo" in page
    assert "No hay pedido con ese número y esa persona" in page
    call = reception.get(f"{CONVERSATIONS}live/change/").context
    assert [value for _, value in call["facts"][:2]] == ["Cancelar pedido", "No se pudo"]


def test_list_shows_how_each_call_went(calls: datetime, reception: Client) -> None:
    page = reception.get(CONVERSATIONS).content.decode()

    for text in (
        "En curso",
        "Perdida",
        "2:05",
        "Cortó el cliente",
        "El modelo tenía demasiadas llamadas",
    ):
        assert text in page
    assert "US$\N{NO-BREAK SPACE}0,022" in page


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
    assert listed_ids(supervisor.get(TOOL_CALLS, query)) == found


def test_tool_call_list_offers_all_tools_and_links_to_calls(
    calls: datetime, supervisor: Client
) -> None:
    page = supervisor.get(TOOL_CALLS).content.decode()

    for spec in TOOLS.specs():
        assert f"?name={spec.name}" in page
    assert f'href="{CONVERSATIONS}ended/change/"' in page
    assert "DNI: ******78" in page


def test_tool_call_has_a_page(calls: datetime, supervisor: Client) -> None:
    page = supervisor.get(f"{TOOL_CALLS}ended:tool-1/change/").content.decode()

    assert "DNI: ******78" in page
    assert supervisor.get(f"{TOOL_CALLS}ended:tool-9/change/").status_code == 302


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

    assert listed_ids(page) == []
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
    TOOL_CALLS: 8,  # several partitions, each read in parts of less than a page
    f"{TOOL_CALLS}?name=consultarOrder": 1,
    f"{TOOL_CALLS}?outcome=ok": 1,
    f"{TOOL_CALLS}?outcome=ok&name=consultarOrder": 2,
    "/admin/": MAX_REQUESTS + 1,
}
"""What each may cost, in requests to DynamoDB. The start page has the beginnings of six lists."""


def test_first_page_needs_few_requests_and_no_scan(
    supervisor: Client, requests: Requests, subtests: pytest.Subtests
) -> None:
    now = clock.now()
    for n in range(60):
        began = now - timedelta(minutes=n)
        open_call(f"call-{n}", started_at=began)
        add_utterances(f"call-{n}", "una palabra", at=began)
        add_tool_call(f"call-{n}", "t", "consultarOrder", at=began, outcome=["ok", "failed"][n % 2])
        if n:
            end_call(f"call-{n}", at=began)
    for url, most in FIRST_PAGES.items():
        with subtests.test(url):
            supervisor.get(url)
            requests.names.clear()

            assert supervisor.get(url).status_code == 200
            assert len(requests) <= most
            assert set(requests.names) <= {"Query", "GetItem", "BatchGetItem"}


# --- Export


def exported(client: Client, url: str, *ids: str) -> list[dict[str, str]]:
    data: dict[str, Any] = {"action": "export_csv", "index": "0", "_selected_action": ids}
    response: Any = client.post(url, data)
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def test_conversations_are_exported_with_their_statistics(
    calls: datetime, reception: Client
) -> None:
    [line] = exported(reception, CONVERSATIONS, "ended")

    assert (line["llamada"], line["duración en segundos"]) == ("ended", "125")
    assert (line["terminó por"], line["intercambios"]) == ("Cortó el cliente", "2")
    assert line["costo en dólares"] == "0,022485"
    assert "DNI" not in str(line)


def test_tool_calls_are_exported_masked(calls: datetime, supervisor: Client) -> None:
    [line] = exported(supervisor, TOOL_CALLS, "ended:tool-1")

    assert (line["herramienta"], line["pidió"]) == ("Consultar pedido", "DNI: ******78")


# --- Languages


@pytest.mark.parametrize(
    ("language", "labels"),
    [
        ("es-AR", ["Conversaciones", "duración", "En curso", "Con errores"]),
        ("en", ["Conversations", "length", "Live now", "With errors"]),
    ],
)
def test_conversation_pages_are_in_spanish_and_english(
    calls: datetime, reception: Client, language: str, labels: list[str]
) -> None:
    page = reception.get(CONVERSATIONS, headers={"accept-language": language}).content.decode()

    for label in labels:
        assert label.lower() in page.lower()
