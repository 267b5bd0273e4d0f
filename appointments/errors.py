"""The domain errors of appointments. `common.errors` describes the tree they belong to."""

from datetime import date
from typing import override

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from appointments.labels import status_label
from common.errors import ConflictError, RuleError
from common.identity.errors import NotVerifiedError


class AppointmentNotFoundError(NotVerifiedError):
    """No appointment has this id, or it isn't the caller's: the answer is the same for both."""

    code = "appointment_not_found"
    text = _("I can't find an appointment with that number and that name.")


class SlotTakenError(ConflictError):
    """The doctor has another appointment at that time.

    `data["alternatives"]` lists up to three free start times of that day, or of the next day that
    has any: aware, in the clinic's time zone.
    """

    code = "slot_taken"
    text = _("The doctor is taken at that time.")


class PatientBusyError(ConflictError):
    """The patient has an appointment with another doctor then; `data["alternatives"]` as above."""

    code = "patient_busy"
    text = _("The patient already has an appointment at that time.")


class AppointmentClosedError(ConflictError):
    """The appointment is cancelled, completed or has started; `data["status"]` is its status."""

    code = "appointment_closed"
    text = _("That appointment can't be changed any more.")


class AppointmentAlreadyCancelledError(ConflictError):
    """The appointment is already cancelled."""

    code = "appointment_already_cancelled"
    text = _("That appointment is already cancelled.")


class AppointmentStatusError(ConflictError):
    """The status `data["wanted"]` can't follow `data["status"]`; those in `data["allowed"]` can."""

    code = "appointment_status_not_allowed"
    text = _("An appointment that is %(status)s can't become %(wanted)s.")

    @override
    def text_values(self) -> dict[str, object]:
        return {name: status_label(self.data[name]) for name in ("status", "wanted")}


class AppointmentInThePastError(RuleError):
    """The requested time has passed."""

    code = "appointment_in_the_past"
    text = _("That time has already passed.")


class NonexistentTimeError(RuleError):
    """The clocks go forward then and skip the time; `data["alternatives"]` as in `SlotTakenError`."""

    code = "nonexistent_time"
    text = _("That time doesn't exist: the clocks go forward that day.")


class AppointmentTooFarError(RuleError):
    """The requested time is after `data["last_day"]`, the last that can be booked."""

    code = "appointment_too_far"
    text = _("That is too far ahead: appointments can be booked up to %(last_day)s.")

    @override
    def text_values(self) -> dict[str, object]:
        last_day = self.data["last_day"]
        assert isinstance(last_day, date)
        return {"last_day": date_format(last_day, "DATE_FORMAT")}


class NotASlotError(RuleError):
    """Appointments don't start at that time: they do every `data["step_minutes"]` minutes.

    `data["alternatives"]` as in `SlotTakenError`.
    """

    code = "not_a_slot"
    text = _("Appointments don't start at that time: there is one every %(step_minutes)s minutes.")


class OutsideOpeningHoursError(RuleError):
    """The clinic is closed for some of the time; `data["alternatives"]` as in `SlotTakenError`."""

    code = "outside_opening_hours"
    text = _("The clinic is closed at that time.")


class DoctorNotFoundError(RuleError):
    """The name refers to no doctor, or to more than one; `data["doctors"]` lists the candidates.

    Candidates are the doctors that the name may refer to, or else all doctors.
    """

    code = "doctor_not_found"
    text = _("I don't know which doctor is meant.")

    @property
    @override
    def message(self) -> str:
        doctors = [str(doctor) for doctor in self.data.get("doctors", [])]  # type: ignore[attr-defined]  # a list
        if not doctors:
            return super().message
        return _("I don't know which doctor is meant. There are: %(doctors)s.") % {
            "doctors": ", ".join(doctors)
        }
