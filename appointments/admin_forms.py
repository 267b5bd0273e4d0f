"""Forms of the staff admin in which appointments are booked, changed and rescheduled."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, override

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from appointments.admin_records import Appointment
from appointments.domain import AppointmentStatus
from appointments.labels import status_choices
from appointments.schedules.services import current_schedule
from common.errors import DomainError, StaleVersionError
from staff.forms import RecordForm


def format_start(instant: datetime) -> str:
    """Return day and time in the clinic's time zone, e.g. "vie 27/11 10:00"."""
    return date_format(localtime(instant), "D j/n H:i")


def appointment_error_text(error: DomainError) -> str:
    """Return the message of an error, followed by the free times that it offers."""
    times = error.data.get("alternatives")
    if not isinstance(times, list) or not times:
        return error.message
    return f"{error.message} " + _("Free: %(times)s.") % {
        "times": ", ".join(map(format_start, times))
    }


class AppointmentForm(RecordForm):
    """An appointment. The status field offers only what may follow the current status."""

    error_fields = {  # noqa: RUF012 -- Django's metaclass would take it for a field's
        "appointment_status_not_allowed": "status",
        "appointment_in_the_past": "starts_at",
        "appointment_too_far": "starts_at",
        "nonexistent_time": "starts_at",
        "not_a_slot": "starts_at",
        "outside_opening_hours": "starts_at",
        "closed_day": "starts_at",
        "professional_away": "starts_at",
        "slot_taken": "starts_at",
        "patient_busy": "starts_at",
        "doctor_not_found": "doctor_name",
        "duration": "duration_min",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            choices = status_choices(AppointmentStatus(self.instance.status))
            self.fields["status"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField's
        professionals = [each.name for each in current_schedule().professionals]
        if "doctor_name" in self.fields and professionals:
            self.fields["doctor_name"] = self._doctor_field(professionals)

    @override
    def error_text(self, error: DomainError) -> str:
        return appointment_error_text(error)

    def _doctor_field(self, names: list[str]) -> forms.ChoiceField:
        if self.instance.doctor_name and self.instance.doctor_name not in names:
            names.append(self.instance.doctor_name)  # who has left the clinic
        label = self.fields["doctor_name"].label
        return forms.ChoiceField(
            label=label, choices=[("", "---------"), *((name, name) for name in names)]
        )


class RescheduleForm(forms.Form):
    """New times for several appointments: a field for each, named by its id.

    Hidden fields carry the time and the version that staff saw. Only changed times are stored, and
    only if nobody else has changed the appointment since.
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
            self.fields[_version_field(appointment)] = forms.CharField(
                required=False, widget=forms.HiddenInput, initial=appointment.version
            )

    @override
    def clean(self) -> dict[str, Any]:
        """Add an error for each appointment that has changed since staff saw it."""
        for appointment in self._changed():
            if self.data.get(_version_field(appointment), "") != appointment.version:
                stored = _("Stored now: %(value)s") % {"value": format_start(appointment.starts_at)}
                self.add_error(appointment.id, [StaleVersionError().message, stored])
        return self.cleaned_data

    def changed_starts(self) -> Iterator[tuple[Appointment, datetime]]:
        """Yield each appointment with another start in the form, and that start."""
        for appointment in self._changed():
            yield appointment, self.cleaned_data[appointment.id]

    def remove(self, appointment: Appointment) -> None:
        """Remove an appointment and its fields from the form."""
        self.appointments.remove(appointment)
        del self.fields[appointment.id], self.fields[_version_field(appointment)]

    def _changed(self) -> list[Appointment]:
        return [each for each in self.appointments if each.id in self.changed_data]


def _version_field(appointment: Appointment) -> str:
    return f"{appointment.id}-version"
