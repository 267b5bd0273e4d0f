"""The domain errors of appointments. `common.errors` describes the tree they belong to."""

from datetime import date
from typing import override

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from appointments.labels import status_label
from common.errors import ConflictError, NotAllowedError, NotFoundError, RuleError
from common.identity.errors import NotVerifiedError


class AppointmentNotFoundError(NotVerifiedError):
    """No appointment has this id, or it isn't the caller's: the answer is the same for both."""

    code = "appointment_not_found"
    text = _("I can't find an appointment with that number and that name.")


class PatientNotFoundError(NotVerifiedError):
    """Nobody of this name has an appointment under this number or address."""

    code = "patient_not_found"
    text = _("I can't find appointments under that name with those details.")


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


class TooManyMovesError(NotAllowedError):
    """Its patient, or somebody in their name, has moved the appointment too often on one day."""

    code = "too_many_moves"
    http_status = 429
    text = _("It was moved too often today. Somebody of our staff can move it: please call us.")


class AppointmentAlreadyCancelledError(ConflictError):
    """The appointment is already cancelled."""

    code = "appointment_already_cancelled"
    text = _("That appointment is already cancelled.")


class WaitingEntryNotFoundError(NotFoundError):
    """No entry of the waiting list has this id."""

    code = "waiting_entry_not_found"
    text = _("There is no such entry on the waiting list.")


class WaitingEntryClosedError(ConflictError):
    """The entry has ended, or a time is held for it; `data["status"]` is its state."""

    code = "waiting_entry_closed"
    text = _("That entry of the waiting list can't be changed now.")


class WaitingListFullError(ConflictError):
    """So many patients wait that no more can be added; `data["limit"]` is the number."""

    code = "waiting_list_full"
    text = _("The waiting list is full: %(limit)s patients wait.")


class OfferOverError(ConflictError):
    """The time is not held for this patient any more."""

    code = "offer_over"
    text = _("That time is not reserved for you any more.")


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


class ClosedDayError(RuleError):
    """The clinic is closed all day, `data["reason"]` says why; `data["alternatives"]` as above."""

    code = "closed_day"
    text = _("The clinic is closed on %(day)s.")

    @override
    def text_values(self) -> dict[str, object]:
        day, reason = self.data["day"], str(self.data["reason"])
        assert isinstance(day, date)
        shown = date_format(day, "DATE_FORMAT")
        return {"day": f"{shown} ({reason})" if reason else shown}


class ProfessionalAwayError(RuleError):
    """`data["doctor"]` doesn't work at that time; `data["alternatives"]` as above."""

    code = "professional_away"
    text = _("%(doctor)s doesn't see patients at that time.")


class NewPatientsNotAcceptedError(RuleError):
    """`data["doctor"]` has appointments only with patients who have had one before."""

    code = "new_patients_not_accepted"
    text = _("%(doctor)s isn't taking new patients.")


class ProfessionalNotFoundError(NotFoundError):
    """No professional has this id."""

    code = "professional_not_found"
    text = _("There is no such professional.")


class ProfessionalExistsError(ConflictError):
    """There is a professional with this name, `data["name"]`, perhaps in another spelling."""

    code = "professional_exists"
    text = _("There is a professional with this name already.")


class EntryNotFoundError(NotFoundError):
    """No entry about the business has this id."""

    code = "entry_not_found"
    text = _("This entry is not there any more.")


class LastProfessionalError(RuleError):
    """The only professional can't be deleted: those of the settings would be valid again."""

    code = "last_professional"
    text = _("The last professional can't be deleted. Add another one first.")


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
