"""The e-mails that patients get about their appointments: their text, links and calendar file.

A mail is made when it is sent, from what is stored then. If the appointment isn't any more as the mail
would say, there is none: a later message says how it is.
"""

import re
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.utils.formats import date_format

from appointments import clinic, repository
from appointments.calendar_files import invitation
from appointments.domain import Appointment, AppointmentStatus
from appointments.labels import KIND_LABELS
from appointments.links.domain import ALLOWED_ACTIONS, LinkAction
from appointments.links.tokens import link_url
from appointments.mail_events import MailEvent
from appointments.schedules.services import current_schedule
from common.text import visible
from common.timestamps import from_iso, to_iso
from notifications.domain import Message
from notifications.mail import CalendarFile, Mail, MailLink, render_templates, signature

CALENDAR_FILE = "turno.ics"
UNNAMED_DOCTOR = "el consultorio"
CANCELLATIONS = frozenset({MailEvent.CANCELLED, MailEvent.LAPSED})
_LINK_LABELS = {
    LinkAction.CONFIRM: "Confirmar el turno",
    LinkAction.MOVE: "Cambiar el horario",
    LinkAction.CANCEL: "Cancelar el turno",
}
_LIKE_AN_ADDRESS = re.compile(r"[:/@\\]|\w\.\w|www|\d{4}", re.IGNORECASE)
MAX_NAME_LENGTH = 60
"""Longer names are no names of persons, but messages."""


def render(message: Message, now: datetime) -> Mail | None:
    """Return the mail of a message about an appointment; None if it would say what isn't so any more."""
    appointment = repository.get_appointment(message.record_id)
    event = MailEvent(message.event)
    if appointment is None or not _is_true(event, message, appointment, now):
        return None
    context = {
        "appointment": appointment,
        "patient_name": safe_name(appointment.patient_name),
        "doctor_name": shown_doctor(appointment.doctor_name),
        "when": format_start(appointment.starts_at, now=now),
        "previously": _previous_start(message, now),
        "kind": str(KIND_LABELS[appointment.kind]),
        "minutes": appointment.duration_min,
        "reserved_until": _reserved_until(appointment, now),
        "links": links_of(appointment, event, now=now),
    }
    attachments = () if event is MailEvent.REMINDER else (_calendar_file(appointment, now),)
    return render_templates(f"appointments/mail/{event}", context, attachments=attachments)


def links_of(appointment: Appointment, event: MailEvent, *, now: datetime) -> list[MailLink]:
    """Return the links that a mail of this event has, below its text: those of what can be done now."""
    if event in CANCELLATIONS or appointment.starts_at <= now:
        return []
    return [
        MailLink(label, link_url(appointment, action))
        for action, label in _LINK_LABELS.items()
        if action in ALLOWED_ACTIONS[appointment.status]
    ]


def _is_true(event: MailEvent, message: Message, appointment: Appointment, now: datetime) -> bool:
    """Whether a mail of this event says what is so now."""
    if appointment.starts_at <= now:
        return False
    if event in CANCELLATIONS:
        return appointment.status is AppointmentStatus.CANCELLED
    if event is MailEvent.RESERVED and not appointment.is_reserved:
        return False
    return (
        appointment.is_open
        and appointment.patient_email == message.recipient
        and to_iso(appointment.starts_at) == message.content["starts_at"]
        and appointment.doctor_name == message.content["doctor_name"]
    )


def _previous_start(message: Message, now: datetime) -> str:
    start = message.content.get("previous_start")
    is_other = start is not None and start != message.content["starts_at"]
    return format_start(from_iso(start), now=now) if start is not None and is_other else ""


def _reserved_until(appointment: Appointment, now: datetime) -> str:
    until = appointment.reserved_until
    if until is None:
        return ""
    # An e-mail that leaves late leaves time from now on; see `reservations`.
    latest = min(max(until, now + clinic.confirmation_grace()), appointment.starts_at)
    return format_start(latest, now=now)


def _calendar_file(appointment: Appointment, now: datetime) -> CalendarFile:
    business = signature()
    method, content = invitation(
        appointment,
        summary=f"Turno con {shown_doctor(appointment.doctor_name)}",
        description=f"Turno número {appointment.id} en {business['name']}, "
        f"{format_start(appointment.starts_at, now=now)}.",
        location=business["address"],
        organizer=parseaddr(settings.EMAIL_FROM)[1],
    )
    return CalendarFile(name=CALENDAR_FILE, method=method, data=content)


def format_start(instant: datetime, *, now: datetime) -> str:
    """Return day and time in the clinic's zone: "viernes 27 de noviembre a las 15:00".

    The year is named if it isn't the current one.
    """
    local, today = instant.astimezone(clinic.time_zone()), now.astimezone(clinic.time_zone())
    pattern = r"l j \d\e F" if local.year == today.year else r"l j \d\e F \d\e Y"
    return f"{date_format(local, pattern)} a las {local:%H:%M}"


def safe_name(name: str) -> str:
    """Return a patient's name for a mail; "" if it looks like an address of the web, or like a message.

    Anybody who calls says a name and an e-mail address: nobody must be able to send others links so, nor
    telephone numbers.
    """
    is_message = len(name) > MAX_NAME_LENGTH or _LIKE_AN_ADDRESS.search(name)
    return "" if is_message else visible(name)


def shown_doctor(name: str) -> str:
    """Return the name of the professional; callers may say any where none are stored (`CLINIC_DOCTORS`)."""
    is_stored = current_schedule().professional(name) is not None
    return name if is_stored else safe_name(name) or UNNAMED_DOCTOR
