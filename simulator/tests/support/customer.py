"""A customer who holds a conversation with the dialogue manager, and results of tools for it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from nova_sonic_simulator.dialogue import DialogueManager, DialogueSetup, Reply, ToolCall, ToolSpec
from nova_sonic_simulator.dialogue.slots import Intent

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("America/Argentina/Buenos_Aires"))
ALL_TOOLS = frozenset(intent.value for intent in Intent)
PROMPT = (
    "Eres Carlos, el asistente virtual de Nova Sonic. Hablas en español argentino."
    " Al final de cada respuesta, incluye [FINAL]."
)

ORDER: dict[str, Any] = {
    "ok": True,
    "order": {
        "id": "1",
        "customerName": "Juan Pérez",
        "status": "pending",
        "statusText": "pendiente",
        "estimatedDelivery": "2026-11-27",
        "estimatedDeliveryText": "el viernes 27 de noviembre",
        "total": 67.48,
        "items": [
            {"name": "Producto A", "quantity": 2, "price": 25.99},
            {"name": "Producto B", "quantity": 1, "price": 15.5},
        ],
        "trackingNumber": "TRK123456789",
    },
}
APPOINTMENT: dict[str, Any] = {
    "ok": True,
    "appointment": {
        "id": "2",
        "patientName": "Luis Fernández",
        "doctorName": "Dra. Gómez",
        "date": "2026-11-27T15:00-03:00",
        "dateText": "el viernes 27 de noviembre a las 15:00",
        "duration": 30,
        "type": "consultation",
        "typeText": "consulta",
        "status": "confirmed",
        "statusText": "confirmada",
    },
}
ORDER_NOT_FOUND: dict[str, Any] = {
    "ok": False,
    "error": "order_not_found",
    "say": "No encuentro un pedido con ese número y esos datos.",
}
SLOT_TAKEN: dict[str, Any] = {
    "ok": False,
    "error": "slot_taken",
    "say": "Ese horario ya está ocupado.",
    "alternatives": [
        "2026-11-24T10:30-03:00",
        "2026-11-24T11:00-03:00",
        "2026-11-24T11:30-03:00",
    ],
}


class Customer:
    """Speaks with one conversation and remembers what came back."""

    def __init__(self, tools: frozenset[str] = ALL_TOOLS) -> None:
        self.conversation = DialogueManager(setup(tools))
        self.called = ""

    def says(self, text: str) -> str | ToolCall:
        return self.remember_reply(self.conversation.respond(text, now=MONDAY))

    def gets(self, result: Mapping[str, Any]) -> str | ToolCall:
        return self.remember_reply(
            self.conversation.handle_tool_result(
                tool_use_id="t", name=self.called, result=dict(result), now=MONDAY
            )
        )

    def remember_reply(self, reply: Reply) -> str | ToolCall:
        if reply.tool_calls:
            (call,) = reply.tool_calls
            assert reply.sentences == ()
            self.called = call.name
            return call
        return " ".join(reply.sentences).removesuffix(" [FINAL]")


def setup(tools: frozenset[str] = ALL_TOOLS) -> DialogueSetup:
    specs = tuple(ToolSpec(name=name) for name in sorted(tools))
    return DialogueSetup(tools=specs, system_prompt=PROMPT)


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


SENTENCES = st.sampled_from(
    [
        "Consulta el pedido 1 con DNI 12345678",
        "Agenda una cita para mañana a las 10 con el Dr. Rodríguez",
        "crea un pedido de 2 mouse a 10 pesos",
        "cancelalo",
        "no, el dos",
        "sí",
        "la primera",
        "Juan Pérez",
        "juan@mail.com",
        "a las once",
        "el viernes",
        "dejalo",
        "¿qué podés hacer?",
        "otro",
    ]
)
