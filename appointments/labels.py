"""Names of the statuses and types of an appointment, for people."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointments.domain import TRANSITIONS, Appointment, AppointmentKind, AppointmentStatus

STATUS_LABELS: Mapping[AppointmentStatus, Promise] = {
    AppointmentStatus.SCHEDULED: _("Booked"),
    AppointmentStatus.CONFIRMED: _("Confirmed"),
    AppointmentStatus.CANCELLED: _("Cancelled"),
    AppointmentStatus.COMPLETED: _("Done"),
}

RESERVED = "reserved"
"""How staff pages name the state of a reserved appointment, which is stored as scheduled."""
RESERVED_LABEL = _("Reserved, not confirmed")

KIND_LABELS: Mapping[AppointmentKind, Promise] = {
    AppointmentKind.CONSULTATION: _("Consultation"),
    AppointmentKind.FOLLOW_UP: _("Follow-up"),
    AppointmentKind.EMERGENCY: _("Emergency"),
    AppointmentKind.ROUTINE: _("Routine"),
}


def status_label(status: object) -> str:
    """Return the name of a stored status in lower case, for use within a sentence."""
    return str(STATUS_LABELS[AppointmentStatus(str(status))]).lower()


def state_of(appointment: Appointment) -> str:
    """Return the stored status, or `reserved`, for style sheets."""
    return RESERVED if appointment.is_reserved else appointment.status.value


def state_label(appointment: Appointment) -> Promise:
    """Return the name of the status, or of a reservation."""
    return RESERVED_LABEL if appointment.is_reserved else STATUS_LABELS[appointment.status]


def status_choices(current: AppointmentStatus) -> list[tuple[str, Promise]]:
    """Return value and label of the statuses a form offers: the current one and those that may follow."""
    offered = {current} | TRANSITIONS[current]
    return [(status.value, label) for status, label in STATUS_LABELS.items() if status in offered]
