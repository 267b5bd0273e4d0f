"""One verb, three doors: the same wish has the same outcome and leaves the same record."""

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import appointments.services
from appointments.domain import AppointmentKind
from tests.doors.doors import DOORS, Answer, Door, Wish
from tests.fixtures.site import Site

pytestmark = [pytest.mark.wire, pytest.mark.timeout(120)]

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def door(request: pytest.FixtureRequest) -> type[Door]:
    chosen: type[Door] = request.param
    return chosen


def at(demo_data: datetime, *, days: int, hour: int) -> datetime:
    day = demo_data.astimezone(CLINIC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


async def booked(door: type[Door], site: Site, starts_at: datetime) -> Answer:
    wish = Wish(
        patient="Pedro Gómez",
        email="pedro.gomez@email.com",
        doctor="Dr. Rodríguez",
        starts_at=starts_at,
    )
    async with AsyncExitStack() as running:
        opened = door(wish)
        await opened.make_ready(site, running)
        return await opened.book()


async def test_a_free_time_is_booked_with_the_same_record(
    staffed_site: Site, demo_data: datetime, door: type[Door]
) -> None:
    starts_at = at(demo_data, days=3, hour=11)
    assert (await booked(door, staffed_site, starts_at)).booked
    found = [a for a in appointments.services.appointments_on(day=starts_at.date()) if a.starts_at == starts_at]  # fmt: skip
    assert [(a.patient_name, a.patient_email, a.doctor_name, a.duration_min, a.kind) for a in found] == [
        ("Pedro Gómez", "pedro.gomez@email.com", "Dr. Rodríguez", 30, AppointmentKind.CONSULTATION)
    ]  # fmt: skip


async def test_a_taken_time_is_refused_with_others_to_choose_from(
    staffed_site: Site, demo_data: datetime, door: type[Door]
) -> None:
    starts_at = at(demo_data, days=4, hour=11)
    appointments.services.book_appointment(
        patient_name="Ana Sosa",
        patient_email="ana@email.com",
        doctor_name="Dr. Rodríguez",
        starts_at=starts_at,
        duration_min=30,
        kind=AppointmentKind.ROUTINE,
        token=f"taken-{door.__name__}",
        now=demo_data,
    )
    answer = await booked(door, staffed_site, starts_at)
    assert not answer.booked
    assert answer.offers_times


async def test_a_time_outside_opening_hours_is_refused(
    staffed_site: Site, demo_data: datetime, door: type[Door]
) -> None:
    answer = await booked(door, staffed_site, at(demo_data, days=5, hour=22))
    assert not answer.booked
