"""What people call the statuses of an appointment."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointments.domain import AppointmentStatus

STATUS_LABELS: Mapping[AppointmentStatus, Promise] = {
    AppointmentStatus.SCHEDULED: _("Booked"),
    AppointmentStatus.CONFIRMED: _("Confirmed"),
    AppointmentStatus.CANCELLED: _("Cancelled"),
    AppointmentStatus.COMPLETED: _("Done"),
}


def status_label(status: object) -> str:
    """Return a status, given as it is stored, as it stands within a sentence."""
    return str(STATUS_LABELS[AppointmentStatus(str(status))]).lower()
