"""What appointments look like over REST: camelCase, as the earlier system showed them."""

import datetime as dt
from typing import Any, override

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from appointments.domain import (
    LONGEST_MIN,
    MAX_NOTES_LENGTH,
    SHORTEST_MIN,
    AppointmentKind,
    AppointmentStatus,
)
from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from common.rest.query_parameters import PageQuery, Query
from common.rest.serializers import (
    CamelCaseSerializer,
    InstantField,
    TextField,
    WholeNumberField,
    camel_case,
)

KINDS = [kind.value for kind in AppointmentKind]
STATUSES = [status.value for status in AppointmentStatus]


class AppointmentSerializer(CamelCaseSerializer):
    """An appointment as it is shown."""

    id = serializers.CharField()
    patient_name = serializers.CharField()
    patient_email = serializers.CharField()
    doctor_name = serializers.CharField()
    date = InstantField(source="starts_at")
    duration = serializers.IntegerField(source="duration_min")
    type = serializers.ChoiceField(choices=KINDS, source="kind")
    notes = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=STATUSES)
    created_at = InstantField(allow_null=True)
    updated_at = InstantField(allow_null=True)


class NewAppointment(CamelCaseSerializer):
    """An appointment to be booked."""

    patient_name = TextField(max_length=MAX_NAME_LENGTH)
    patient_email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH)
    doctor_name = TextField(max_length=MAX_NAME_LENGTH)
    date = InstantField(source="starts_at", help_text="Its start, with an offset.")
    duration = WholeNumberField(
        source="duration_min",
        min_value=SHORTEST_MIN,
        max_value=LONGEST_MIN,
        default=30,
        help_text="Minutes.",
    )
    type = serializers.ChoiceField(choices=KINDS, source="kind", default="consultation")
    notes = TextField(required=False, allow_blank=True, max_length=MAX_NOTES_LENGTH)


class ChangedAppointment(CamelCaseSerializer):
    """What staff change of an appointment. What isn't given stays; `updatedAt` makes it conditional."""

    passed_over = frozenset({"id", "createdAt"})

    patient_name = TextField(max_length=MAX_NAME_LENGTH)
    patient_email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH)
    doctor_name = TextField(max_length=MAX_NAME_LENGTH)
    date = InstantField(source="starts_at")
    duration = WholeNumberField(
        source="duration_min", min_value=SHORTEST_MIN, max_value=LONGEST_MIN, required=False
    )
    type = serializers.ChoiceField(choices=KINDS, source="kind", required=False)
    notes = TextField(required=False, allow_blank=True, max_length=MAX_NOTES_LENGTH)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    updated_at = InstantField(required=False, allow_null=True)


class DayField(serializers.DateField):
    """One of the clinic's days."""

    def __init__(self, **options: object) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **options)  # type: ignore[arg-type]  # the field's own

    def to_internal_value(self, value: str | dt.date) -> dt.date:
        """Refuse the ends of the calendar, whose neighbours have no date."""
        day = super().to_internal_value(value)
        if not 1900 <= day.year <= 2200:
            raise serializers.ValidationError(_("Not a year of appointments."), code="out_of_range")
        return day


class AppointmentListQuery(PageQuery):
    """What may be asked of the list of appointments."""

    date = DayField(
        required=False,
        help_text="Those that start on this day of the clinic; without `dateFrom` and `dateTo`.",
    )
    date_from = DayField(required=False, help_text="On this day or later.")
    date_to = DayField(required=False, help_text="On this day or earlier.")
    doctor_name = TextField(required=False, max_length=MAX_NAME_LENGTH)
    patient_email = TextField(required=False, max_length=MAX_EMAIL_LENGTH)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    ordering = serializers.ChoiceField(
        choices=["date", "-date"], required=False, help_text="`-date`; with a `date`, `date`."
    )

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a day together with days: one of them would be passed over."""
        range_given = [camel_case(name) for name in ("date_from", "date_to") if name in attrs]
        if "date" in attrs and range_given:
            raise serializers.ValidationError(
                {name: [_("Not together with date.")] for name in range_given}
            )
        return attrs


class AvailabilityQuery(Query):
    """For whom, when and how long a time is wanted."""

    doctor_name = TextField(max_length=MAX_NAME_LENGTH)
    date = DayField(help_text="A day of the clinic.")
    duration = WholeNumberField(min_value=SHORTEST_MIN, max_value=LONGEST_MIN, default=30)


class AvailabilitySerializer(CamelCaseSerializer):
    """The free starts of a doctor on a day."""

    doctor_name = serializers.CharField()
    date = serializers.DateField()
    duration = serializers.IntegerField()
    starts = serializers.ListField(child=InstantField())
