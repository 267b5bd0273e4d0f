"""The REST door to appointments: one service call an action."""

from typing import Any, ClassVar

from rest_framework.decorators import action
from rest_framework.request import Request

from appointments import openapi, services
from appointments.domain import (
    AppointmentChanges,
    AppointmentKind,
    AppointmentQuery,
    AppointmentStatus,
)
from appointments.serializers import (
    AppointmentListQuery,
    AppointmentSerializer,
    AvailabilityQuery,
    AvailabilitySerializer,
    ChangedAppointment,
    NewAppointment,
)
from common import clock
from common.rest.envelope import EnvelopeResponse
from common.rest.preconditions import idempotency_key, required_version
from common.rest.query_parameters import decrypt_cursor, parse_query
from common.rest.views import ServiceViewSet


@openapi.DESCRIBED
class AppointmentViewSet(ServiceViewSet):
    """Appointments: of one of the clinic's days in order of time, or else the latest first."""

    record = "appointments.appointment"
    serializer_class = AppointmentSerializer
    bodies: ClassVar = {
        "create": NewAppointment,
        "update": ChangedAppointment,
        "partial_update": ChangedAppointment,
    }

    def list(self, request: Request) -> EnvelopeResponse:
        """Return a page of appointments: of a day or days, a doctor, a patient, a status."""
        asked = parse_query(AppointmentListQuery, request)
        status = asked.get("status")
        ordering = asked.get("ordering", "date" if "date" in asked else "-date")
        query = AppointmentQuery(
            day=asked.get("date"),
            date_from=asked.get("date_from"),
            date_to=asked.get("date_to"),
            doctor_name=asked.get("doctor_name"),
            patient_email=asked.get("patient_email"),
            status=AppointmentStatus(status) if status else None,
            latest_first=ordering == "-date",
        )
        cursor = decrypt_cursor(request, asked.get("cursor"))
        page = services.find_appointments(query=query, cursor=cursor, limit=asked["limit"])
        return self.answer_page(request, page, noun="appointment")

    @action(detail=False)
    def availability(self, request: Request) -> EnvelopeResponse:
        """Return the free starts of a doctor on a day."""
        asked = parse_query(AvailabilityQuery, request)
        starts = services.free_slots(
            doctor_name=asked["doctor_name"],
            day=asked["date"],
            duration_min=asked["duration"],
            now=clock.now(),
        )
        shown = AvailabilitySerializer({**asked, "starts": starts}).data
        return EnvelopeResponse(shown, message=f"{len(starts)} free")

    def retrieve(self, _request: Request, pk: str) -> EnvelopeResponse:
        """Return one appointment."""
        appointment = services.get_appointment(appointment_id=pk)
        return self.answer(appointment, message="Appointment retrieved successfully")

    def create(self, request: Request) -> EnvelopeResponse:
        """Book an appointment. The same `Idempotency-Key` with the same body books it once."""
        wanted = self.body(request)
        booked = services.book_appointment(
            **{**wanted, "kind": AppointmentKind(wanted["kind"])},
            token=idempotency_key(request),
            now=clock.now(),
        )
        return self.answer(booked, message="Appointment created successfully", status=201)

    def update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change an appointment, given whole; what is optional and not given stays."""
        return self._update(request, pk, self.body(request))

    def partial_update(self, request: Request, pk: str) -> EnvelopeResponse:
        """Change some of an appointment. `date` alone moves it, `{"status": "cancelled"}` cancels it."""
        return self._update(request, pk, self.body(request, partial=True))

    def destroy(self, request: Request, pk: str) -> EnvelopeResponse:
        """Delete an appointment, and give its time back."""
        version = required_version(request, None)
        services.delete_appointment(appointment_id=pk, unchanged_since=version)
        return EnvelopeResponse(None, message="Appointment deleted successfully")

    def _update(self, request: Request, pk: str, said: dict[str, Any]) -> EnvelopeResponse:
        version = required_version(request, said.pop("updated_at", None))
        for name, kind in (("kind", AppointmentKind), ("status", AppointmentStatus)):
            if name in said:
                said[name] = kind(said[name])
        changed = services.update_appointment(
            appointment_id=pk,
            changes=AppointmentChanges(**said),
            unchanged_since=version,
            now=clock.now(),
        )
        return self.answer(changed, message="Appointment updated successfully")
