"""Fifty wishes for one time, through all three doors at one moment: exactly one is granted."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import appointments.services
from tests.fixtures.site import Site
from tests.interfaces.interfaces import DOORS, Answer, Book, BookingWish, Door

pytestmark = [pytest.mark.wire, pytest.mark.timeout(240)]

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
WISHES = 50
SLOT_TAKEN = "En ese horario el turno ya está ocupado."
NAMES = ["Ana", "Bruno", "Carla", "Diego", "Elena", "Fabio", "Gloria", "Hugo", "Irene", "Jorge"]
SURNAMES = ["Sosa", "Rivas", "Ponce", "Luna", "Vega"]


def one_time(demo_data: datetime) -> datetime:
    """Ten in the morning, three days from now."""
    day = demo_data.astimezone(CLINIC) + timedelta(days=3)
    return day.replace(hour=10, minute=0, second=0, microsecond=0)


def wishes(starts_at: datetime, doctor: str) -> list[BookingWish]:
    return [
        BookingWish(
            patient=f"{NAMES[n % 10]} {SURNAMES[n // 10]}",
            email=f"{NAMES[n % 10]}.{SURNAMES[n // 10]}@email.com".lower(),
            doctor=doctor,
            starts_at=starts_at,
        )
        for n in range(WISHES)
    ]


async def at_one_moment(doors: list[Door], wishes: list[BookingWish]) -> list[Answer]:
    """Get everybody ready, ten at a time; then let all book at once."""
    ready: list[Book] = []
    async with AsyncExitStack() as running:
        getting = [
            door.ready_to_book(wish, running) for door, wish in zip(doors, wishes, strict=True)
        ]
        for start in range(0, len(getting), 10):
            ready += await asyncio.gather(*getting[start : start + 10])
        return await asyncio.gather(*(book() for book in ready))


async def test_fifty_concurrent_bookings_over_all_interfaces_book_one(
    staffed_site: Site, demo_data: datetime
) -> None:
    starts_at = one_time(demo_data)
    doors = [DOORS[number % len(DOORS)](staffed_site) for number in range(WISHES)]
    answers = await at_one_moment(doors, wishes(starts_at, "Dr. Rodríguez"))
    print(table(doors, answers))  # noqa: T201 -- what `make races` shows
    assert [answer.done for answer in answers].count(True) == 1
    refusals = [answer for answer in answers if not answer.done]
    assert all(SLOT_TAKEN in answer.said for answer in refusals), refusals
    assert {answer.code for answer in refusals} <= {"slot_taken", None}
    assert all(answer.offers_times for answer in refusals), refusals
    that_day = appointments.services.list_appointments_on(day=starts_at.date())
    booked = [a for a in that_day if a.starts_at == starts_at and a.doctor_name == "Dr. Rodríguez"]
    assert len(booked) == 1


def table(doors: list[Door], answers: list[Answer]) -> str:
    """Return what `make races` shows."""
    counts = Counter(
        (type(door).__name__.removesuffix("Door"), "booked" if answer.done else "refused")
        for door, answer in zip(doors, answers, strict=True)
    )
    rows = [f"{door:8}{counts[door, 'booked']:>8}{counts[door, 'refused']:>9}" for door in ("Rest", "Admin", "Voice")]  # fmt: skip
    return "\n".join(["door      booked  refused", *rows])
