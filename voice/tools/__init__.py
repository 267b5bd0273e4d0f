"""The tools of the assistant: the owner's seven, and those of a reception beside them. Each calls one service."""

from voice.tools import appointments, follow_ups, orders, reception
from voice.tools.registry import ToolRegistry

TOOLS = ToolRegistry(
    [
        orders.consultarOrder,
        orders.cancelarOrder,
        orders.crearOrder,
        appointments.agendarTurno,
        appointments.cancelarTurno,
        appointments.modificarTurno,
        appointments.consultarTurno,
        follow_ups.dejarMensaje,
        reception.consultarDisponibilidad,
        reception.misTurnos,
        reception.misPedidos,
        reception.consultarInformacion,
    ]
)
"""All tools, the owner's in the order of the specification."""
