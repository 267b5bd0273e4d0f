"""Appointments in the admin: booking, changing, rescheduling, deleting, free times."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import ActionLocation
from django.test import Client
from django.utils.timezone import localdate, localtime, make_aware

import appointments.services
from appointments.domain import AppointmentChanges, AppointmentKind, AppointmentStatus
from common import clock
from tests.admin.conftest import APPOINTMENTS, errors, messages, open_form
from tests.fixtures.forms import fields_of

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("demo")]


def appointment(appointment_id: str) -> Any:
    return appointments.services.get_appointment(appointment_id=appointment_id)


def in_days(days: int) -> date:
    return localdate() + timedelta(days=days)


def booking(day: date, clock_time: str, **more: str) -> dict[str, str]:
    return {
        "patient_name": "Eva Luna",
        "patient_email": "eva@email.com",
        "doctor_name": "Dr. Sosa",
        "starts_at_0": day.strftime("%d/%m/%Y"),
        "starts_at_1": clock_time,
        "duration_min": "30",
        "kind": AppointmentKind.CONSULTATION.value,
        "notes": "",
        **more,
    }


def test_appointment_is_booked_in_the_clinics_time_zone(reception: Client) -> None:
    form = {**open_form(reception, f"{APPOINTMENTS}add/"), **booking(in_days(3), "10:00")}

    assert reception.post(f"{APPOINTMENTS}add/", form).status_code == 302
    [booked] = appointments.services.list_appointments_on(day=in_days(3))
    assert localtime(booked.starts_at).strftime("%H:%M") == "10:00"
    assert (booked.patient_name, booked.doctor_name) == ("Eva Luna", "Dr. Sosa")


def test_booking_of_a_taken_time_shows_other_times(reception: Client) -> None:
    eva, ada = (open_form(reception, f"{APPOINTMENTS}add/") for _ in range(2))
    reception.post(f"{APPOINTMENTS}add/", eva | booking(in_days(3), "10:00"))
    ada |= booking(in_days(3), "10:00", patient_name="Ada Sol")
    page: Any = reception.post(f"{APPOINTMENTS}add/", ada)

    [text] = errors(page)["starts_at"]
    assert text.startswith("En ese horario el turno ya está ocupado. Libres: ")
    assert "09:30" in text
    assert "10:30" in text
    assert page.context["adminform"].form["patient_name"].value() == "Ada Sol"
    assert len(appointments.services.list_appointments_on(day=in_days(3))) == 1


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"starts_at_1": "03:00"}, "starts_at"),
        ({"starts_at_0": "01/01/2020"}, "starts_at"),
        ({"starts_at_0": "31/02/2027"}, "starts_at"),
        ({"doctor_name": "Dr. Nadie"}, "doctor_name"),
        ({"duration_min": "4"}, "duration_min"),
        ({"duration_min": "481"}, "duration_min"),
        ({"kind": "party"}, "kind"),
        ({"patient_name": "…"}, "patient_name"),
        ({"notes": "x" * 1001}, "notes"),
    ],
)
def test_invalid_booking_is_refused_at_its_field(
    reception: Client, typed: dict[str, str], field: str
) -> None:
    form = open_form(reception, f"{APPOINTMENTS}add/")
    form |= booking(in_days(3), "10:00", **typed)

    assert field in errors(reception.post(f"{APPOINTMENTS}add/", form))
    assert appointments.services.list_appointments_on(day=in_days(3)) == []


def test_appointment_is_moved_by_the_form(reception: Client) -> None:
    url = f"{APPOINTMENTS}1/change/"
    old = appointment("1").starts_at
    form = {**open_form(reception, url), "starts_at_1": "15:00"}

    assert reception.post(url, form).status_code == 302
    assert localtime(appointment("1").starts_at).strftime("%H:%M") == "15:00"
    day = localtime(old).date()
    free = appointments.services.list_free_starts(
        doctor_name="Dra. Gómez", day=day, duration_min=30, now=clock.now()
    )
    assert old in free  # free again
    assert appointment("1").starts_at not in free


def test_form_without_changes_warns_and_logs_nothing(reception: Client) -> None:
    before = appointment("1")
    url = f"{APPOINTMENTS}1/change/"
    page = reception.post(url, open_form(reception, url), follow=True)

    assert messages(page) == ["Turno 1: Ya estaba así; no se cambió nada."]
    assert appointment("1") == before
    assert not LogEntry.objects.exists()


def test_second_of_two_editors_overwrites_nothing(reception: Client, supervisor: Client) -> None:
    url = f"{APPOINTMENTS}2/change/"
    first, second = open_form(reception, url), open_form(supervisor, url)
    reception.post(url, {**first, "notes": "primera"})

    assert "notes" in errors(supervisor.post(url, {**second, "notes": "segunda"}))
    assert appointment("2").notes == "primera"


def test_deleted_appointment_frees_its_time(supervisor: Client) -> None:
    old = appointment("1").starts_at
    asked = supervisor.get(f"{APPOINTMENTS}1/delete/").content.decode()
    supervisor.post(f"{APPOINTMENTS}1/delete/", fields_of(asked))

    free = appointments.services.list_free_starts(
        doctor_name="Dra. Gómez", day=localtime(old).date(), duration_min=30, now=clock.now()
    )
    assert old in free


# --- Rescheduling


def rescheduling_form(client: Client, *ids: str) -> dict[str, Any]:
    """Return the unchanged form data of the page for rescheduling."""
    asked = {"action": "reschedule", "_selected_action": ids, "index": "0"}
    page = client.post(APPOINTMENTS, asked).content.decode()
    assert "Reprogramar turnos" in page
    return {**fields_of(page), "_selected_action": ids}


def to(appointment_id: str, clock_time: str) -> dict[str, str]:
    day = in_days(4).strftime("%d/%m/%Y")
    return {f"{appointment_id}_0": day, f"{appointment_id}_1": clock_time}


def test_selected_appointments_are_rescheduled_by_a_form(reception: Client) -> None:
    form = rescheduling_form(reception, "1", "3")
    form |= {**to("1", "11:00"), **to("3", "12:00")}
    page = reception.post(APPOINTMENTS, form, follow=True)

    assert messages(page) == ["Turno 1 fue reprogramado.", "Turno 3 fue reprogramado."]
    moved = appointments.services.list_appointments_on(day=in_days(4))
    assert [each.id for each in moved] == ["1", "3"]


def test_rescheduling_to_a_taken_time_offers_others(reception: Client) -> None:
    form = {**open_form(reception, f"{APPOINTMENTS}add/"), **booking(in_days(4), "11:00")}
    reception.post(f"{APPOINTMENTS}add/", form)
    before = appointment("3")

    form = rescheduling_form(reception, "3") | to("3", "11:00")
    assert "Libres: " in reception.post(APPOINTMENTS, form).content.decode()
    assert appointment("3") == before


def test_rescheduled_appointment_leaves_the_form_of_the_others(reception: Client) -> None:
    form = rescheduling_form(reception, "1", "3") | to("1", "11:00") | to("3", "03:00")
    page = reception.post(APPOINTMENTS, form).content.decode()
    moved = appointment("1")
    assert localtime(moved.starts_at).date() == in_days(4)

    form = {**fields_of(page), "_selected_action": ["3"]} | to("3", "11:30")
    assert "1_0" not in form
    reception.post(APPOINTMENTS, form)
    assert localtime(appointment("3").starts_at).strftime("%H:%M") == "11:30"
    assert appointment("1") == moved


def test_only_changed_times_are_rescheduled(reception: Client, supervisor: Client) -> None:
    late = rescheduling_form(supervisor, "1", "3")
    reception.post(APPOINTMENTS, rescheduling_form(reception, "1") | to("1", "11:00"))
    moved = appointment("1")

    supervisor.post(APPOINTMENTS, late | to("3", "12:00"))
    assert localtime(appointment("3").starts_at).date() == in_days(4)
    assert appointment("1") == moved


def test_second_of_two_reschedulings_overwrites_nothing(
    reception: Client, supervisor: Client
) -> None:
    late = rescheduling_form(supervisor, "1")
    reception.post(APPOINTMENTS, rescheduling_form(reception, "1") | to("1", "11:00"))
    moved = appointment("1")

    page = supervisor.post(APPOINTMENTS, late | to("1", "15:00"))
    told, stored = page.context["form"].errors["1"]
    assert told == "Otra persona acaba de cambiar esto. Fijate de nuevo, por favor."
    assert "11:00" in stored
    assert appointment("1") == moved


# --- Actions and free times


def test_actions_confirm_and_cancel_appointments(reception: Client) -> None:
    reception.post(APPOINTMENTS, {"action": "confirm", "_selected_action": ["1"], "index": "0"})
    assert appointment("1").status is AppointmentStatus.CONFIRMED

    reception.post(APPOINTMENTS, {"action": "cancel", "_selected_action": ["1"], "index": "0"})
    assert appointment("1").status is AppointmentStatus.CANCELLED


@pytest.mark.parametrize("action", ["confirm", "cancel"])
def test_form_action_applies_to_the_shown_version_only(reception: Client, action: str) -> None:
    url = f"{APPOINTMENTS}1/change/"
    name = f"{ActionLocation.CHANGE_FORM.value}-action"
    form = {**open_form(reception, url), name: action, "_selected_action": "1"}
    changes = AppointmentChanges(notes="cambiada mientras")
    changed = appointments.services.update_appointment(
        appointment_id="1", changes=changes, now=clock.now()
    )

    page = reception.post(url, form, follow=True)
    assert messages(page) == [
        "Turno 1: Otra persona acaba de cambiar esto. Fijate de nuevo, por favor."
    ]
    assert appointment("1") == changed
    reception.post(url, {**open_form(reception, url), name: action, "_selected_action": "1"})
    assert appointment("1").status is not changed.status


def test_appointment_of_the_past_can_be_cancelled_by_staff(reception: Client) -> None:
    now = clock.now()
    missed = appointments.services.book_appointment(
        patient_name="Eva Luna",
        patient_email="eva@email.com",
        doctor_name="Dr. Sosa",
        starts_at=make_aware(datetime.combine(in_days(-2), time(10))),
        duration_min=30,
        kind=AppointmentKind.ROUTINE,
        token="missed",
        now=now - timedelta(days=9),
    )
    chosen = {"action": "cancel", "_selected_action": [missed.id], "index": "0"}

    assert messages(reception.post(APPOINTMENTS, chosen, follow=True)) == [
        "Estado cambiado a Cancelado: 1"
    ]
    assert appointment(missed.id).status is AppointmentStatus.CANCELLED


def test_free_times_are_formatted_like_the_form(reception: Client) -> None:
    asked = {"doctor": "Dr. Sosa", "day": in_days(3).isoformat(), "minutes": "30"}
    times = reception.get(f"{APPOINTMENTS}free-times/", asked).json()["times"]

    assert "10:00" in times
    far = {"day": "9999-12-31"}
    for broken in ({"day": "soon"}, far, {"minutes": "0"}, {"doctor": "Dr. Nadie"}):
        response = reception.get(f"{APPOINTMENTS}free-times/", {**asked, **broken})
        assert response.json()["times"] == []
