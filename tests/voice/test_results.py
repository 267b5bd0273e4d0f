"""What the model is told of a tool's result, and what the assistant says of it."""

from datetime import date, datetime

import pytest

from appointments.availability import Availability
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from tests.appointments.factories import CLINIC, MONDAY, NOW, TUESDAY, at
from voice.tools.results import (
    appointment_result,
    availability_result,
    describe_booking,
    describe_rescheduling,
    own_appointments_result,
)


@pytest.mark.pure
@pytest.mark.parametrize(
    ("last", "said"),
    [
        (MONDAY, "No hay turnos libres en esos días. "),
        (TUESDAY, "No encontré turnos libres hasta el lunes 23 de noviembre. "),
    ],
)
def test_days_that_were_not_searched_are_not_said_to_be_full(last: date, said: str) -> None:
    found = Availability(free_starts=(), last=last, searched_until=MONDAY)

    result = availability_result(found, now=NOW, time_zone=CLINIC)

    assert result["say"].startswith(said)
    assert result["searchedUntil"] == MONDAY.isoformat()


def appointment(reserved_until: datetime | None) -> Appointment:
    return Appointment(
        id="482915",
        patient_name="Ana Martínez",
        patient_email="ana@mail.com",
        doctor_name="Dr. Rodríguez",
        starts_at=at("10:00", TUESDAY),
        duration_min=30,
        kind=AppointmentKind.CONSULTATION,
        status=AppointmentStatus.SCHEDULED,
        reserved_until=reserved_until,
    )


@pytest.mark.pure
def test_reserved_appointment_says_what_the_patient_has_to_do() -> None:
    result = appointment_result(appointment(at("14:30")), now=NOW, time_zone=CLINIC)
    shown = result["appointment"]
    assert "reservationText" in result["next"]
    assert shown["status"] == "scheduled"
    assert shown["statusText"] == "reservada, sin confirmar"
    assert shown["reservedUntil"] == "2099-11-23T14:30-03:00"
    assert shown["reservationText"] == (
        "Queda reservado: hay que confirmarlo con el enlace del correo antes del lunes 23 de noviembre a las 14:30: "
        "si no, se cancela."
    )
    moved = describe_rescheduling(result, {})
    assert moved.endswith("Por correo te llega un enlace para confirmarlo.")
    proposal = describe_booking(result, {"patientEmail": "ana@mail.com"})
    assert proposal.endswith("Ahí te llega un enlace para confirmarlo.")


@pytest.mark.pure
def test_reservation_whose_end_has_passed_names_no_time() -> None:
    result = appointment_result(appointment(NOW), now=NOW, time_zone=CLINIC)
    assert result["appointment"]["reservationText"] == (
        "Queda reservado: hay que confirmarlo con el enlace del correo cuanto antes: si no, se cancela."
    )


@pytest.mark.pure
def test_own_appointments_say_which_are_reserved() -> None:
    own = [appointment(at("14:30")), appointment(None)]
    result = own_appointments_result(own, now=NOW, time_zone=CLINIC)
    first, second = result["say"].split("; ")
    assert first.endswith("con Dr. Rodríguez, reservado y todavía sin confirmar")
    assert second.endswith("con Dr. Rodríguez.")
    assert "reservationText" in result["next"]
    assert "next" not in own_appointments_result(own[1:], now=NOW, time_zone=CLINIC)


@pytest.mark.pure
def test_ordinary_appointment_says_nothing_of_a_reservation() -> None:
    result = appointment_result(appointment(None), now=NOW, time_zone=CLINIC)
    assert not {"reservedUntil", "reservationText"} & result["appointment"].keys()
    assert "next" not in result
    assert "enlace" not in describe_booking(result, {"patientEmail": "ana@mail.com"})
    assert "enlace" not in describe_rescheduling(result, {})
