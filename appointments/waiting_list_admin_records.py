"""Entries of the waiting list as a model of Django's admin. It has no SQL table."""

from typing import Any, ClassVar, override

from django.db import models
from django.utils.translation import gettext_lazy as _

from appointments.domain import AppointmentKind
from appointments.errors import WaitingEntryNotFoundError
from appointments.labels import KIND_LABELS
from appointments.waiting_list import services
from appointments.waiting_list.domain import WaitingEntry as WaitingEntryValue
from appointments.waiting_list.labels import DAY_PART_LABELS, WAITING_LABELS
from common.dynamodb.paging import Page
from staff.record_filter import RecordFilter
from staff.records import Record


class WaitingEntrySource:
    """Reads the waiting list for the admin."""

    conditions: frozenset[str] = frozenset()
    sort_fields = frozenset({"created_at"})
    email_field = None

    def find_by_id(self, record_id: str) -> "WaitingEntry | None":
        """Return the entry with this id, or None."""
        try:
            return waiting_entry_record(services.get_entry(entry_id=record_id))
        except WaitingEntryNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["WaitingEntry"]:
        """Return all entries, those that ended last: there are at most some hundreds."""
        del cursor, limit
        found = services.list_entries()
        if record_filter.order.startswith("-"):
            found.reverse()
        found.sort(key=lambda each: not each.is_open)
        return Page(items=[waiting_entry_record(each) for each in found])

    def search_text(self, record: "WaitingEntry") -> str:
        """Return the text that a search looks in."""
        return (
            f"{record.patient_name} {record.patient_email} {record.doctor_name} {record.specialty}"
        )


class WaitingEntry(Record):
    """An entry of the waiting list in the admin."""

    source: ClassVar[Any] = WaitingEntrySource()
    value: WaitingEntryValue

    id = models.CharField(_("number"), primary_key=True, max_length=10, editable=False)
    patient_name = models.CharField(_("patient"), max_length=120)
    patient_email = models.EmailField(_("e-mail"), help_text=_("Offers are sent to it."))
    dni = models.CharField(_("identity number"), max_length=20, blank=True)
    doctor_name = models.CharField(
        _("doctor"), max_length=120, blank=True, help_text=_("Empty: any, or one of the specialty.")
    )
    specialty = models.CharField(_("specialty"), max_length=120, blank=True)
    first = models.DateField(_("from"))
    last = models.DateField(_("until"))
    day_part = models.CharField(
        _("part of the day"),
        max_length=12,
        blank=True,
        choices=[(part.value, label) for part, label in DAY_PART_LABELS.items()],
    )
    kind = models.CharField(
        _("type"),
        max_length=20,
        default=AppointmentKind.CONSULTATION.value,
        choices=[(kind.value, label) for kind, label in KIND_LABELS.items()],
    )
    status = models.CharField(
        _("status"),
        max_length=12,
        editable=False,
        choices=[(status.value, label) for status, label in WAITING_LABELS.items()],
    )
    created_at = models.DateTimeField(_("waits since"), null=True, editable=False)
    updated_at = models.DateTimeField(_("last change"), null=True, editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["created_at"]
        verbose_name = _("waiting patient")
        verbose_name_plural = _("waiting list")

    @override
    def __str__(self) -> str:
        return self.patient_name or self.id


def waiting_entry_record(entry: WaitingEntryValue) -> WaitingEntry:
    """Return the entry as a record of the admin."""
    record: WaitingEntry = WaitingEntry.from_stored(
        id=entry.id,
        patient_name=entry.patient_name,
        patient_email=entry.patient_email,
        dni=entry.dni or "",
        doctor_name=entry.doctor_name,
        specialty=entry.specialty,
        first=entry.first,
        last=entry.last,
        day_part=entry.day_part.value if entry.day_part else "",
        kind=entry.kind.value,
        status=entry.status.value,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
    )
    record.value = entry
    return record
