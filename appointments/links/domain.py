"""What a link of an appointment is bound to, and what it allows. Pure: no I/O, no clock, no Django."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from appointments.domain import Appointment, AppointmentStatus
from common.timestamps import to_iso


class LinkAction(StrEnum):
    """What a link can do, as its address says it."""

    CONFIRM = "confirmar"
    CANCEL = "cancelar"
    MOVE = "mover"


class LinkProblem(StrEnum):
    """Why a link can't be used."""

    INVALID = "invalid"
    """Nobody signed it so: it is cut, or made up."""
    EXPIRED = "expired"
    """The appointment's time has come."""
    REPLACED = "replaced"
    """The appointment was moved, got another e-mail address or was deleted since the link was sent."""


ALLOWED_ACTIONS: Mapping[AppointmentStatus, frozenset[LinkAction]] = MappingProxyType(
    {
        AppointmentStatus.SCHEDULED: frozenset(LinkAction),
        AppointmentStatus.CONFIRMED: frozenset({LinkAction.CANCEL, LinkAction.MOVE}),
        AppointmentStatus.CANCELLED: frozenset(),
        AppointmentStatus.COMPLETED: frozenset(),
    }
)
"""By status, what a link can do to an appointment."""

RESULTS: Mapping[LinkAction, AppointmentStatus] = MappingProxyType(
    {
        LinkAction.CONFIRM: AppointmentStatus.CONFIRMED,
        LinkAction.CANCEL: AppointmentStatus.CANCELLED,
    }
)
"""The status that an action leads to; done a second time, it changes nothing and is no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentLink:
    """What a link says, under its signature.

    Attributes:
        appointment_id: The appointment it belongs to.
        fingerprint: A hash of what it is bound to.
        expires_at: The start of the appointment, to the second.

    """

    appointment_id: str
    fingerprint: str
    expires_at: datetime

    @classmethod
    def to_appointment(cls, appointment: Appointment) -> "AppointmentLink":
        """Return the link to an appointment as it is now."""
        return cls(
            appointment_id=appointment.id,
            fingerprint=_fingerprint(appointment),
            expires_at=appointment.starts_at.replace(microsecond=0),
        )

    def problem_with(self, appointment: Appointment | None, *, now: datetime) -> LinkProblem | None:
        """Return why the link can't be used; None if it can.

        Args:
            appointment: The stored appointment with the link's id, or None.
            now: The current time.

        """
        if now >= self.expires_at:
            return LinkProblem.EXPIRED
        if appointment is None or _fingerprint(appointment) != self.fingerprint:
            return LinkProblem.REPLACED
        return None


def _fingerprint(appointment: Appointment) -> str:
    """Return a hash of what a link is bound to; the creation tells apart two appointments with one id."""
    created_at = appointment.created_at
    parts = (
        appointment.id,
        appointment.patient_email.lower(),
        to_iso(appointment.starts_at),
        "" if created_at is None else to_iso(created_at),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]
