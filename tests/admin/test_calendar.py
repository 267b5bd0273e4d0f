"""The calendar of the admin: its data, moving, the sheet of a day, and what each role sees of them."""

from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.timezone import localdate
from pytest_django.fixtures import Settings

import appointments.services
from appointments.domain import Appointment, AppointmentKind
from appointments.opening_hours import OpeningHours
from appointments.schedules import services as schedules
from appointments.schedules.domain import Leave, Professional
from appointments.waiting_list import services as waiting_list
from appointments.waiting_list.domain import WaitingEntry, Wanted
from common import clock
from common.identity.verification import Customer, Staff
from common.timestamps import to_iso
from tests.admin.conftest import APPOINTMENTS, Requests, open_form
from tests.appointments.factories import CLINIC, at

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

CALENDAR = f"{APPOINTMENTS}calendar/"


@pytest.fixture(autouse=True)
def ordinary_days(settings: Settings) -> None:
    settings.CLINIC_HOLIDAYS = "none"
    settings.CLINIC_OPENING_HOURS = "Mon-Sat 08:00-20:00"


@cache
def next_monday() -> date:
    """Return one day for the whole run, also if midnight passes."""
    today = localdate(timezone=CLINIC)
    return today + timedelta(days=7 - today.weekday())


def book(clock_time: str = "10:00", *, doctor: str = "Dra. Gómez", day: int = 0) -> Appointment:
    return appointments.services.book_appointment(
        patient_name="Ana Martínez",
        patient_email=f"ana.{day}.{clock_time[:2]}@email.com",
        doctor_name=doctor,
        starts_at=at(clock_time, next_monday() + timedelta(days=day)),
        duration_min=30,
        kind=AppointmentKind.CONSULTATION,
        token=f"{doctor} {day} {clock_time}",
        now=clock.now(),
    )


def read_events(
    client: Client, *, first: date | None = None, days: int = 7, doctor: str = ""
) -> Any:
    first = first or next_monday()
    last = first + timedelta(days=days - 1)
    query = {"from": first.isoformat(), "until": last.isoformat(), "doctor": doctor}
    return client.get(f"{CALENDAR}events/", query)


def move(client: Client, booked: Appointment, start: str, version: str | None = None) -> Any:
    assert booked.updated_at is not None
    data = {"start": start, "version": to_iso(booked.updated_at) if version is None else version}
    return client.post(f"{CALENDAR}{booked.id}/move/", data)


def test_week_lists_appointments_in_local_time(reception: Client) -> None:
    booked = book()
    book("11:00", doctor="Dr. Sosa")

    [event, _other] = read_events(reception).json()["events"]
    assert event["start"] == f"{next_monday()}T10:00:00"
    assert event["end"] == f"{next_monday()}T10:30:00"
    assert (event["patient"], event["doctor"]) == ("Ana Martínez", "Dra. Gómez")
    assert event["isMovable"]
    assert event["url"] == f"{APPOINTMENTS}{booked.id}/change/?calendar="
    [only] = read_events(reception, doctor="Dr. Sosa").json()["events"]
    assert only["doctor"] == "Dr. Sosa"


def test_week_costs_few_requests_and_no_scan(reception: Client, requests: Requests) -> None:
    for hour in range(8, 14):
        book(f"{hour:02}:00", day=hour % 5)
    requests.names.clear()

    assert len(read_events(reception).json()["events"]) == 6
    assert len(requests) <= 8
    assert "Scan" not in requests.names


@pytest.fixture
def offered(empty_tables: None) -> WaitingEntry:
    """Cancel an appointment that a patient of the waiting list wants, and return their entry."""
    booked = book()
    entry = waiting_list.add_entry(
        wanted=Wanted(
            patient_name="Beto Luna",
            patient_email="beto@email.com",
            doctor_name="Gómez",
            first=next_monday(),
            last=next_monday(),
        ),
        now=clock.now(),
    )
    appointments.services.cancel_appointment(
        appointment_id=booked.id, caller=Staff(), now=clock.now()
    )
    return entry


def test_time_offered_to_the_waiting_list_says_to_whom_and_until_when(
    reception: Client, offered: WaitingEntry
) -> None:
    _cancelled, event = read_events(reception).json()["events"]
    assert (event["status"], event["patient"]) == ("offered", "Beto Luna")
    assert (event["start"], event["end"]) == (
        f"{next_monday()}T10:00:00",
        f"{next_monday()}T10:30:00",
    )
    assert event["url"] == f"/admin/appointments/waitingentry/{offered.id}/change/"
    assert event["reason"].startswith("Ofrecido a la lista de espera. Nadie más puede reservar")
    assert "isMovable" not in event
    for other in ({"doctor": "Dr. Sosa"}, {"first": next_monday() + timedelta(days=1)}):
        assert read_events(reception, **other).json()["events"] == []

    waiting_list.refuse_offer(entry_id=offered.id, number=1, now=clock.now())
    assert [each["status"] for each in read_events(reception).json()["events"]] == ["cancelled"]


@pytest.mark.usefixtures("offered")
def test_who_may_not_see_the_waiting_list_sees_no_patient_of_it(client: Client) -> None:
    user = User.objects.create_user("agenda", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_professional"))
    client.force_login(user)
    answer = read_events(client)
    [event] = [each for each in answer.json()["events"] if each["status"] == "offered"]
    assert event["patient"] == "Lista de espera"
    assert "url" not in event
    assert "Beto" not in answer.content.decode()


def test_range_of_days_is_limited(reception: Client) -> None:
    assert read_events(reception, days=14).status_code == 200
    assert read_events(reception, days=15).status_code == 400
    assert read_events(reception, days=0).status_code == 400
    for query in (
        {},
        {"from": "mañana", "until": "2099-01-01"},
        {"from": "0001-01-01", "until": "0001-01-02"},
    ):
        assert reception.get(f"{CALENDAR}events/", query).status_code == 400


def test_more_appointments_than_the_limit_are_reported(
    reception: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    book("10:00")
    book("11:00")
    monkeypatch.setattr("appointments.calendar_pages.MAX_APPOINTMENTS", 2)
    assert read_events(reception).json()["isComplete"]
    book("12:00")
    answer = read_events(reception).json()
    assert not answer["isComplete"]
    assert len(answer["events"]) == 2


def test_breaks_leave_and_closed_days_are_shaded(reception: Client) -> None:
    monday = next_monday()
    now = clock.now()
    hours = OpeningHours.parse("Mon-Fri 08:00-12:00, Mon-Fri 16:00-20:00")
    leave = Leave(first=monday + timedelta(days=1), last=monday + timedelta(days=1))
    vega = Professional(name="Dra. Vega", hours=hours, leave=(leave,))
    schedules.add_professional(professional=vega, now=now)
    schedules.set_special_day(
        day=monday + timedelta(days=2), is_open=False, reason="Mudanza", now=now
    )

    closed = read_events(reception, days=3, doctor="Dra. Vega").json()["closed"]
    shown = [(each["start"][5:16], each["end"][5:16], each["reason"]) for each in closed]
    days = [f"{monday + timedelta(days=n):%m-%d}" for n in range(4)]
    assert shown == [
        (f"{days[0]}T00:00", f"{days[0]}T08:00", ""),
        (f"{days[0]}T12:00", f"{days[0]}T16:00", ""),
        (f"{days[0]}T20:00", f"{days[1]}T00:00", ""),
        (f"{days[1]}T00:00", f"{days[2]}T00:00", "De licencia"),
        (f"{days[2]}T00:00", f"{days[3]}T00:00", "Mudanza"),
    ]
    everybody = read_events(reception, days=2).json()["closed"]
    assert [each["reason"] for each in everybody] == [""] * 4  # others work at noon and that day


def test_move_stores_the_time_and_enters_the_history(reception: Client) -> None:
    booked = book()

    response = move(reception, booked, f"{next_monday()}T11:30:00")
    assert response.status_code == 200
    stored = appointments.services.get_appointment(appointment_id=booked.id)
    assert stored.starts_at == at("11:30", next_monday())
    assert stored.updated_at is not None
    assert response.json()["version"] == to_iso(stored.updated_at)
    assert "Ana Martínez: se movió" in response.json()["message"]
    assert LogEntry.objects.get().object_id == booked.id


@pytest.mark.parametrize(
    ("clock_time", "status", "text"),
    [
        ("12:00", 409, "el turno ya está ocupado. Libres: "),
        ("21:00", 422, ""),
        ("10:01", 422, ""),
    ],
)
def test_refused_move_says_why_and_changes_nothing(
    reception: Client, clock_time: str, status: int, text: str
) -> None:
    booked = book()
    book("12:00")

    response = move(reception, booked, f"{next_monday()}T{clock_time}:00")
    assert response.status_code == status
    assert text in response.json()["message"]
    stored = appointments.services.get_appointment(appointment_id=booked.id)
    assert stored == booked
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("version", [None, ""], ids=["older", "none"])
def test_move_of_another_version_is_a_conflict(reception: Client, version: str | None) -> None:
    booked = book()
    moved = appointments.services.reschedule_appointment(
        appointment_id=booked.id,
        caller=Staff(),
        starts_at=at("15:00", next_monday()),
        now=clock.now() + timedelta(seconds=1),
    )

    response = move(reception, booked, f"{next_monday()}T11:00:00", version)
    assert response.status_code == 409
    assert "Otra persona acaba de cambiar esto" in response.json()["message"]
    assert appointments.services.get_appointment(appointment_id=booked.id) == moved


def test_malformed_move_is_refused(reception: Client) -> None:
    booked = book()
    for start in ("", "mañana", "2099-01-01T10:00:00Z", "9999-12-31T10:00:00"):
        assert move(reception, booked, start).status_code == 400, start
    assert move(reception, booked, f"{next_monday()}T11:00:00", "x").status_code == 400
    missing = reception.post(f"{CALENDAR}nadie/move/", {"start": f"{next_monday()}T11:00:00"})
    assert missing.status_code == 404
    assert reception.get(f"{CALENDAR}{booked.id}/move/").status_code == 405


def test_viewer_sees_but_moves_nothing(viewer: Client) -> None:
    booked = book()

    [event] = read_events(viewer).json()["events"]
    assert event["patient"] == "Ana Martínez"
    assert not event["isMovable"]
    assert move(viewer, booked, f"{next_monday()}T11:00:00").status_code == 403
    page = viewer.get(CALENDAR).content.decode()
    assert "Agendar un turno" not in page
    assert '"mayMove": false' in page


def test_who_sees_schedules_only_sees_no_patient(client: Client) -> None:
    user = User.objects.create_user("agenda", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_professional"))
    client.force_login(user)
    book()

    answer = read_events(client)
    [event] = answer.json()["events"]
    assert event["patient"] == "Ocupado"
    assert "Ana" not in answer.content.decode()
    assert "url" not in event
    assert client.get(CALENDAR).status_code == 200
    assert client.get(f"{CALENDAR}day/").status_code == 403


def test_who_sees_neither_gets_no_calendar(client: Client) -> None:
    client.force_login(User.objects.create_user("depósito", is_staff=True))
    for path in ("", "events/", "day/"):
        assert client.get(f"{CALENDAR}{path}").status_code == 403
    client.logout()
    assert read_events(client).status_code == 302


def test_policy_allows_only_the_nonce_besides_own_files(reception: Client) -> None:
    response = reception.get(CALENDAR)
    policy = response.headers["content-security-policy"]
    page = response.content.decode()
    nonce = page.partition('name="csp-nonce" content="')[2].partition('"')[0]
    assert f"style-src 'self' 'nonce-{nonce}'" in policy
    assert "'unsafe-inline'" not in policy
    assert "script-src 'self';" in policy
    for sign in (" style=", " onclick=", "<script>", "<style", "//cdn"):
        assert sign not in page


def test_chosen_time_fills_the_form_and_returns(reception: Client) -> None:
    vega = Professional(name="Dra. Vega", durations={AppointmentKind.CONSULTATION: 45})
    schedules.add_professional(professional=vega, now=clock.now())
    url = f"{APPOINTMENTS}add/?doctor_name=Dra.+Vega&starts_at={next_monday()}T09:00:00&calendar=Dra.+Vega"
    form = open_form(reception, url)
    assert form["doctor_name"] == "Dra. Vega"
    assert (form["starts_at_1"], str(form["duration_min"])) == ("09:00:00", "45")

    form |= {"patient_name": "Eva Luna", "patient_email": "eva@email.com"}
    response = reception.post(url, form)
    assert response.status_code == 302
    assert response.headers["location"] == f"{CALENDAR}?date={next_monday()}&doctor=Dra.+Vega"
    assert reception.get(f"{APPOINTMENTS}add/?starts_at=nunca").status_code == 200


def test_day_sheet_lists_professionals_and_open_appointments(reception: Client) -> None:
    book("10:00")
    cancelled = book("11:00")
    appointments.services.cancel_appointment(
        appointment_id=cancelled.id, caller=Staff(), now=clock.now()
    )
    response = reception.get(f"{CALENDAR}day/?date={next_monday()}")
    page = response.content.decode()
    assert page.count("Ana Martínez") == 1
    for name in ("Dra. Gómez", "Dr. Sosa", "No hay turnos"):
        assert name in page
    assert reception.get(f"{CALENDAR}day/?date=ayer").status_code == 200


def test_calendar_is_linked_from_start_page_and_list(reception: Client) -> None:
    for url in ("/admin/", APPOINTMENTS):
        assert f'href="{CALENDAR}"' in reception.get(url).content.decode()


def test_unknown_view_and_date_fall_back(reception: Client) -> None:
    days = {localdate()}
    page = reception.get(f"{CALENDAR}?view=nada&date=ayer").content.decode()
    days.add(localdate())  # midnight may have passed
    assert '"view": ""' in page
    assert any(f'"date": "{day}"' in page for day in days)


def test_reserved_appointment_is_shown_as_such_until_it_is_confirmed(
    reception: Client, settings: Settings
) -> None:
    settings.EMAIL_FROM, settings.SITE_URL = "turnos@example.com", "http://testserver"
    settings.VOICE_BOOKING_HOLD_MINUTES = 60
    reserved = appointments.services.book_appointment(
        patient_name="Ana Martínez",
        patient_email="ana@email.com",
        doctor_name="Dra. Gómez",
        starts_at=at("10:00", next_monday()),
        duration_min=30,
        kind=AppointmentKind.CONSULTATION,
        token="one",
        caller=Customer(name="Ana Martínez", call_id="call-1"),
        now=clock.now(),
    )
    form_path = f"{APPOINTMENTS}{reserved.id}/change/"

    [event] = read_events(reception).json()["events"]
    assert (event["status"], event["state"]) == ("reserved", "Reservado, sin confirmar")
    assert "Reservado, sin confirmar" in reception.get(f"{APPOINTMENTS}?day=all").text
    assert "Se cancela entonces" in reception.get(form_path).text
    assert "mark-reserved" in reception.get(CALENDAR).text

    form = open_form(reception, form_path)
    reception.post(form_path, {**form, "status": "confirmed"})
    [event] = read_events(reception).json()["events"]
    assert (event["status"], event["state"]) == ("confirmed", "Confirmado")
    assert "Se cancela entonces" not in reception.get(form_path).text
