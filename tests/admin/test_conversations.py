"""The page of a conversation: transcript, deletion, permissions; and calls on the start page."""

import json
from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django.fixtures import Settings

from common import clock
from common.timestamps import to_iso
from conversations import services
from conversations.errors import ConversationNotFoundError
from tests.admin.conftest import LogIn, messages
from tests.admin.stored_calls import CONVERSATIONS, TOOL_CALLS, add_utterances, end_call, open_call
from tests.fixtures.forms import fields_of

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]


def test_transcript_is_shown_in_order_of_time(calls: datetime, reception: Client) -> None:
    page = reception.get(f"{CONVERSATIONS}ended/change/").content.decode()
    texts = ["Mi DNI es ******78", "Consultar pedido", "Llega &lt;mañana&gt;"]

    assert sorted(texts, key=page.index) == texts
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

    add_utterances("live", "Quiero cancelar", "¿Qué pedido?", at=calls)
    part = reception.get(url).content.decode()
    assert "¿Qué pedido?" in part
    assert "data-live>" in part
    assert "<html" not in part
    end_call("live", at=calls)
    assert "data-live>" not in reception.get(url).content.decode()


def test_conversation_without_text_shows_a_note(settings: Settings, reception: Client) -> None:
    settings.CONVERSATION_RETENTION_DAYS = 0
    open_call("bare", started_at=clock.now())
    url = f"{CONVERSATIONS}bare/change/"
    assert "Todavía no se dijo nada" in reception.get(url).content.decode()

    add_utterances("bare", "Hola", at=clock.now())
    end_call("bare", at=clock.now())
    assert "No se guardaron sus palabras" in reception.get(url).content.decode()


def test_conversation_can_be_neither_added_nor_changed(calls: datetime, supervisor: Client) -> None:
    for url in (f"{CONVERSATIONS}add/", f"{TOOL_CALLS}add/"):
        assert supervisor.get(url).status_code == 403
    for url in (f"{CONVERSATIONS}ended/change/", f"{TOOL_CALLS}ended:tool-1/change/"):
        assert supervisor.post(url, {"id": "x"}).status_code == 403
    assert supervisor.get(f"{TOOL_CALLS}ended:tool-1/delete/").status_code == 403


# --- Deletion


def exists(call_id: str) -> bool:
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
    response = supervisor.post(url, {"post": "yes", "version": version}, follow=True)

    assert not exists("ended")
    assert exists("failed")
    assert len(messages(response)) == 1
    assert LogEntry.objects.get().object_repr == "Conversación ended"


def test_supervisor_deletes_several_conversations(calls: datetime, supervisor: Client) -> None:
    data = {"action": "delete_selected", "_selected_action": ["ended", "lost"]}
    asked = fields_of(supervisor.post(CONVERSATIONS, data).content.decode())
    supervisor.post(CONVERSATIONS, {**asked, **data})

    assert [exists(call_id) for call_id in ("ended", "lost", "failed")] == [False, False, True]


def test_live_conversation_is_not_deleted(calls: datetime, supervisor: Client) -> None:
    url = f"{CONVERSATIONS}live/delete/"
    version = supervisor.get(url).context["object"].version
    response = supervisor.post(url, {"post": "yes", "version": version}, follow=True)

    assert messages(response) == [
        "Esa conversación sigue en curso. Se puede borrar cuando termine."
    ]
    assert exists("live")


def test_conversation_changed_since_the_question_is_not_deleted(
    calls: datetime, supervisor: Client
) -> None:
    response = supervisor.post(
        f"{CONVERSATIONS}ended/delete/", {"post": "yes", "version": "2020"}, follow=True
    )

    assert messages(response) == ["Otra persona acaba de cambiar esto. Fijate de nuevo, por favor."]
    assert exists("ended")


# --- Permissions


@pytest.mark.parametrize(
    ("path", "viewer", "reception", "supervisor"),
    [
        (CONVERSATIONS, 403, 200, 200),
        (f"{CONVERSATIONS}ended/change/", 403, 200, 200),
        (f"{CONVERSATIONS}ended/talk/", 403, 200, 200),
        (f"{CONVERSATIONS}ended/delete/", 403, 403, 200),
        (TOOL_CALLS, 403, 403, 200),
        (f"{TOOL_CALLS}ended:tool-1/change/", 403, 403, 200),
    ],
)
def test_each_role_sees_its_conversation_pages(
    calls: datetime, log_in: LogIn, path: str, viewer: int, reception: int, supervisor: int
) -> None:
    statuses = {"viewer": viewer, "reception": reception, "supervisor": supervisor}

    assert {role: log_in(role).get(path).status_code for role in statuses} == statuses


def test_anonymous_user_is_redirected_to_the_login(calls: datetime, client: Client) -> None:
    for url in (CONVERSATIONS, f"{CONVERSATIONS}ended/talk/", TOOL_CALLS):
        assert client.get(url).headers["location"].startswith("/admin/login/")


def test_reception_has_no_delete_action(calls: datetime, reception: Client) -> None:
    version = to_iso(services.get_conversation(call_id="ended", now=clock.now()).updated_at)
    data = {"action": "delete_selected", "_selected_action": ["ended"], "post": "yes"}
    reception.post(CONVERSATIONS, {**data, "versions": json.dumps({"ended": version})})

    assert exists("ended")


# --- The start page


def test_start_page_shows_live_calls_and_the_latest_ended(
    calls: datetime, reception: Client
) -> None:
    page = reception.get("/admin/")
    found = page.context["calls"]

    assert (found["count"], found["is_more"]) == (1, False)
    assert [one["record"].id for one in found["live"]] == ["live"]
    assert [one["record"].id for one in found["ended"]] == ["ended", "failed", "lost"]
    assert f'href="{CONVERSATIONS}live/change/"' in page.content.decode()
    assert "Llamadas ahora" in page.content.decode()
    assert "Últimas llamadas" in page.content.decode()
    assert "2:05, 2 intercambios" in page.content.decode()


def test_start_page_shows_five_ended_calls(reception: Client) -> None:
    now = clock.now()
    for n in range(7):
        open_call(f"call-{n}", started_at=now - timedelta(days=1, minutes=n))
    page = reception.get("/admin/")
    found = page.context["calls"]

    assert (found["count"], found["live"]) == (0, [])
    assert "Ahora no llama nadie." in page.content.decode()
    assert [one["record"].id for one in found["ended"]] == [f"call-{n}" for n in range(5)]


def test_call_whose_customer_closed_the_tab_is_not_lost(reception: Client) -> None:
    left_at = clock.now() - timedelta(minutes=5)
    open_call("left", started_at=left_at - timedelta(minutes=2))
    add_utterances("left", "Hola", at=left_at, left_at=left_at)

    for path in ("/admin/", CONVERSATIONS, f"{CONVERSATIONS}left/change/"):
        page = reception.get(path).content.decode()
        assert '<span class="state state-left">El cliente se fue</span>' in page, path
        assert "2:00" in page, path
    assert reception.get("/admin/").context["calls"]["count"] == 0
    page = reception.get(f"{CONVERSATIONS}left/change/").content.decode()
    assert "data-live>" in page  # the customer may come back


def test_idle_end_after_the_customer_left_is_shown_as_leaving(reception: Client) -> None:
    began = clock.now() - timedelta(minutes=5)
    for call_id, left_at in (("left", began), ("silent", None)):
        open_call(call_id, started_at=began)
        add_utterances(call_id, "Hola", at=began, left_at=left_at)
        end_call(call_id, at=began + timedelta(minutes=1), reason="idle")

    pages = [reception.get(f"{CONVERSATIONS}{each}/change/") for each in ("left", "silent")]
    assert ["El cliente se fue" in page.content.decode() for page in pages] == [True, False]


def test_start_page_shows_no_calls_without_permission(calls: datetime, viewer: Client) -> None:
    page = viewer.get("/admin/")

    assert "calls" not in page.context
    assert "Llamadas" not in page.content.decode()
    assert CONVERSATIONS not in page.content.decode()


# --- Content security policy


@pytest.mark.parametrize(
    "url", [CONVERSATIONS, f"{CONVERSATIONS}live/change/", f"{CONVERSATIONS}live/talk/", TOOL_CALLS]
)
def test_pages_comply_with_the_content_security_policy(
    calls: datetime, supervisor: Client, url: str
) -> None:
    response = supervisor.get(url)
    page = response.content.decode()

    assert "'unsafe-inline'" not in response.headers["content-security-policy"]
    for forbidden in (" style=", " onclick=", "<script>", "<style"):
        assert forbidden not in page
