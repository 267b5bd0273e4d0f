"""What the emails about appointments say, and their calendar files, read back."""

from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import pytest
from icalendar import Calendar, Event
from pytest_django.fixtures import Settings

from appointments import services
from appointments.calendar_files import calendar_of, event_of, sequence_of, uid_of
from appointments.emails import safe_name
from notifications.sending import send_due_messages
from tests.appointments.factories import ANA, CLINIC, LATER, NOW, at, book
from tests.fixtures.mail_server import MailServer

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


def send_all(server: MailServer) -> list[EmailMessage]:
    server.accepted.clear()
    send_due_messages(lambda: LATER + timedelta(hours=1))
    return server.accepted


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert isinstance(body, EmailMessage)
    text: str = body.get_content()
    return text


def calendar_file(mail: EmailMessage) -> tuple[Calendar, Event]:
    [part] = list(mail.iter_attachments())
    assert isinstance(part, EmailMessage)
    assert (part.get_content_type(), part.get_filename()) == ("text/calendar", "turno.ics")
    calendar = Calendar.from_ical(part.get_content())
    assert part.get_param("method") == str(calendar["METHOD"])
    [event] = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    return calendar, event


def test_mail_of_a_booking_says_when_where_and_with_whom(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.BUSINESS_NAME, settings.BUSINESS_PHONE = "Clínica Ñandú", "11 4555-1234"
    settings.BUSINESS_ADDRESS = "Av. San Martín 1234, Córdoba"
    booked = book(notes="Diagnóstico reservado")
    [mail] = send_all(mail_server)

    for text in (text_of(mail), text_of(mail, "html")):
        assert "Hola, Ana Martínez:" in text
        assert "Tu turno quedó reservado." in text
        assert "lunes 23 de noviembre a las 10:00" in text
        assert "Dr. Rodríguez" in text
        assert booked.id in text
        assert "Av. San Martín 1234, Córdoba" in text
        assert "llamanos al 11 4555-1234" in text
        assert "45678901" not in text
        assert "Diagnóstico" not in text


def test_html_escapes_what_people_have_said(mail_server: MailServer) -> None:
    book(patient_name="Ana <b>Ruiz</b> & Cía", doctor_name="Dr. <i>X")
    [mail] = send_all(mail_server)

    html = text_of(mail, "html")
    assert "<b>" not in html
    assert "<i>" not in html
    assert "Dr. &lt;i&gt;X" in html
    assert mail["Subject"] == "Tu turno con Dr. <i>X: lunes 23 de noviembre a las 10:00"


def test_mail_of_a_moved_appointment_names_both_times(mail_server: MailServer) -> None:
    booked = book()
    services.reschedule_appointment(
        appointment_id=booked.id, caller=ANA, starts_at=at("15:30"), now=LATER
    )
    [mail] = send_all(mail_server)

    assert mail["Subject"] == "Tu turno cambió: Dr. Rodríguez, lunes 23 de noviembre a las 15:30"
    assert "Antes era el lunes 23 de noviembre a las 10:00." in text_of(mail)


def test_calendar_file_has_the_clinics_zone_and_the_patient(mail_server: MailServer) -> None:
    booked = book()
    [mail] = send_all(mail_server)
    calendar, event = calendar_file(mail)

    assert str(calendar["METHOD"]) == "REQUEST"
    assert event.decoded("dtstart") == booked.starts_at.astimezone(CLINIC)
    assert event["DTSTART"].params["TZID"] == "America/Argentina/Buenos_Aires"
    assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(minutes=30)
    assert str(event["SUMMARY"]) == "Turno con Dr. Rodríguez"
    assert str(event["ATTENDEE"]) == "mailto:ana@email.com"
    assert str(event["ORGANIZER"]) == "mailto:turnos@example.com"
    assert str(event["STATUS"]) == "CONFIRMED"
    assert [str(each["TZID"]) for each in calendar.walk("VTIMEZONE")] == [
        "America/Argentina/Buenos_Aires"
    ]


def test_versions_of_an_event_have_one_uid_and_rising_sequences(mail_server: MailServer) -> None:
    booked = book()
    emails = [*send_all(mail_server)]
    services.reschedule_appointment(
        appointment_id=booked.id, caller=ANA, starts_at=at("15:00"), now=LATER
    )
    emails += send_all(mail_server)
    services.cancel_appointment(
        appointment_id=booked.id, caller=ANA, now=LATER + timedelta(seconds=1)
    )
    emails += send_all(mail_server)

    files = [calendar_file(mail) for mail in emails]
    assert [str(calendar["METHOD"]) for calendar, _ in files] == ["REQUEST", "REQUEST", "CANCEL"]
    assert str(files[-1][1]["STATUS"]) == "CANCELLED"
    assert len({str(event["UID"]) for _, event in files}) == 1
    sequences = [int(str(event["SEQUENCE"])) for _, event in files]
    assert sequences[0] == 0
    assert sequences == sorted(set(sequences))


def test_earlier_systems_appointment_without_versions_has_an_event() -> None:
    booked = book()
    earlier = replace(booked, created_at=None, updated_at=None)
    later = replace(earlier, updated_at=NOW)

    assert sequence_of(earlier) == 0
    assert sequence_of(later) > 0
    assert uid_of(earlier) == uid_of(later) != uid_of(booked)
    event = event_of(earlier, summary="Turno")
    assert Calendar.from_ical(calendar_of([event])).walk("VEVENT")[0]["SUMMARY"] == "Turno"
    assert Calendar.from_ical(calendar_of([])).walk("VEVENT") == []


@pytest.mark.parametrize(
    "name",
    [
        "Visitá http://x",
        "www.x",
        "x.com",
        "ana@x",
        "a/b",
        "gane: ya",
        "C:\\x",
        "Llamá al 1145551234",
        "Ana " * 30,
    ],
)
def test_name_that_looks_like_an_address_is_left_out(name: str) -> None:
    assert safe_name(name) == ""


def test_doctor_whom_only_the_caller_knows_is_no_message(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.CLINIC_DOCTORS = []
    booked = book(doctor_name="Premio en http://x.com")
    [mail] = send_all(mail_server)
    _, event = calendar_file(mail)
    assert booked.doctor_name == "Premio en http://x.com"
    for text in (mail["Subject"], text_of(mail), text_of(mail, "html"), str(event["SUMMARY"])):
        assert "x.com" not in text
        assert "el consultorio" in text


@pytest.mark.parametrize("name", ["Ana Martínez", "J. R. Peña", "María-José O'Brien", "Ñusta"])
def test_name_of_a_person_is_shown(name: str) -> None:
    assert safe_name(name) == name
