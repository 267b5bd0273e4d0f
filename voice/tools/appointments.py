"""The voice tools of appointments: each calls one service.

Names, parameters and descriptions are specified by the owner, word for word.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from appointments import services
from appointments.domain import MAX_DURATION_MINUTES, MIN_DURATION_MINUTES, AppointmentKind
from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from common.dynamodb.client import run_in_thread
from voice.tools.arguments import (
    ServiceField,
    read_duration,
    read_kind,
    read_local_time,
    read_text,
)
from voice.tools.registry import ToolContext, needs_confirmation, read_only
from voice.tools.results import (
    appointment_result,
    describe_appointment_cancellation,
    describe_booking,
    describe_rescheduling,
)

AppointmentId = Annotated[
    str,
    BeforeValidator(read_text),
    Field(min_length=1, max_length=80, description="Número de la cita, en dígitos."),
]
PatientName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_LENGTH, description="Nombre y apellido del paciente."),
]
Dni = Annotated[
    str | None,
    BeforeValidator(read_text),
    Field(max_length=80, description="DNI del paciente, en dígitos."),
]
EmailLetters = Annotated[
    str | None,
    Field(
        max_length=MAX_EMAIL_LENGTH,
        description="Email del paciente o sus primeras cuatro letras, para verificar identidad.",
    ),
]
Code = Annotated[
    str | None,
    BeforeValidator(read_text),
    Field(max_length=80, description="Código que se le dio al paciente al agendar, en dígitos."),
]
LocalDate = Annotated[
    datetime,
    BeforeValidator(read_local_time),
    Field(description="Fecha y hora local, ISO 8601: 2026-11-27T15:00:00."),
]


@needs_confirmation(describe_booking)
async def agendarTurno(
    context: ToolContext,
    *,
    patientName: PatientName,
    patientEmail: Annotated[
        str, Field(min_length=3, max_length=MAX_EMAIL_LENGTH, description="Email.")
    ],
    doctorName: Annotated[
        str, Field(min_length=1, max_length=MAX_NAME_LENGTH, description="Doctor o doctora.")
    ],
    date: LocalDate,
    duration: Annotated[
        int,
        BeforeValidator(read_duration),
        Field(ge=MIN_DURATION_MINUTES, le=MAX_DURATION_MINUTES, description="Minutos."),
    ] = 30,
    type: Annotated[
        AppointmentKind, BeforeValidator(read_kind), Field(description="Tipo de cita.")
    ] = AppointmentKind.CONSULTATION,
    dni: Dni = None,
) -> dict[str, Any]:
    """Programar nueva cita médica"""
    booked = await run_in_thread(
        services.book_appointment,
        caller=context.customer(name=patientName),
        is_dry_run=context.is_dry_run,
        patient_name=patientName,
        patient_email=patientEmail,
        doctor_name=doctorName,
        starts_at=_aware(date, context),
        duration_min=duration,
        kind=type,
        dni=dni,
        token=context.token,
        now=context.now,
    )
    result = appointment_result(booked, now=context.now, time_zone=context.time_zone)
    return {**result, "code": " ".join(booked.code)} if booked.code else result


@needs_confirmation(describe_appointment_cancellation)
async def cancelarTurno(
    context: ToolContext,
    *,
    appointmentId: AppointmentId,
    patientName: PatientName,
    dni: Dni = None,
    email: EmailLetters = None,
    code: Code = None,
) -> dict[str, Any]:
    """Cancelar cita existente"""
    cancelled = await run_in_thread(
        services.cancel_appointment,
        is_dry_run=context.is_dry_run,
        appointment_id=appointmentId,
        caller=context.customer(name=patientName, dni=dni, email=email, code=code),
        now=context.now,
    )
    return appointment_result(cancelled, now=context.now, time_zone=context.time_zone)


@needs_confirmation(describe_rescheduling)
async def modificarTurno(
    context: ToolContext,
    *,
    appointmentId: AppointmentId,
    patientName: PatientName,
    newDate: Annotated[LocalDate, ServiceField("date")],
    dni: Dni = None,
    email: EmailLetters = None,
    code: Code = None,
) -> dict[str, Any]:
    """Cambiar fecha/hora de cita"""
    moved = await run_in_thread(
        services.reschedule_appointment,
        is_dry_run=context.is_dry_run,
        appointment_id=appointmentId,
        caller=context.customer(name=patientName, dni=dni, email=email, code=code),
        starts_at=_aware(newDate, context),
        now=context.now,
    )
    return appointment_result(moved, now=context.now, time_zone=context.time_zone)


@read_only
async def consultarTurno(
    context: ToolContext,
    *,
    appointmentId: AppointmentId,
    patientName: PatientName,
    dni: Dni = None,
    email: EmailLetters = None,
    code: Code = None,
) -> dict[str, Any]:
    """Obtener detalles de cita"""
    found = await run_in_thread(
        services.look_up_appointment,
        appointment_id=appointmentId,
        caller=context.customer(name=patientName, dni=dni, email=email, code=code),
        now=context.now,
    )
    return appointment_result(found, now=context.now, time_zone=context.time_zone)


def _aware(date: datetime, context: ToolContext) -> datetime:
    """Return `date` with a time zone: the clinic's if the model sent none, as its prompt says."""
    return date if date.tzinfo else date.replace(tzinfo=context.time_zone)
