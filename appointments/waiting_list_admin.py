"""The waiting list in the staff admin."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, override

from django.contrib import admin
from django.contrib.admin.options import ActionLocation
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appointments.domain import AppointmentKind, DayPart
from appointments.waiting_list import services
from appointments.waiting_list.domain import WaitingEntry as WaitingEntryValue
from appointments.waiting_list.domain import WaitingStatus, Wanted
from appointments.waiting_list_admin_records import WaitingEntry, waiting_entry_record
from common import clock
from staff.admin import RecordAdmin
from staff.formatting import format_instant
from staff.forms import RecordForm

_FIELDS = (
    "patient_name", "patient_email", "doctor_name", "specialty", "first", "last", "day_part", "kind",
)  # fmt: skip
_COLOURS = {
    WaitingStatus.WAITING: "state-pending",
    WaitingStatus.OFFERED: "state-live",
    WaitingStatus.BOOKED: "state-ok",
    WaitingStatus.WITHDRAWN: "state-cancelled",
}


class WaitingEntryForm(RecordForm):
    """Who waits for what."""

    error_fields = {  # noqa: RUF012 -- Django's metaclass would take it for a field's
        "doctor_not_found": "doctor_name",
        "appointment_too_far": "first",
        "date": "first",
    }

    def wanted(self, stored: WaitingEntryValue | None) -> Wanted:
        """Return what the form says; the identity number is given once, when the patient is added."""
        values = {name: self.cleaned_data[name] for name in _FIELDS}
        dni = stored.dni if stored else self.cleaned_data["dni"] or None
        values["day_part"] = DayPart(values["day_part"]) if values["day_part"] else None
        values["kind"] = AppointmentKind(values["kind"])
        return Wanted(**values, dni=dni)


@admin.register(WaitingEntry)
class WaitingEntryAdmin(RecordAdmin[WaitingEntry]):
    """Patients who wait for a time that is taken."""

    form = WaitingEntryForm
    list_display = ("patient_name", "wanted_shown", "days_shown", "status_shown", "offer_shown")
    sortable_fields = frozenset({"created_at"})
    search_help_text = gettext_lazy("Words of the patient, the doctor or the specialty.")
    actions = ("withdraw", "export_csv")
    readonly_fields = ("status_shown", "offer_shown", "created_at", "updated_at")

    @admin.display(description=gettext_lazy("wants"))
    def wanted_shown(self, entry: WaitingEntry) -> str:
        """Return the professional or specialty."""
        return entry.doctor_name or entry.specialty or _("any doctor")

    @admin.display(description=gettext_lazy("days"))
    def days_shown(self, entry: WaitingEntry) -> str:
        """Return the days and the part of the day."""
        days = " – ".join(
            date_format(day, "SHORT_DATE_FORMAT")
            for day in dict.fromkeys((entry.first, entry.last))
        )
        part: Any = entry
        return f"{days}, {part.get_day_part_display()}" if entry.day_part else days

    @admin.display(description=gettext_lazy("status"))
    def status_shown(self, entry: WaitingEntry) -> str:
        """Return the state, coloured by CSS."""
        lapsed = entry.value.has_lapsed_offer(now=clock.now())
        status = WaitingStatus.WAITING if lapsed else entry.value.status
        labels = dict(self.opts.get_field("status").choices or ())  # type: ignore[union-attr]  # its own field
        return format_html(
            '<span class="state {}">{}</span>', _COLOURS[status], labels[status.value]
        )

    @admin.display(description=gettext_lazy("offered time"))
    def offer_shown(self, entry: WaitingEntry) -> str:
        """Return the time that is held and until when, or the appointment that was booked."""
        value = entry.value
        if value.appointment_id is not None:
            path = reverse("admin:appointments_appointment_change", args=[value.appointment_id])
            return format_html('<a href="{}">{}</a>', path, value.appointment_id)
        offer = value.live_offer(now=clock.now())
        if offer is None:
            return "–"
        return _("%(time)s with %(doctor)s, held until %(until)s") % {
            "time": format_instant(offer.starts_at),
            "doctor": offer.doctor_name,
            "until": format_instant(offer.held_until),
        }

    @override
    def get_fields(self, request: HttpRequest, obj: WaitingEntry | None = None) -> Any:
        if obj is None:
            return ("patient_name", "patient_email", "dni", *_FIELDS[2:])
        return (*_FIELDS, "status_shown", "offer_shown", ("created_at", "updated_at"))

    @override
    def has_delete_permission(self, request: HttpRequest, obj: WaitingEntry | None = None) -> bool:
        """Return False: who waits no longer is taken off the list, and seen for two weeks."""
        return False

    @override
    def save_record(
        self, request: HttpRequest, form: Any, formsets: Any, *, change: bool
    ) -> WaitingEntry:
        if not change:
            added = services.add_entry(wanted=form.wanted(None), now=clock.now())
            return waiting_entry_record(added)
        updated = services.update_entry(
            entry_id=form.instance.id,
            wanted=form.wanted(services.get_entry(entry_id=form.instance.id)),
            unchanged_since=form.shown_version(),
            now=clock.now(),
        )
        return waiting_entry_record(updated)

    @admin.action(
        permissions=["change"],
        description=gettext_lazy("Take off the waiting list"),
        location=(ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM),
    )
    def withdraw(self, request: HttpRequest, queryset: QuerySet[WaitingEntry]) -> None:
        """Take the selected patients off the list."""

        def operation(record: WaitingEntry, shown_version: datetime | None) -> WaitingEntry:
            withdrawn = services.withdraw_entry(
                entry_id=record.pk, unchanged_since=shown_version, now=clock.now()
            )
            return waiting_entry_record(withdrawn)

        self.apply_to_each(request, queryset, operation, _("Taken off the waiting list"))

    @override
    def csv_columns(
        self, request: HttpRequest
    ) -> Sequence[tuple[str, Callable[[WaitingEntry], object]]]:
        return [
            (_("patient"), lambda each: each.patient_name),
            (_("e-mail"), lambda each: each.patient_email),
            (_("wants"), self.wanted_shown),
            (_("from"), lambda each: each.first.isoformat()),
            (_("until"), lambda each: each.last.isoformat()),
            (_("status"), lambda each: each.status),
        ]
