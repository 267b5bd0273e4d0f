"""Questions about free times and one's own records, as people ask them."""

from typing import Any

import pytest

from nova_sonic_simulator.dialogue import DialogueManager, DialogueSetup, Reply, ToolCall, ToolSpec
from nova_sonic_simulator.dialogue.inquiries import offered_times
from nova_sonic_simulator.dialogue.slots import Intent
from support.customer import MONDAY, PROMPT

pytestmark = pytest.mark.pure

NAME = {"type": "string", "description": "Nombre y apellido del paciente."}
OWN: dict[str, Any] = {"properties": {"patientName": NAME}, "required": ["patientName"]}
ORDERS: dict[str, Any] = {"properties": {"customerName": NAME}, "required": ["customerName"]}
TOOLS = (
    *(ToolSpec(name=intent.value) for intent in Intent),
    ToolSpec(name="consultarDisponibilidad"),
    ToolSpec(name="misTurnos", schema=OWN),
    ToolSpec(name="misPedidos", schema=ORDERS),
    ToolSpec(name="consultarInformacion"),
)
FREE: dict[str, Any] = {
    "ok": True,
    "freeTimes": [
        {"doctorName": "Dra. Gómez", "date": "2026-11-26T15:00-03:00"},
        {"doctorName": "Dra. Gómez", "date": "2026-11-26T15:30-03:00"},
    ],
    "say": "Hay lugar con Dra. Gómez el jueves a las 15:00 y 15:30. ¿Cuál te queda bien?",
}


def open_manager() -> DialogueManager:
    return DialogueManager(DialogueSetup(tools=TOOLS, system_prompt=PROMPT))


def ask(text: str, manager: DialogueManager | None = None) -> ToolCall | str:
    return what_follows((manager or open_manager()).respond(text, now=MONDAY))


def what_follows(reply: Reply) -> ToolCall | str:
    return reply.tool_calls[0] if reply.tool_calls else " ".join(reply.sentences)


def free_times(**arguments: str) -> ToolCall:
    return ToolCall(name="consultarDisponibilidad", arguments=arguments)


THURSDAY = {"dateFrom": "2026-11-26", "dateUntil": "2026-11-26"}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (
            "¿Qué turnos hay el jueves a la tarde con Gómez?",
            {"doctorName": "Gómez", **THURSDAY, "partOfDay": "afternoon"},
        ),
        (
            "qué horarios tenés con la doctora Gómez mañana a la mañana",
            {
                "doctorName": "Dra. Gómez",
                "dateFrom": "2026-11-24",
                "dateUntil": "2026-11-24",
                "partOfDay": "morning",
            },
        ),
        ("Lo antes posible, con quien sea", {}),
        ("¿hay lugar con el cardiólogo esta semana?", {"specialty": "cardiologo", "dateFrom": "2026-11-23", "dateUntil": "2026-11-29"}),
        ("¿tienen turnos libres la semana que viene?", {"dateFrom": "2026-11-30", "dateUntil": "2026-12-06"}),
        ("¿cuándo atiende el doctor Sosa?", {"doctorName": "Dr. Sosa"}),
    ],
)  # fmt: skip
def test_question_about_free_times_calls_its_tool(text: str, arguments: dict[str, str]) -> None:
    assert ask(text) == free_times(**arguments)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("¿qué hay el jueves?", THURSDAY),
        ("¿Qué hay el jueves a la tarde con Gómez?", {"doctorName": "Gómez", **THURSDAY, "partOfDay": "afternoon"}),
        ("hola, ¿qué tenés el jueves?", THURSDAY),
        ("¿qué tienen para el jueves a la mañana?", {**THURSDAY, "partOfDay": "morning"}),
        ("y qué te queda el jueves", THURSDAY),
        ("¿qué les queda con la doctora Gómez?", {"doctorName": "Dra. Gómez"}),
        ("¿tenés algo el jueves?", THURSDAY),
        ("tenés algo a la tarde", {"partOfDay": "afternoon"}),
        ("¿hay algo el jueves con el cardiólogo?", {"specialty": "cardiologo", **THURSDAY}),
        ("¿tendrían algo la semana que viene?", {"dateFrom": "2026-11-30", "dateUntil": "2026-12-06"}),
        ("¿no tendrás algo mañana que no sea muy temprano?", {"dateFrom": "2026-11-24", "dateUntil": "2026-11-24"}),
        ("¿qué tiene el doctor Sosa el jueves?", {"doctorName": "Dr. Sosa", **THURSDAY}),
        ("algo para el jueves, ¿hay?", THURSDAY),
        ("quería saber qué hay el jueves", THURSDAY),
    ],
)  # fmt: skip
def test_open_question_about_a_time_asks_what_is_free(text: str, arguments: dict[str, str]) -> None:
    assert ask(text) == free_times(**arguments)


@pytest.mark.parametrize(
    "text",
    [
        "¿qué hay?",
        "¿qué tenés?",
        "¿tenés algo?",
        "¿hay algo más?",
        "¿qué hay en mi pedido?",
        "¿qué hay en mi pedido del jueves?",
        "¿qué tiene el pedido 1?",
        "¿tenés algo de pan para el jueves?",
        "¿qué productos hay el jueves?",
        "¿tienen algo en oferta el viernes?",
        "¿qué hay que llevar el jueves?",
        "¿hay algo que pagar el jueves?",
        "¿qué hay con mi turno del jueves?",
        "¿tengo algo el jueves?",
        "¿qué hay de nuevo hoy?",
        "el jueves no hay problema",
    ],
)
def test_open_question_about_something_else_asks_no_free_times(text: str) -> None:
    followed = ask(text)

    assert not isinstance(followed, ToolCall) or followed.name != "consultarDisponibilidad"


def test_open_question_without_the_tool_stays_unclear() -> None:
    tools = tuple(tool for tool in TOOLS if tool.name != "consultarDisponibilidad")
    manager = DialogueManager(DialogueSetup(tools=tools, system_prompt=PROMPT))

    assert isinstance(ask("¿qué hay el jueves?", manager), str)


@pytest.mark.parametrize(
    ("text", "tool", "name"),
    [
        ("¿Qué turnos tengo?, soy Ana Martínez", "misTurnos", "patientName"),
        ("decime mis turnos, me llamo Ana Martínez", "misTurnos", "patientName"),
        ("¿qué pedidos tengo? soy Ana Martínez", "misPedidos", "customerName"),
    ],
)
def test_question_about_own_records_calls_its_tool(text: str, tool: str, name: str) -> None:
    assert ask(text) == ToolCall(name=tool, arguments={name: "Ana Martínez"})


@pytest.mark.parametrize(
    "text",
    ["¿atienden OSDE?", "¿Dónde queda?", "atienden por PAMI", "¿tengo que ir en ayuno?", "¿puedo pagar con tarjeta?"],
)  # fmt: skip
def test_question_about_the_business_calls_its_tool(text: str) -> None:
    assert ask(text) == ToolCall(name="consultarInformacion", arguments={"question": text})


def test_missing_name_is_asked_for() -> None:
    manager = open_manager()

    assert "nombre y apellido del paciente" in str(ask("¿qué turnos tengo?", manager))
    assert ask("Ana Martínez", manager) == ToolCall(
        name="misTurnos", arguments={"patientName": "Ana Martínez"}
    )


@pytest.mark.parametrize(
    "text",
    [
        "quiero un turno con Gómez el jueves a las 15",
        "consultá el turno 2 de Luis Fernández",
        "¿cuándo llega mi pedido 1?",
        "cancelá el turno 3",
        "hola, quería sacar un turno",
        "¿cuándo es mi turno número dos? Habla Luis Fernández",
        "¿habrá lugar con la doctora Gómez el jueves a las once? Quiero que me anotes",
        "¿con qué doctor es el turno 1 de Juan Pérez?",
        "¿qué otros horarios tenías?",
    ],
)
def test_other_requests_are_no_inquiries(text: str) -> None:
    followed = ask(text)

    assert not isinstance(followed, ToolCall) or followed.name in set(Intent)


def test_offered_time_is_booked() -> None:
    manager = open_manager()
    assert ask("¿qué hay libre el jueves con la doctora Gómez?", manager) == free_times(
        doctorName="Dra. Gómez", **THURSDAY
    )
    said = manager.handle_tool_result(
        tool_use_id="1", name="consultarDisponibilidad", result=FREE, now=MONDAY
    )
    assert "15:30" in str(what_follows(said))
    ask("el de las 15 y media", manager)
    ask("Ana Martínez", manager)

    booked = ask("ana@mail.com", manager)

    assert isinstance(booked, ToolCall)
    assert booked.name == "agendarTurno"
    assert (booked.arguments["doctorName"], booked.arguments["date"]) == (
        "Dra. Gómez",
        "2026-11-26T15:30:00",
    )


def test_question_while_booking_keeps_the_task() -> None:
    manager = open_manager()
    ask("quiero un turno con la doctora Gómez", manager)
    assert ask("¿qué horarios hay el jueves?", manager) == free_times(
        doctorName="Dra. Gómez", **THURSDAY
    )
    manager.handle_tool_result(
        tool_use_id="1", name="consultarDisponibilidad", result=FREE, now=MONDAY
    )
    ask("a las 15", manager)
    ask("Ana Martínez", manager)

    booked = ask("ana@mail.com", manager)

    assert isinstance(booked, ToolCall)
    assert booked.arguments["date"] == "2026-11-26T15:00:00"


def test_times_of_several_doctors_offer_none_of_them() -> None:
    other = {"doctorName": "Dr. Sosa", "date": "2026-11-26T16:00-03:00"}
    doctor, times = offered_times({"freeTimes": [*FREE["freeTimes"], other, {"date": "x"}]})

    assert (doctor, len(times)) == (None, 3)
    assert offered_times({}) == (None, ())
