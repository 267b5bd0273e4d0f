"""The seven tools of the assistant. Each calls one service of `orders` or `appointments`."""

from voice.tools import appointments, orders
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
    ]
)
"""All tools, in the order of the specification."""
