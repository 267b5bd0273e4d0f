"""The staff admin of schedules: professionals, holidays and closed days."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, override

from django.contrib import admin, messages
from django.contrib.admin.options import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments.domain import Appointment, AppointmentKind
from appointments.feeds.addresses import feed_url
from appointments.opening_hours import OpeningHours
from appointments.schedule_admin_records import (
    WEEKDAY_FIELDS,
    Professional,
    SpecialDay,
    minutes_field,
    professional_record,
    special_day_record,
)
from appointments.schedules import services
from appointments.schedules.domain import Leave
from appointments.schedules.domain import Professional as ProfessionalValue
from appointments.schedules.services import CalendarEntry
from appointments.schedules.texts import format_day_hours, parse_day_hours, parse_leaves
from appointments.services import list_outside_schedule
from common import clock
from common.ids import opaque_id
from common.timestamps import UNVERSIONED
from staff.admin import RecordAdmin
from staff.formatting import format_instant
from staff.forms import RecordForm

LIST_AND_FORM = (ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM)
MAX_APPOINTMENTS_SHOWN = 20
"""So many of the appointments outside a schedule are named."""


ONLY_STORED: tuple[Any, ...] = ("outside_schedule", ("created_at", "updated_at"))
"""Fields that a form shows only of what is stored."""


class ProfessionalForm(RecordForm):
    """A professional: hours and leave as text, in the forms of `appointments.schedules.texts`."""

    error_fields = {"professional_exists": "name"}  # noqa: RUF012 -- Django's metaclass would take it for a field's

    @override
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        for field in WEEKDAY_FIELDS:
            self._parse(field, parse_day_hours, _("Not hours such as 8:00-12:00: %(text)s"))
        self._parse("leave", parse_leaves, _("Not days such as 24/12/2026-3/1/2027: %(text)s"))
        return cleaned

    def _parse(self, field: str, parse: Callable[[str], object], message: str) -> None:
        try:
            parse(self.cleaned_data.get(field, ""))
        except ValueError as error:
            self.add_error(field, message % {"text": error})

    def professional(self) -> ProfessionalValue:
        """Return the professional that the form describes."""
        values = self.cleaned_data
        weekly = tuple(parse_day_hours(values[field]) for field in WEEKDAY_FIELDS)
        minutes = {kind: values[minutes_field(kind)] for kind in AppointmentKind}
        leave: tuple[Leave, ...] = parse_leaves(values["leave"])
        return ProfessionalValue(
            name=values.get("name", self.instance.name),
            specialty=values["specialty"],
            aliases=tuple(line.strip() for line in values["aliases"].splitlines() if line.strip()),
            hours=OpeningHours(weekly) if any(weekly) else None,
            leave=leave,
            durations={kind: number for kind, number in minutes.items() if number is not None},
            accepts_new_patients=values["accepts_new_patients"],
        )


@admin.register(Professional)
class ProfessionalAdmin(RecordAdmin[Professional]):
    """Professionals and their schedules."""

    form = ProfessionalForm
    list_display = ("name", "specialty", "hours_shown", "leave_shown", "takes_new_patients")
    sortable_fields = frozenset({"name"})
    search_help_text = gettext_lazy("Words of the name, the specialty or another name.")
    readonly_fields = ("feed", "outside_schedule", "created_at", "updated_at")
    actions = ("renew_feeds", "end_feeds", "delete_selected", "export_csv")
    fieldsets = (
        (None, {"fields": ("name", "specialty", "aliases", "accepts_new_patients")}),
        (
            gettext_lazy("Weekly hours"),
            {
                "fields": WEEKDAY_FIELDS,
                "description": gettext_lazy(
                    "If all days are empty, the hours are those of the clinic."
                ),
            },
        ),
        (
            gettext_lazy("Minutes of each type"),
            {
                "fields": (tuple(minutes_field(kind) for kind in AppointmentKind),),
                "description": gettext_lazy("Empty: 30 minutes, or what the customer asks for."),
            },
        ),
        (gettext_lazy("Leave"), {"fields": ("leave", "feed", *ONLY_STORED)}),
    )

    @admin.display(description=gettext_lazy("hours"))
    def hours_shown(self, professional: Professional) -> str:
        """Return the weekly hours, or that they are the clinic's."""
        hours = professional.value.hours
        if hours is None:
            return _("those of the clinic")
        labels = [self.opts.get_field(field).verbose_name for field in WEEKDAY_FIELDS]  # type: ignore[union-attr]  # its own fields
        shown = [
            f"{str(label)[:3]} {format_day_hours(intervals)}"
            for label, intervals in zip(labels, hours.by_weekday, strict=True)
            if intervals
        ]
        return "; ".join(shown)

    @admin.display(description=gettext_lazy("leave"))
    def leave_shown(self, professional: Professional) -> str:
        """Return the next leave."""
        coming = [each for each in professional.value.leave if each.last >= date.today()]  # noqa: DTZ011 -- only what a list shows
        if not coming:
            return "–"
        first, last = coming[0].first, coming[0].last
        shown = date_format(first, "SHORT_DATE_FORMAT")
        return shown if first == last else f"{shown}–{date_format(last, 'SHORT_DATE_FORMAT')}"

    @admin.display(description=gettext_lazy("takes new patients"), boolean=True)
    def takes_new_patients(self, professional: Professional) -> bool:
        """Whether they take new patients."""
        return professional.value.accepts_new_patients

    @admin.display(description=gettext_lazy("Appointments outside the schedule"))
    def outside_schedule(self, professional: Professional) -> str:
        """Return links to the booked appointments at times when the professional doesn't work now."""
        found = list_outside_schedule(doctor_name=professional.name, now=clock.now())
        return appointment_links(found) or _("None")

    @admin.display(description=gettext_lazy("Calendar feed"))
    def feed(self, professional: Professional) -> str:
        """Return the secret address of the calendar feed."""
        url = feed_url(professional.value)
        if url is None:
            return _("None. “Give a new feed address” makes one.")
        return format_html("<code>{}</code><br>{}", url, _("Secret: only for this professional."))

    @admin.action(
        permissions=["change"],
        description=gettext_lazy("Give a new feed address"),
        location=LIST_AND_FORM,
    )
    def renew_feeds(self, request: HttpRequest, queryset: QuerySet[Professional]) -> None:
        """Give the feeds of the selected professionals new addresses; the old ones end."""
        self._set_nonces(request, queryset, opaque_id, _("Given a new feed address"))

    @admin.action(
        permissions=["change"], description=gettext_lazy("End the feed"), location=LIST_AND_FORM
    )
    def end_feeds(self, request: HttpRequest, queryset: QuerySet[Professional]) -> None:
        """End the feeds of the selected professionals."""
        self._set_nonces(request, queryset, str, _("Feed ended"))

    def _set_nonces(
        self,
        request: HttpRequest,
        queryset: QuerySet[Professional],
        make_nonce: Callable[[], str],
        text: str,
    ) -> None:
        def operation(record: Professional, _version: datetime | None) -> Professional:
            changed = services.set_feed_nonce(
                professional_id=record.pk, nonce=make_nonce(), now=clock.now()
            )
            return professional_record(changed)

        self.apply_to_each(request, queryset, operation, text)

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Professional | None = None) -> Any:
        return self.readonly_fields if obj is None else (*self.readonly_fields, "name")

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Professional | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        last = fieldsets[-1][1]
        hidden = hidden_fields(request) if obj else (*ONLY_STORED, "feed")
        if not self.has_change_permission(request, obj):
            hidden = (*hidden, "feed")  # the address is secret
        last["fields"] = [name for name in last["fields"] if name not in hidden]
        return fieldsets

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> Professional:
        if not change:
            added = services.add_professional(professional=form.professional(), now=clock.now())
            return professional_record(added)
        updated = services.update_professional(
            professional=form.professional(), unchanged_since=form.shown_version(), now=clock.now()
        )
        found = list_outside_schedule(doctor_name=updated.name, now=clock.now())
        warn_of_appointments(self, request, found)
        return professional_record(updated)

    @override
    def delete_record(self, record: Professional) -> None:
        services.delete_professional(
            professional_id=record.pk, unchanged_since=record.updated_at, now=clock.now()
        )

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[Professional], object]]]:
        return [
            (_("name"), lambda each: each.name),
            (_("specialty"), lambda each: each.specialty),
            (_("other names"), lambda each: ", ".join(each.value.aliases)),
            (_("hours"), self.hours_shown),
            (_("leave"), lambda each: each.leave.replace("\n", "; ")),
        ]


class SpecialDayForm(RecordForm):
    """A day that staff close or open."""

    error_fields = {"day": "day"}  # noqa: RUF012 -- Django's metaclass would take it for a field's


@admin.register(SpecialDay)
class SpecialDayAdmin(RecordAdmin[SpecialDay]):
    """Holidays, which can be opened, and closed days of the clinic's own."""

    form = SpecialDayForm
    list_display = ("day_shown", "reason", "state", "origin")
    sortable_fields = frozenset({"day"})
    search_help_text = gettext_lazy("Words of the reason, or a day such as 2026-12-25.")
    actions = ("open_days", "close_days", "delete_selected", "export_csv")
    readonly_fields = ("outside_schedule", "created_at", "updated_at")

    @admin.display(description=gettext_lazy("day"), ordering="day")
    def day_shown(self, special: SpecialDay) -> str:
        """Return the weekday and the date."""
        return date_format(special.day, _("l, j F Y"))

    @admin.display(description=gettext_lazy("status"))
    def state(self, special: SpecialDay) -> str:
        """Return whether the clinic is open, coloured by CSS."""
        if special.is_open:
            return format_html('<span class="state state-ok">{}</span>', _("open"))
        return format_html('<span class="state state-failed">{}</span>', _("closed"))

    @admin.display(description=gettext_lazy("decided by"))
    def origin(self, special: SpecialDay) -> str:
        """Return whether staff or the calendar of holidays decide."""
        if special.value.special is None:
            return _("calendar of holidays")
        return _("staff")

    @admin.display(description=gettext_lazy("Appointments of that day"))
    def outside_schedule(self, special: SpecialDay) -> str:
        """Return links to the booked appointments that are outside the schedule on that day."""
        found = list_outside_schedule(day=special.day, now=clock.now())
        return appointment_links(found) or _("None")

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: SpecialDay | None = None) -> Any:
        return self.readonly_fields if obj is None else (*self.readonly_fields, "day")

    @override
    def get_fields(self, request: HttpRequest, obj: SpecialDay | None = None) -> Any:
        fields = ["day", "reason", "is_open"]
        if obj is None:
            return fields
        hidden = hidden_fields(request)
        return [*fields, *(name for name in ONLY_STORED if name not in hidden)]

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> SpecialDay:
        values = form.cleaned_data
        day = form.instance.day if change else values["day"]
        version = (
            form.shown_version() if change else UNVERSIONED
        )  # a day that is stored isn't added
        entry = self._set(day, values["is_open"], values["reason"], version)
        warn_of_appointments(self, request, list_outside_schedule(day=day, now=clock.now()))
        return special_day_record(entry)

    def _set(
        self, day: date, is_open: bool, reason: str, unchanged_since: datetime | None
    ) -> CalendarEntry:
        services.set_special_day(
            day=day,
            is_open=is_open,
            reason=reason,
            unchanged_since=unchanged_since,
            now=clock.now(),
        )
        entry = services.get_calendar_entry(day=day)
        assert entry is not None
        return entry

    @override
    def delete_record(self, record: SpecialDay) -> None:
        services.remove_special_day(day=record.day, unchanged_since=record.updated_at)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Open these days"), location=LIST_AND_FORM
    )
    def open_days(self, request: HttpRequest, queryset: QuerySet[SpecialDay]) -> None:
        """Open the selected days."""
        self._set_each(request, queryset, is_open=True)

    @admin.action(
        permissions=["change"], description=gettext_lazy("Close these days"), location=LIST_AND_FORM
    )
    def close_days(self, request: HttpRequest, queryset: QuerySet[SpecialDay]) -> None:
        """Close the selected days."""
        self._set_each(request, queryset, is_open=False)

    def _set_each(
        self, request: HttpRequest, queryset: QuerySet[SpecialDay], *, is_open: bool
    ) -> None:
        def operation(record: SpecialDay, shown_version: datetime | None) -> SpecialDay:
            version = shown_version if record.updated_at else None
            return special_day_record(self._set(record.day, is_open, record.reason, version))

        days = [each.day for each in queryset]
        text = _("Opened") if is_open else _("Closed")
        self.apply_to_each(request, queryset, operation, text)
        for day in days:
            warn_of_appointments(self, request, list_outside_schedule(day=day, now=clock.now()))

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[SpecialDay], object]]]:
        return [
            (_("day"), lambda each: each.id),
            (_("reason"), lambda each: each.reason),
            (_("status"), lambda each: _("open") if each.is_open else _("closed")),
        ]


def sees_appointments(request: HttpRequest) -> bool:
    """Whether this user may see appointments, and so the names of patients."""
    return request.user.has_perm("appointments.view_appointment")


def hidden_fields(request: HttpRequest) -> tuple[str, ...]:
    """Return the fields of what is stored that this user doesn't see."""
    return () if sees_appointments(request) else ("outside_schedule",)


def warn_of_appointments(
    model_admin: RecordAdmin[Any], request: HttpRequest, appointments: Sequence[Appointment]
) -> None:
    """Show staff which booked appointments are outside the schedule now, or how many if they see none."""
    if not appointments:
        return
    text = _("Booked outside the schedule now ({}): please tell these patients. {}")
    links = appointment_links(appointments) if sees_appointments(request) else ""
    model_admin.message_user(request, format_html(text, len(appointments), links), messages.WARNING)


def appointment_links(appointments: Sequence[Appointment]) -> SafeString:
    """Return links to appointments, each with its time and patient; "" if there are none."""
    shown = [
        (
            reverse("admin:appointments_appointment_change", args=[each.id]),
            format_instant(each.starts_at),
            each.patient_name,
            each.doctor_name,
        )
        for each in appointments[:MAX_APPOINTMENTS_SHOWN]
    ]
    links = format_html_join("; ", '<a href="{}">{}, {} ({})</a>', shown)
    more = len(appointments) - len(shown)
    return format_html("{} + {}", links, more) if more else links
