"""Requests that the customer corrects, changes, confirms or drops, as transcripts."""

import pytest

from nova_sonic_simulator.dialogue import DialogueManager, ToolCall
from support.customer import (
    APPOINTMENT,
    MONDAY,
    ORDER,
    ORDER_NOT_FOUND,
    SLOT_TAKEN,
    Customer,
    call,
    setup,
)

pytestmark = pytest.mark.pure


def test_a_refused_number_can_be_corrected() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 9 con DNI 12345678")
    assert customer.gets(ORDER_NOT_FOUND) == ORDER_NOT_FOUND["say"]
    assert customer.says("no, el uno") == call("consultarOrder", orderId="1", dni="12345678")


def test_a_new_identity_takes_the_place_of_the_old_one() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 para Juan Peres")
    customer.gets(ORDER_NOT_FOUND)
    assert customer.says("12345678") == call("consultarOrder", orderId="1", dni="12345678")


def test_another_request_replaces_an_unfinished_one() -> None:
    customer = Customer()
    customer.says("Agendame un turno con el Dr. Rodríguez")
    assert customer.says("mejor consultá el pedido 1, DNI 12345678") == call(
        "consultarOrder", orderId="1", dni="12345678"
    )


@pytest.mark.parametrize("stop", ["dejalo", "no importa", "cancelá"])
def test_an_unfinished_request_can_be_dropped(stop: str) -> None:
    customer = Customer()
    customer.says("Agendame un turno")
    assert customer.says(stop) == "Listo, lo dejamos ahí. ¿Necesitás algo más?"
    assert customer.says("a las 10") != "¿A nombre de quién agendo la cita?"


def test_what_was_looked_up_can_be_cancelled_without_naming_it_again() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets(ORDER)
    assert customer.says("cancelalo") == call("cancelarOrder", orderId="1", dni="12345678")


def test_another_one_is_not_the_same_one() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets(ORDER)
    assert customer.says("consultá otro pedido") == "¿Cuál es el número de pedido?"


def test_somebody_elses_name_drops_the_first_ones_dni() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets(ORDER)
    assert customer.says("cancelá el pedido 2 para Ana Martínez") == call(
        "cancelarOrder", orderId="2", customerName="Ana Martínez"
    )


def test_what_was_booked_can_be_moved_by_naming_another_hour() -> None:
    customer = Customer()
    customer.says("Agendá con el Dr. Rodríguez mañana a las 10 para Juan Pérez, juan@mail.com")
    customer.gets(APPOINTMENT)
    assert customer.says("no, mejor a las 12") == call(
        "modificarTurno",
        appointmentId="2",
        patientName="Juan Pérez",
        email="juan@mail.com",
        newDate="2026-11-24T12:00:00",
    )


def test_refusal_that_asks_for_a_second_factor_is_answered_with_it() -> None:
    customer = Customer()
    customer.says("Cancelá la cita 3, soy Ana Martínez")
    say = "Necesito también tu DNI o las primeras letras de tu correo."
    customer.gets(
        {"ok": False, "error": "second_factor_needed", "say": say, "accepts": ["dni", "email"]}
    )
    assert customer.says("45678901") == call(
        "cancelarTurno", appointmentId="3", patientName="Ana Martínez", dni="45678901"
    )


def test_second_factor_of_an_order_is_given_beside_the_name() -> None:
    customer = Customer()
    customer.says("Consultá el pedido 1, soy Juan Pérez")
    customer.gets({"ok": False, "error": "order_not_found", "say": "No.", "askFor": ["email"]})
    assert customer.says("juan arroba mail punto com") == call(
        "consultarOrder", orderId="1", customerName="Juan Pérez", email="juan@mail.com"
    )


PROPOSED = {
    "ok": False,
    "error": "confirmation_needed",
    "say": "Entonces cancelo el pedido 2, de 1 Producto C. ¿Lo confirmás?",
}
CANCELLING = call("cancelarOrder", orderId="2", customerName="Juan Pérez")


def test_proposed_change_is_asked_for_again_after_a_yes() -> None:
    customer = Customer()
    assert customer.says("Cancelá el pedido 2, soy Juan Pérez") == CANCELLING
    assert customer.gets(PROPOSED) == PROPOSED["say"]
    assert customer.says("sí, dale") == CANCELLING


def test_proposed_change_is_dropped_after_a_no() -> None:
    customer = Customer()
    customer.says("Cancelá el pedido 2, soy Juan Pérez")
    customer.gets(PROPOSED)
    assert isinstance(customer.says("no"), str)
    assert isinstance(customer.says("sí"), str)


def test_corrected_proposal_is_another_change() -> None:
    customer = Customer()
    customer.says("Cancelá el pedido 2, soy Juan Pérez")
    customer.gets(PROPOSED)
    assert customer.says("no, el pedido 1") == call(
        "cancelarOrder", orderId="1", customerName="Juan Pérez"
    )


def test_restored_dialogue_knows_the_proposal() -> None:
    dialogue = DialogueManager(setup())
    turns = [("USER", "Cancelá el pedido 2, soy Juan Pérez"), ("ASSISTANT", str(PROPOSED["say"]))]
    dialogue.restore(turns, now=MONDAY)
    assert dialogue.respond("sí", now=MONDAY).tool_calls == (CANCELLING,)


def test_nothing_is_created_twice_by_a_further_word() -> None:
    customer = Customer()
    customer.says("Creá un pedido de 1 mouse a 10 pesos para Ana Martínez, ana@mail.com")
    customer.gets({"ok": True, "order": {"id": "7", "total": 10}})
    assert isinstance(customer.says("soy Ana Martínez Paz"), str)


# Bare corrections of what is done or refused.


@pytest.mark.parametrize(
    ("correction", "arguments"),
    [
        ("el 2", {"orderId": "2", "dni": "12345678"}),
        ("no, es 87654321", {"orderId": "1", "dni": "87654321"}),
        ("no, es Ana Gómez", {"orderId": "1", "customerName": "Ana Gómez"}),
        ("es Ana Gómez", {"orderId": "1", "customerName": "Ana Gómez"}),
    ],
)
def test_what_was_looked_up_can_be_corrected(correction: str, arguments: dict[str, str]) -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets(ORDER)
    assert customer.says(correction) == call("consultarOrder", **arguments)


@pytest.mark.parametrize("text_part", ["no, genial", "perfecto, muchas gracias", "es verdad", "no"])
def test_a_polite_word_corrects_nothing(text_part: str) -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets(ORDER)
    assert isinstance(customer.says(text_part), str)


@pytest.mark.parametrize("hour", ["mejor a las 16", "mejor 16", "no, 16", "no, las 16"])
def test_what_was_booked_can_be_moved_by_a_bare_hour(hour: str) -> None:
    customer = Customer()
    customer.says("Agendá con el Dr. Rodríguez mañana a las 10 para Juan Pérez, juan@mail.com")
    customer.gets(APPOINTMENT)
    moved = customer.says(hour)
    assert isinstance(moved, ToolCall)
    assert moved.arguments["newDate"] == "2026-11-24T16:00:00"


def test_an_hour_is_no_number_where_a_number_may_be_corrected() -> None:
    customer = Customer()
    customer.says("Modifica la cita 1 para Juan Pérez el viernes a las 15")
    customer.gets({"ok": False, "error": "appointment_not_found", "say": "No la encuentro."})
    moved = customer.says("mejor a las 16")
    assert isinstance(moved, ToolCall)
    assert moved.arguments["appointmentId"] == "1"
    assert moved.arguments["newDate"] == "2026-11-27T16:00:00"


@pytest.mark.parametrize(
    ("correction", "arguments"),
    [
        ("me equivoqué, es el pedido 2", {"orderId": "2", "dni": "12345678"}),
        ("quise decir 87654321", {"orderId": "1", "dni": "87654321"}),
    ],
)
def test_words_of_correction_are_nobodys_name(correction: str, arguments: dict[str, str]) -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets(ORDER_NOT_FOUND)
    assert customer.says(correction) == call("consultarOrder", **arguments)


def test_nothing_else_is_cancelled_by_a_bare_number() -> None:
    customer = Customer()
    customer.says("Cancela la cita número 3 para Ana Martínez")
    customer.gets({"ok": True, "appointment": {"id": "3"}})
    assert isinstance(customer.says("la 4"), str)


# Other times.


def booked_at_a_taken_time() -> Customer:
    customer = Customer()
    customer.says("Agendá con el Dr. Rodríguez mañana a las 10 para Juan Pérez, juan@mail.com")
    assert customer.gets(SLOT_TAKEN) == (
        "Ese horario ya está ocupado. ¿Te sirve a las 10:30?"
        " También tengo a las 11:00 o a las 11:30."
    )
    return customer


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        ("sí", "2026-11-24T10:30:00"),
        ("dale, la primera", "2026-11-24T10:30:00"),
        ("la segunda", "2026-11-24T11:00:00"),
        ("la última", "2026-11-24T11:30:00"),
        ("a las once", "2026-11-24T11:00:00"),
        ("quiero a las once y media", "2026-11-24T11:30:00"),
        ("11", "2026-11-24T11:00:00"),
        ("no, el viernes a las 15", "2026-11-27T15:00:00"),
        ("a las 16", "2026-11-24T16:00:00"),
    ],
)
def test_an_offered_time_or_another_is_taken(choice: str, taken: str) -> None:
    booked = booked_at_a_taken_time().says(choice)
    assert isinstance(booked, ToolCall)
    assert (booked.name, booked.arguments["date"]) == ("agendarTurno", taken)


def test_a_no_to_all_offered_times_asks_for_another() -> None:
    assert booked_at_a_taken_time().says("no, ninguna") == "¿Para qué día y a qué hora?"


def test_a_failure_can_be_tried_again() -> None:
    customer = Customer()
    first = customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets({"ok": False, "error": "timeout", "say": "Está tardando. ¿Probamos de nuevo?"})
    assert customer.says("sí") == first
