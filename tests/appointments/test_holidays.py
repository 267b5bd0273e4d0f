"""The public holidays that the schedule reads from the library."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from pytest_django.fixtures import Settings

from appointments.schedules.holidays import holiday_name

THREADS = 8
YEARS = 40
COUNTRY = "UY"
"""No other test asks for its holidays, so the threads are the first that do."""


@pytest.fixture
def short_switch_interval() -> Iterator[None]:
    """Let the threads interrupt each other as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.pure
@pytest.mark.usefixtures("short_switch_interval")
def test_threads_that_ask_first_all_find_holidays(settings: Settings) -> None:
    settings.CLINIC_HOLIDAYS = COUNTRY
    barrier = Barrier(THREADS)

    def names(number: int) -> list[str | None]:
        barrier.wait(timeout=60)
        first = 2001 + number % 2 * YEARS // 2
        return [holiday_name(date(first + n, 12, 25)) for n in range(YEARS // 2)]

    with ThreadPoolExecutor(THREADS) as threads:
        found = [name for each in threads.map(names, range(THREADS)) for name in each]
    assert len(found) == YEARS // 2 * THREADS
    assert None not in found


@pytest.mark.pure
@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("AR", date(2026, 12, 25), "Navidad"),
        ("AR", date(2026, 12, 24), None),
        ("NZ", date(2026, 12, 25), "Christmas Day"),  # has no Spanish names
        ("none", date(2026, 12, 25), None),
    ],
)
def test_holiday_has_name_of_its_country(
    settings: Settings, country: str, day: date, name: str | None
) -> None:
    settings.CLINIC_HOLIDAYS = country

    assert holiday_name(day) == name
