"""The staff admin of appointments: each thing that staff do calls one service."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, override

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.options import ActionLocation, IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments import (  # noqa: F401 -- registers its pages
    clinic,
    information_admin,
    schedule_admin,
    services,
    waiting_list_admin,
)
from appointments.admin_forms import AppointmentForm, RescheduleForm, appointment_error_text
from appointments.admin_records import Appointment, appointment_record
from appointments.calendar_pages import FROM_CALENDAR, CalendarPages, calendar_url, parse_start
from appointments.domain import Appointment as AppointmentValue
from appointments.domain import (
    AppointmentChanges,
    AppointmentKind,
    AppointmentStatus,
    TimeInterval,
)
from appointments.labels import KIND_LABELS, STATUS_LABELS, state_label, state_of
from appointments.mail_events import RECORD_TYPE
from appointments.schedules.services import current_schedule, resolve_doctor
from appointments.validation import clean_day
from common import clock
from common.contact import mask_phone
from common.errors import ConflictError, DomainError, InvalidFieldError, NotFoundError, RuleError
from common.identity.verification import Staff, mask_dni
from common.rest.permissions import VIEW_DNI, VIEW_PHONE
from notifications.admin import VIEW, emails_of_record
from notifications.services import are_emails_sent
from staff.admin import RecordAdmin
from staff.filters import ALL, ChoiceFilter
from staff.formatting import format_csv_instant, format_instant
from staff.queryset import RecordQuerySet

LIST_AND_FORM = (ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM)
NAMED_PERIODS = {
    "today": gettext_lazy("Today"),
    "tomorrow": gettext_lazy("Tomorrow"),
    "week": gettext_lazy("The next 7 days"),
}
COMING = "coming"


class StatusFilter(ChoiceFilter):
    """Appointments of one status."""

    title = gettext_lazy("status")
    parameter_name = "status"
    choice_labels = STATUS_LABELS
    default_label = gettext_lazy("All but cancelled")

    @override
    def apply_default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, RecordQuerySet)
        return queryset.hiding("status", AppointmentStatus.CANCELLED.value)


class DoctorFilter(ChoiceFilter):
    """Appointments of one doctor of the clinic, or of any doctor that the URL names."""

    title = gettext_lazy("doctor")
    parameter_name = "doctor_name"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        requested = request.GET.get("doctor_name")
        professionals = [each.name for each in current_schedule().professionals]
        names = [*professionals, *([requested] if requested else [])]
        return [(name, name) for name in dict.fromkeys(names)]

    @override
    def apply_choice(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(doctor_name=resolve_doctor(value))


class DayFilter(ChoiceFilter):
    """Appointments of a period: a name of `NAMED_PERIODS`, or a day such as "2026-11-27"."""

    title = gettext_lazy("day")
    parameter_name = "day"
    choice_labels = NAMED_PERIODS
    default_label = gettext_lazy("From today on")

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        requested = request.GET.get("day", "")
        is_day = requested and requested not in {*NAMED_PERIODS, ALL, COMING}
        asked_for = [(COMING, _("From today on"))] if requested == COMING else []
        return [
            *super().lookups(request, model_admin),
            *asked_for,
            *([(requested, requested)] if is_day else []),
        ]

    @override
    def apply_default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.apply_choice(queryset, COMING)

    @override
    def apply_choice(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        first, last = _parse_period(value)
        time_zone = clinic.time_zone()
        queryset = queryset.filter(starts_at__gte=TimeInterval.of_day(first, time_zone).start)
        if last is None:
            return queryset
        return queryset.filter(starts_at__lt=TimeInterval.of_day(last, time_zone).end)


def _parse_period(value: str) -> tuple[date, date | None]:
    """Return the first and the last day of a period; the last is None if it has no end.

    Raises:
        IncorrectLookupParameters: `value` is neither a named period nor a day.

    """
    today = localdate()
    periods = {
        "today": (today, today),
        "tomorrow": (today + timedelta(days=1), today + timedelta(days=1)),
        "week": (today, today + timedelta(days=6)),
        COMING: (today, None),
    }
    if value in periods:
        return periods[value]
    try:
        day = clean_day(date.fromisoformat(value))
    except (ValueError, InvalidFieldError) as error:
        raise IncorrectLookupParameters from error
    return day, day


@admin.register(Appointment)
class AppointmentAdmin(RecordAdmin[Appointment]):
    """Appointments, the next one first; of all days or of a search, the latest first."""

    form = AppointmentForm
    list_display = ("id", "starts", "patient_name", "doctor_name", "kind_label", "status_label")
    list_filter = (DayFilter, StatusFilter, DoctorFilter)
    sortable_fields = frozenset({"starts_at"})
    search_help_text = gettext_lazy(
        "Number, e-mail address, or words of the patient's or doctor's name."
    )
    actions = ("confirm", "complete", "reschedule", "cancel", "delete_selected", "export_csv")
    readonly_fields = (
        "dni_hidden",
        "phone_hidden",
        "code",
        "reserved_until",
        "emails",
        "created_at",
        "updated_at",
    )

    class Media:
        """The script that shows the doctor's free times beside the form."""

        js = (Script("appointments/free-times.js", type="module"),)

    # --- Lists

    @override
    def default_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        is_search = any(request.GET.get(name) for name in ("q", "from"))
        is_of_all_days = request.GET.get("day", ALL if is_search else COMING) == ALL
        return ("-starts_at",) if is_of_all_days else ("starts_at",)

    @admin.display(description=gettext_lazy("day and time"), ordering="starts_at")
    def starts(self, appointment: Appointment) -> str:
        """Return when it starts."""
        return format_instant(appointment.starts_at)

    @admin.display(description=gettext_lazy("type"))
    def kind_label(self, appointment: Appointment) -> str:
        """Return what it is for."""
        return str(KIND_LABELS[appointment.value.kind])

    @admin.display(description=gettext_lazy("status"))
    def status_label(self, appointment: Appointment) -> str:
        """Return the status, coloured by CSS."""
        value = appointment.value
        return format_html(
            '<span class="state state-{}">{}</span>', state_of(value), state_label(value)
        )

    @admin.display(description=gettext_lazy("identity number"))
    def dni_hidden(self, appointment: Appointment) -> str:
        """Return the masked identity number."""
        return mask_dni(appointment.dni) or "–"

    @admin.display(description=gettext_lazy("phone number"))
    def phone_hidden(self, appointment: Appointment) -> str:
        """Return the masked telephone number."""
        return mask_phone(appointment.phone) or "–"

    @admin.display(description=gettext_lazy("e-mails"))
    def emails(self, appointment: Appointment) -> str:
        """Return the e-mails about it."""
        page = reverse("admin:appointments_appointment_change", args=[quote(appointment.pk)])
        return emails_of_record(RECORD_TYPE, appointment.pk, following=page)

    # --- Forms

    @override
    def get_fields(self, request: HttpRequest, obj: Appointment | None = None) -> Any:
        fields = [
            "patient_name",
            "patient_email",
            "doctor_name",
            "starts_at",
            "duration_min",
            "kind",
        ]
        if obj is None:
            return [*fields, "dni", "phone", "notes"]
        dni = "dni" if request.user.has_perm(VIEW_DNI) else "dni_hidden"
        phone = "phone" if request.user.has_perm(VIEW_PHONE) else "phone_hidden"
        identity = [dni, phone, "code"] if obj.value.code else [dni, phone]
        emails = ["emails"] if are_emails_sent() and request.user.has_perm(VIEW) else []
        status = ["status", "reserved_until"] if obj.value.is_reserved else ["status"]
        return [*fields, *identity, *status, "notes", *emails, ("created_at", "updated_at")]

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> Appointment:
        return appointment_record(_update(form) if change else _book(form))

    @override
    def error_text(self, error: DomainError) -> str:
        return appointment_error_text(error)

    @override
    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the URL fills in: doctor and start, for a time that was chosen in the calendar."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        if start := parse_start(str(initial.pop("starts_at", ""))):
            initial["starts_at"] = start
        professional = current_schedule().professional(str(initial.get("doctor_name", "")))
        if professional is not None:
            kind = AppointmentKind.CONSULTATION
            initial.setdefault("duration_min", professional.duration_of(kind))
        return initial

    @override
    def response_post_save_add(
        self, request: HttpRequest, obj: Appointment
    ) -> HttpResponseRedirect:
        return self._return(request, obj) or super().response_post_save_add(request, obj)

    @override
    def response_post_save_change(
        self, request: HttpRequest, obj: Appointment
    ) -> HttpResponseRedirect:
        return self._return(request, obj) or super().response_post_save_change(request, obj)

    def _return(
        self, request: HttpRequest, appointment: Appointment
    ) -> HttpResponseRedirect | None:
        """Return to the calendar, if the form was opened from there."""
        if FROM_CALENDAR not in request.GET:
            return None
        return HttpResponseRedirect(calendar_url(appointment, request.GET[FROM_CALENDAR]))

    @override
    def delete_record(self, record: Appointment) -> None:
        services.delete_appointment(
            appointment_id=record.id, unchanged_since=record.updated_at, now=clock.now()
        )

    # --- Actions

    @admin.action(
        permissions=["change"], description=gettext_lazy("Confirm"), location=LIST_AND_FORM
    )
    def confirm(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        """Set the status of the selected appointments to confirmed."""
        self._change_status(request, queryset, AppointmentStatus.CONFIRMED)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Mark as done"), location=LIST_AND_FORM
    )
    def complete(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        """Set the status of the selected appointments to completed."""
        self._change_status(request, queryset, AppointmentStatus.COMPLETED)

    @admin.action(
        permissions=["change"],
        description=gettext_lazy("Cancel appointments"),
        location=LIST_AND_FORM,
    )
    def cancel(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> None:
        """Cancel the selected appointments, which frees their times."""

        def operation(appointment: Appointment, shown_version: datetime | None) -> AppointmentValue:
            return services.cancel_appointment(
                appointment_id=appointment.id,
                caller=Staff(),
                unchanged_since=shown_version,
                now=clock.now(),
            )

        self.apply_to_each(
            request, queryset, operation, _status_changed_message(AppointmentStatus.CANCELLED)
        )

    def _change_status(
        self, request: HttpRequest, queryset: QuerySet[Appointment], status: AppointmentStatus
    ) -> None:
        def operation(appointment: Appointment, shown_version: datetime | None) -> AppointmentValue:
            return services.update_appointment(
                appointment_id=appointment.id,
                changes=AppointmentChanges(status=status),
                unchanged_since=shown_version,
                now=clock.now(),
            )

        self.apply_to_each(request, queryset, operation, _status_changed_message(status))

    @admin.action(
        permissions=["change"], description=gettext_lazy("Reschedule…"), location=LIST_AND_FORM
    )
    def reschedule(
        self, request: HttpRequest, queryset: QuerySet[Appointment]
    ) -> HttpResponse | None:
        """Show a form for new times; when it comes back, reschedule the selected appointments."""
        is_submitted = "reschedule" in request.POST
        form = RescheduleForm(queryset, request.POST if is_submitted else None)
        self.report_missing(request, form.appointments)
        if is_submitted and form.is_valid() and self._reschedule_all(request, form):
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

    def _reschedule_all(self, request: HttpRequest, form: RescheduleForm) -> bool:
        """Reschedule what the form changes; return whether none of it was refused.

        A refusal becomes an error of the form; what was rescheduled leaves the form.
        """
        for appointment, starts_at in form.changed_starts():
            try:
                services.reschedule_appointment(
                    appointment_id=appointment.id,
                    caller=Staff(),
                    starts_at=starts_at,
                    unchanged_since=appointment.updated_at,
                    now=clock.now(),
                )
            except (ConflictError, NotFoundError, RuleError) as error:
                form.add_error(appointment.id, appointment_error_text(error))
            else:
                form.remove(appointment)
                self.log_change(request, appointment, _("Rescheduled"))
                text = _("%(what)s was rescheduled.") % {"what": appointment}
                self.message_user(request, text, messages.SUCCESS)
        return not form.errors

    # --- Free times

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.free_times)
        return [
            path("free-times/", view, name="appointments_free_times"),
            *CalendarPages(self).urls(),
            *super().get_urls(),
        ]

    def free_times(self, request: HttpRequest) -> JsonResponse:
        """Return the free start times of `doctor` on `day` for `minutes` as JSON, for the form's script."""
        if not self.has_view_or_change_permission(request):
            return JsonResponse({"times": []}, status=403)
        try:
            starts = services.list_free_starts(
                doctor_name=request.GET.get("doctor", ""),
                day=date.fromisoformat(request.GET.get("day", "")),
                duration_min=int(request.GET.get("minutes", "")),
                now=clock.now(),
            )
        except (ValueError, RuleError):
            starts = []
        times = [localtime(start).strftime("%H:%M") for start in starts]
        return JsonResponse({"title": _("Free that day:"), "times": times})

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[Appointment], object]]]:
        sees_dni = request.user.has_perm(VIEW_DNI)
        sees_phone = request.user.has_perm(VIEW_PHONE)
        return [
            (_("number"), lambda appointment: appointment.id),
            (_("day and time"), lambda appointment: format_csv_instant(appointment.starts_at)),
            (_("minutes"), lambda appointment: appointment.duration_min),
            (_("patient"), lambda appointment: appointment.patient_name),
            (_("e-mail"), lambda appointment: appointment.patient_email),
            (
                _("identity number"),
                lambda each: each.dni if sees_dni else mask_dni(each.dni) or "",
            ),
            (
                _("phone number"),
                lambda each: each.phone if sees_phone else mask_phone(each.phone) or "",
            ),
            (_("doctor"), lambda appointment: appointment.doctor_name),
            (_("type"), lambda appointment: str(KIND_LABELS[appointment.value.kind])),
            (_("status"), lambda appointment: str(state_label(appointment.value))),
            (_("notes"), lambda appointment: appointment.notes),
        ]


def _status_changed_message(status: AppointmentStatus) -> str:
    return _("Status changed to %(status)s") % {"status": STATUS_LABELS[status]}


def _book(form: Any) -> AppointmentValue:
    values = form.cleaned_data
    return services.book_appointment(
        patient_name=values["patient_name"],
        patient_email=values["patient_email"],
        doctor_name=values["doctor_name"],
        starts_at=values["starts_at"],
        duration_min=values["duration_min"],
        kind=AppointmentKind(values["kind"]),
        notes=values["notes"],
        dni=values["dni"] or None,
        phone=values["phone"] or None,
        token=form.new_token(),
        now=clock.now(),
    )


def _update(form: Any) -> AppointmentValue:
    changes = form.changed_values()
    if "kind" in changes:
        changes["kind"] = AppointmentKind(changes["kind"])
    if "status" in changes:
        changes["status"] = AppointmentStatus(changes["status"])
    return services.update_appointment(
        appointment_id=form.instance.id,
        changes=AppointmentChanges(**changes),
        unchanged_since=form.shown_version(),
        now=clock.now(),
    )
