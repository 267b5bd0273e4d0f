"""The staff's door to appointments: one service call for each thing they do."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, override

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.options import ActionLocation, IncorrectLookupParameters
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments import clinic, services
from appointments.admin_forms import AppointmentForm, RescheduleForm, sentence
from appointments.admin_records import KIND_LABELS, Appointment, appointment_record
from appointments.domain import Appointment as AppointmentValue
from appointments.domain import (
    AppointmentChanges,
    AppointmentKind,
    AppointmentStatus,
    span_of_day,
)
from appointments.labels import STATUS_LABELS
from appointments.validation import validate_day
from common.clock import now
from common.errors import ConflictError, DomainError, InvalidFieldError, NotFoundError, RuleError
from common.identity.verification import Staff
from common.timestamps import to_iso
from staff.admin import RecordAdmin
from staff.filters import ChoiceFilter
from staff.formatting import format_instant

EVERYWHERE = (ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM)
DAYS = {
    "today": gettext_lazy("Today"),
    "tomorrow": gettext_lazy("Tomorrow"),
    "week": gettext_lazy("The next 7 days"),
    "coming": gettext_lazy("From today on"),
}


class StatusFilter(ChoiceFilter):
    """Appointments of one status."""

    title = gettext_lazy("status")
    parameter_name = "status"
    choices_shown = STATUS_LABELS


class DoctorFilter(ChoiceFilter):
    """Appointments of one doctor: of those the clinic names, or of any, by the list's address."""

    title = gettext_lazy("doctor")
    parameter_name = "doctor_name"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        asked = request.GET.get("doctor_name")
        names = [*settings.CLINIC_DOCTORS, *([asked] if asked else [])]
        return [(name, name) for name in dict.fromkeys(names)]

    @override
    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(doctor_name=clinic.doctor(value))


class DayFilter(ChoiceFilter):
    """Appointments of some of the clinic's days: a name from `DAYS`, or a date, "2026-11-27"."""

    title = gettext_lazy("day")
    parameter_name = "day"
    choices_shown = DAYS

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        asked = request.GET.get("day", "")
        chosen = [] if asked in DAYS or not asked else [(asked, asked)]
        return [*super().lookups(request, model_admin), *chosen]

    @override
    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        first, last = _days(value)
        queryset = queryset.filter(starts_at__gte=span_of_day(first, clinic.zone()).start)
        return queryset.filter(starts_at__lt=_end_of(last)) if last else queryset


def _days(value: str) -> tuple[date, date | None]:
    today = localdate()
    named = {
        "today": (today, today),
        "tomorrow": (today + timedelta(days=1), today + timedelta(days=1)),
        "week": (today, today + timedelta(days=6)),
        "coming": (today, None),
    }
    if value in named:
        return named[value]
    try:
        day = validate_day(date.fromisoformat(value))
    except (ValueError, InvalidFieldError) as error:
        raise IncorrectLookupParameters from error
    return day, day


def _end_of(day: date) -> datetime:
    return span_of_day(day, clinic.zone()).end


@admin.register(Appointment)
class AppointmentAdmin(RecordAdmin[Appointment]):
    """Appointments, the latest in time first."""

    form = AppointmentForm
    list_display = ("id", "begins", "patient_name", "doctor_name", "kind_shown", "state")
    list_filter = (DayFilter, StatusFilter, DoctorFilter)
    sorts_by = frozenset({"starts_at"})
    search_help_text = gettext_lazy(
        "Number, e-mail address, or words of the patient's or doctor's name."
    )
    actions = ("confirm", "complete", "reschedule", "cancel", "delete_selected", "export_csv")
    readonly_fields = ("created_at", "updated_at")

    class Media:
        """Offers the doctor's free times beside the form."""

        js = (Script("appointments/free-times.js", type="module"),)

    # --- Lists

    @admin.display(description=gettext_lazy("day and time"), ordering="starts_at")
    def begins(self, appointment: Appointment) -> str:
        """Return when it is."""
        return format_instant(appointment.starts_at)

    @admin.display(description=gettext_lazy("type"))
    def kind_shown(self, appointment: Appointment) -> str:
        """Return what it is for."""
        return str(KIND_LABELS[appointment.value.kind])

    @admin.display(description=gettext_lazy("status"))
    def state(self, appointment: Appointment) -> str:
        """Return the status as a coloured word."""
        label = STATUS_LABELS[appointment.value.status]
        return format_html('<span class="state state-{}">{}</span>', appointment.status, label)

    # --- Forms

    @override
    def get_fields(self, request: HttpRequest, obj: Appointment | None = None) -> Any:
        booked = [
            "patient_name",
            "patient_email",
            "doctor_name",
            "starts_at",
            "duration_min",
            "kind",
        ]
        if obj is None:
            return [*booked, "notes"]
        return [*booked, "status", "notes", ("created_at", "updated_at")]

    @override
    def store(self, request: HttpRequest, form: Any, formsets: Any, *, change: bool) -> Appointment:
        return appointment_record(_changed(form) if change else _booked(form))

    @override
    def sentence(self, error: DomainError) -> str:
        return sentence(error)

    @override
    def remove(self, record: Appointment) -> None:
        services.delete_appointment(appointment_id=record.id, unchanged_since=record.updated_at)

    # --- Actions

    @admin.action(permissions=["change"], description=gettext_lazy("Confirm"), location=EVERYWHERE)
    def confirm(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        """Mark the chosen appointments as confirmed."""
        self._move(request, queryset, AppointmentStatus.CONFIRMED)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Mark as done"), location=EVERYWHERE
    )
    def complete(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        """Mark the chosen appointments as completed."""
        self._move(request, queryset, AppointmentStatus.COMPLETED)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Cancel appointments"), location=EVERYWHERE
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        """Cancel the chosen appointments and give their times back."""

        def verb(appointment: Appointment, seen: datetime | None) -> AppointmentValue:
            return services.cancel_appointment(
                appointment_id=appointment.id, caller=Staff(), unchanged_since=seen, now=now()
            )

        self.do_to_each(request, queryset, verb, _status_changed(AppointmentStatus.CANCELLED))

    def _move(
        self, request: HttpRequest, queryset: QuerySet[Appointment], status: AppointmentStatus
    ) -> None:
        def verb(appointment: Appointment, seen: datetime | None) -> AppointmentValue:
            return services.update_appointment(
                appointment_id=appointment.id,
                changes=AppointmentChanges(status=status),
                unchanged_since=seen,
                now=now(),
            )

        self.do_to_each(request, queryset, verb, _status_changed(status))

    @admin.action(
        permissions=["change"], description=gettext_lazy("Reschedule…"), location=EVERYWHERE
    )
    def reschedule(
        self, request: HttpRequest, queryset: QuerySet[Appointment]
    ) -> HttpResponse | None:
        """Ask for new times, then move the chosen appointments there."""
        is_answered = "reschedule" in request.POST
        form = RescheduleForm(queryset, request.POST if is_answered else None)
        self.tell_of_missing(request, form.appointments)
        if is_answered and form.is_valid() and self._moved_all(request, form):
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Reschedule appointments"),
            "opts": self.opts,
            "form": form,
            "media": self.media + form.media,
            "ids": [appointment.id for appointment in form.appointments],
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/reschedule.html", context)

    def _moved_all(self, request: HttpRequest, form: RescheduleForm) -> bool:
        for appointment, starts_at in form.moved():
            try:
                services.move_appointment(
                    appointment_id=appointment.id,
                    caller=Staff(),
                    starts_at=starts_at,
                    unchanged_since=appointment.updated_at,
                    now=now(),
                )
            except (ConflictError, NotFoundError, RuleError) as error:
                form.add_error(appointment.id, sentence(error))
            else:
                form.leave_out(appointment)
                self.log_change(request, appointment, _("Rescheduled"))
                text = _("%(what)s was rescheduled.") % {"what": appointment}
                self.message_user(request, text, messages.SUCCESS)
        return not form.errors

    # --- Free times

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.free_times)
        return [path("free-times/", view, name="appointments_free_times"), *super().get_urls()]

    def free_times(self, request: HttpRequest) -> JsonResponse:
        """Return the free starts of `doctor` on `day` for `minutes`, as the form writes them."""
        if not self.has_view_or_change_permission(request):
            return JsonResponse({"times": []}, status=403)
        try:
            starts = services.free_slots(
                doctor_name=request.GET.get("doctor", ""),
                day=date.fromisoformat(request.GET.get("day", "")),
                duration_min=int(request.GET.get("minutes", "")),
                now=now(),
            )
        except (ValueError, RuleError):
            starts = []
        times = [localtime(start).strftime("%H:%M") for start in starts]
        return JsonResponse({"title": _("Free that day:"), "times": times})

    @override
    def columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[Appointment], object]]]:
        return [
            (_("number"), lambda appointment: appointment.id),
            (_("day and time"), lambda appointment: to_iso(appointment.starts_at)),
            (_("minutes"), lambda appointment: appointment.duration_min),
            (_("patient"), lambda appointment: appointment.patient_name),
            (_("e-mail"), lambda appointment: appointment.patient_email),
            (_("doctor"), lambda appointment: appointment.doctor_name),
            (_("type"), lambda appointment: str(KIND_LABELS[appointment.value.kind])),
            (_("status"), lambda appointment: str(STATUS_LABELS[appointment.value.status])),
            (_("notes"), lambda appointment: appointment.notes),
        ]


def _status_changed(status: AppointmentStatus) -> str:
    return _("Status changed to %(status)s") % {"status": STATUS_LABELS[status]}


def _booked(form: Any) -> Any:
    values = form.cleaned_data
    return services.book_appointment(
        patient_name=values["patient_name"],
        patient_email=values["patient_email"],
        doctor_name=values["doctor_name"],
        starts_at=values["starts_at"],
        duration_min=values["duration_min"],
        kind=AppointmentKind(values["kind"]),
        notes=values["notes"],
        token=form.new_token(),
        now=now(),
    )


def _changed(form: Any) -> Any:
    changes = form.changes()
    kinds: dict[str, Any] = {"kind": AppointmentKind, "status": AppointmentStatus}
    typed = {
        name: kinds[name](value) if name in kinds else value for name, value in changes.items()
    }
    return services.update_appointment(
        appointment_id=form.instance.id,
        changes=AppointmentChanges(**typed),
        unchanged_since=form.seen_version(),
        now=now(),
    )
