"""Serializers of the waiting list."""

from typing import Any, override

from rest_framework import serializers

from appointments.domain import DayPart
from appointments.serializers import KINDS, DayField
from appointments.waiting_list.domain import WaitingStatus
from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from common.rest.query_parameters import refuse_reversed_range
from common.rest.serializers import (
    CamelCaseSerializer,
    DniField,
    EmailField,
    InstantField,
    TextField,
)

DAY_PARTS = [part.value for part in DayPart]


class OfferSerializer(CamelCaseSerializer):
    """A time that is, or was, held for the patient."""

    doctor_name = serializers.CharField()
    date = InstantField(source="starts_at")
    duration = serializers.IntegerField(source="duration_min")
    held_until = InstantField()


class WaitingEntrySerializer(CamelCaseSerializer):
    """An entry in a response."""

    id = serializers.CharField()
    patient_name = serializers.CharField()
    patient_email = serializers.CharField()
    dni = DniField(allow_null=True)
    doctor_name = serializers.CharField(allow_blank=True)
    specialty = serializers.CharField(allow_blank=True)
    date_from = serializers.DateField(source="first")
    date_to = serializers.DateField(source="last")
    part_of_day = serializers.ChoiceField(choices=DAY_PARTS, source="day_part", allow_null=True)
    type = serializers.ChoiceField(choices=KINDS, source="kind")
    status = serializers.ChoiceField(choices=[status.value for status in WaitingStatus])
    offer = OfferSerializer(allow_null=True)
    appointment_id = serializers.CharField(allow_null=True)
    created_at = InstantField()
    updated_at = InstantField()


class NewWaitingEntrySerializer(CamelCaseSerializer):
    """The body that adds a patient to the waiting list."""

    patient_name = TextField(max_length=MAX_NAME_LENGTH)
    patient_email = EmailField(max_length=MAX_EMAIL_LENGTH)
    dni = DniField(required=False, allow_null=True)
    doctor_name = TextField(required=False, allow_blank=True, max_length=MAX_NAME_LENGTH)
    specialty = TextField(required=False, allow_blank=True, max_length=MAX_NAME_LENGTH)
    date_from = DayField(source="first")
    date_to = DayField(source="last")
    part_of_day = serializers.ChoiceField(
        choices=DAY_PARTS, source="day_part", required=False, allow_null=True
    )
    type = serializers.ChoiceField(choices=KINDS, source="kind", default="consultation")

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        refuse_reversed_range(
            {"date_from": attrs["first"], "date_to": attrs["last"]}, "date_from", "date_to"
        )
        return attrs
