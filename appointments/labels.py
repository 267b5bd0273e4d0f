"""Names of the statuses and types of an appointment, for people."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointments.domain import TRANSITIONS, AppointmentKind, AppointmentStatus

STATUS_LABELS: Mapping[AppointmentStatus, Promise] = {
    AppointmentStatus.SCHEDULED: _("Booked"),
    AppointmentStatus.CONFIRMED: _("Confirmed"),
    AppointmentStatus.CANCELLED: _("Cancelled"),
    AppointmentStatus.COMPLETED: _("Done"),
}

KIND_LABELS: Mapping[AppointmentKind, Promise] = {
    AppointmentKind.CONSULTATION: _("Consultation"),
    AppointmentKind.FOLLOW_UP: _("Follow-up"),
    AppointmentKind.EMERGENCY: _("Emergency"),
    AppointmentKind.ROUTINE: _("Routine"),
}


def status_label(status: object) -> str:
    """Return the name of a stored status in lower case, for use within a sentence."""
    return str(STATUS_LABELS[AppointmentStatus(str(status))]).lower()


def status_choices(current: AppointmentStatus) -> list[tuple[str, Promise]]:
    """Return value and label of the statuses a form offers: the current one and those that may follow."""
    offered = {current} | TRANSITIONS[current]
    return [(status.value, label) for status, label in STATUS_LABELS.items() if status in offered]
