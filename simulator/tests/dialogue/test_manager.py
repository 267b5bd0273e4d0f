"""Whole conversations as transcripts: what the customer says, what the assistant does."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_sonic_simulator.dialogue import DialogueManager, Reply, ToolCall
from support.customer import (
    ALL_TOOLS,
    APPOINTMENT,
    MONDAY,
    ORDER,
    ORDER_NOT_FOUND,
    SENTENCES,
    SLOT_TAKEN,
    Customer,
    call,
    setup,
)

pytestmark = pytest.mark.pure

# The seven tools, each from intent to answer.


def test_an_order_is_looked_up() -> None:
    customer = Customer()
    assert customer.says("Consulta el pedido número 1 con DNI 12345678") == call(
        "consultarOrder", orderId="1", dni="12345678"
    )
    assert customer.gets(ORDER) == (
        "Tu pedido 1 está pendiente. La entrega estimada es el viernes 27 de noviembre."
    )


def test_an_order_is_cancelled() -> None:
    customer = Customer()
    assert customer.says("Cancela el pedido número 2 para Juan Pérez") == call(
        "cancelarOrder", orderId="2", customerName="Juan Pérez"
    )
    assert customer.gets({"ok": True, "order": {"id": "2"}}) == "Listo, cancelé el pedido 2."


def test_an_order_is_created_after_what_is_missing_was_asked_for() -> None:
    customer = Customer()
    assert customer.says("Crea un pedido para María García con 2 productos") == (
        "¿Cuáles son los 2 productos y qué precio tiene cada uno?"
    )
    assert customer.says("Producto A y dos Producto B") == (
        "¿Qué precio tiene cada uno, Producto A y Producto B?"
    )
    assert customer.says("25,99 y 15 con 50") == "¿Cuál es el correo electrónico?"
    assert customer.says("maria arroba mail punto com") == call(
        "crearOrder",
        customerName="María García",
        customerEmail="maria@mail.com",
        items=[
            {"name": "Producto A", "quantity": "1", "price": "25.99"},
            {"name": "Producto B", "quantity": "2", "price": "15.50"},
        ],
    )
    created = {"ok": True, "order": {"id": "482913", "total": 56.99}}
    assert customer.gets(created) == (
        "Listo, creé tu pedido con el número 482913. El total es $56,99."
    )


def test_an_appointment_is_booked_after_what_is_missing_was_asked_for() -> None:
    customer = Customer()
    assert customer.says("Agenda una cita para mañana a las 10 con el Dr. Rodríguez") == (
        "¿A nombre de quién agendo la cita?"
    )
    assert customer.says("Juan Pérez") == "¿Cuál es el correo electrónico?"
    assert customer.says("juan@mail.com") == call(
        "agendarTurno",
        patientName="Juan Pérez",
        patientEmail="juan@mail.com",
        doctorName="Dr. Rodríguez",
        date="2026-11-24T10:00:00",
        duration="30",
        type="consultation",
    )
    assert customer.gets(APPOINTMENT) == (
        "Listo, agendé la cita para el viernes 27 de noviembre a las 15:00 con la Dra. Gómez."
        " El número de la cita es 2."
    )


def test_an_appointment_is_cancelled() -> None:
    customer = Customer()
    assert customer.says("Cancela la cita número 3 para Ana Martínez") == call(
        "cancelarTurno", appointmentId="3", patientName="Ana Martínez"
    )
    assert customer.gets({"ok": True, "appointment": {"id": "3"}}) == "Listo, cancelé la cita 3."


def test_an_appointment_is_moved() -> None:
    customer = Customer()
    assert customer.says("Modifica la cita número 1 para el viernes a las 15:00") == (
        "¿A nombre de quién está la cita?"
    )
    assert customer.says("Juan Pérez") == call(
        "modificarTurno",
        appointmentId="1",
        patientName="Juan Pérez",
        newDate="2026-11-27T15:00:00",
    )
    assert customer.gets(APPOINTMENT) == (
        "Listo, la cita 2 quedó para el viernes 27 de noviembre a las 15:00."
    )


def test_an_appointment_is_looked_up() -> None:
    customer = Customer()
    assert customer.says("Consulta la cita número 2 para Luis Fernández") == call(
        "consultarTurno", appointmentId="2", patientName="Luis Fernández"
    )
    assert customer.gets(APPOINTMENT) == (
        "Tu cita 2 es el viernes 27 de noviembre a las 15:00 y está confirmada."
    )


# Only what was asked for.


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "¿qué productos tiene?",
            "Tu pedido 1 tiene 2 unidades de Producto A y 1 unidad de Producto B.",
        ),
        ("¿y cuánto sale?", "El total es $67,48."),
        ("¿cuál es el número de seguimiento?", "El número de seguimiento es TRK123456789."),
    ],
)
def test_a_further_question_about_the_order_is_answered_from_a_fresh_look(
    question: str, answer: str
) -> None:
    customer = Customer()
    looked_up = customer.says("Consulta el pedido 1, DNI 12345678")
    customer.gets(ORDER)
    assert customer.says(question) == looked_up
    assert customer.gets(ORDER) == answer


def test_details_of_an_appointment_are_its_doctor_and_type() -> None:
    customer = Customer()
    customer.says("¿Con qué doctor es la cita 2 de Luis Fernández?")
    assert customer.gets(APPOINTMENT) == "La cita 2 es con la Dra. Gómez y es de tipo consulta."


def test_a_reserved_appointment_is_said_with_what_is_to_do() -> None:
    customer = Customer()
    customer.says("Agendá con el Dr. Rodríguez mañana a las 10 para Juan Pérez, juan@mail.com")
    text = "Queda reservado: hay que confirmarlo con el enlace del correo."
    reserved = {**APPOINTMENT["appointment"], "reservationText": text}
    assert str(customer.gets({"ok": True, "appointment": reserved})).endswith(f" {text}")
    customer.says("¿Cuándo es la cita 2 de Luis Fernández?")
    assert str(customer.gets({"ok": True, "appointment": reserved})).endswith(f" {text}")


@pytest.mark.parametrize("status", ["delivered", "cancelled"])
def test_a_closed_order_has_no_delivery_to_wait_for(status: str) -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1, DNI 12345678")
    order = {**ORDER["order"], "status": status, "statusText": "cerrado"}
    assert customer.gets({"ok": True, "order": order}) == "Tu pedido 1 está cerrado."


def test_a_delivery_at_midnight_utc_is_that_day() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1, DNI 12345678")
    order = {"id": "1", "statusText": "pendiente", "estimatedDelivery": "2026-11-27T00:00:00.000Z"}
    assert customer.gets({"ok": True, "order": order}) == (
        "Tu pedido 1 está pendiente. La entrega estimada es el viernes 27 de noviembre."
    )


# What is missing_slots, in the order it's asked for.


def test_a_request_is_completed_over_many_turns() -> None:
    customer = Customer()
    assert customer.says("Hola") == (
        "¡Hola! Soy Carlos, el asistente virtual de Nova Sonic. ¿En qué te puedo ayudar?"
    )
    assert customer.says("Agendame un turno") == "¿Con qué doctor o doctora querés la cita?"
    assert customer.says("con la doctora gomez") == "¿Para qué día y a qué hora?"
    assert customer.says("el jueves") == "¿A qué hora?"
    assert customer.says("a las tres y media de la tarde") == "¿A nombre de quién agendo la cita?"
    assert customer.says("soy ana") == "¿Me decís también el apellido?"
    assert customer.says("martínez") == "¿Cuál es el correo electrónico?"
    booked = customer.says("ana arroba mail punto com")
    assert isinstance(booked, ToolCall)
    assert booked.arguments["date"] == "2026-11-26T15:30:00"
    assert booked.arguments["patientName"] == "Ana Martínez"


def test_number_and_identity_are_asked_for_together() -> None:
    customer = Customer()
    assert customer.says("quiero consultar mi pedido") == (
        "¿Me decís el número de pedido y tu DNI o nombre completo?"
    )
    assert customer.says("el uno") == (
        "Para verificar tu identidad, ¿me decís tu DNI o tu nombre completo?"
    )
    assert customer.says("uno dos tres cuatro cinco seis siete ocho") == call(
        "consultarOrder", orderId="1", dni="12345678"
    )


def test_what_it_is_about_is_asked_for_when_nothing_says_so() -> None:
    customer = Customer()
    assert customer.says("quiero cancelar") == "¿Es por un pedido o por una cita?"
    assert customer.says("el turno 3") == "¿A nombre de quién está la cita?"
    assert customer.says("Ana Martínez") == call(
        "cancelarTurno", appointmentId="3", patientName="Ana Martínez"
    )


def test_an_answer_that_is_not_understood_is_asked_for_again() -> None:
    customer = Customer()
    customer.says("quiero consultar mi pedido 1")
    assert customer.says("¿para qué?") == (
        "Disculpá, no te entendí. Para verificar tu identidad, ¿me decís tu DNI o tu nombre"
        " completo?"
    )


# What the assistant can't do.


def test_only_declared_tools_are_called() -> None:
    customer = Customer(tools=frozenset({"consultarOrder"}))
    assert customer.says("Cancela el pedido 2 para Juan Pérez") == (
        "Disculpá, eso no lo puedo hacer en este momento."
    )


def test_an_order_cannot_be_changed() -> None:
    assert Customer().says("Cambiá mi pedido 1") == (
        "Un pedido hecho no se puede modificar, pero sí cancelar."
    )


# Manners.


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("gracias", "¡De nada! Cualquier otra cosa, decime."),
        ("chau, gracias", "¡Chau! Que tengas un buen día."),
        ("no, gracias", "Perfecto. Cualquier cosa, acá estoy."),
        ("sí", "Decime, te escucho."),
        ("asdf qwer", "Disculpá, no entendí «asdf qwer». ¿Es por un pedido o por una cita?"),
    ],
)
def test_manners(said: str, answer: str) -> None:
    assert Customer().says(said) == answer


@pytest.mark.parametrize(
    "question",
    [
        "¿cuánto cuesta la consulta?",
        "¿dónde queda la clínica?",
        "¿qué horarios tienen?",
        "¿qué día es hoy?",
    ],
)
def test_what_no_tool_tells_is_not_made_up(question: str) -> None:
    assert Customer().says(question) == (
        "Esa información no la tengo. Te puedo ayudar con pedidos y citas."
    )


def test_a_request_for_something_else_is_no_order() -> None:
    assert Customer().says("quiero hablar con una persona") == ("¿Es por un pedido o por una cita?")


def test_the_last_answer_is_repeated_on_request() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    said = customer.gets(ORDER)
    assert customer.says("perdón, ¿me repetís?") == said


def test_a_no_over_a_reply_stops_it() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    customer.gets(ORDER)
    customer.conversation.handle_interruption()
    assert customer.says("no, no") == "Decime, te escucho."


def test_a_goodbye_ends_an_unfinished_request() -> None:
    customer = Customer()
    customer.says("Agendame un turno")
    assert customer.says("nada más, chau") == "¡Chau! Que tengas un buen día."


@pytest.mark.parametrize("silence", ["", "  ", "\n"])
def test_silence_is_not_answered(silence: str) -> None:
    assert DialogueManager(setup(ALL_TOOLS)).respond(silence, now=MONDAY) == Reply()


def test_every_spoken_reply_ends_with_the_marker_and_only_there() -> None:
    reply = DialogueManager(setup(ALL_TOOLS)).respond("asdf", now=MONDAY)
    assert reply.sentences[-1].endswith(" [FINAL]")
    assert "[FINAL]" not in "".join(reply.sentences[:-1])


# Words coded in the audio.


@pytest.mark.parametrize(
    ("interpretation", "answer"),
    [
        ("17", "Escuché 1 palabra: 17."),
        ("17 18 19", "Escuché 3 palabras: 17 18 19."),
        ("1 2 3 4 5 6", "Escuché 6 palabras: 1 2 3 4 5 6."),
        ("1 2 3 4 5 6 9", "Escuché 7 palabras, de 1 a 9."),
    ],
)
def test_coded_words_are_counted_aloud(interpretation: str, answer: str) -> None:
    reply = DialogueManager(setup(ALL_TOOLS)).respond_to_numbers(interpretation.split(), now=MONDAY)
    assert reply == Reply(sentences=(f"{answer} [FINAL]",))


def test_coded_words_answer_no_question() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1")
    customer.conversation.respond_to_numbers(["12345678"], now=MONDAY)
    assert customer.says("12345678") == call("consultarOrder", orderId="1", dni="12345678")


# Tools and talk crossing.


def test_a_look_that_was_talked_past_is_not_answered_late() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 9 con DNI 12345678")
    assert customer.says("no, el uno") == call("consultarOrder", orderId="1", dni="12345678")
    assert customer.gets(ORDER_NOT_FOUND) == ""
    assert customer.gets(ORDER) == (
        "Tu pedido 1 está pendiente. La entrega estimada es el viernes 27 de noviembre."
    )


def test_a_change_that_was_talked_past_is_still_told() -> None:
    customer = Customer()
    customer.says("Cancela el pedido 2 para Juan Pérez")
    customer.conversation.respond("y consultá la cita 2", now=MONDAY)
    assert customer.gets({"ok": True, "order": {"id": "2"}}) == "Listo, cancelé el pedido 2."


@pytest.mark.parametrize(
    "result",
    [{}, {"ok": True}, {"ok": True, "order": None}, {"ok": False}, {"ok": False, "say": 3}],
)
def test_a_result_without_content_is_survived(result: dict[str, Any]) -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1 con DNI 12345678")
    assert customer.gets(result)


def test_an_unknown_tools_answer_is_survived() -> None:
    reply = DialogueManager(setup(ALL_TOOLS)).handle_tool_result(
        tool_use_id="t", name="otra", result={"ok": False, "say": "No pude."}, now=MONDAY
    )
    assert reply.sentences == ("No pude. [FINAL]",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
RESULTS = (
    st.sampled_from([ORDER, APPOINTMENT, ORDER_NOT_FOUND, SLOT_TAKEN])
    | st.dictionaries(st.text(max_size=8), JSON)
    | st.fixed_dictionaries(
        {
            "ok": st.booleans(),
            "order": st.dictionaries(st.sampled_from(list(ORDER["order"])), JSON),
            "appointment": st.dictionaries(st.sampled_from(list(APPOINTMENT["appointment"])), JSON),
            "alternatives": JSON,
            "say": JSON,
        }
    )
)


@given(st.lists(SENTENCES | st.text(max_size=40) | RESULTS | st.just(None), max_size=12))
@settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no fault
def test_no_course_of_a_conversation_raises(course: list[Any]) -> None:
    customer = Customer()
    for step in course:
        match step:
            case None:
                customer.conversation.handle_interruption()
            case str():
                customer.says(step)
            case _:
                customer.gets(step)
