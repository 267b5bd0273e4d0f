"""The REST API of the waiting list: each action calls one service."""

from typing import ClassVar, override

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request

from appointments.domain import AppointmentKind, DayPart
from appointments.waiting_list import services
from appointments.waiting_list.domain import WaitingEntry, Wanted
from appointments.waiting_list.serializers import (
    NewWaitingEntrySerializer,
    WaitingEntrySerializer,
)
from common import clock
from common.dynamodb.paging import Page
from common.rest.envelope import EnvelopeResponse
from common.rest.openapi import IF_MATCH_HEADER, IF_NONE_MATCH_HEADER, operation
from common.rest.views import ServiceViewSet

NEW_ENTRY_EXAMPLE = {
    "patientName": "Ana Martínez",
    "patientEmail": "ana.martinez@email.com",
    "doctorName": "Dr. Rodríguez",
    "specialty": "",
    "dateFrom": "2026-11-27",
    "dateTo": "2026-12-11",
    "partOfDay": "afternoon",
    "type": "consultation",
}
ENTRY_EXAMPLE = {
    **NEW_ENTRY_EXAMPLE,
    "id": "482913",
    "dni": None,
    "status": "waiting",
    "offer": None,
    "appointmentId": None,
    "createdAt": "2026-11-23T13:00:00.000Z",
    "updatedAt": "2026-11-23T13:00:00.000Z",
}


@extend_schema_view(
    list=operation(
        summary="All who wait, the longest first, and those who ended within two weeks",
        response=WaitingEntrySerializer(many=True),
        example=[ENTRY_EXAMPLE],
    ),
    retrieve=operation(
        summary="One entry of the waiting list",
        response=WaitingEntrySerializer,
        parameters=(IF_NONE_MATCH_HEADER,),
        example=ENTRY_EXAMPLE,
    ),
    create=operation(
        summary="Add a patient to the waiting list",
        body=NewWaitingEntrySerializer,
        response=WaitingEntrySerializer,
        status=201,
        body_example=NEW_ENTRY_EXAMPLE,
        example=ENTRY_EXAMPLE,
    ),
    destroy=operation(
        summary="Take a patient off the waiting list",
        response=None,
        parameters=(IF_MATCH_HEADER,),
    ),
)
class WaitingListViewSet(ServiceViewSet):
    """The waiting list, who waits longest first."""

    permission_model = "appointments.waitingentry"
    serializer_class = WaitingEntrySerializer
    body_serializers: ClassVar = {"create": NewWaitingEntrySerializer}

    def list(self, request: Request) -> EnvelopeResponse:
        """Return all entries on one page: there are at most some hundreds."""
        page = Page(items=services.list_entries())
        return self.page_response(request, page, noun="waiting patient")

    @override
    def get_record(self, pk: str) -> WaitingEntry:
        return services.get_entry(entry_id=pk)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Return one entry."""
        return self.read_response(request, pk, message=_("Waiting patient retrieved successfully"))

    def create(self, request: Request) -> EnvelopeResponse:
        """Add a patient. The same patient who waits for the same is added once."""
        body = self.validated_body(request)
        part = body.pop("day_part", None)
        wanted = Wanted(
            **{**body, "kind": AppointmentKind(body["kind"])},
            day_part=DayPart(part) if part else None,
        )
        added = services.add_entry(wanted=wanted, now=clock.now())
        return self.record_response(
            added, message=_("Waiting patient added successfully"), status=201
        )

    def destroy(self, request: Request, pk: str) -> EnvelopeResponse:
        """Take a patient off the list; a time that is held for them goes to the next."""
        version = self.required_version(request, pk)
        services.withdraw_entry(entry_id=pk, unchanged_since=version, now=clock.now())
        return EnvelopeResponse(None, message=_("Waiting patient taken off the list"))
