"""Professionals and special days as models of Django's admin. They have no SQL tables."""

from datetime import date, timedelta
from typing import Any, ClassVar, override

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.formats import date_format
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from appointments.domain import MAX_DURATION_MINUTES, MIN_DURATION_MINUTES, AppointmentKind
from appointments.errors import ProfessionalNotFoundError
from appointments.labels import KIND_LABELS
from appointments.schedules import services
from appointments.schedules.domain import Professional as ProfessionalValue
from appointments.schedules.services import CalendarEntry
from appointments.schedules.texts import MAX_LENGTH, format_day_hours, format_leaves
from common.dynamodb.paging import Page
from staff.record_filter import RecordFilter
from staff.records import Record

SHOWN = timedelta(days=400)
"""So far ahead the list of holidays goes."""
WEEKDAY_FIELDS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
HOURS_HELP = _("For example 8:00-12:00, 16:00-20:00. Empty: no appointments.")


def minutes_field(kind: AppointmentKind) -> str:
    """Return the name of the field with the length of a type of appointment."""
    return f"minutes_{kind.name.lower()}"


class ProfessionalSource:
    """Reads the professionals for the admin."""

    conditions: frozenset[str] = frozenset()
    sort_fields = frozenset({"name"})
    email_field = None

    def find_by_id(self, record_id: str) -> "Professional | None":
        """Return the professional with this id, or None."""
        try:
            return professional_record(services.get_professional(professional_id=record_id))
        except ProfessionalNotFoundError:
            return None

    def read_page(
        self,
        record_filter: RecordFilter,
        *,
        cursor: str | None,
        limit: int,
    ) -> Page["Professional"]:
        """Return all professionals: there are at most ninety."""
        del cursor, limit
        found = list(services.stored_schedule().professionals)
        if record_filter.order.startswith("-"):
            found.reverse()
        return Page(items=[professional_record(each) for each in found])

    def search_text(self, record: "Professional") -> str:
        """Return the text that a search looks in."""
        return f"{record.name} {record.specialty} {record.aliases}"


def _weekday_hours(label: Any) -> Any:
    return models.CharField(label, max_length=120, blank=True, help_text=HOURS_HELP)


def _minutes(kind: AppointmentKind) -> Any:
    label: Any = KIND_LABELS[kind]
    return models.PositiveIntegerField(
        label,
        null=True,
        blank=True,
        validators=[
            MinValueValidator(MIN_DURATION_MINUTES),
            MaxValueValidator(MAX_DURATION_MINUTES),
        ],
    )


class Professional(Record):
    """A professional in the admin."""

    source: ClassVar[Any] = ProfessionalSource()
    value: ProfessionalValue

    id = models.CharField(primary_key=True, max_length=120, editable=False)
    name = models.CharField(
        _("name"),
        max_length=120,
        help_text=_(
            "With the title: Dra. Gómez. It can't be changed later; other names can be added."
        ),
    )
    specialty = models.CharField(_("specialty"), max_length=120, blank=True)
    aliases = models.TextField(
        _("other names"),
        max_length=MAX_LENGTH,
        blank=True,
        help_text=_("What customers also say, one on each line. Titles make no difference."),
    )
    monday = _weekday_hours(_("Monday"))
    tuesday = _weekday_hours(_("Tuesday"))
    wednesday = _weekday_hours(_("Wednesday"))
    thursday = _weekday_hours(_("Thursday"))
    friday = _weekday_hours(_("Friday"))
    saturday = _weekday_hours(_("Saturday"))
    sunday = _weekday_hours(_("Sunday"))
    leave = models.TextField(
        _("leave"),
        max_length=MAX_LENGTH,
        blank=True,
        help_text=_("One on each line: 24/12/2026-3/1/2027 holidays. One day: 8/3/2027."),
    )
    minutes_consultation = _minutes(AppointmentKind.CONSULTATION)
    minutes_follow_up = _minutes(AppointmentKind.FOLLOW_UP)
    minutes_emergency = _minutes(AppointmentKind.EMERGENCY)
    minutes_routine = _minutes(AppointmentKind.ROUTINE)
    accepts_new_patients = models.BooleanField(
        _("takes new patients"),
        default=True,
        help_text=_("If not, only who has had an appointment with them can book by voice."),
    )
    created_at = models.DateTimeField(_("added on"), null=True, editable=False)
    updated_at = models.DateTimeField(_("last change"), null=True, editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["name"]
        verbose_name = _("professional")
        verbose_name_plural = _("professionals")

    @override
    def __str__(self) -> str:
        return self.name or self.id


def professional_record(professional: ProfessionalValue) -> Professional:
    """Return the professional as a record of the admin."""
    weekly = professional.hours.by_weekday if professional.hours else ((),) * len(WEEKDAY_FIELDS)
    record: Professional = Professional.from_stored(
        id=professional.id,
        name=professional.name,
        specialty=professional.specialty,
        aliases="\n".join(professional.aliases),
        leave=format_leaves(professional.leave),
        accepts_new_patients=professional.accepts_new_patients,
        created_at=professional.created_at,
        updated_at=professional.updated_at,
        **{
            field: format_day_hours(hours)
            for field, hours in zip(WEEKDAY_FIELDS, weekly, strict=True)
        },
        **{minutes_field(kind): professional.durations.get(kind) for kind in AppointmentKind},
    )
    record.value = professional
    return record


class SpecialDaySource:
    """Reads holidays and special days for the admin."""

    conditions: frozenset[str] = frozenset()
    sort_fields = frozenset({"day"})
    email_field = None

    def find_by_id(self, record_id: str) -> "SpecialDay | None":
        """Return the holiday or special day with this date, or None."""
        try:
            day = date.fromisoformat(record_id)
        except ValueError:
            return None
        entry = services.get_calendar_entry(day=day)
        return None if entry is None else special_day_record(entry)

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page["SpecialDay"]:
        """Return the holidays and special days from today on, for a year and a month."""
        del cursor, limit
        today = localdate()
        found = services.list_calendar_entries(first=today, last=today + SHOWN)
        if record_filter.order.startswith("-"):
            found.reverse()
        return Page(items=[special_day_record(each) for each in found])

    def search_text(self, record: "SpecialDay") -> str:
        """Return the text that a search looks in."""
        return f"{record.id} {record.reason}"


class SpecialDay(Record):
    """A holiday, or a day that staff opened or closed, in the admin."""

    source: ClassVar[Any] = SpecialDaySource()
    value: CalendarEntry

    id = models.CharField(primary_key=True, max_length=10, editable=False)
    day = models.DateField(_("day"))
    reason = models.CharField(
        _("reason"), max_length=120, blank=True, help_text=_("Customers hear it: Christmas.")
    )
    is_open = models.BooleanField(
        _("open"), default=False, help_text=_("There are appointments in the usual hours.")
    )
    created_at = models.DateTimeField(_("added on"), null=True, editable=False)
    updated_at = models.DateTimeField(_("last change"), null=True, editable=False)

    class Meta(Record.Meta):
        """Names and order."""

        abstract = False
        ordering: ClassVar = ["day"]
        verbose_name = _("holiday or closed day")
        verbose_name_plural = _("holidays and closed days")

    @override
    def __str__(self) -> str:
        return date_format(date.fromisoformat(self.id), "DATE_FORMAT") if self.id else ""


def special_day_record(entry: CalendarEntry) -> SpecialDay:
    """Return the holiday or special day as a record of the admin."""
    record: SpecialDay = SpecialDay.from_stored(
        id=entry.day.isoformat(),
        day=entry.day,
        reason=entry.reason,
        is_open=entry.is_open,
        created_at=entry.special.created_at if entry.special else None,
        updated_at=entry.special.updated_at if entry.special else None,
    )
    record.value = entry
    return record
