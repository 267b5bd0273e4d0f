"""The REST API of appointments: each action calls one service."""

from typing import Any, ClassVar, override

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.decorators import action
from rest_framework.request import Request

from appointments import services
from appointments.domain import (
    Appointment,
    AppointmentChanges,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
    DayPart,
)
from appointments.openapi import describe_appointment_operations
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
from common import clock
from common.record_changes import REST
from common.rest.envelope import EnvelopeResponse
from common.rest.permissions import may_see_dni, may_see_phone
from common.rest.query_parameters import parse_query_parameters, service_cursor
from common.rest.request_headers import idempotency_token
from common.rest.views import ServiceViewSet


@describe_appointment_operations
class AppointmentViewSet(ServiceViewSet):
    """Appointments: the latest first; those of one day in order of time."""

    permission_model = "appointments.appointment"
    serializer_class = AppointmentSerializer
    body_serializers: ClassVar = {
        "create": NewAppointmentSerializer,
        "update": ChangedAppointmentSerializer,
        "partial_update": ChangedAppointmentSerializer,
    }

    def list(self, request: Request) -> EnvelopeResponse:
        """Return a page of appointments, optionally of a day or days, doctor, patient or status."""
        parameters = parse_query_parameters(AppointmentListQuery, request)
        status = parameters.get("status")
        ordering = parameters.get("ordering", "date" if "date" in parameters else "-date")
        query = AppointmentQuery(
            day=parameters.get("date"),
            date_from=parameters.get("date_from"),
            date_to=parameters.get("date_to"),
            doctor_name=parameters.get("doctor_name"),
            patient_email=parameters.get("patient_email"),
            status=AppointmentStatus(status) if status else None,
            latest_first=ordering == "-date",
        )
        cursor = service_cursor(request, parameters.get("cursor"))
        page = services.list_appointments(query=query, cursor=cursor, limit=parameters["limit"])
        return self.page_response(request, page, noun="appointment")

    @action(detail=False)
    def availability(self, request: Request) -> EnvelopeResponse:
        """Return the free start times of a doctor on a day."""
        parameters = parse_query_parameters(AvailabilityQuery, request)
        starts = services.list_free_starts(
            doctor_name=parameters["doctor_name"],
            day=parameters["date"],
            duration_min=parameters["duration"],
            now=clock.now(),
        )
        shown = AvailabilitySerializer({**parameters, "starts": starts}).data
        return EnvelopeResponse(shown, message=_("%(count)d free") % {"count": len(starts)})

    @action(detail=False, url_path="free-times")
    def free_times(self, request: Request) -> EnvelopeResponse:
        """Return the next free times of a professional, of a specialty, or of anybody."""
        parameters = parse_query_parameters(FreeTimesQuery, request)
        part = parameters.get("part_of_day")
        found = services.find_availability(
            professional=parameters.get("doctor_name"),
            specialty=parameters.get("specialty"),
            first=parameters.get("date_from"),
            last=parameters.get("date_to"),
            day_part=DayPart(part) if part else None,
            kind=AppointmentKind(parameters["kind"]),
            duration_min=parameters.get("duration_min"),
            limit=parameters["limit"],
            now=clock.now(),
        )
        count = len(found.free_starts)
        return EnvelopeResponse(
            FreeTimesSerializer(found).data, message=_("%(count)d free") % {"count": count}
        )

    @override
    def get_record(self, pk: str) -> Appointment:
        return services.get_appointment(appointment_id=pk)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Return one appointment."""
        return self.read_response(request, pk, message=_("Appointment retrieved successfully"))

    def create(self, request: Request) -> EnvelopeResponse:
        """Book an appointment. The same `Idempotency-Key` with the same body books it once."""
        body = self.validated_body(request)
        booked = services.book_appointment(
            patient_name=body["patient_name"],
            patient_email=body["patient_email"],
            doctor_name=body["doctor_name"],
            starts_at=body["starts_at"],
            duration_min=body["duration_min"],
            kind=AppointmentKind(body["kind"]),
            notes=body.get("notes", ""),
            dni=body.get("dni"),
            phone=body.get("phone"),
            token=idempotency_token(request),
            origin=REST,
            now=clock.now(),
        )
        return self.record_response(
            booked, message=_("Appointment created successfully"), status=201
        )

    def update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change an appointment. Required fields must be present; missing optional fields stay."""
        return self._update(request, pk, self.validated_body(request))

    def partial_update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change some fields of an appointment. `date` alone moves it; `{"status": "cancelled"}` cancels it."""
        return self._update(request, pk, self.validated_body(request, partial=True))

    def destroy(self, request: Request, pk: str) -> EnvelopeResponse:
        """Delete an appointment, which frees its time."""
        version = self.required_version(request, pk)
        services.delete_appointment(appointment_id=pk, unchanged_since=version, now=clock.now())
        return EnvelopeResponse(None, message=_("Appointment deleted successfully"))

    def _update(self, request: Request, pk: str, body: dict[str, Any]) -> EnvelopeResponse:
        version = self.required_version(request, pk, self.take_version(body))
        for name, enum in (("kind", AppointmentKind), ("status", AppointmentStatus)):
            if name in body:
                body[name] = enum(body[name])
        updated = services.update_appointment(
            appointment_id=pk,
            changes=AppointmentChanges(**body),
            unchanged_since=version,
            sees_dni=may_see_dni(request),
            sees_phone=may_see_phone(request),
            origin=REST,
            now=clock.now(),
        )
        return self.record_response(updated, message=_("Appointment updated successfully"))
