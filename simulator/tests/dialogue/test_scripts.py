"""What a test lets the assistant say and ask, word for word."""

from typing import Any

import pytest

from nova_sonic_simulator.dialogue import (
    DialogueManager,
    Reply,
    Script,
    ScriptedDialogue,
    Scripts,
    ToolCall,
)
from support.customer import ALL_TOOLS, APPOINTMENT, MONDAY, ORDER, SLOT_TAKEN, setup

pytestmark = pytest.mark.pure

BOTH = Reply(
    sentences=("Un momento.",),
    tool_calls=(
        ToolCall(name="consultarOrder", arguments={"orderId": "1"}),
        ToolCall(name="consultarOrder", arguments={"orderId": "1"}),
        ToolCall(name="noExiste", arguments=["nada"]),
    ),
)


def scripted(**replies: Reply) -> ScriptedDialogue:
    scripts = Scripts()
    for when, reply in replies.items():
        scripts.add(Script(when=when.replace("_", " "), reply=reply))
    return ScriptedDialogue(DialogueManager(setup(ALL_TOOLS)), scripts)


def answered(conversation: ScriptedDialogue, name: str, result: dict[str, Any]) -> str:
    reply = conversation.handle_tool_result(tool_use_id="t", name=name, result=result, now=MONDAY)
    return " ".join(reply.sentences)


@pytest.mark.parametrize("said", ["las dos", "¡LAS DOS!", "Quiero las, dos, por favor."])
def test_a_script_is_followed_where_its_words_occur(said: str) -> None:
    assert scripted(las_dos=BOTH).respond(said, now=MONDAY) == BOTH


@pytest.mark.parametrize("said", ["los dos", "dos las", "las doscientas", "las", ""])
def test_it_is_not_where_they_do_not(said: str) -> None:
    plain = DialogueManager(setup(ALL_TOOLS)).respond(said, now=MONDAY)
    assert scripted(las_dos=BOTH).respond(said, now=MONDAY) == plain


def test_coded_words_are_words_too() -> None:
    conversation = scripted(**{"17": BOTH})
    assert conversation.respond_to_numbers(["16", "17"], now=MONDAY) == BOTH
    assert conversation.respond_to_numbers(["117"], now=MONDAY).tool_calls == ()


def test_the_newest_script_counts() -> None:
    conversation = scripted(hola=BOTH, hola_carlos=Reply())
    assert conversation.respond("hola carlos", now=MONDAY) == Reply()
    assert conversation.respond("hola", now=MONDAY) == BOTH


def test_a_conversation_goes_on_around_a_script() -> None:
    conversation = scripted(aparte=BOTH)
    conversation.respond("Consulta el pedido 1", now=MONDAY)
    conversation.respond("aparte", now=MONDAY)
    answered(conversation, "consultarOrder", ORDER)
    (call,) = conversation.respond("12345678", now=MONDAY).tool_calls
    assert call.arguments == {"orderId": "1", "dni": "12345678"}


@pytest.mark.parametrize(
    ("name", "result", "sentence"),
    [
        ("consultarOrder", ORDER, "Tu pedido 1 está pendiente."),
        ("cancelarOrder", {"ok": True, "order": {"id": "2"}}, "Listo, cancelé el pedido 2."),
        ("agendarTurno", APPOINTMENT, "El número de la cita es 2."),
        ("agendarTurno", SLOT_TAKEN, "¿Te sirve el martes 24 de noviembre a las 10:30?"),
        ("noExiste", {"ok": False, "say": "No conozco esa herramienta."}, "No conozco esa"),
        ("noExiste", {"ok": True}, "Listo, ya está."),
    ],
)
def test_a_result_is_answered_without_the_call(
    name: str, result: dict[str, Any], sentence: str
) -> None:
    assert sentence in answered(scripted(), name, result)


def test_what_was_looked_up_by_a_script_can_be_cancelled() -> None:
    conversation = scripted(aparte=BOTH)
    conversation.respond("aparte", now=MONDAY)
    answered(conversation, "consultarOrder", ORDER)
    (call,) = conversation.respond("cancelalo, soy Juan Pérez", now=MONDAY).tool_calls
    assert (call.name, call.arguments["orderId"]) == ("cancelarOrder", "1")
