"""The course of one conversation: what was heard, what is still missing, what is said next.

First step: asks an order up by number and DNI; the rest of the wishes follow.
"""

import re
from datetime import datetime
from typing import Any

from simulator.conversation.speech import Reply, ToolCall


class Conversation:
    """One customer's conversation. Pure: no I/O, no clock."""

    def __init__(self, *, tools: frozenset[str]) -> None:
        self._tools = tools

    def hear(self, text: str, *, now: datetime) -> Reply:
        """Answer what the customer said (typed or transcribed); `now` is aware, clinic zone."""
        number = re.search(r"pedido\D*(\d+)", text)
        dni = re.search(r"DNI\D*(\d{7,8})", text)
        if number is None or dni is None or "consultarOrder" not in self._tools:
            return Reply(sentences=("¿Me decís el número de pedido y tu DNI? [FINAL]",))
        arguments = {"orderId": number[1], "dni": dni[1]}
        return Reply(tool_calls=(ToolCall(name="consultarOrder", arguments=arguments),))

    def tool_answered(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: datetime
    ) -> Reply:
        """Answer from the tool's real result, and from nothing else."""
        if not result.get("ok"):
            return Reply(sentences=(f"{result.get('say', 'No pude hacerlo.')} [FINAL]",))
        order = result.get("order", {})
        return Reply(
            sentences=(f"Tu pedido {order.get('id')} está {order.get('statusText')}. [FINAL]",)
        )

    def interrupted(self) -> None:
        """Note that the customer spoke over the last reply."""
