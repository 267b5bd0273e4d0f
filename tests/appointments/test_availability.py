"""The search for free times: what it offers can be booked, and what can be booked is offered."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from appointments import clinic, services
from appointments.availability import MAX_REQUESTS, Availability
from appointments.domain import AppointmentKind, DayPart
from appointments.errors import DoctorNotFoundError
from appointments.opening_hours import OpeningHours
from appointments.schedules import services as schedules
from appointments.schedules.domain import Leave, Professional
from common.dynamodb.client import shared_client
from common.errors import DomainError, InvalidFieldError
from tests.appointments.factories import CLINIC, MONDAY, NOW, TUESDAY, at, book

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

ANA = Professional(name="Dra. Ana Gómez", specialty="Cardiología")
FRIDAY = date(2099, 11, 27)
LUIS = Professional(name="Dr. Luis Gómez", specialty="Pediatría")


@pytest.fixture
def professionals(empty_tables: str) -> None:
    for professional in (ANA, LUIS):
        schedules.add_professional(professional=professional, now=NOW)


def find(**conditions: Any) -> list[tuple[str, datetime]]:
    found = services.find_availability(**{"now": NOW, **conditions})
    return [(each.doctor_name, each.starts_at) for each in found.free_starts]


@pytest.fixture
def requests() -> Iterator[list[str]]:
    names: list[str] = []

    def record(model: Any, **_rest: Any) -> None:
        names.append(model.name)

    events = shared_client.root().client.meta.events
    events.register("before-call.dynamodb", record)
    yield names
    events.unregister("before-call.dynamodb", record)


@pytest.mark.usefixtures("professionals")
def test_next_free_times_of_anybody_are_in_order() -> None:
    book("08:00", doctor_name="Ana Gómez")

    assert find(first=MONDAY, limit=3) == [
        ("Dr. Luis Gómez", at("08:00")),
        ("Dra. Ana Gómez", at("08:30")),
        ("Dr. Luis Gómez", at("08:30")),
    ]


@pytest.mark.usefixtures("professionals")
@pytest.mark.parametrize("said", ["Ana Gómez", "cardióloga", "la cardióloga"])
def test_professional_is_found_by_name_or_specialty(said: str) -> None:
    assert find(professional=said, first=MONDAY, limit=1) == [("Dra. Ana Gómez", at("08:00"))]


@pytest.mark.usefixtures("professionals")
def test_specialty_and_part_of_day_select() -> None:
    found = find(
        specialty="pediatra", first=MONDAY, last=MONDAY, day_part=DayPart.AFTERNOON, limit=100
    )

    assert {name for name, _ in found} == {"Dr. Luis Gómez"}
    assert (found[0][1], found[-1][1]) == (at("12:00"), at("19:30"))


@pytest.mark.usefixtures("professionals")
@pytest.mark.parametrize(
    ("conditions", "doctors"),
    [
        ({"professional": "Gómez"}, ["Dra. Ana Gómez", "Dr. Luis Gómez"]),
        ({"professional": "House"}, ["Dra. Ana Gómez", "Dr. Luis Gómez"]),
        ({"specialty": "dentista"}, ["Dra. Ana Gómez", "Dr. Luis Gómez"]),
    ],
)
def test_unknown_professional_is_refused_with_those_there_are(
    conditions: dict[str, str], doctors: list[str]
) -> None:
    with pytest.raises(DoctorNotFoundError) as refused:
        find(**conditions)
    assert refused.value.data == {"doctors": doctors}


def test_without_professionals_a_name_is_needed() -> None:
    with pytest.raises(DoctorNotFoundError):
        find()
    assert find(professional="Dr. House", first=MONDAY, limit=1) == [("Dr. House", at("08:00"))]


def test_days_are_limited_to_today_and_the_horizon(settings: Settings) -> None:
    settings.BOOKING_HORIZON_DAYS = 2

    found = services.find_availability(
        professional="Dr. House",
        first=date(2099, 1, 1),
        last=date(2100, 12, 31),
        limit=1000,
        now=NOW,
    )

    assert found.free_starts[0].starts_at == at("12:30", date(2099, 11, 22))
    assert found.searched_until == TUESDAY
    with pytest.raises(InvalidFieldError):
        find(professional="Dr. House", first=date(1899, 1, 1))
    with pytest.raises(InvalidFieldError):
        find(professional="Dr. House", duration_min=4)
    assert find(professional="Dr. House", first=date(2150, 1, 1)) == []


def test_search_goes_on_from_the_day_that_the_limit_cut() -> None:
    def search(first: date, limit: int) -> Availability:
        return services.find_availability(
            professional="Dr. House", first=first, last=TUESDAY, limit=limit, now=NOW
        )

    everything = search(MONDAY, 1000)
    cut = search(MONDAY, len(everything.free_starts) - 1)
    rest = search(cut.searched_until, 1000)

    assert cut.searched_until == TUESDAY
    assert {*cut.free_starts, *rest.free_starts} == {*everything.free_starts}
    assert everything.is_complete
    assert not search(MONDAY, 1).is_complete


def test_length_of_type_of_each_professional_is_used() -> None:
    schedules.add_professional(
        professional=replace(
            ANA,
            hours=OpeningHours.parse("Mon 08:00-09:00"),
            durations={AppointmentKind.ROUTINE: 60},
        ),
        now=NOW,
    )

    routine = services.find_availability(
        professional="Ana", last=MONDAY, kind=AppointmentKind.ROUTINE, now=NOW
    )
    assert [(each.starts_at, each.duration_min) for each in routine.free_starts] == [
        (at("08:00"), 60)
    ]
    assert len(find(professional="Ana", last=MONDAY)) == 2


@pytest.mark.parametrize("count", [1, 40])
def test_search_makes_few_requests_and_no_scan(count: int, requests: list[str]) -> None:
    for number in range(count):
        schedules.add_professional(
            professional=Professional(
                name=f"Dra. {chr(65 + number % 26)}{number}",
                hours=OpeningHours.parse("Mon 08:00-08:30"),
            ),
            now=NOW,
        )
    for professional in schedules.current_schedule().professionals:
        assert professional.hours
    requests.clear()

    # Nobody works on the next days, and in the evening nobody ever does: it looks as far as it may.
    found = services.find_availability(day_part=DayPart.EVENING, now=NOW)

    assert found.free_starts == ()
    assert set(requests) <= {"Query", "BatchGetItem"}
    assert len(requests) <= 1 + MAX_REQUESTS


# --- What is offered and what can be booked (the property is in `test_schedules`)


def test_exactly_the_bookable_times_are_offered() -> None:
    hours = OpeningHours.parse("Mon 10:15-12:00, Mon 22:00-24:00, Tue 00:00-00:30, Tue 09:00-10:00")
    schedules.add_professional(
        professional=replace(ANA, hours=hours, leave=(Leave(first=FRIDAY, last=FRIDAY),)), now=NOW
    )
    assert try_to_book(at("11:15"), 30, "a booking")
    assert try_to_book(at("00:00", TUESDAY), 30, "another")

    offered = [start for _, start in find(professional="Ana", first=MONDAY, last=TUESDAY)]

    # Each is tried as a dry run, so that none of them takes the time of another.
    quarters = [at("10:00") + timedelta(minutes=15 * n) for n in range(24 * 4)]
    assert offered == [each for each in quarters if try_to_book(each, 30, None)]
    assert [f"{each:%H:%M}" for each in offered] == [
        "10:15", "10:45", "22:00", "22:30", "23:00", "23:30", "09:00", "09:30",
    ]  # fmt: skip
    for start in offered[:2]:
        assert try_to_book(start, 30, "the rest")


def try_to_book(start: datetime, duration_min: int, token: str | None) -> bool:
    try:
        services.book_appointment(
            patient_name="Ana Martínez",
            patient_email="ana@email.com" if token else "other@email.com",
            doctor_name="Ana Gómez",
            starts_at=start,
            duration_min=duration_min,
            kind=AppointmentKind.CONSULTATION,
            token=f"{token} {start}",
            is_dry_run=token is None,
            now=NOW,
        )
    except DomainError:
        return False
    return True


def test_times_are_in_the_zone_of_the_clinic() -> None:
    (_, start), *_ = find(professional="Dr. House", first=MONDAY)

    assert start.tzinfo == clinic.time_zone() == CLINIC
