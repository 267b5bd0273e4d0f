"""What the client tells the assistant in the middle of a call, and what the assistant makes of it."""

import json
from typing import Any

import pytest

from nova_sonic_simulator.dialogue import DialogueManager, Reply, Script, ScriptedDialogue, Scripts
from nova_sonic_simulator.dialogue.directives import Directive, opens_turn, parse_directive
from support.customer import ALL_TOOLS, MONDAY, ORDER, ORDER_NOT_FOUND, Customer, call, setup

pytestmark = pytest.mark.pure

GREETING = "¡Hola! Soy Carlos, de Nova Sonic. ¿En qué te puedo ayudar?"
GREET = f"[Saludá al cliente con esta frase: «{GREETING}»]"
WAIT = "Un momento, por favor, que lo estoy consultando."


def arrived(name: str, result: Any) -> str:
    text = json.dumps(result, ensure_ascii=False)
    return f"[Llegó el resultado de {name}: {text}. Contáselo al cliente.]"


@pytest.mark.parametrize(
    ("text", "directive"),
    [
        (GREET, Directive(sentences=(GREETING,))),
        (f"  {GREET}\n", Directive(sentences=(GREETING,))),
        ("[Decí «uno» y « dos »; «» no.]", Directive(sentences=("uno", "dos"))),
        ("[Seguí escuchando.]", Directive()),
        ("[]", Directive()),
        (
            arrived("consultarOrder", {"a": "]} «b»"}),
            Directive(tool="consultarOrder", result={"a": "]} «b»"}),
        ),
        ("[resultado de x: {}]", Directive(tool="x", result={})),
        ("[resultado de x: {]", Directive()),
        ("[resultado de x: {, o «nada»]", Directive(sentences=("nada",))),
        ("[el resultado de x: 17]", Directive()),
    ],
)
def test_a_text_in_square_brackets_is_a_direction(text: str, directive: Directive) -> None:
    assert parse_directive(text) == directive


@pytest.mark.parametrize("text", ["«Hola»", "[Hola", "Hola]", "el [pedido] 1", ""])
def test_any_other_text_is_the_customers(text: str) -> None:
    assert parse_directive(text) is None


def test_a_sentence_is_said_to_the_letter() -> None:
    conversation = DialogueManager(setup(ALL_TOOLS))
    assert conversation.respond(GREET, now=MONDAY) == Reply(sentences=(GREETING,))
    assert conversation.respond("¿cómo dijiste?", now=MONDAY) == Reply(sentences=(GREETING,))


def test_a_note_that_wants_nothing_said_gets_no_answer() -> None:
    assert DialogueManager(setup(ALL_TOOLS)).respond("[Seguí.]", now=MONDAY) == Reply()


def test_the_conversation_continues_around_a_directive() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 1")
    assert customer.says(f"[Decile: «{WAIT}»]") == WAIT
    assert customer.says("12345678") == call("consultarOrder", orderId="1", dni="12345678")
    assert customer.says(f"[La herramienta tarda. Decile: «{WAIT}»]") == WAIT
    assert "está pendiente" in str(customer.gets(ORDER))


def test_nobody_interrupted_who_gave_a_direction() -> None:
    customer = Customer()
    customer.conversation.handle_interruption()
    customer.says(GREET)
    assert customer.says("no") != "Decime, te escucho."


def test_a_result_handed_over_answers_the_call_that_waits_for_it() -> None:
    customer = Customer()
    customer.says("Consulta el pedido 9 con DNI 12345678")
    handed = arrived("consultarOrder", ORDER_NOT_FOUND)
    assert customer.says(handed) == ORDER_NOT_FOUND["say"]
    assert customer.says("no, el uno") == call("consultarOrder", orderId="1", dni="12345678")


def test_a_result_of_a_call_nobody_remembers_is_answered_from_itself() -> None:
    assert Customer().says(arrived("consultarOrder", ORDER)) == (
        "Tu pedido 1 está pendiente. La entrega estimada es el viernes 27 de noviembre."
    )


def test_a_result_in_a_directive_is_spoken_in_a_later_turn() -> None:
    customer = Customer()
    customer.conversation.restore([("USER", "Consulta el pedido 1 con DNI 12345678")], now=MONDAY)
    customer.says("Agendame un turno")
    assert "Tu pedido 1 está pendiente." in str(customer.says(arrived("consultarOrder", ORDER)))
    assert customer.says("con la doctora gomez") == "¿Para qué día y a qué hora?"


def test_no_script_is_followed_for_a_direction() -> None:
    scripts = Scripts()
    scripts.add(Script(when="hola", reply=Reply(sentences=("Otra cosa.",))))
    conversation = ScriptedDialogue(DialogueManager(setup(ALL_TOOLS)), scripts)
    assert conversation.respond(GREET, now=MONDAY) == Reply(sentences=(GREETING,))


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("Hola, ¿cómo va mi pedido?", True),
        ("[Empezá la conversación: saludá al cliente con esta frase: «¡Hola!»]", True),
        ("[La herramienta está tardando. Decile al cliente sólo esto: «Un momento.»]", True),
        ('[Llegó el resultado de x: {"ok": true} Contáselo al cliente.]', True),
        ("[Tell the caller you're connecting them now]", True),
        ("[El cliente está esperando.]", False),
        ("[The caller is waiting]", False),
        ('[Llegó el resultado de x: {"ok": true}]', False),
        ("[]", False),
    ],
)
def test_only_imperative_directives_open_a_turn(text: str, opens: bool) -> None:
    assert opens_turn(text) is opens
