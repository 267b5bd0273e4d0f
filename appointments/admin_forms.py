"""The forms in which staff book, change and reschedule appointments."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, override

from django import forms
from django.conf import settings
from django.contrib.admin.widgets import AdminSplitDateTime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from appointments.admin_records import Appointment
from appointments.domain import MOVES, AppointmentStatus
from appointments.labels import STATUS_LABELS
from common.errors import DomainError, StaleVersionError
from staff.forms import RecordForm


def said(instant: datetime) -> str:
    """Return day and time as staff read them: "vie 27/11 10:00"."""
    return date_format(localtime(instant), "D j/n H:i")


def sentence(error: DomainError) -> str:
    """Return an error's sentence, with free times."""
    times = error.data.get("alternatives")
    if not isinstance(times, list) or not times:
        return error.message
    return f"{error.message} " + _("Free: %(times)s.") % {"times": ", ".join(map(said, times))}


class AppointmentForm(RecordForm):
    """An appointment; its status may only become what may follow the present one."""

    error_fields = {  # noqa: RUF012 -- Django's metaclass would take it for a field's
        "appointment_status_not_allowed": "status",
        "appointment_in_the_past": "starts_at",
        "outside_opening_hours": "starts_at",
        "slot_taken": "starts_at",
        "doctor_not_found": "doctor_name",
        "duration": "duration_min",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            present = AppointmentStatus(self.instance.status)
            may_be = [status for status in STATUS_LABELS if status in {present} | MOVES[present]]
            choices = [(status.value, STATUS_LABELS[status]) for status in may_be]
            self.fields["status"].choices = choices  # type: ignore[attr-defined]  # a choice field's
        if "doctor_name" in self.fields and settings.CLINIC_DOCTORS:
            self.fields["doctor_name"] = self._doctor_field()

    @override
    def sentence(self, error: DomainError) -> str:
        return sentence(error)

    def _doctor_field(self) -> forms.ChoiceField:
        names = [*settings.CLINIC_DOCTORS]
        if self.instance.doctor_name and self.instance.doctor_name not in names:
            names.append(self.instance.doctor_name)  # one who has left
        label = self.fields["doctor_name"].label
        return forms.ChoiceField(
            label=label, choices=[("", "---------"), *((name, name) for name in names)]
        )


class RescheduleForm(forms.Form):
    """New times for some appointments, each with a field of its own, named by its id.

    Hidden beside each travel the time and the version that staff saw: only what they changed is
    moved, and only if nobody else has changed the appointment meanwhile.
    """

    def __init__(self, appointments: Iterable[Appointment], data: Any = None) -> None:
        super().__init__(data)
        self.appointments = list(appointments)
        for appointment in self.appointments:
            self.fields[appointment.id] = forms.SplitDateTimeField(
                label=f"{appointment.patient_name}, {appointment.doctor_name}",
                widget=AdminSplitDateTime(),
                initial=appointment.starts_at,
                show_hidden_initial=True,
            )
            self.fields[_version_of(appointment)] = forms.CharField(
                required=False, widget=forms.HiddenInput, initial=appointment.version
            )

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse to move what is no longer what staff saw."""
        for appointment in self._changed():
            if self.data.get(_version_of(appointment), "") != appointment.version:
                stored = _("Stored now: %(value)s") % {"value": said(appointment.starts_at)}
                self.add_error(appointment.id, [StaleVersionError().message, stored])
        return self.cleaned_data

    def moved(self) -> Iterator[tuple[Appointment, datetime]]:
        """Yield the appointments that get another time, with that time."""
        for appointment in self._changed():
            yield appointment, self.cleaned_data[appointment.id]

    def leave_out(self, appointment: Appointment) -> None:
        """Ask no more for an appointment that has been moved."""
        self.appointments.remove(appointment)
        del self.fields[appointment.id], self.fields[_version_of(appointment)]

    def _changed(self) -> list[Appointment]:
        return [each for each in self.appointments if each.id in self.changed_data]


def _version_of(appointment: Appointment) -> str:
    return f"{appointment.id}-version"
