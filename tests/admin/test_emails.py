"""E-mails in the admin: those of an appointment, sending again, and the local mailbox."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote as quote_url

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from pytest_django.fixtures import Settings

from appointments.domain import Appointment
from common import clock
from common.timestamps import truncate_to_ms
from notifications.domain import Message, MessageStatus
from notifications.repository import replace_message
from notifications.sending import send_due_messages
from notifications.services import enqueue, list_messages_of, new_message
from tests.admin.conftest import APPOINTMENTS, LogIn, messages
from tests.appointments.factories import CLINIC, book

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

EMAILS = "/admin/notifications/message/"
MAILBOX = f"{EMAILS}mailbox/"


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """Let the settings name a folder instead of a mail server."""
    settings.EMAIL_FROM = "Clínica Ñandú <turnos@example.com>"
    options = {"folder": str(tmp_path / "mail")}
    backend = "notifications.mailbox.FolderBackend"
    settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
    return tmp_path / "mail"


@pytest.fixture
def booked(folder: Path) -> Appointment:
    now = clock.now()
    day = now.astimezone(CLINIC).date() + timedelta(days=7)
    return book("10:00", day, now=now)


def message_of(appointment: Appointment) -> Message:
    [message] = list_messages_of(record_type="appointment", record_id=appointment.id)
    return message


def change(message: Message, step: Callable[[Message, datetime], Message]) -> Message:
    changed = step(message, truncate_to_ms(clock.now()))
    assert replace_message(message, changed)
    return changed


def fail(appointment: Appointment) -> None:
    claimed = change(message_of(appointment), lambda each, now: each.claimed(now=now))
    change(claimed, lambda each, now: each.failed("recipient refused: 550", now=now))


def test_form_of_an_appointment_shows_its_emails(reception: Client, booked: Appointment) -> None:
    page = reception.get(f"{APPOINTMENTS}{booked.id}/change/").content.decode()

    assert "Turno reservado" in page
    assert '<span class="state state-email-waiting">En espera</span>' in page
    assert "Enviar de nuevo" in page


def test_without_a_sender_the_form_shows_none(
    reception: Client, booked: Appointment, settings: Settings
) -> None:
    settings.EMAIL_FROM = ""
    page = reception.get(f"{APPOINTMENTS}{booked.id}/change/").content.decode()

    assert "Enviar de nuevo" not in page


def test_failed_email_is_sent_again_from_the_form(reception: Client, booked: Appointment) -> None:
    fail(booked)
    form = f"{APPOINTMENTS}{booked.id}/change/"
    assert "No se pudo enviar" in reception.get(form).content.decode()

    url = f"{EMAILS}{quote(message_of(booked).id)}/send-again/?next={quote_url(form)}"
    assert url.replace("&", "&amp;") in reception.get(form).content.decode().replace("%2F", "/")
    asked = reception.get(url).content.decode()
    assert "¿Enviar de nuevo el correo «Turno reservado» a ana@email.com?" in asked
    assert message_of(booked).status is MessageStatus.FAILED
    answer = reception.post(url, follow=True)

    assert answer.redirect_chain[0][0] == form
    assert messages(answer) == ["El correo se vuelve a enviar en un momento."]
    assert message_of(booked).status is MessageStatus.WAITING


def test_redirect_after_sending_again_stays_on_the_site(
    reception: Client, booked: Appointment
) -> None:
    for following in ("https://example.com/", "//example.com/", "javascript:alert(1)", ""):
        url = f"{EMAILS}{quote(message_of(booked).id)}/send-again/?next={quote_url(following)}"
        assert reception.post(url).headers["Location"] == EMAILS


def test_list_shows_emails_by_status_and_sends_selected_ones_again(
    reception: Client, booked: Appointment
) -> None:
    fail(booked)
    listed = reception.get(f"{EMAILS}?status=failed")
    assert [each.record_id for each in listed.context["cl"].result_list] == [booked.id]
    assert reception.get(f"{EMAILS}?status=sent").context["cl"].result_list == []
    found = reception.get(f"{EMAILS}?q={booked.id}").context["cl"].result_list
    assert [each.recipient for each in found] == ["ana@email.com"]

    data = {"action": "send_again", "_selected_action": [message_of(booked).id]}
    answer = reception.post(EMAILS, data, follow=True)
    assert messages(answer) == ["Se vuelven a enviar: 1"]
    assert message_of(booked).status is MessageStatus.WAITING


def test_email_under_way_is_not_sent_again(reception: Client, booked: Appointment) -> None:
    claimed = change(message_of(booked), lambda each, now: each.claimed(now=now))
    answer = reception.post(f"{EMAILS}{quote(claimed.id)}/send-again/", follow=True)

    assert "se está enviando ahora" in messages(answer)[0]
    assert message_of(booked) == claimed


def test_page_of_an_email_and_its_export(reception: Client, booked: Appointment) -> None:
    page = reception.get(f"{EMAILS}{quote(message_of(booked).id)}/change/").content.decode()
    assert f'/admin/appointments/appointment/{booked.id}/change/">{booked.id}</a>' in page

    data = {"action": "export_csv", "_selected_action": [message_of(booked).id]}
    exported = reception.post(EMAILS, data).getvalue().decode()
    row = f'"Turno reservado";"{booked.id}";"ana@email.com";"En espera";"0";""'
    assert row in exported


def test_email_about_a_record_without_a_page_has_no_link(reception: Client, folder: Path) -> None:
    message = new_message(
        record_type="other",
        record_id="4711",
        event="unknown",
        version="1",
        recipient="ana@email.com",
        now=clock.now(),
    )
    assert enqueue(message)

    page = reception.get(f"{EMAILS}{quote(message.id)}/change/").content.decode()
    assert "4711" in page
    assert ">4711</a>" not in page


def test_start_page_says_how_many_emails_were_not_sent(
    reception: Client, booked: Appointment
) -> None:
    assert "no se pudo enviar" not in reception.get("/admin/").content.decode()
    fail(booked)
    assert "1 correo no se pudo enviar" in reception.get("/admin/").content.decode()


def test_viewer_sees_no_emails(viewer: Client, booked: Appointment) -> None:
    assert viewer.get(EMAILS).status_code == 403
    assert viewer.get(MAILBOX).status_code == 403
    assert viewer.post(f"{EMAILS}{quote(message_of(booked).id)}/send-again/").status_code == 403
    assert (
        "Enviar de nuevo" not in viewer.get(f"{APPOINTMENTS}{booked.id}/change/").content.decode()
    )


def test_mailbox_shows_what_the_worker_sent(
    reception: Client, booked: Appointment, folder: Path
) -> None:
    empty = reception.get(MAILBOX).content.decode()
    assert "Todavía no hay correos" in empty
    send_due_messages(clock.now)

    page = reception.get(MAILBOX).content.decode()
    assert "Tu turno con Dr. Rodríguez" in page
    assert "Hola, Ana Martínez:" in page
    assert "BEGIN:VCALENDAR" in page
    [file] = folder.iterdir()
    html = reception.get(f"{MAILBOX}{file.name}/")
    assert "Tu turno quedó reservado." in html.content.decode()
    assert html.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize("name", ["20991122T150000000000-00000000.eml", "x.eml", "..eml"])
def test_unknown_file_of_the_mailbox_is_not_found(
    name: str, reception: Client, folder: Path
) -> None:
    assert reception.get(f"{MAILBOX}{name}/").status_code == 404


def test_mailbox_is_not_there_with_a_mail_server(reception: Client, settings: Settings) -> None:
    settings.MAILERS = {}
    assert reception.get(MAILBOX).status_code == 404
    assert MAILBOX not in reception.get(EMAILS).content.decode()


def test_list_links_to_the_mailbox(supervisor: Client, folder: Path, log_in: LogIn) -> None:
    assert MAILBOX in supervisor.get(EMAILS).content.decode()
