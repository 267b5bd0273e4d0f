"""The voice tools of what a reception answers beside the owner's seven: free times, and one's own records."""

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from appointments import services as appointment_services
from appointments.domain import (
    MAX_DURATION_MINUTES,
    MIN_DURATION_MINUTES,
    AppointmentKind,
    DayPart,
)
from appointments.information import services as information_services
from appointments.information.domain import MAX_QUESTION_LENGTH
from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from common.dynamodb.client import run_in_thread
from orders import services as order_services
from voice.tools.arguments import (
    ServiceField,
    read_day_part,
    read_duration,
    read_kind,
    read_local_day,
    read_text,
)
from voice.tools.registry import ToolContext, read_only
from voice.tools.results import (
    availability_result,
    information_result,
    own_appointments_result,
    own_orders_result,
)

MAX_FREE_TIMES = 6
"""More than a customer remembers; the model asks again with other days."""

PatientName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_LENGTH, description="Nombre y apellido del paciente."),
]
CustomerName = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_LENGTH, description="Nombre y apellido.")
]
Dni = Annotated[
    str | None, BeforeValidator(read_text), Field(max_length=80, description="DNI, en dígitos.")
]
Email = Annotated[
    str | None, Field(max_length=MAX_EMAIL_LENGTH, description="Email completo, en lugar del DNI.")
]
LocalDay = Annotated[date | None, BeforeValidator(read_local_day)]


@read_only
async def consultarDisponibilidad(
    context: ToolContext,
    *,
    doctorName: Annotated[
        str | None,
        Field(max_length=MAX_NAME_LENGTH, description="Profesional; sin él, cualquiera."),
    ] = None,
    specialty: Annotated[
        str | None,
        Field(max_length=MAX_NAME_LENGTH, description="Especialidad, en lugar de un profesional."),
    ] = None,
    dateFrom: Annotated[
        LocalDay,
        ServiceField("date"),
        Field(description="Primer día, ISO 8601: 2026-11-27. Sin él, hoy."),
    ] = None,
    dateUntil: Annotated[
        LocalDay, Field(description="Último día. El mismo que dateFrom si pide un solo día.")
    ] = None,
    partOfDay: Annotated[
        DayPart | None,
        BeforeValidator(read_day_part),
        Field(description="Parte del día, si la pide."),
    ] = None,
    type: Annotated[
        AppointmentKind, BeforeValidator(read_kind), Field(description="Tipo de cita.")
    ] = AppointmentKind.CONSULTATION,
    duration: Annotated[
        int | None,
        BeforeValidator(read_duration),
        Field(ge=MIN_DURATION_MINUTES, le=MAX_DURATION_MINUTES, description="Minutos."),
    ] = None,
) -> dict[str, Any]:
    """Consultar los próximos horarios libres para un turno"""
    found = await run_in_thread(
        appointment_services.find_availability,
        professional=doctorName,
        specialty=specialty,
        first=dateFrom,
        last=dateUntil,
        day_part=partOfDay,
        kind=type,
        duration_min=duration,
        is_customer=True,
        limit=MAX_FREE_TIMES,
        now=context.now,
    )
    return availability_result(found, now=context.now, time_zone=context.time_zone)


@read_only
async def misTurnos(
    context: ToolContext, *, patientName: PatientName, dni: Dni = None, email: Email = None
) -> dict[str, Any]:
    """Obtener los próximos turnos de un paciente, con su nombre y su DNI o su email completo"""
    found = await run_in_thread(
        appointment_services.list_own_appointments,
        caller=context.customer(name=patientName, dni=dni, email=email),
        now=context.now,
    )
    return own_appointments_result(found, now=context.now, time_zone=context.time_zone)


@read_only
async def misPedidos(
    context: ToolContext, *, customerName: CustomerName, dni: Dni = None, email: Email = None
) -> dict[str, Any]:
    """Obtener los últimos pedidos de un cliente, con su nombre y su DNI o su email completo"""
    found = await run_in_thread(
        order_services.list_own_orders,
        caller=context.customer(name=customerName, dni=dni, email=email),
        now=context.now,
    )
    return own_orders_result(found, now=context.now, time_zone=context.time_zone)


@read_only
async def consultarInformacion(
    context: ToolContext,
    *,
    question: Annotated[
        str,
        BeforeValidator(read_text),
        Field(
            min_length=1,
            max_length=MAX_QUESTION_LENGTH,
            description="La pregunta del cliente: ¿atienden OSDE?",
        ),
    ],
) -> dict[str, Any]:
    """Buscar lo que el negocio informa: obras sociales, requisitos, preparación de estudios, pagos"""
    del context
    found = await run_in_thread(information_services.find_information, question=question)
    return information_result(found)
