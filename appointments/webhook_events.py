"""What the receivers of webhooks learn about an appointment."""

from typing import Any

from appointments.domain import Appointment, AppointmentStatus
from common.contact import mask_phone
from common.identity.verification import mask_dni
from common.naming import camel_case
from common.record_changes import changed_fields
from common.timestamps import to_iso
from webhooks.domain import EventType, PersonalData, without_personal_data
from webhooks.services import Event

RECORD_TYPE = "appointment"
PERSONAL_FIELDS = ("patientName", "patientEmail", "dni", "phone", "notes")
SENT_NAMES = {"starts_at": "date", "duration_min": "duration", "kind": "type"}
"""The names that REST gives to fields, where they aren't those of the domain in camelCase."""


def events_about(before: Appointment | None, after: Appointment) -> list[Event]:
    """Return the event of a new version of an appointment."""
    event = event_of(before, after)
    extra: dict[str, Any] = {}
    if event is EventType.APPOINTMENT_MOVED and before is not None:
        extra["previous"] = {
            "doctorName": before.doctor_name,
            "date": to_iso(before.starts_at),
            "duration": before.duration_min,
        }
    if event is EventType.APPOINTMENT_CHANGED and before is not None:
        changed = [each for each in changed_fields(before, after) if each != "code"]
        extra["changedFields"] = [SENT_NAMES.get(each, camel_case(each)) for each in changed]
    assert after.updated_at is not None
    return [_event(event, after, to_iso(after.updated_at), extra)]


def event_of(before: Appointment | None, after: Appointment) -> EventType:
    """Return what happened to an appointment."""
    if before is None:
        return EventType.APPOINTMENT_BOOKED
    is_cancelled = after.status is AppointmentStatus.CANCELLED
    if is_cancelled and before.status is not AppointmentStatus.CANCELLED:
        return EventType.APPOINTMENT_CANCELLED
    if (before.interval, before.doctor_name) != (after.interval, after.doctor_name):
        return EventType.APPOINTMENT_MOVED
    return EventType.APPOINTMENT_CHANGED


def deletion_events(appointment: Appointment) -> list[Event]:
    """Return the event of the deletion of an appointment."""
    updated_at = appointment.updated_at
    version = "" if updated_at is None else to_iso(updated_at)
    return [_event(EventType.APPOINTMENT_DELETED, appointment, version, {})]


def _event(
    event: EventType, appointment: Appointment, version: str, extra: dict[str, Any]
) -> Event:
    def make_data(personal_data: PersonalData) -> dict[str, Any]:
        return {**appointment_data(appointment, personal_data), **extra}

    return Event(
        type=event,
        record_type=RECORD_TYPE,
        record_id=appointment.id,
        version=version,
        make_data=make_data,
    )


def appointment_data(appointment: Appointment, personal_data: PersonalData) -> dict[str, Any]:
    """Return an appointment as REST shows it, with the personal data that an endpoint gets."""
    reserved_until = appointment.reserved_until
    created_at, updated_at = appointment.created_at, appointment.updated_at
    data = {
        "id": appointment.id,
        "patientName": appointment.patient_name,
        "patientEmail": appointment.patient_email,
        "dni": appointment.dni,
        "phone": appointment.phone,
        "doctorName": appointment.doctor_name,
        "date": to_iso(appointment.starts_at),
        "duration": appointment.duration_min,
        "type": appointment.kind.value,
        "notes": appointment.notes,
        "status": appointment.status.value,
        "reservedUntil": None if reserved_until is None else to_iso(reserved_until),
        "createdAt": None if created_at is None else to_iso(created_at),
        "updatedAt": None if updated_at is None else to_iso(updated_at),
    }
    masks = {"dni": mask_dni, "phone": mask_phone}
    return without_personal_data(data, personal_data, personal=PERSONAL_FIELDS, masks=masks)
