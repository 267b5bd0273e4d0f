"""The REST door to appointments: one service call an action."""

from rest_framework.request import Request

from appointments import services
from appointments.serializers import AppointmentQuery, AppointmentSerializer
from common.http import Answer
from common.query import read
from common.views import ServiceViewSet


class AppointmentViewSet(ServiceViewSet):
    """Appointments: of one of the clinic's days, or the latest."""

    serializer_class = AppointmentSerializer

    def list(self, request: Request) -> Answer:
        """Return those of `?date=YYYY-MM-DD` in order of time, or else up to `?limit=` (100)."""
        query = read(AppointmentQuery, request)
        if "date" in query:
            found = services.appointments_on(day=query["date"])
        else:
            found = services.list_appointments(limit=query["limit"])
        return self.answer_all(found, noun="appointment")

    def retrieve(self, _request: Request, pk: str) -> Answer:
        """Return one appointment."""
        appointment = services.get_appointment(appointment_id=pk)
        return self.answer(appointment, message="Appointment retrieved successfully")
