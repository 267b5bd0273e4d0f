"""The tools beside the owner's: free times, and one's own appointments and orders."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django.fixtures import Settings

import appointments.services
import orders.services
from appointments.information import services as information
from appointments.schedules import services as schedules
from appointments.schedules.domain import Professional
from common.identity.verification import Staff
from conversations.domain import ToolOutcome
from orders.domain import OrderItem
from tests.appointments.factories import CLINIC, MONDAY, NOW, TUESDAY, at, book
from voice.tools import TOOLS
from voice.tools.registry import ToolContext, ToolResult

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

ANA = {"patientName": "Ana Martínez", "dni": "45.678.901"}


async def run(name: str, call_id: str = "c1", **arguments: Any) -> ToolResult:
    context = ToolContext(call_id=call_id, tool_use_id="u1", now=NOW, time_zone=CLINIC)
    return await TOOLS.run(name, json.dumps(arguments), context, deadline_s=10)


@pytest.fixture
def gomez(empty_tables: str, settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Sosa"]
    schedules.add_professional(
        professional=Professional(name="Dra. Gómez", specialty="Cardiología"), now=NOW
    )


@pytest.mark.usefixtures("gomez")
async def test_free_times_are_said_by_professional_and_day() -> None:
    book("12:00", doctor_name="Gómez")

    found = await run(
        "consultarDisponibilidad",
        doctorName="la doctora Gómez",
        dateFrom="23/11/2099",
        dateUntil="2099-11-23T00:00:00",
        partOfDay="a la tarde",
    )

    assert found.outcome is ToolOutcome.OK
    assert found.content["say"] == (
        "Hay lugar con Dra. Gómez el lunes 23 de noviembre a las 12:30, 13:00, 13:30, 14:00, 14:30 "
        "y 15:00. ¿Cuál te queda bien?"
    )
    assert found.content["freeTimes"][0] == {
        "doctorName": "Dra. Gómez",
        "date": "2099-11-23T12:30-03:00",
        "dateText": "el lunes 23 de noviembre a las 12:30",
        "duration": 30,
    }


@pytest.mark.usefixtures("gomez")
async def test_next_times_of_anybody_and_of_a_specialty_are_found() -> None:
    anybody = await run("consultarDisponibilidad")
    specialty = await run("consultarDisponibilidad", specialty="cardiólogo")

    assert {each["doctorName"] for each in anybody.content["freeTimes"]} == {
        "Dra. Gómez",
        "Dr. Sosa",
    }
    assert {each["doctorName"] for each in specialty.content["freeTimes"]} == {"Dra. Gómez"}


@pytest.mark.usefixtures("gomez")
async def test_no_free_time_and_unknown_professional_are_said() -> None:
    schedules.set_special_day(day=MONDAY, is_open=False, reason="mudanza", now=NOW)

    none = await run("consultarDisponibilidad", dateFrom="2099-11-23", dateUntil="2099-11-23")
    unknown = await run("consultarDisponibilidad", doctorName="House")

    assert none.content["freeTimes"] == []
    assert none.content["say"].startswith("No hay turnos libres")
    assert unknown.outcome is ToolOutcome.REFUSED
    assert unknown.content["doctors"] == ["Dra. Gómez", "Dr. Sosa"]


@pytest.mark.parametrize(
    "arguments", [{"dateFrom": "el jueves"}, {"partOfDay": "siempre"}, {"duration": 4}]
)
async def test_arguments_that_are_no_day_part_or_length_are_refused(
    arguments: dict[str, Any],
) -> None:
    refused = await run("consultarDisponibilidad", doctorName="Sosa", **arguments)

    assert refused.content["error"] == "invalid_arguments"
    assert set(refused.content["fields"]) == {*arguments}


# --- One's own


@pytest.mark.parametrize(
    "factors",
    [{"dni": "45678901"}, {"email": "ana@email.com"}, {"email": "ana arroba email punto com"}],
)
async def test_own_coming_appointments_are_listed(factors: dict[str, str]) -> None:
    book("10:00", TUESDAY)
    first = book("09:00", MONDAY)
    cancelled = book("11:00", MONDAY)
    appointments.services.cancel_appointment(appointment_id=cancelled.id, caller=Staff(), now=NOW)
    book("09:00", MONDAY, doctor_name="Dr. Sosa", patient_name="Juan Paz", dni="1234567")

    found = await run("misTurnos", patientName="Ana Martínez", **factors)

    assert found.content["appointments"][0]["id"] == first.id
    assert len(found.content["appointments"]) == 2
    assert found.content["say"].startswith(
        f"Tus próximos turnos son el {first.id}, el lunes 23 de noviembre a las 09:00 con"
    )
    assert "45678901" not in json.dumps(found.content)


async def test_patient_without_coming_appointments_is_told_so() -> None:
    book("10:00", date(2099, 11, 23), now=NOW - timedelta(days=30))
    later = ToolContext(call_id="c1", tool_use_id="u1", now=at("11:00", TUESDAY), time_zone=CLINIC)

    found = await TOOLS.run("misTurnos", json.dumps(ANA), later, deadline_s=10)

    assert found.content["say"] == "No tenés turnos próximos."


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"patientName": "Ana Martínez"}, "contact_needed"),
        ({"patientName": "Ana Martínez", "email": "ana"}, "contact_needed"),
        ({"patientName": "Juan Paz", "dni": "45678901"}, "patient_not_found"),
        ({"patientName": "Ana Martínez", "dni": "99999999"}, "patient_not_found"),
        (
            {"patientName": "Ana Martínez", "dni": "45678901", "email": "other@mail.com"},
            "patient_not_found",
        ),
        ({"patientName": "-", "dni": "45678901"}, "invalid_arguments"),
        ({"patientName": "12", "dni": "45678901"}, "identity_missing"),
    ],
)
async def test_who_cannot_prove_who_they_are_sees_nothing(said: dict[str, str], error: str) -> None:
    book()

    refused = await run("misTurnos", **said)

    assert (refused.outcome, refused.content["error"]) == (ToolOutcome.REFUSED, error)
    assert "appointments" not in refused.content


async def test_earlier_appointment_proves_who_asks_beside_others_coming() -> None:
    book("10:00", MONDAY, patient_name="Eva Martínez", dni=None)
    book("10:00", date(2099, 12, 1), patient_name="Tomás Martínez", dni=None)
    later = ToolContext(call_id="c1", tool_use_id="u1", now=at("11:00", TUESDAY), time_zone=CLINIC)
    said = json.dumps({"patientName": "Eva Martínez", "email": "ana@email.com"})

    found = await TOOLS.run("misTurnos", said, later, deadline_s=10)

    assert (found.outcome, found.content["appointments"]) == (ToolOutcome.OK, [])


@pytest.mark.parametrize(("stored_dni", "is_found"), [(None, True), ("11222333", False)])
async def test_dni_that_finds_nothing_gives_way_to_email_unless_it_contradicts(
    settings: Settings, stored_dni: str | None, is_found: bool
) -> None:
    settings.IDENTITY_MAX_ATTEMPTS = 1
    booked = book(dni=stored_dni)
    said = {**ANA, "email": "ana@email.com"}

    outcomes = [await run("misTurnos", **said) for _ in range(2)]

    ids = [[each["id"] for each in found.content.get("appointments", [])] for found in outcomes]
    assert ids == ([[booked.id]] * 2 if is_found else [[], []])
    assert outcomes[-1].content.get("error") == (None if is_found else "attempts_exceeded")


async def test_wrong_guesses_lock_the_call_whether_records_exist_or_not(
    settings: Settings,
) -> None:
    settings.IDENTITY_MAX_ATTEMPTS = 2
    book()
    for call_id, dni in (("known", "45678901"), ("unknown", "99999999")):
        codes = [
            (await run("misTurnos", call_id, patientName=f"Juan {n}x", dni=dni)).content["error"]
            for n in ("a", "b", "c")
        ]
        assert codes == ["patient_not_found", "patient_not_found", "attempts_exceeded"]


async def test_own_latest_orders_are_listed() -> None:
    item = OrderItem(id="1", name="Producto A", quantity=1, price=Decimal("10.00"))
    placed = [
        orders.services.place_order(
            customer_name="Ana Gil",
            customer_email="ana@mail.com",
            items=[item],
            total=None,
            dni="30111222",
            token=f"order {n}",
            now=NOW + timedelta(minutes=n),
        )
        for n in range(4)
    ]

    found = await run("misPedidos", customerName="Ana Gil", dni="30111222")

    assert found.content["orders"][0]["id"] == placed[-1].id
    assert len(found.content["orders"]) == 3
    refused = await run("misPedidos", customerName="Ana Gil", email="no@mail.com")
    assert refused.content["error"] == "customer_not_found"


# --- Questions about the business


async def test_answer_names_its_entry_and_nothing_is_invented() -> None:
    information.add_entry(title="Obras sociales", text="Trabajamos con OSDE.", now=NOW)

    found = await run("consultarInformacion", question="¿Atienden OSDE?")
    unknown = await run("consultarInformacion", question="¿Atienden PAMI?")

    assert found.content["say"] == "Sobre Obras sociales: Trabajamos con OSDE."
    assert found.content["entries"] == [{"title": "Obras sociales", "text": "Trabajamos con OSDE."}]
    assert (unknown.outcome, unknown.content["entries"]) == (ToolOutcome.OK, [])
    assert unknown.content["say"].startswith("Eso no lo tengo informado")
