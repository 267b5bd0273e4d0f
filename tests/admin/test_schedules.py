"""The admin pages of professionals, holidays and closed days."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.timezone import localdate
from pytest_django.fixtures import Settings

import appointments.services
from appointments.domain import Appointment, AppointmentKind
from appointments.information import services as information
from appointments.schedules import services
from common import clock
from tests.admin.conftest import LogIn, errors, messages, open_form
from tests.appointments.factories import CLINIC, at

pytestmark = [
    pytest.mark.store,
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_tables"),
]

PROFESSIONALS = "/admin/appointments/professional/"
DAYS = "/admin/appointments/specialday/"
RECORDS = ("professional", "specialday")


def next_monday() -> date:
    today = localdate(timezone=CLINIC)
    return today + timedelta(days=7 - today.weekday())


def book(day: date, time: str = "10:00") -> Appointment:
    return appointments.services.book_appointment(
        patient_name="Ana Martínez",
        patient_email="ana@email.com",
        doctor_name="Dra. Gómez",
        starts_at=at(time, day),
        duration_min=30,
        kind=AppointmentKind.CONSULTATION,
        token=f"{day} {time}",
        now=clock.now(),
    )


def test_professionals_of_settings_are_listed(reception: Client) -> None:
    page = reception.get(PROFESSIONALS).content.decode()

    assert "Dra. Gómez" in page
    assert "el de la clínica" in page or "those of the clinic" in page


def test_supervisor_changes_hours_and_sees_appointments_outside(supervisor: Client) -> None:
    booked = book(next_monday())
    url = f"{PROFESSIONALS}gomez/change/"
    form = open_form(supervisor, url)

    page = supervisor.post(
        url, {**form, "tuesday": "8:00-12:00", "specialty": "Cardiología"}, follow=True
    )

    assert any(f"/admin/appointments/appointment/{booked.id}/" in text for text in messages(page))
    gomez = services.get_professional(professional_id="gomez")
    assert gomez.specialty == "Cardiología"
    assert gomez.hours is not None
    assert gomez.hours.to_text() == "Tue 08:00-12:00"
    assert f"/appointment/{booked.id}/" in supervisor.get(url).content.decode()


def test_wrong_hours_and_leave_are_refused_at_their_fields(supervisor: Client) -> None:
    url = f"{PROFESSIONALS}gomez/change/"
    form = open_form(supervisor, url)

    page = supervisor.post(url, {**form, "monday": "12-8", "leave": "mañana", "aliases": "Sosa"})
    assert set(errors(page)) == {"monday", "leave"}

    page = supervisor.post(url, {**form, "aliases": "Sosa"})
    assert set(errors(page)) == {"aliases"}


def test_supervisor_adds_and_deletes_professional(supervisor: Client) -> None:
    form = open_form(supervisor, f"{PROFESSIONALS}add/")
    supervisor.post(f"{PROFESSIONALS}add/", {**form, "name": "Dra. Paz", "leave": "1/1/2100"})

    assert services.get_professional(professional_id="paz").leave
    page = supervisor.post(f"{PROFESSIONALS}add/", {**form, "name": "dra paz"})
    assert set(errors(page)) == {"name"}
    version = supervisor.get(f"{PROFESSIONALS}paz/delete/").context["object"].version
    supervisor.post(f"{PROFESSIONALS}paz/delete/", {"post": "yes", "version": version})
    assert "Dra. Paz" not in [each.name for each in services.stored_schedule().professionals]


def test_two_supervisors_do_not_overwrite_each_other(supervisor: Client, log_in: LogIn) -> None:
    url = f"{PROFESSIONALS}gomez/change/"
    supervisor.post(url, {**open_form(supervisor, url), "specialty": "Clínica"})
    stale = open_form(supervisor, url)
    other = log_in("supervisor", "other")
    other.post(url, {**open_form(other, url), "specialty": "Cardiología"})

    page = supervisor.post(url, {**stale, "specialty": "Pediatría"})

    assert "specialty" in errors(page)
    assert services.get_professional(professional_id="gomez").specialty == "Cardiología"


@pytest.mark.parametrize("role", ["reception", "viewer"])
def test_only_supervisors_change_schedules(log_in: LogIn, role: str) -> None:
    client = log_in(role)

    assert client.get(PROFESSIONALS).status_code == 200
    assert client.get(DAYS).status_code == 200
    assert client.post(f"{PROFESSIONALS}gomez/change/", {}).status_code == 403
    assert client.get(f"{PROFESSIONALS}add/").status_code == 403
    assert client.get(f"{DAYS}add/").status_code == 403


def test_supervisor_closes_a_day_and_sees_its_appointments(supervisor: Client) -> None:
    day = next_monday()
    booked = book(day)
    form = open_form(supervisor, f"{DAYS}add/")

    page = supervisor.post(
        f"{DAYS}add/", {**form, "day": day.isoformat(), "reason": "Mudanza"}, follow=True
    )

    assert any(f"/appointment/{booked.id}/" in text for text in messages(page))
    assert services.current_schedule().closure_on(day) == "Mudanza"
    assert "Mudanza" in supervisor.get(DAYS).content.decode()


def test_added_day_does_not_overwrite_a_stored_one(supervisor: Client) -> None:
    day = next_monday()
    form = open_form(supervisor, f"{DAYS}add/")
    stored = services.set_special_day(day=day, is_open=False, reason="Mudanza", now=clock.now())

    page = supervisor.post(
        f"{DAYS}add/", {**form, "day": day.isoformat(), "reason": "Asueto", "is_open": "on"}
    )

    assert page.status_code == 200
    assert errors(page)
    assert services.stored_schedule().special_days[day] == stored


def test_patients_are_hidden_from_who_may_not_see_appointments(db: None) -> None:
    user = User.objects.create_user("planner", is_staff=True)
    codenames = [f"{verb}_{name}" for verb in ("view", "change") for name in RECORDS]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    planner = Client()
    planner.force_login(user)
    day = next_monday()
    booked = book(day)
    services.set_special_day(day=day, is_open=True, reason="", now=clock.now())

    for url, change in (
        (f"{PROFESSIONALS}gomez/change/", {"tuesday": "8:00-12:00"}),
        (f"{DAYS}{day}/change/", {"is_open": ""}),
    ):
        page = planner.post(url, {**open_form(planner, url), **change}, follow=True)
        assert any("(1)" in text for text in messages(page)), url
        for shown in (page, planner.get(url)):
            assert booked.patient_name not in shown.content.decode()


def test_supervisor_opens_holidays_by_action(supervisor: Client, settings: Settings) -> None:
    settings.CLINIC_HOLIDAYS = "AR"
    today = localdate(timezone=CLINIC)
    entries = services.list_calendar_entries(first=today, last=today + timedelta(days=400))
    ids = [each.day.isoformat() for each in entries[:2]]
    assert ids[0] in supervisor.get(DAYS).content.decode()

    supervisor.post(DAYS, {"action": "open_days", "_selected_action": ids})

    assert [services.current_schedule().closure_on(date.fromisoformat(each)) for each in ids] == [
        None,
        None,
    ]
    url = f"{DAYS}{ids[0]}/change/"
    supervisor.post(url, {**open_form(supervisor, url), "is_open": ""})
    assert services.current_schedule().closure_on(date.fromisoformat(ids[0])) is not None


def test_unknown_day_and_professional_are_not_found(supervisor: Client) -> None:
    for url in (f"{DAYS}2099-11-23/change/", f"{DAYS}x/change/", f"{PROFESSIONALS}house/change/"):
        assert supervisor.get(url).status_code == 302


def test_supervisor_gives_a_feed_address_renews_and_ends_it(
    supervisor: Client, reception: Client
) -> None:
    url = f"{PROFESSIONALS}gomez/change/"
    assert "/agenda/gomez/" not in supervisor.get(url).content.decode()

    def shown_after(action: str) -> str | None:
        data = {"action": action, "_selected_action": ["gomez"]}
        assert supervisor.post(PROFESSIONALS, data, follow=True).status_code == 200
        found = re.search(r"/agenda/gomez/\w+\.ics", supervisor.get(url).content.decode())
        return found and found[0]

    first, second = shown_after("renew_feeds"), shown_after("renew_feeds")
    assert first
    assert second
    assert first != second
    assert (
        "/agenda/" not in reception.get(url).content.decode()
    )  # who can't renew it doesn't see it
    assert shown_after("end_feeds") is None


# --- Information about the business

INFORMATION = "/admin/appointments/informationentry/"


def test_reception_writes_and_changes_an_entry(reception: Client) -> None:
    form = open_form(reception, f"{INFORMATION}add/")
    reception.post(f"{INFORMATION}add/", {**form, "title": "Obras sociales", "text": "OSDE"})
    [entry] = information.list_entries()
    url = f"{INFORMATION}{entry.id}/change/"
    stale = open_form(reception, url)

    reception.post(url, {**stale, "text": "OSDE y Galeno", "keywords": "prepaga"})

    [found] = information.find_information(question="¿qué prepagas hay?")
    assert found.text == "OSDE y Galeno"
    assert "Obras sociales" in reception.get(INFORMATION).content.decode()
    assert "text" in errors(reception.post(url, {**stale, "text": "PAMI"}))
    assert reception.get(f"{INFORMATION}{entry.id}/delete/").status_code == 403
