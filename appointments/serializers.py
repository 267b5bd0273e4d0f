"""Serializers of appointments: camelCase, in the shape of the earlier system."""

import datetime as dt
from typing import Any, override

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from appointments.domain import (
    FIRST_DAY,
    LAST_DAY,
    MAX_DURATION_MINUTES,
    MAX_NOTES_LENGTH,
    MIN_DURATION_MINUTES,
    AppointmentKind,
    AppointmentStatus,
    DayPart,
)
from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from common.naming import camel_case
from common.rest.query_parameters import (
    PageQuerySerializer,
    QuerySerializer,
    refuse_reversed_range,
)
from common.rest.serializers import (
    CamelCaseSerializer,
    DniField,
    EmailField,
    InstantField,
    PhoneField,
    TextField,
    WholeNumberField,
)

MAX_FREE_TIMES = 100
"""So many free times one search returns."""
KINDS = [kind.value for kind in AppointmentKind]
STATUSES = [status.value for status in AppointmentStatus]


class AppointmentSerializer(CamelCaseSerializer):
    """An appointment in a response."""

    id = serializers.CharField()
    patient_name = serializers.CharField()
    patient_email = serializers.CharField()
    dni = DniField(allow_null=True)
    phone = PhoneField(allow_null=True)
    doctor_name = serializers.CharField()
    date = InstantField(source="starts_at")
    duration = serializers.IntegerField(source="duration_min")
    type = serializers.ChoiceField(choices=KINDS, source="kind")
    notes = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=STATUSES)
    reserved_until = InstantField(
        allow_null=True,
        help_text="Until when the patient has to confirm it, or it is cancelled; `null`: it needs no confirmation.",
    )
    created_at = InstantField(allow_null=True)
    updated_at = InstantField(allow_null=True)


class NewAppointmentSerializer(CamelCaseSerializer):
    """The body that books an appointment."""

    patient_name = TextField(max_length=MAX_NAME_LENGTH)
    patient_email = EmailField(max_length=MAX_EMAIL_LENGTH)
    doctor_name = TextField(max_length=MAX_NAME_LENGTH)
    date = InstantField(source="starts_at", help_text="The start, with an offset.")
    duration = WholeNumberField(
        source="duration_min",
        min_value=MIN_DURATION_MINUTES,
        max_value=MAX_DURATION_MINUTES,
        default=30,
        help_text="Minutes.",
    )
    type = serializers.ChoiceField(choices=KINDS, source="kind", default="consultation")
    notes = TextField(required=False, allow_blank=True, max_length=MAX_NOTES_LENGTH)
    dni = DniField(required=False, allow_null=True)
    phone = PhoneField(required=False, allow_null=True)


class ChangedAppointmentSerializer(CamelCaseSerializer):
    """The body that changes an appointment. `updatedAt`, if given, must be that of the stored one."""

    ignored_fields = frozenset({"id", "reservedUntil", "createdAt"})

    patient_name = TextField(max_length=MAX_NAME_LENGTH)
    patient_email = EmailField(max_length=MAX_EMAIL_LENGTH)
    doctor_name = TextField(max_length=MAX_NAME_LENGTH)
    date = InstantField(source="starts_at")
    duration = WholeNumberField(
        source="duration_min",
        min_value=MIN_DURATION_MINUTES,
        max_value=MAX_DURATION_MINUTES,
        required=False,
    )
    type = serializers.ChoiceField(choices=KINDS, source="kind", required=False)
    notes = TextField(required=False, allow_blank=True, max_length=MAX_NOTES_LENGTH)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    dni = DniField(required=False, allow_null=True, accepts_mask=True)
    phone = PhoneField(required=False, allow_null=True, accepts_mask=True)
    updated_at = InstantField(required=False, allow_null=True)


class DayField(serializers.DateField):
    """A day in the clinic's time zone."""

    def __init__(self, **options: object) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **options)  # type: ignore[arg-type]  # the field's own

    def to_internal_value(self, value: str | dt.date) -> dt.date:
        """Refuse days outside 1900 to 2200: at the ends of the calendar a day has no neighbour."""
        day = super().to_internal_value(value)
        if not FIRST_DAY <= day <= LAST_DAY:
            raise serializers.ValidationError(_("Not a year of appointments."), code="out_of_range")
        return day


class AppointmentListQuery(PageQuerySerializer):
    """The query parameters of the list of appointments."""

    date = DayField(
        required=False,
        help_text="Starts on this local day of the clinic; not together with `dateFrom` or `dateTo`.",
    )
    date_from = DayField(required=False, help_text="Starts on this day or later.")
    date_to = DayField(required=False, help_text="Starts on this day or earlier.")
    doctor_name = TextField(required=False, max_length=MAX_NAME_LENGTH)
    patient_email = TextField(required=False, max_length=MAX_EMAIL_LENGTH)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    ordering = serializers.ChoiceField(
        choices=["date", "-date"],
        required=False,
        help_text="By default `-date`, or `date` if `date` is set.",
    )

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse `date` together with a range (one would be ignored), and a range that ends first."""
        range_parameters = [camel_case(name) for name in ("date_from", "date_to") if name in attrs]
        if "date" in attrs and range_parameters:
            raise serializers.ValidationError(
                {name: [_("Not together with date.")] for name in range_parameters}
            )
        refuse_reversed_range(attrs, "date_from", "date_to")
        return attrs


class AvailabilityQuery(QuerySerializer):
    """The query parameters of the free times."""

    doctor_name = TextField(max_length=MAX_NAME_LENGTH)
    date = DayField(help_text="A local day of the clinic.")
    duration = WholeNumberField(
        min_value=MIN_DURATION_MINUTES, max_value=MAX_DURATION_MINUTES, default=30
    )


class FreeTimesQuery(QuerySerializer):
    """The query parameters of the search for free times."""

    doctor_name = TextField(
        required=False, max_length=MAX_NAME_LENGTH, help_text="A name or a specialty."
    )
    specialty = TextField(required=False, max_length=MAX_NAME_LENGTH)
    date_from = DayField(required=False, help_text="By default, and at the earliest, today.")
    date_to = DayField(required=False, help_text="By default the end of the booking horizon.")
    part_of_day = serializers.ChoiceField(choices=[part.value for part in DayPart], required=False)
    type = serializers.ChoiceField(choices=KINDS, source="kind", default="consultation")
    duration = WholeNumberField(
        source="duration_min",
        min_value=MIN_DURATION_MINUTES,
        max_value=MAX_DURATION_MINUTES,
        required=False,
        help_text="Minutes; by default those of the professional for the type, or 30.",
    )
    limit = WholeNumberField(min_value=1, max_value=MAX_FREE_TIMES, default=20)

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        refuse_reversed_range(attrs, "date_from", "date_to")
        return attrs


class FreeTimeSerializer(CamelCaseSerializer):
    """A time at which a professional is free."""

    doctor_name = serializers.CharField()
    date = InstantField(source="starts_at")
    duration = serializers.IntegerField(source="duration_min")


class FreeTimesSerializer(CamelCaseSerializer):
    """The next free times, in order."""

    searched_until = serializers.DateField()
    free_times = FreeTimeSerializer(many=True, source="free_starts")


class AvailabilitySerializer(CamelCaseSerializer):
    """The free start times of a doctor on a day."""

    doctor_name = serializers.CharField()
    date = serializers.DateField()
    duration = serializers.IntegerField()
    starts = serializers.ListField(child=InstantField())
