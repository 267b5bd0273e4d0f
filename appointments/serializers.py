"""What appointments look like over REST: camelCase, as the earlier system showed them."""

import datetime as dt

from rest_framework import serializers

from appointments.domain import AppointmentKind, AppointmentStatus
from common.query import Limit
from common.serializers import CamelCaseSerializer, InstantField


class AppointmentSerializer(CamelCaseSerializer):
    """An appointment as it is shown."""

    id = serializers.CharField()
    patient_name = serializers.CharField()
    patient_email = serializers.EmailField()
    doctor_name = serializers.CharField()
    date = InstantField(source="starts_at")
    duration = serializers.IntegerField(source="duration_min")
    type = serializers.ChoiceField(choices=[k.value for k in AppointmentKind], source="kind")
    notes = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=[status.value for status in AppointmentStatus])
    created_at = InstantField(allow_null=True)
    updated_at = InstantField(allow_null=True)


class AppointmentQuery(Limit):
    """What may be asked of the list of appointments."""

    date = serializers.DateField(required=False, input_formats=["%Y-%m-%d"])

    def validate_date(self, value: dt.date) -> dt.date:
        """Refuse the ends of the calendar, whose neighbours have no date."""
        if not 1900 <= value.year <= 2200:
            raise serializers.ValidationError("Not a year of appointments.", code="out_of_range")
        return value
