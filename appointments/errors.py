"""What may go wrong with appointments, as far as it is foreseen."""

from typing import override

from django.utils.translation import gettext_lazy as _

from appointments.labels import status_label
from common.errors import ConflictError, NotFoundError, RuleError


class AppointmentNotFoundError(NotFoundError):
    """No appointment has this id, or it isn't this caller's; the two are answered alike."""

    code = "appointment_not_found"
    text = _("I can't find an appointment with that number and that name.")


class SlotTakenError(ConflictError):
    """The doctor has another appointment then.

    `data["alternatives"]` holds up to three free starts of that day, or the next day that has any,
    aware, in the clinic's time.
    """

    code = "slot_taken"
    text = _("The doctor is taken at that time.")


class AppointmentClosedError(ConflictError):
    """It is cancelled, completed or over. `data["status"]` says which."""

    code = "appointment_closed"
    text = _("That appointment can't be changed any more.")


class AppointmentAlreadyCancelledError(ConflictError):
    """It was cancelled before."""

    code = "appointment_already_cancelled"
    text = _("That appointment is already cancelled.")


class AppointmentStatusError(ConflictError):
    """That status can't follow the present one: `data["status"]`, `data["wanted"]`, `data["allowed"]`."""

    code = "appointment_status_not_allowed"
    text = _("An appointment that is %(status)s can't become %(wanted)s.")

    @override
    def words(self) -> dict[str, object]:
        return {name: status_label(self.data[name]) for name in ("status", "wanted")}


class AppointmentInThePastError(RuleError):
    """The time that was asked for has passed."""

    code = "appointment_in_the_past"
    text = _("That time has already passed.")


class OutsideOpeningHoursError(RuleError):
    """The clinic is closed then, or closes before the end. `data["alternatives"]` as for a taken time."""

    code = "outside_opening_hours"
    text = _("The clinic is closed at that time.")


class DoctorNotFoundError(RuleError):
    """Nobody, or more than one, of the doctors is meant. `data["doctors"]` names who could be."""

    code = "doctor_not_found"
    text = _("I don't know which doctor is meant.")
