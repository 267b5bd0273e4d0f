"""Names of states of waiting entries and of parts of the day, for people."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from appointments.domain import DayPart
from appointments.waiting_list.domain import WaitingStatus

WAITING_LABELS: Mapping[WaitingStatus, Promise] = {
    WaitingStatus.WAITING: _("Waiting"),
    WaitingStatus.OFFERED: _("Time offered"),
    WaitingStatus.BOOKED: _("Accepted and booked"),
    WaitingStatus.WITHDRAWN: _("Waits no longer"),
}

DAY_PART_LABELS: Mapping[DayPart, Promise] = {
    DayPart.MORNING: _("Morning (until 12)"),
    DayPart.AFTERNOON: _("Afternoon (12 to 20)"),
    DayPart.EVENING: _("Evening (from 20)"),
}
