"""The OpenAPI descriptions and examples of the appointments operations."""

from drf_spectacular.utils import extend_schema_view

from appointments.serializers import (
    AppointmentListQuery,
    AppointmentSerializer,
    AvailabilityQuery,
    AvailabilitySerializer,
    ChangedAppointmentSerializer,
    FreeTimesQuery,
    FreeTimesSerializer,
    NewAppointmentSerializer,
)
from common.rest.openapi import (
    IDEMPOTENCY_KEY_HEADER,
    IF_MATCH_HEADER,
    IF_NONE_MATCH_HEADER,
    operation,
)

NEW_APPOINTMENT_EXAMPLE = {
    "patientName": "Ana Martínez",
    "patientEmail": "ana.martinez@email.com",
    "doctorName": "Dr. Rodríguez",
    "date": "2026-11-27T15:00:00-03:00",
    "duration": 30,
    "type": "consultation",
    "notes": "",
}
APPOINTMENT_EXAMPLE = {
    **NEW_APPOINTMENT_EXAMPLE,
    "id": "734210",
    "date": "2026-11-27T18:00:00.000Z",
    "status": "scheduled",
    "createdAt": "2026-11-23T13:00:00.000Z",
    "updatedAt": "2026-11-23T13:00:00.000Z",
}
AVAILABILITY_EXAMPLE = {
    "doctorName": "Dr. Rodríguez",
    "date": "2026-11-27",
    "duration": 30,
    "starts": ["2026-11-27T11:00:00.000Z", "2026-11-27T11:30:00.000Z"],
}

FREE_TIMES_EXAMPLE = {
    "searchedUntil": "2026-11-27",
    "freeTimes": [
        {"doctorName": "Dr. Rodríguez", "date": "2026-11-27T11:00:00.000Z", "duration": 30}
    ],
}

describe_appointment_operations = extend_schema_view(
    list=operation(
        summary="A page of appointments",
        response=AppointmentSerializer(many=True),
        parameters=(AppointmentListQuery,),
        example=[APPOINTMENT_EXAMPLE],
    ),
    availability=operation(
        summary="The free start times of a doctor on a day",
        response=AvailabilitySerializer,
        parameters=(AvailabilityQuery,),
        example=AVAILABILITY_EXAMPLE,
    ),
    free_times=operation(
        summary="The next free times of a professional, of a specialty, or of anybody",
        response=FreeTimesSerializer,
        parameters=(FreeTimesQuery,),
        example=FREE_TIMES_EXAMPLE,
    ),
    retrieve=operation(
        summary="One appointment",
        response=AppointmentSerializer,
        parameters=(IF_NONE_MATCH_HEADER,),
        example=APPOINTMENT_EXAMPLE,
    ),
    create=operation(
        summary="Book an appointment",
        body=NewAppointmentSerializer,
        response=AppointmentSerializer,
        status=201,
        parameters=(IDEMPOTENCY_KEY_HEADER,),
        body_example=NEW_APPOINTMENT_EXAMPLE,
        example=APPOINTMENT_EXAMPLE,
    ),
    update=operation(
        summary="Change an appointment, with all required fields",
        body=ChangedAppointmentSerializer,
        response=AppointmentSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example={**NEW_APPOINTMENT_EXAMPLE, "updatedAt": "2026-11-23T13:00:00.000Z"},
        example=APPOINTMENT_EXAMPLE,
    ),
    partial_update=operation(
        summary="Change some fields of an appointment",
        body=ChangedAppointmentSerializer(partial=True),
        response=AppointmentSerializer,
        parameters=(IF_MATCH_HEADER,),
        body_example={"status": "confirmed"},
        example={**APPOINTMENT_EXAMPLE, "status": "confirmed"},
    ),
    destroy=operation(
        summary="Delete an appointment, which frees its time",
        response=None,
        parameters=(IF_MATCH_HEADER,),
    ),
)
"""Decorates the viewset."""
