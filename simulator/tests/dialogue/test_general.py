"""Tools that the rules do not know are called by their declaration."""

from typing import Any

import pytest

from nova_sonic_simulator.dialogue import (
    DialogueManager,
    DialogueSetup,
    GeneralDialogue,
    Reply,
    ToolCall,
    ToolSpec,
    open_dialogue,
)
from support.customer import MONDAY, PROMPT

pytestmark = pytest.mark.pure


def tool(
    tool_name: str, description: str, required: tuple[str, ...] = (), **properties: Any
) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name=tool_name, description=description, schema=schema)


TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
WEATHER = tool("get_weather", "Returns the weather of a city", ("city",), city=TEXT, date=TEXT)
LIGHT = tool(
    "setLight",
    "Turns the lights of a room on or off",
    ("room", "on"),
    room={"type": "string", "enum": ["living", "kitchen", "bedroom"]},
    on={"type": "boolean", "description": "whether the light is on"},
)
TABLE = tool(
    "reservarMesa",
    "Reserva una mesa en el restaurante",
    ("people", "date", "time", "name"),
    people={"type": "integer", "description": "Para cuántas personas"},
    date={"type": "string", "format": "date", "description": "El día"},
    time={"type": "string", "description": "La hora"},
    name={"type": "string", "description": "A nombre de quién"},
)
ENGLISH = "You are Nova, a friendly assistant. Always respond in English."
SPANISH = "Sos Lupe, la asistente virtual de Casa Sur."


def open_general(*tools: ToolSpec, prompt: str = SPANISH) -> GeneralDialogue:
    return GeneralDialogue(DialogueSetup(tools=tools, system_prompt=prompt))


def said(dialogue: GeneralDialogue, text: str) -> str | ToolCall:
    reply = dialogue.respond(text, now=MONDAY)
    return reply.tool_calls[0] if reply.tool_calls else " ".join(reply.sentences)


def test_tool_is_chosen_by_its_words_and_called() -> None:
    dialogue = open_general(WEATHER, LIGHT, TABLE)
    assert said(dialogue, "¿Cómo está el clima en Rosario mañana?") == ToolCall(
        name="get_weather", arguments={"city": "Rosario", "date": "2026-11-24"}
    )
    assert said(dialogue, "apagá la luz de kitchen") == ToolCall(
        name="setLight", arguments={"room": "kitchen", "on": False}
    )


def test_missing_arguments_are_asked_for_one_by_one() -> None:
    dialogue = open_general(WEATHER, TABLE)
    assert said(dialogue, "quiero reservar una mesa para cuatro") == "¿Me decís el día?"
    assert said(dialogue, "el viernes") == "¿Me decís la hora?"
    assert said(dialogue, "a las nueve de la noche") == "¿Me decís a nombre de quién?"
    assert said(dialogue, "Juan Pérez") == ToolCall(
        name="reservarMesa",
        arguments={"people": 4, "date": "2026-11-27", "time": "21:00", "name": "Juan Pérez"},
    )


def test_follow_up_calls_the_same_tool_with_the_new_argument() -> None:
    dialogue = open_general(WEATHER)
    said(dialogue, "what is the weather in Rosario")
    assert said(dialogue, "¿y en Córdoba?") == ToolCall(
        name="get_weather", arguments={"city": "Córdoba"}
    )


def test_result_is_said_in_the_language_of_the_prompt() -> None:
    dialogue = open_general(WEATHER, prompt=ENGLISH)
    assert said(dialogue, "hello") == "Hello! I am Nova, a friendly assistant. How can I help you?"
    said(dialogue, "weather in Paris please")
    reply = dialogue.handle_tool_result(
        tool_use_id="t", name="get_weather", result={"temperature": 18, "sky": "clear"}, now=MONDAY
    )
    assert reply == Reply(sentences=("Temperature: 18; sky: clear.",))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hola", "¡Hola! Soy Lupe, la asistente virtual de Casa Sur. ¿En qué te puedo ayudar?"),
        ("gracias", "¡De nada! Cualquier otra cosa, decime."),
        ("xyzzy", "No te entendí. Te puedo ayudar con: get weather."),
    ],
)
def test_small_talk_needs_no_tool(text: str, answer: str) -> None:
    assert said(open_general(WEATHER), text) == answer


def test_without_tools_it_repeats_the_customers_text() -> None:
    assert said(open_general(), "contame un cuento") == (
        "Te escuché decir «contame un cuento», pero no tengo cómo ayudarte con eso."
    )


def test_directive_is_spoken_literally() -> None:
    assert said(open_general(WEATHER), "[Saludá así: «¡Buenas!»]") == "¡Buenas!"


def test_unknown_tools_beside_the_known_ones_are_called() -> None:
    tools = (ToolSpec(name="consultarOrder"), WEATHER)
    dialogue = open_dialogue(DialogueSetup(tools=tools, system_prompt=PROMPT))
    assert isinstance(dialogue, DialogueManager)
    reply = dialogue.respond("¿cómo está el clima en Rosario?", now=MONDAY)
    assert reply.tool_calls == (ToolCall(name="get_weather", arguments={"city": "Rosario"}),)
    answer = dialogue.handle_tool_result(
        tool_use_id="t", name="get_weather", result={"sky": "despejado"}, now=MONDAY
    )
    assert answer.sentences == ("Sky: despejado. [FINAL]",)


MESSAGE = tool(
    "dejarMensaje",
    "Dejar un mensaje para que una persona del equipo le responda al cliente",
    ("customerName", "reason"),
    customerName={"type": "string", "description": "Nombre y apellido."},
    reason={"type": "string", "description": "Qué necesita, en una frase."},
    phone={"type": "string", "description": "Teléfono con característica, en dígitos."},
)
PROPOSED = {
    "ok": False,
    "error": "confirmation_needed",
    "say": "Entonces dejo el mensaje. ¿Lo confirmás?",
}
ARGUMENTS = {"customerName": "Ana Ruiz", "reason": "Un presupuesto", "phone": "45551234"}


def propose(dialogue: GeneralDialogue | DialogueManager) -> None:
    """Ask for a person, answer the questions, and let the tool ask for confirmation."""
    for text in ("Quiero hablar con una persona", "Ana Ruiz", "Un presupuesto"):
        reply = dialogue.respond(text, now=MONDAY)
    refused = {"ok": False, "error": "contact_missing", "say": "Necesito un teléfono."}
    dialogue.handle_tool_result(tool_use_id="1", name="dejarMensaje", result=refused, now=MONDAY)
    reply = dialogue.respond("Mi teléfono es 45551234", now=MONDAY)
    assert [call.arguments for call in reply.tool_calls] == [ARGUMENTS]
    dialogue.handle_tool_result(tool_use_id="2", name="dejarMensaje", result=PROPOSED, now=MONDAY)


def open_manager() -> DialogueManager:
    booking = tool("consultarTurno", "Obtener detalles de cita", appointmentId=TEXT)
    manager = open_dialogue(DialogueSetup(tools=(booking, MESSAGE), system_prompt=PROMPT))
    assert isinstance(manager, DialogueManager)
    return manager


@pytest.mark.parametrize("open_any", [lambda: open_general(MESSAGE), open_manager])
def test_confirmed_tool_is_called_again_with_the_same_arguments(open_any: Any) -> None:
    dialogue = open_any()
    propose(dialogue)
    [call] = dialogue.respond("Sí, dale", now=MONDAY).tool_calls
    assert call == ToolCall(name="dejarMensaje", arguments=ARGUMENTS)


@pytest.mark.parametrize("open_any", [lambda: open_general(MESSAGE), open_manager])
def test_tool_that_is_not_confirmed_is_dropped(open_any: Any) -> None:
    dialogue = open_any()
    propose(dialogue)
    assert dialogue.respond("No, dejá", now=MONDAY).tool_calls == ()
    assert dialogue.respond("Sí", now=MONDAY).tool_calls == ()


def test_correction_of_a_proposed_tool_is_proposed_again() -> None:
    dialogue = open_general(MESSAGE)
    propose(dialogue)
    [call] = dialogue.respond("No, el teléfono es 45559999", now=MONDAY).tool_calls
    assert call.arguments == {**ARGUMENTS, "phone": "45559999"}
