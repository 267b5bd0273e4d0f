"""A conversation handed over goes on where it was, as if it had never changed hands."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.dialogue import DialogueManager, Reply, ToolCall
from nova_sonic_simulator.dialogue.history import infer_result
from nova_sonic_simulator.dialogue.slots import Intent, Slots
from nova_sonic_simulator.dialogue.tasks import Task
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

WAIT = "Un momento, por favor, que lo estoy consultando."
BOOK_APPOINTMENT = "Agendá con el Dr. Rodríguez mañana a las 10 para Juan Pérez, juan@mail.com"
LOOK_UP = "Consulta el pedido 1 con DNI 12345678"

type Step = str | dict[str, Any]


class Caller(Customer):
    """A customer whose conversation can be handed over to another dialogue."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[tuple[str, str]] = []

    def says(self, text: str) -> str | ToolCall:
        self.turns.append(("USER", text))
        return super().says(text)

    def remember_reply(self, reply: Reply) -> str | ToolCall:
        answer = super().remember_reply(reply)
        if isinstance(answer, str) and answer:
            self.turns.append(("ASSISTANT", answer))
        return answer

    def goes_through(self, *course: Step) -> "Caller":
        for step in course:
            if isinstance(step, str):
                self.says(step)
            else:
                self.gets(step)
        return self

    def handed_over(self) -> Customer:
        return remembering(self.turns)


def remembering(turns: Sequence[tuple[str, str]]) -> Customer:
    customer = Customer()
    customer.conversation.restore(turns, now=MONDAY)
    return customer


@pytest.mark.parametrize(
    ("course", "next_text"),
    [
        (["Agenda una cita para mañana a las 10 con el Dr. Rodríguez"], "Pedro Gómez"),
        (["Agendame un turno", "con la doctora gomez", "el jueves"], "a las tres de la tarde"),
        (["Crea un pedido para María García con 2 productos"], "Producto A y dos Producto B"),
        ([LOOK_UP, ORDER], "¿qué productos tiene?"),
        ([LOOK_UP, ORDER, "¿y cuánto sale?", ORDER], "cancelalo"),
        (["Consulta el pedido 9 con DNI 12345678", ORDER_NOT_FOUND], "no, el uno"),
        (["Consulta el pedido 1 para Juan Peres", ORDER_NOT_FOUND], "12345678"),
        (["Consulta la cita 2 para Luis Fernández", APPOINTMENT], "cancelala"),
        ([BOOK_APPOINTMENT, SLOT_TAKEN], "la segunda"),
        ([BOOK_APPOINTMENT, SLOT_TAKEN], "sí"),
        ([BOOK_APPOINTMENT, SLOT_TAKEN], "el viernes a las 15"),
        ([BOOK_APPOINTMENT, SLOT_TAKEN, "no, ninguna"], "el viernes a las 15"),
        ([BOOK_APPOINTMENT, APPOINTMENT], "no, mejor a las 12"),
        ([BOOK_APPOINTMENT, APPOINTMENT], "soy Juan Pérez Paz"),
        ([BOOK_APPOINTMENT, APPOINTMENT], "gracias"),
        ([BOOK_APPOINTMENT, APPOINTMENT], "sí"),
        (["Cancela la cita número 3 para Ana Martínez", APPOINTMENT], "sí"),
        (["Modifica la cita 2 para Juan Pérez el viernes a las 15", APPOINTMENT], "mejor a las 16"),
        (["Cancela el pedido 1 para Juan Pérez", ORDER], "sí, cancelalo"),
        (["Agendame un turno", "dejalo"], "a las 10"),
        (["Hola", "quiero cancelar"], "el turno 3"),
        ([LOOK_UP, ORDER], "¿me repetís?"),
    ],
)
def test_restored_dialogue_continues_like_the_original(course: list[Step], next_text: str) -> None:
    caller = Caller().goes_through(*course)
    other = caller.handed_over()
    assert other.says(next_text) == caller.says(next_text)


@pytest.mark.parametrize("status", ["slot_taken", "outside_hours"])
def test_free_times_of_another_day_are_remembered(status: str) -> None:
    times = ["2026-11-27T15:00-03:00", "2026-12-01T09:30-03:00"]
    taken = {**SLOT_TAKEN, "error": status, "alternatives": times}
    other = Caller().goes_through(BOOK_APPOINTMENT, taken).handed_over()
    booked = other.says("la segunda")
    assert isinstance(booked, ToolCall)
    assert booked.arguments["date"] == "2026-12-01T09:30:00"


def test_words_of_patience_are_no_result() -> None:
    turns = [("USER", LOOK_UP), ("ASSISTANT", WAIT)]
    assert remembering(turns).says("no, el dos") == call(
        "consultarOrder", orderId="2", dni="12345678"
    )
    updated = [*turns, ("USER", "¿hola?"), ("ASSISTANT", f"{WAIT} {ORDER_NOT_FOUND['say']}")]
    assert remembering(updated).says("sí") == call("consultarOrder", orderId="1", dni="12345678")


def test_running_tool_call_is_not_repeated_and_its_result_answered() -> None:
    other = remembering([("USER", "Cancela el pedido 2 para Juan Pérez")])
    assert other.says("sí") == "Decime, te escucho."
    handed = '[Llegó el resultado de cancelarOrder: {"ok": true, "order": {}}. Contáselo.]'
    assert other.says(handed) == "Listo, cancelé el pedido 2."
    assert isinstance(other.says("sí"), str)


def test_asking_again_is_answered_by_the_call_made_now() -> None:
    other = remembering([("USER", LOOK_UP)])
    assert other.says(LOOK_UP) == call("consultarOrder", orderId="1", dni="12345678")
    assert "pendiente" in str(other.gets(ORDER))


def test_what_was_answered_in_between_is_no_result() -> None:
    caller = Caller().goes_through("Cancela el pedido 2 para Juan Pérez", "gracias")
    assert caller.turns[-1] == ("ASSISTANT", "¡De nada! Cualquier otra cosa, decime.")
    handed = '[Llegó el resultado de cancelarOrder: {"ok": true, "order": {}}. Contáselo.]'
    assert caller.handed_over().says(handed) == "Listo, cancelé el pedido 2."


@pytest.mark.parametrize(
    "interpretation", ["Listo", "Listo, cancelé", "Listo, cancelé el pedido 2. [FINAL]"]
)
def test_a_task_is_done_though_the_customer_spoke_over_the_end_of_it(interpretation: str) -> None:
    turns = [("USER", "Cancela el pedido 2 para Juan Pérez"), ("ASSISTANT", interpretation)]
    assert remembering(turns).says("sí") == "Perfecto. ¿Necesitás algo más?"


@pytest.mark.parametrize(
    ("intent", "text", "ok"),
    [
        (Intent.BOOK_APPOINTMENT, "Ese día no tengo horarios.", False),
        (Intent.BOOK_APPOINTMENT, "No tengo lugar el viernes.", False),
        (Intent.LOOK_UP_ORDER, "No tengo el detalle del pedido 1.", True),
        (Intent.LOOK_UP_ORDER, "No encuentro un pedido con ese número y esos datos.", False),
        (Intent.LOOK_UP_APPOINTMENT, "La cita 2 dura 30 minutos.", True),
    ],
)
def test_how_a_call_went_out_is_read_from_what_was_said(
    intent: Intent, text: str, ok: bool
) -> None:
    result = infer_result(text, Task(intent=intent, slots=Slots()), today=MONDAY.date())
    assert result is not None
    assert result["ok"] is ok


@given(
    st.lists(
        st.tuples(st.sampled_from(["USER", "ASSISTANT"]), SENTENCES | st.text(max_size=60)),
        max_size=12,
    )
)
def test_any_history_is_survived(turns: list[tuple[str, str]]) -> None:
    remembering(turns).says("Hola")


@given(
    st.sampled_from(list(Intent)),
    st.text() | st.just("¿Te sirve el lunes 99 de enero a las 99:99?"),
)
def test_any_words_of_the_assistant_are_survived(intent: Intent, text: str) -> None:
    infer_result(text, Task(intent=intent, slots=Slots()), today=date(2026, 11, 23))


def test_nothing_is_said_of_a_history_that_ends_with_the_customer() -> None:
    conversation = DialogueManager(setup(ALL_TOOLS))
    conversation.restore([("USER", LOOK_UP)], now=MONDAY)
    assert conversation.respond("[Seguí.]", now=MONDAY) == Reply()
