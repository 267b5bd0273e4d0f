"""The tool with which a customer leaves a message for the staff."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conversations.domain import ToolOutcome
from follow_ups import services
from voice.tools import TOOLS
from voice.tools.confirmations import Confirmations
from voice.tools.registry import ToolContext, ToolResult

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 30, 13, tzinfo=UTC)
ANA = {"customerName": "Ana Ruiz", "reason": "Un presupuesto.", "phone": "11 4555-1234"}


async def leave(
    turn: int, confirmations: Confirmations, arguments: dict[str, Any] = ANA
) -> ToolResult:
    context = ToolContext(
        call_id="c1",
        tool_use_id=f"use-{turn}",
        now=NOW,
        time_zone=ZoneInfo("America/Argentina/Buenos_Aires"),
        turn=lambda: turn,
        confirmations=confirmations,
    )
    return await TOOLS.run("dejarMensaje", json.dumps(arguments), context, deadline_s=10)


async def test_message_is_read_back_and_stored_once_confirmed() -> None:
    confirmations = Confirmations()
    proposed = await leave(1, confirmations, {**ANA, "customerEmail": "ana@gmail.com"})
    assert proposed.outcome is ToolOutcome.PROPOSED
    assert proposed.content["say"] == (
        "Entonces le dejo al equipo este mensaje de Ana Ruiz: Un presupuesto. "
        "El teléfono es 1 1, 4 5 5 5, 1 2 3 4. "
        "El correo es a, n, a, arroba, gmail punto com. ¿Lo confirmás?"
    )
    assert services.list_follow_ups(now=NOW).items == []

    left = await leave(2, confirmations, {**ANA, "customerEmail": "ana@gmail.com"})
    assert left.outcome is ToolOutcome.OK
    [stored] = services.list_follow_ups(now=NOW).items
    assert (stored.customer_name, stored.contact) == ("Ana Ruiz", "11 4555-1234, ana@gmail.com")
    assert stored.call_id == "c1"


async def test_message_without_contact_asks_for_one() -> None:
    refused = await leave(1, Confirmations(), {**ANA, "phone": None})
    assert (refused.outcome, refused.content["error"]) == (ToolOutcome.REFUSED, "contact_missing")
    assert (
        refused.content["say"] == "Necesito un teléfono o un correo para que te puedan responder."
    )


async def test_invalid_phone_is_named_as_declared() -> None:
    refused = await leave(1, Confirmations(), {**ANA, "phone": "12"})
    assert (refused.content["error"], refused.content["field"]) == ("invalid_field", "phone")
