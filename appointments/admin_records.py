"""Appointments as a model of Django's admin. It has no SQL table (see `staff.records`)."""

from typing import Any, ClassVar, override

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from appointments import services
from appointments.domain import (
    MAX_DURATION_MINUTES,
    MAX_NOTES_LENGTH,
    MIN_DURATION_MINUTES,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
)
from appointments.domain import Appointment as AppointmentValue
from appointments.errors import AppointmentNotFoundError
from appointments.labels import KIND_LABELS, STATUS_LABELS
from common.contact import MAX_PHONE_LENGTH
from common.dynamodb.paging import Page
from common.timestamps import MILLISECOND
from staff.record_filter import RecordFilter
from staff.records import Record


class AppointmentSource:
    """Reads appointments for the admin from `appointments.services`."""

    conditions = frozenset(
        {"status", "doctor_name", "patient_email", "starts_at__gte", "starts_at__lt"}
    )
    sort_fields = frozenset({"starts_at"})
    email_field = "patient_email"

    def find_by_id(self, record_id: str) -> "Appointment | None":
        """Return the appointment with this id, or None."""
        try:
            return appointment_record(services.get_appointment(appointment_id=record_id))
        except AppointmentNotFoundError:
            return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["Appointment"]:
        """Return a page of appointments of whole days in order of time."""
        found = services.list_appointments(query=_query(record_filter), cursor=cursor, limit=limit)
        return found.map(appointment_record)

    def search_text(self, record: "Appointment") -> str:
        """Return the text that a search looks in."""
        return " ".join(
            [record.patient_name, record.patient_email, record.doctor_name, record.notes]
        )


def _query(record_filter: RecordFilter) -> AppointmentQuery:
    status, start = record_filter.value_of("status"), record_filter.value_of("starts_at__gte")
    end = record_filter.value_of("starts_at__lt")
    return AppointmentQuery(
        status=None if status is None else AppointmentStatus(status),
        doctor_name=record_filter.value_of("doctor_name"),
        patient_email=record_filter.value_of("patient_email"),
        date_from=None if start is None else localdate(start),
        date_to=None if end is None else localdate(end - MILLISECOND),
        latest_first=record_filter.order != "starts_at",
    )


class Appointment(Record):
    """An appointment in the admin."""

    source: ClassVar[Any] = AppointmentSource()
    value: AppointmentValue

    id = models.CharField(_("number"), primary_key=True, max_length=64, editable=False)
    patient_name = models.CharField(_("patient"), max_length=120)
    patient_email = models.EmailField(_("e-mail"))
    doctor_name = models.CharField(_("doctor"), max_length=120)
    starts_at = models.DateTimeField(_("day and time"))
    duration_min = models.PositiveIntegerField(
        _("minutes"),
        default=30,
        validators=[
            MinValueValidator(MIN_DURATION_MINUTES),
            MaxValueValidator(MAX_DURATION_MINUTES),
        ],
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
        default=AppointmentStatus.SCHEDULED.value,
        choices=[(status.value, label) for status, label in STATUS_LABELS.items()],
    )
    dni = models.CharField(_("identity number"), max_length=20, blank=True)
    phone = models.CharField(_("phone number"), max_length=MAX_PHONE_LENGTH, blank=True)
    code = models.CharField(_("code"), max_length=10, blank=True, editable=False)
    notes = models.TextField(_("notes"), max_length=MAX_NOTES_LENGTH, blank=True)
    reserved_until = models.DateTimeField(
        _("reserved until"),
        null=True,
        editable=False,
        help_text=_(
            "It is cancelled then, unless the patient or somebody of the staff confirms it."
        ),
    )
    created_at = models.DateTimeField(_("booked on"), null=True, editable=False)
    updated_at = models.DateTimeField(_("last change"), null=True, editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["-starts_at"]
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        permissions: ClassVar = [("view_phone", "Can see telephone numbers in full")]

    @override
    def __str__(self) -> str:
        return str(_("Appointment %(number)s") % {"number": self.id})


def appointment_record(appointment: AppointmentValue) -> Appointment:
    """Return the appointment as a record of the admin."""
    record: Appointment = Appointment.from_stored(
        id=appointment.id,
        patient_name=appointment.patient_name,
        patient_email=appointment.patient_email,
        doctor_name=appointment.doctor_name,
        starts_at=appointment.starts_at,
        duration_min=appointment.duration_min,
        kind=appointment.kind.value,
        status=appointment.status.value,
        dni=appointment.dni or "",
        phone=appointment.phone or "",
        code=appointment.code or "–",
        notes=appointment.notes,
        reserved_until=appointment.reserved_until,
        created_at=appointment.created_at,
        updated_at=appointment.updated_at,
    )
    record.value = appointment
    return record
