"""The voice tool with which a customer leaves a message for the staff. The owner's seven are beside it."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH, MAX_PHONE_LENGTH
from common.dynamodb.client import run_in_thread
from follow_ups import services
from follow_ups.domain import MAX_MESSAGE_LENGTH
from voice.tools.arguments import read_text
from voice.tools.registry import ToolContext, needs_confirmation
from voice.tools.results import describe_message, message_result


@needs_confirmation(describe_message)
async def dejarMensaje(
    context: ToolContext,
    *,
    customerName: Annotated[
        str, Field(min_length=1, max_length=MAX_NAME_LENGTH, description="Nombre y apellido.")
    ],
    reason: Annotated[
        str,
        BeforeValidator(read_text),
        Field(
            min_length=1, max_length=MAX_MESSAGE_LENGTH, description="Qué necesita, en una frase."
        ),
    ],
    phone: Annotated[
        str | None,
        BeforeValidator(read_text),
        Field(max_length=MAX_PHONE_LENGTH, description="Teléfono con característica, en dígitos."),
    ] = None,
    customerEmail: Annotated[
        str | None, Field(max_length=MAX_EMAIL_LENGTH, description="Email.")
    ] = None,
) -> dict[str, Any]:
    """Dejar un mensaje para que una persona del equipo le responda al cliente"""
    left = await run_in_thread(
        services.leave_follow_up,
        caller=context.customer(name=customerName),
        is_dry_run=context.is_dry_run,
        customer_name=customerName,
        message=reason,
        phone=phone or "",
        email=customerEmail or "",
        token=context.token,
        now=context.now,
    )
    return message_result(left)
