"""Fifty bookings of one time, through all three interfaces at once: exactly one succeeds."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import appointments.services
from appointments.domain import Appointment, AppointmentKind
from common.timestamps import to_iso
from tests.fixtures.site import Site
from tests.interfaces.clients import (
    INTERFACES,
    BookingRequest,
    Interface,
    Response,
    SubmitBooking,
    VoiceInterface,
)
from tests.interfaces.staff_session import staff_session

pytestmark = [pytest.mark.wire]

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
REQUESTS = 50
SLOT_TAKEN = "En ese horario el turno ya está ocupado."
NAMES = ["Ana", "Bruno", "Carla", "Diego", "Elena", "Fabio", "Gloria", "Hugo", "Irene", "Jorge"]
SURNAMES = ["Sosa", "Rivas", "Ponce", "Luna", "Vega"]


def contested_time(demo_data: datetime) -> datetime:
    """Return ten in the morning, three days from now."""
    day = demo_data.astimezone(CLINIC) + timedelta(days=3)
    return day.replace(hour=10, minute=0, second=0, microsecond=0)


def booking_requests(starts_at: datetime, doctor: str) -> list[BookingRequest]:
    return [
        BookingRequest(
            patient=f"{NAMES[n % 10]} {SURNAMES[n // 10]}",
            email=f"{NAMES[n % 10]}.{SURNAMES[n // 10]}@email.com".lower(),
            doctor=doctor,
            starts_at=starts_at,
        )
        for n in range(REQUESTS)
    ]


async def book_at_once(
    interfaces: list[Interface], requests: list[BookingRequest]
) -> list[Response]:
    """Prepare all bookings, ten at a time; then submit them all at once."""
    prepared: list[SubmitBooking] = []
    async with AsyncExitStack() as running:
        preparations = [
            interface.prepare_booking(request, running)
            for interface, request in zip(interfaces, requests, strict=True)
        ]
        for start in range(0, len(preparations), 10):
            prepared += await asyncio.gather(*preparations[start : start + 10])
        return await asyncio.gather(*(submit() for submit in prepared))


async def test_fifty_concurrent_bookings_over_all_interfaces_book_one(
    staffed_site: Site, demo_data: datetime
) -> None:
    starts_at = contested_time(demo_data)
    interfaces = [INTERFACES[n % len(INTERFACES)](staffed_site) for n in range(REQUESTS)]
    responses = await book_at_once(interfaces, booking_requests(starts_at, "Dr. Rodríguez"))
    print(table(interfaces, responses))  # noqa: T201 -- what `make races` shows
    assert [response.is_done for response in responses].count(True) == 1
    refusals = [response for response in responses if not response.is_done]
    assert all(SLOT_TAKEN in refusal.text for refusal in refusals), refusals
    assert {refusal.code for refusal in refusals} <= {"slot_taken", None}
    assert all(refusal.offers_times for refusal in refusals), refusals
    that_day = appointments.services.list_appointments_on(day=starts_at.date())
    booked = [a for a in that_day if a.starts_at == starts_at and a.doctor_name == "Dr. Rodríguez"]
    assert len(booked) == 1


async def test_drags_and_voice_bookings_of_one_time_have_one_winner(
    staffed_site: Site, demo_data: datetime
) -> None:
    starts_at = contested_time(demo_data)
    dragged = [
        appointments.services.book_appointment(
            patient_name=f"{name} Paz",
            patient_email=f"{name}.paz@email.com".lower(),
            doctor_name="Dr. Rodríguez",
            starts_at=starts_at + timedelta(hours=2 + n),
            duration_min=30,
            kind=AppointmentKind.CONSULTATION,
            token=f"drag {n} {demo_data}",
            now=demo_data,
        )
        for n, name in enumerate(NAMES[:4])
    ]
    session = staff_session(staffed_site)

    def drag(appointment: Appointment) -> Response:
        assert appointment.updated_at is not None
        path = f"/admin/appointments/appointment/calendar/{appointment.id}/move/"
        form = {
            "start": starts_at.astimezone(CLINIC).replace(tzinfo=None).isoformat(),
            "version": to_iso(appointment.updated_at),
        }
        status, text = session.submit(path, form)
        answer = json.loads(text)
        return Response(is_done=status == 200, text=answer["message"], code=answer.get("code"))

    requests = booking_requests(starts_at, "Dr. Rodríguez")[4:8]
    async with AsyncExitStack() as running:
        voice = [
            await VoiceInterface(staffed_site).prepare_booking(each, running) for each in requests
        ]
        responses = await asyncio.gather(
            *(submit() for submit in voice), *(asyncio.to_thread(drag, each) for each in dragged)
        )
    refusals = [response for response in responses if not response.is_done]
    assert len(refusals) == len(responses) - 1, responses
    assert all(SLOT_TAKEN in refusal.text for refusal in refusals), refusals
    that_day = appointments.services.list_appointments_on(day=starts_at.date())
    [winner] = [
        each
        for each in that_day
        if each.starts_at == starts_at and each.doctor_name == "Dr. Rodríguez"
    ]
    moved = {each.id for each in dragged}
    stayed = [each for each in that_day if each.id in moved and each.id != winner.id]
    assert len(stayed) == len(moved - {winner.id})


def table(interfaces: list[Interface], responses: list[Response]) -> str:
    """Return the table that `make races` prints."""
    counts = Counter(
        (type(interface), response.is_done)
        for interface, response in zip(interfaces, responses, strict=True)
    )
    rows = [
        f"{each.__name__:16}{counts[each, True]:>8}{counts[each, False]:>9}" for each in INTERFACES
    ]
    return "\n".join(["interface         booked  refused", *rows])
