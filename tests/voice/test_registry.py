"""Tools by their signature: what the model is told, what is refused, what is answered."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import Field

from common.errors import ConflictError, UnavailableError
from conversations.domain import ToolOutcome
from voice.tools import TOOLS
from voice.tools.registry import ToolContext, ToolRegistry, ToolResult

pytestmark = pytest.mark.pure

CONTEXT = ToolContext(
    call_id="call",
    tool_use_id="use",
    now=datetime(2026, 11, 23, 12, tzinfo=UTC),
    time_zone=ZoneInfo("America/Argentina/Buenos_Aires"),
)


class TakenError(ConflictError):
    code = "slot_taken"


async def greet(
    context: ToolContext,
    *,
    name: Annotated[str, Field(description="Whom.", max_length=5)],
    times: int = 1,
) -> dict[str, Any]:
    """Greet somebody.

    This line is for programmers.
    """
    return {"said": f"Hola {name}" * times, "token": context.token}


async def refuse(context: ToolContext) -> dict[str, Any]:
    """Refuse."""
    raise TakenError(next_free=[context.now])


async def break_down(context: ToolContext) -> dict[str, Any]:
    """Break down."""
    raise RuntimeError("secret detail")


async def raise_key_error(context: ToolContext) -> dict[str, Any]:
    """Raise a KeyError."""
    raise KeyError("detail")


async def lose_the_store(context: ToolContext) -> dict[str, Any]:
    """Lose the store."""
    raise UnavailableError(reason="throttled")


async def hang(context: ToolContext) -> dict[str, Any]:
    """Hang."""
    await asyncio.Event().wait()
    return {}


REGISTRY = ToolRegistry([greet, refuse, break_down, raise_key_error, lose_the_store, hang])


async def run(name: str, content: str = "{}", **options: Any) -> ToolResult:
    return await REGISTRY.run(name, content, CONTEXT, **options)


def test_the_signature_is_the_schema() -> None:
    spec = REGISTRY.specs()[0]
    assert (spec.name, spec.description) == ("greet", "Greet somebody.")
    schema = json.loads(spec.input_schema)
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["name"] == {
        "description": "Whom.", "maxLength": 5, "title": "Name", "type": "string",
    }  # fmt: skip


async def test_a_call_that_fits_is_run() -> None:
    assert await run("greet", '{"name": "Ana"}') == ToolResult(
        outcome=ToolOutcome.OK, content={"ok": True, "said": "Hola Ana", "token": "call:use"}
    )


async def test_a_number_for_a_text_is_forgiven() -> None:
    assert (await run("greet", '{"name": 12345}')).content["said"] == "Hola 12345"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("", "name"),
        ("{}", "name"),
        ("nope", "arguments"),
        ("[]", "arguments"),
        ('{"name": "123456"}', "name"),
        ('{"name": "Ana", "times": "many"}', "times"),
        ('{"name": ["Ana"]}', "name"),
        ('{"name": "Ana", "loud": true}', "loud"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_with_the_field_named(
    content: str, field: str
) -> None:
    refused = await run("greet", content)
    assert refused.outcome is ToolOutcome.REFUSED
    assert refused.content["error"] == "invalid_arguments"
    assert list(refused.content["fields"]) == [field]
    assert refused.content["say"]


async def test_an_unknown_tool_is_answered_too() -> None:
    unknown = await run("sing")
    assert (unknown.outcome, unknown.content["error"]) == (ToolOutcome.FAILED, "unknown_tool")


async def test_a_rule_of_the_business_refuses_with_its_data_in_the_clinics_time() -> None:
    refused = await run("refuse")
    assert refused.outcome is ToolOutcome.REFUSED
    assert refused.content["error"] == "slot_taken"
    assert refused.content["nextFree"] == ["2026-11-23T09:00-03:00"]


async def test_a_store_that_is_down_is_a_failure() -> None:
    failed = await run("lose_the_store")
    assert (failed.outcome, failed.content["error"]) == (ToolOutcome.FAILED, "unavailable")


async def test_a_fault_of_ours_tells_the_model_nothing(caplog: pytest.LogCaptureFixture) -> None:
    failed = await run("break_down")
    assert (failed.outcome, failed.content["error"]) == (ToolOutcome.FAILED, "internal")
    assert "secret" not in json.dumps(failed.content)
    assert "secret detail" in caplog.text


async def test_key_error_in_tool_is_no_unknown_tool() -> None:
    assert (await run("raise_key_error")).content["error"] == "internal"


async def test_a_tool_that_hangs_is_given_up() -> None:
    failed = await run("hang", deadline_s=0.01)
    assert (failed.outcome, failed.content["error"]) == (ToolOutcome.FAILED, "timeout")


async def test_a_cancelled_call_cancels_its_tool() -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run("hang"))
        await asyncio.sleep(0)
        running.cancel()
    assert running.cancelled()


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ValueError, match="greet is declared twice"):
        ToolRegistry([greet, greet])


OWNERS_TOOLS = {
    "consultarOrder": ("Consultar pedido por ID con verificación de identidad", {"orderId", "dni", "customerName"}),
    "cancelarOrder": ("Cancelar pedido existente con verificación de identidad", {"orderId", "dni", "customerName"}),
    "crearOrder": ("Crear nuevo pedido con items y datos del cliente", {"customerName", "customerEmail", "items", "total"}),
    "agendarTurno": ("Programar nueva cita médica", {"patientName", "patientEmail", "doctorName", "date", "duration", "type"}),
    "cancelarTurno": ("Cancelar cita existente", {"appointmentId", "patientName"}),
    "modificarTurno": ("Cambiar fecha/hora de cita", {"appointmentId", "patientName", "newDate"}),
    "consultarTurno": ("Obtener detalles de cita", {"appointmentId", "patientName"}),
}  # fmt: skip


def test_the_seven_tools_have_the_owners_names_parameters_and_descriptions() -> None:
    declared = {
        spec.name: (spec.description, set(json.loads(spec.input_schema)["properties"]))
        for spec in TOOLS.specs()
    }
    assert declared == OWNERS_TOOLS
