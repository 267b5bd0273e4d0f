"""What the OpenAPI document says of appointments besides their shapes."""

from drf_spectacular.utils import extend_schema_view

from appointments.serializers import (
    AppointmentListQuery,
    AppointmentSerializer,
    AvailabilityQuery,
    AvailabilitySerializer,
    ChangedAppointment,
    NewAppointment,
)
from common.rest.openapi import IDEMPOTENCY_KEY_HEADER, IF_MATCH_HEADER, operation

NEW = {
    "patientName": "Ana Martínez",
    "patientEmail": "ana.martinez@email.com",
    "doctorName": "Dr. Rodríguez",
    "date": "2026-11-27T15:00:00-03:00",
    "duration": 30,
    "type": "consultation",
    "notes": "",
}
APPOINTMENT = {
    **NEW,
    "id": "734210",
    "date": "2026-11-27T18:00:00.000Z",
    "status": "scheduled",
    "createdAt": "2026-11-23T13:00:00.000Z",
    "updatedAt": "2026-11-23T13:00:00.000Z",
}
FREE = {
    "doctorName": "Dr. Rodríguez",
    "date": "2026-11-27",
    "duration": 30,
    "starts": ["2026-11-27T11:00:00.000Z", "2026-11-27T11:30:00.000Z"],
}

DESCRIBED = extend_schema_view(
    list=operation(
        summary="A page of appointments",
        shown=AppointmentSerializer(many=True),
        parameters=(AppointmentListQuery,),
        example=[APPOINTMENT],
    ),
    availability=operation(
        summary="The free starts of a doctor on a day",
        shown=AvailabilitySerializer,
        parameters=(AvailabilityQuery,),
        example=FREE,
    ),
    retrieve=operation(summary="One appointment", shown=AppointmentSerializer, example=APPOINTMENT),
    create=operation(
        summary="Book an appointment",
        body=NewAppointment,
        shown=AppointmentSerializer,
        status=201,
        parameters=(IDEMPOTENCY_KEY_HEADER,),
        body_example=NEW,
        example=APPOINTMENT,
    ),
    update=operation(
        summary="Change an appointment, given whole",
        body=ChangedAppointment,
        shown=AppointmentSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example={**NEW, "updatedAt": "2026-11-23T13:00:00.000Z"},
        example=APPOINTMENT,
    ),
    partial_update=operation(
        summary="Change some of an appointment",
        body=ChangedAppointment(partial=True),
        shown=AppointmentSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example={"status": "confirmed"},
        example={**APPOINTMENT, "status": "confirmed"},
    ),
    destroy=operation(
        summary="Delete an appointment and give its time back",
        shown=None,
        parameters=(IF_MATCH_HEADER,),
    ),
)
"""The decorator of the viewset."""
