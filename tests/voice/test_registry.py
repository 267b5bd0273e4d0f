"""The tool registry: schemas from signatures, validation of arguments, results and errors."""

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


class SlotTakenError(ConflictError):
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
    raise SlotTakenError(next_free=[context.now])


async def crash(context: ToolContext) -> dict[str, Any]:
    """Crash."""
    raise RuntimeError("secret detail")


async def raise_key_error(context: ToolContext) -> dict[str, Any]:
    """Raise a KeyError."""
    raise KeyError("detail")


async def fail_to_store(context: ToolContext) -> dict[str, Any]:
    """Fail to store."""
    raise UnavailableError(reason="throttled")


async def hang(context: ToolContext) -> dict[str, Any]:
    """Hang."""
    await asyncio.Event().wait()
    return {}


REGISTRY = ToolRegistry([greet, refuse, crash, raise_key_error, fail_to_store, hang])


async def run(name: str, content: str = "{}", *, deadline_s: float = 10) -> ToolResult:
    return await REGISTRY.run(name, content, CONTEXT, deadline_s=deadline_s)


def test_schema_is_made_from_the_signature() -> None:
    spec = REGISTRY.specs()[0]
    assert (spec.name, spec.description) == ("greet", "Greet somebody.")
    schema = json.loads(spec.input_schema)
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["name"] == {
        "description": "Whom.", "maxLength": 5, "title": "Name", "type": "string",
    }  # fmt: skip


async def test_tool_with_valid_arguments_is_run() -> None:
    assert await run("greet", '{"name": "Ana"}') == ToolResult(
        outcome=ToolOutcome.OK, content={"ok": True, "said": "Hola Ana", "token": "call:use"}
    )


async def test_number_for_a_text_parameter_is_accepted() -> None:
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
    ],
)
async def test_invalid_arguments_are_refused_with_the_field(content: str, field: str) -> None:
    refused = await run("greet", content)
    assert refused.outcome is ToolOutcome.REFUSED
    assert refused.content["error"] == "invalid_arguments"
    assert list(refused.content["fields"]) == [field]
    assert refused.content["say"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"name": "Ana", "loud": true}', "Hola Ana"),
        ('{"name": "Ana", "times": null}', "Hola Ana"),
        ('{"name": "Ana", "times": ""}', "Hola Ana"),
        ('{"Name": "Ana", "TIMES": 2}', "Hola AnaHola Ana"),
        ('\ufeff{"name": "Ana"}', "Hola Ana"),
        ('"{\\"name\\": \\"Ana\\"}"', "Hola Ana"),
    ],
)
async def test_arguments_in_the_form_models_send_are_read(content: str, said: str) -> None:
    assert (await run("greet", content)).content["said"] == said


@pytest.mark.parametrize("content", ['{"name": null}', '{"name": " "}', '{"name": "N/A"}'])
async def test_required_argument_without_value_is_missing(content: str) -> None:
    refused = await run("greet", content)
    assert refused.content["fields"] == {"name": "Field required"}


async def test_undeclared_argument_is_logged_by_name_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await run("greet", json.dumps({"name": "Ana", "x" * 99: "secret"}))
    (record,) = caplog.records
    assert (record.message, record.__dict__["names"]) == ("undeclared tool arguments", ["x" * 40])
    assert "secret" not in str(record.__dict__)


async def test_unknown_tool_is_reported_to_the_model() -> None:
    unknown = await run("sing")
    assert (unknown.outcome, unknown.content["error"]) == (ToolOutcome.FAILED, "unknown_tool")


async def test_domain_error_is_a_refusal_with_times_of_the_clinic() -> None:
    refused = await run("refuse")
    assert refused.outcome is ToolOutcome.REFUSED
    assert refused.content["error"] == "slot_taken"
    assert refused.content["nextFree"] == ["2026-11-23T09:00-03:00"]


async def test_unavailable_store_is_a_failure() -> None:
    failed = await run("fail_to_store")
    assert (failed.outcome, failed.content["error"]) == (ToolOutcome.FAILED, "unavailable")


async def test_unexpected_error_is_logged_and_hidden_from_the_model(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed = await run("crash")
    assert (failed.outcome, failed.content["error"]) == (ToolOutcome.FAILED, "internal")
    assert "secret" not in json.dumps(failed.content)
    assert "secret detail" in caplog.text


async def test_key_error_in_a_tool_is_an_internal_error() -> None:
    assert (await run("raise_key_error")).content["error"] == "internal"


async def test_hanging_tool_is_cancelled_at_the_deadline() -> None:
    failed = await run("hang", deadline_s=0.01)
    assert (failed.outcome, failed.content["error"]) == (ToolOutcome.FAILED, "timeout")


async def test_cancelled_run_cancels_the_tool() -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run("hang"))
        await asyncio.sleep(0)
        running.cancel()
    assert running.cancelled()


def test_duplicate_tool_name_is_refused() -> None:
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
OUR_PARAMETERS = {
    "consultarOrder": {"email"},
    "cancelarOrder": {"email"},
    "crearOrder": {"dni"},
    "agendarTurno": {"dni"},
    "cancelarTurno": {"dni", "email", "code"},
    "modificarTurno": {"dni", "email", "code"},
    "consultarTurno": {"dni", "email", "code"},
}
"""Optional parameters beside the owner's: they prove a customer's identity."""
OUR_TOOLS = {
    "dejarMensaje",
    "consultarDisponibilidad",
    "misTurnos",
    "misPedidos",
    "consultarInformacion",
}


def test_tools_have_the_names_parameters_and_descriptions_of_the_owner() -> None:
    declared = {
        spec.name: (spec.description, set(json.loads(spec.input_schema)["properties"]))
        for spec in TOOLS.specs()
        if spec.name not in OUR_TOOLS
    }
    added = {name: declared[name][1] - parameters for name, (_, parameters) in OWNERS_TOOLS.items()}
    assert added == OUR_PARAMETERS
    owners = {
        name: (description, names - OUR_PARAMETERS[name])
        for name, (description, names) in declared.items()
    }
    assert owners == OWNERS_TOOLS


def test_parameters_that_the_owner_did_not_name_are_optional() -> None:
    specs = [spec for spec in TOOLS.specs() if spec.name not in OUR_TOOLS]
    for spec in specs:
        required = set(json.loads(spec.input_schema).get("required", ()))
        assert required.isdisjoint(OUR_PARAMETERS[spec.name])
