"""Messages of customers in the admin: the start page, the list and the form."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from common import clock
from common.identity.verification import Customer
from follow_ups import services
from follow_ups.domain import FollowUp, FollowUpStatus
from tests.admin.conftest import LogIn, errors, messages, open_form
from tests.admin.stored_calls import open_call

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

MESSAGES = "/admin/follow_ups/followup/"


def leave(name: str = "Ana Ruiz", **values: Any) -> FollowUp:
    message = {"message": "Quiere un presupuesto", "phone": "11 4555-1234", "token": name}
    return services.leave_follow_up(
        **{"customer_name": name, "now": clock.now(), **message, **values}
    )


def stored(follow_up: FollowUp) -> FollowUp:
    return services.get_follow_up(follow_up_id=follow_up.id, now=clock.now())


def test_start_page_shows_messages_and_marks_one_as_answered(reception: Client) -> None:
    ana, _ = leave(), leave("Luis Paz")
    page = reception.get("/admin/")
    assert page.context["follow_ups"]["count"] == 2
    assert "Ana Ruiz – 11 4555-1234" in page.content.decode()

    answered = reception.post(f"/admin/follow-ups/{ana.id}/complete/", follow=True)
    assert messages(answered) == ["Quedó marcado como respondido."]
    assert answered.context["follow_ups"]["count"] == 1
    assert (stored(ana).status, stored(ana).done_by) == (FollowUpStatus.DONE, "reception")

    logged = LogEntry.objects.get()
    assert (logged.object_id, logged.change_message) == (ana.id, "Respondido")
    assert "Respondido" in reception.get(f"{MESSAGES}{ana.id}/history/").text

    again = reception.post(f"/admin/follow-ups/{ana.id}/complete/", follow=True)
    assert messages(again) == ["reception ya lo marcó como respondido."]
    assert LogEntry.objects.count() == 1
    gone = reception.post("/admin/follow-ups/nothing/complete/", follow=True)
    assert messages(gone) == ["Ese mensaje ya no está."]


def test_message_that_changes_while_it_is_marked_stays_and_says_so(
    reception: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = leave()
    read = services.get_follow_up

    def read_before_another(**arguments: Any) -> FollowUp:
        """Read it, and let somebody else write a note right behind."""
        found = read(**arguments)
        monkeypatch.setattr(services, "get_follow_up", read)
        services.change_follow_up(
            follow_up_id=ana.id, note="Llamo a las 5", by="luz", now=clock.now()
        )
        return found

    monkeypatch.setattr(services, "get_follow_up", read_before_another)
    page = reception.post(f"/admin/follow-ups/{ana.id}/complete/", follow=True)

    [message] = messages(page)
    assert "otra persona" in message.lower()
    assert (stored(ana).status, stored(ana).note) == (FollowUpStatus.OPEN, "Llamo a las 5")
    assert not LogEntry.objects.exists()


def test_viewer_neither_sees_nor_answers_messages(viewer: Client) -> None:
    ana = leave()
    assert "follow_ups" not in viewer.get("/admin/").context
    assert viewer.get(MESSAGES).status_code == 403
    assert viewer.post(f"/admin/follow-ups/{ana.id}/complete/").status_code == 403
    assert viewer.get(f"/admin/follow-ups/{ana.id}/complete/").status_code == 405
    assert stored(ana).status is FollowUpStatus.OPEN


def names(staff: Client, query: str = "") -> list[str]:
    page = staff.get(f"{MESSAGES}{query}")
    return [record.customer_name for record in page.context["cl"].result_list]


def test_list_opens_with_what_is_to_answer_the_oldest_first(reception: Client) -> None:
    ana, _, _ = leave(), leave("Luis Paz"), leave("Eva Sol")
    services.change_follow_up(
        follow_up_id=ana.id, status=FollowUpStatus.DONE, by="carla", now=clock.now()
    )
    assert names(reception) == ["Luis Paz", "Eva Sol"]
    assert names(reception, "?status=done") == ["Ana Ruiz"]
    assert names(reception, "?status=all") == ["Eva Sol", "Luis Paz", "Ana Ruiz"]
    assert names(reception, "?q=ruiz") == ["Ana Ruiz"]
    assert reception.get(f"{MESSAGES}?status=lost", follow=True).request["QUERY_STRING"] == "e=1"


def test_form_stores_status_and_note_and_links_the_call(log_in: LogIn) -> None:
    open_call("c1", started_at=clock.now())
    ana = leave(caller=Customer(name="Ana Ruiz", call_id="c1"))
    staff = log_in("reception", "carla")
    url = f"{MESSAGES}{ana.id}/change/"
    assert "/admin/conversations/conversation/c1/change/" in staff.get(url).content.decode()

    form = open_form(staff, url) | {"status": "done", "note": "Llamé, quedó todo claro."}
    assert staff.post(url, form).status_code == 302
    changed = stored(ana)
    assert (changed.status, changed.done_by) == (FollowUpStatus.DONE, "carla")
    assert changed.note == "Llamé, quedó todo claro."
    assert "carla" in staff.get(url).content.decode()

    refused = errors(staff.post(url, form | {"note": "Otra cosa"}))
    assert refused["note"] == ["Guardado ahora: Llamé, quedó todo claro."]


def test_staff_write_down_a_message(reception: Client) -> None:
    url = f"{MESSAGES}add/"
    form = {**open_form(reception, url), "customer_name": "Eva Sol", "message": "Pide factura"}
    assert errors(reception.post(url, form)) == {
        "phone": ["Necesito un teléfono o un correo para que te puedan responder."]
    }
    assert reception.post(url, form | {"email": "eva@correo.com"}).status_code == 302
    [left] = services.list_follow_ups(now=clock.now()).items
    assert (left.customer_name, left.contact, left.call_id) == ("Eva Sol", "eva@correo.com", None)


def test_action_marks_selected_messages_and_export_has_all_columns(reception: Client) -> None:
    ana, luis = leave(), leave("Luis Paz")
    data = {"action": "complete", "_selected_action": [ana.id, luis.id]}
    assert messages(reception.post(MESSAGES, data, follow=True)) == ["Respondido: 2"]
    exported = reception.post(MESSAGES + "?status=all", {**data, "action": "export_csv"})
    lines = b"".join(exported).decode().splitlines()
    assert lines[0].startswith('\ufeff"recibido";"cliente";"teléfono"')
    assert len(lines) == 3


def test_only_supervisors_delete_messages(reception: Client, supervisor: Client) -> None:
    url = f"{MESSAGES}{leave().id}/delete/"
    assert reception.get(url).status_code == 403
    version = supervisor.get(url).context["object"].version
    assert supervisor.post(url, {"post": "yes", "version": version}).status_code == 302
    assert services.list_follow_ups(now=clock.now()).items == []
