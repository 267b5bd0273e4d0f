"""What difficult customers say: who they are, what they want, and whether they want it."""

from typing import Any

import pytest

from nova_sonic_simulator.dialogue import DialogueManager, DialogueSetup, Reply, ToolSpec
from support.customer import MONDAY

pytestmark = pytest.mark.pure

FACTS = (
    "Sos Carlos, el asistente virtual de Clínica Sur. Hablás español.\n"
    "- Horario de los turnos: de lunes a viernes de 8 a 20.\n"
    "- Dirección: San Martín 12, 3.º B.\n"
    "- Profesionales: Dr. Sosa y Dra. Gómez.\n"
    "- Precios de los pedidos: los da la herramienta desde el catálogo; poné 0 en cada uno.\n"
    "- Si el cliente cuenta una urgencia médica, decile antes que nada que llame ya al 107.\n"
    "- Si pide hablar con una persona, decile que puede llamar al 11 4000, y seguí ayudando.\n"
)
NAMES = ("consultarOrder", "cancelarOrder", "crearOrder", "agendarTurno", "modificarTurno")
PROPOSAL = {"ok": False, "error": "confirmation_needed", "say": "Entonces lo hago. ¿Lo confirmás?"}
ORDER = {"ok": True, "order": {"id": "2", "statusText": "en preparación", "total": 89.9}}


class Call:
    """A call in which every change is proposed; it is typed unless told otherwise."""

    def __init__(self, *, is_typed: bool = True, others: tuple[ToolSpec, ...] = ()) -> None:
        tools = (*(ToolSpec(name=name) for name in NAMES), *others)
        self._dialogue = DialogueManager(DialogueSetup(tools=tools, system_prompt=FACTS))
        self._is_typed = is_typed

    def says(self, text: str) -> Reply:
        return self._dialogue.respond(text, now=MONDAY, is_typed=self._is_typed)

    def answer(self, reply: Reply, result: dict[str, Any]) -> Reply:
        [call] = reply.tool_calls
        return self._dialogue.handle_tool_result(
            tool_use_id="u", name=call.name, result=result, now=MONDAY
        )

    def propose(self, text: str) -> None:
        self.answer(self.says(text), PROPOSAL)


def tools_of(reply: Reply) -> list[str]:
    return [call.name for call in reply.tool_calls]


@pytest.mark.parametrize(
    "yes",
    ["sí", "dale", "joya, mandale", "y bueno, de una", "confirmo", "sí, cancelalo", "cancelalo"],
)
def test_plain_yes_makes_the_proposed_change(yes: str) -> None:
    call = Call()
    call.propose("cancelá el pedido 2, DNI 12345678")
    assert tools_of(call.says(yes)) == ["cancelarOrder"]


@pytest.mark.parametrize(
    "answer",
    [
        *("no", "bueno, dejalo", "ok, mejor no", "sí, no, esperá", "mmm no sé", "dale, un segundo"),
        *("¿sí?", "¿ya quedó cancelado?", "sí, pero antes hablo con mi mujer", "capaz que sí"),
        *("¿y el turno?", "no lo canceles"),
    ],
)
def test_what_is_no_plain_yes_makes_no_change(answer: str) -> None:
    call = Call()
    call.propose("cancelá el pedido 2, DNI 12345678")
    assert tools_of(call.says(answer)) == []


@pytest.mark.parametrize("answer", ["sí, cancelalo", "bueno, cancelá"])
def test_cancelling_what_is_proposed_to_be_made_drops_it(answer: str) -> None:
    call = Call()
    call.propose("agendá con el Dr. Sosa mañana a las 15 para Ana Paz, ana@paz.ar")
    assert tools_of(call.says(answer)) == []
    assert tools_of(call.says("sí")) == []


def test_question_about_the_record_leaves_the_change_proposed() -> None:
    call = Call()
    call.propose("cancelá el pedido 2, DNI 12345678")
    asked = call.says("sí, pero antes decime cuánto salía")
    assert tools_of(asked) == ["consultarOrder"]
    assert call.answer(asked, ORDER).sentences == ("El total es $89,90.", PROPOSAL["say"])
    assert tools_of(call.says("bueno, dale")) == ["cancelarOrder"]


def test_dropped_change_leaves_its_record_as_the_topic() -> None:
    call = Call()
    call.propose("pasá el turno 1 para mañana a las 10, soy Juan Pérez, DNI 12345678")
    call.says("pará, mejor no")
    [again] = call.says("pasalo al viernes a las 15").tool_calls
    assert again.arguments["appointmentId"] == "1"
    assert again.arguments["newDate"].endswith("T15:00:00")


@pytest.mark.parametrize(("is_typed", "name"), [(True, "Villalva"), (False, "Villalba")])
def test_typed_surname_is_not_respelled(is_typed: bool, name: str) -> None:
    call = Call(is_typed=is_typed)
    reply = call.says("agendá con el Dr. Sosa mañana a las 15 para Lucía Villalva, lu@mail.com")
    assert reply.tool_calls[0].arguments["patientName"] == f"Lucía {name}"


def test_typed_surname_is_not_respelled_after_a_restoration() -> None:
    dialogue = DialogueManager(DialogueSetup(tools=(ToolSpec(name="agendarTurno"),)))
    turns = [("USER", "quiero un turno con el Dr. Sosa mañana a las 15, soy Lucía Villalva")]
    dialogue.restore(turns, now=MONDAY)
    [call] = dialogue.respond("lu@mail.com", now=MONDAY, is_typed=True).tool_calls
    assert call.arguments["patientName"] == "Lucía Villalva"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("ele u ce i a punto paz, arroba gmail punto com", "lucia.paz@gmail.com"),
        ("villalva con ve corta arroba gmail punto com", "villalva@gmail.com"),
        ("es con doble ele: lucilla@gmail.com", "lucilla@gmail.com"),
    ],
)
def test_address_is_read_without_remarks_on_its_spelling(said: str, address: str) -> None:
    call = Call()
    call.says("agendá con el Dr. Sosa mañana a las 15 para Ana Paz")
    assert call.says(said).tool_calls[0].arguments["patientEmail"] == address


def test_dni_in_groups_over_turns_is_joined() -> None:
    call = Call()
    call.says("cancelá el pedido 2")
    call.says("12 345")
    assert call.says("678").tool_calls[0].arguments["dni"] == "12345678"


def test_another_person_on_the_line_is_not_the_one_before() -> None:
    call = Call()
    call.answer(call.says("consultá el pedido 2, soy Juan Pérez, DNI 12345678"), ORDER)
    call.says("te paso con mi cuñado")
    assert tools_of(call.says("cancelá el pedido 2")) == []


def test_appointment_for_a_relative_is_a_new_one() -> None:
    call = Call()
    booked = {"ok": True, "appointment": {"id": "7", "doctorName": "Dr. Sosa"}}
    call.propose("agendá con el Dr. Sosa mañana a las 15 para Ana Paz, ana@paz.ar")
    call.answer(call.says("sí"), booked)
    [second] = call.says(
        "y uno para mi hija Eva Paz, mismo correo y mismo doctor, mañana a las 16"
    ).tool_calls
    assert second.name == "agendarTurno"
    assert second.arguments["patientName"] == "Eva Paz"
    assert second.arguments["patientEmail"] == "ana@paz.ar"


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("me duele mucho el pecho, quiero un turno", "Antes que nada, llamá ya al 107."),
        ("quiero hablar con una persona", "Para hablar con una persona, podés llamar al 11 4000."),
        ("¿los sábados abren?", "Atendemos de lunes a viernes de 8 a 20."),
        ("¿dónde quedan?", "Estamos en San Martín 12, 3.º B."),
        ("¿y quién hay?", "Atienden Dr. Sosa y Dra. Gómez."),
        ("¿no me la dejás más barata?", "Los precios son los del catálogo, no los puedo cambiar."),
        (
            "I want to cancel my order",
            "Perdón, sólo hablo español. ¿Es por un pedido o por una cita?",
        ),
        ("esperá un segundo que busco el número", "Dale, te espero."),
    ],
)
def test_what_the_prompt_says_is_answered_at_once(said: str, answered: str) -> None:
    reply = Call().says(said)
    assert " ".join(reply.sentences) == answered
    assert reply.tool_calls == ()


def test_day_that_no_year_has_is_named_as_such() -> None:
    said = Call().says("un turno con el Dr. Sosa el 31 de febrero a las 10")
    assert said.sentences == ("Esa fecha no existe en el calendario.", "¿Para qué día?")


def test_refused_call_is_repeated_only_where_that_was_offered() -> None:
    call = Call()
    refusal = {"ok": False, "error": "order_not_found", "say": "No lo encuentro."}
    call.answer(call.says("cancelá el pedido 2, DNI 99999999"), refusal)
    assert call.says("¡dale, si es mío!").sentences == ("No lo encuentro.",)
    trouble = {"ok": False, "error": "timeout", "say": "Está tardando. ¿Probamos de nuevo?"}
    call.answer(call.says("cancelá el pedido 2, DNI 12345678"), trouble)
    assert tools_of(call.says("dale")) == ["cancelarOrder"]


def test_greeting_calls_no_tool_whose_description_has_its_words() -> None:
    daily = ToolSpec(name="saludar", description="Dice buen día al equipo")
    said = Call(others=(daily,)).says("hola, buen día")
    assert said.tool_calls == ()
    assert said.sentences == (
        "¡Hola! Soy Carlos, el asistente virtual de Clínica Sur. ¿En qué te puedo ayudar?",
    )


def test_order_without_prices_is_made_where_the_catalogue_has_them() -> None:
    [call] = Call().says("quiero comprar dos remeras, soy Ana Paz, ana@paz.ar").tool_calls
    assert call.arguments["items"] == [{"name": "remeras", "quantity": "2", "price": "0.00"}]
