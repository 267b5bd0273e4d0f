"""Days and hours as people say them, against a fixed Monday in Buenos Aires."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_sonic_simulator.dialogue.nlu.dates import find_day
from nova_sonic_simulator.dialogue.nlu.interpretation import interpret
from nova_sonic_simulator.dialogue.nlu.numbers import with_figures
from nova_sonic_simulator.dialogue.nlu.times import find_time
from nova_sonic_simulator.dialogue.nlu.tokens import tokenize
from nova_sonic_simulator.dialogue.slots import RequestedSlot

pytestmark = pytest.mark.pure

BUENOS_AIRES = ZoneInfo("America/Argentina/Buenos_Aires")
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=BUENOS_AIRES)


def when(text: str, now: datetime = MONDAY, *requested: RequestedSlot) -> str:
    slots = interpret(text, now=now, requested=frozenset(requested)).slots
    return f"{slots.day or '-'} {slots.at.isoformat('minutes') if slots.at else '-'}"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("hoy a las 20 hs", "2026-11-23 20:00"),
        ("mañana a las 10", "2026-11-24 10:00"),
        ("mañana a la mañana", "2026-11-24 -"),
        ("mañana por la mañana a las 9", "2026-11-24 09:00"),
        ("mañana a la tarde, a las 4", "2026-11-24 16:00"),
        ("pasado mañana a las tres y media de la tarde", "2026-11-25 15:30"),
        ("el viernes a las 15:00", "2026-11-27 15:00"),
        ("el viernes a las 15 horas", "2026-11-27 15:00"),
        ("el viernes a las 15, 00", "2026-11-27 15:00"),
        ("a las 14, 0-0", "- 14:00"),
        ("a las 16-30", "- 16:30"),
        ("a las 15.30", "- 15:30"),
        ("a las 1530", "- 15:30"),
        ("el lunes a las 8", "2026-11-30 08:00"),
        ("este lunes", "2026-11-23 -"),
        ("el próximo martes 11:30", "2026-11-24 11:30"),
        ("el martes de la semana que viene", "2026-12-01 -"),
        ("el domingo de la próxima semana", "2026-12-06 -"),
        ("el 27 de noviembre a las nueve y cuarto", "2026-11-27 09:15"),
        ("el 27 de noviembre de 2027", "2027-11-27 -"),
        ("viernes 27 a las once menos cuarto", "2026-11-27 10:45"),
        ("el miércoles 2 de diciembre tipo 5 de la tarde", "2026-12-02 17:00"),
        ("el primero de diciembre a las 10 am", "2026-12-01 10:00"),
        ("el 5 de enero a la una", "2027-01-05 13:00"),
        ("para el 30 a las 9", "2026-11-30 09:00"),
        ("para el 5 de enero a las 9", "2027-01-05 09:00"),
        ("para el 2 de enero de 2027", "2027-01-02 -"),
        ("para el día 5 de enero", "2027-01-05 -"),
        ("para el 24/1", "2027-01-24 -"),
        ("para el 24/11/2027 a las 9", "2027-11-24 09:00"),
        ("el día 2", "2026-12-02 -"),
        ("el 27/11 a las 8:05", "2026-11-27 08:05"),
        ("27/11/26", "2026-11-27 -"),
        ("27-11-2026", "2026-11-27 -"),
        ("2026-11-27", "2026-11-27 -"),
        ("dentro de dos semanas a las 17:30", "2026-12-07 17:30"),
        ("en 3 días a las 18:45", "2026-11-26 18:45"),
        ("en una semana", "2026-11-30 -"),
        ("dentro de un mes", "2026-12-23 -"),
        ("a las diez y veinte", "- 10:20"),
        ("a las 8 de la noche", "- 20:00"),
        ("a las 12 del mediodía", "- 12:00"),
        ("al mediodía", "- 12:00"),
        ("a la 1 del mediodía", "- 13:00"),
        ("9 p.m.", "- 21:00"),
        ("a la XI y media", "- 11:30"),
        ("a las 10, no, a las 11", "- 11:00"),
        ("a las 12 de la mañana", "- 12:00"),
    ],
)
def test_days_and_hours_are_read(said: str, meant: str) -> None:
    assert when(said) == meant


@pytest.mark.parametrize(
    "text",
    [
        "el 31 de febrero",
        "para el 31 de febrero",
        "las 2 citas",
        "a las 25",
        "el 45",
        "tengo 30 años",
        "30/30",
        "el 0 de mayo",
    ],
)
def test_what_is_no_day_and_no_hour_is_not_read(text: str) -> None:
    assert when(text) == "- -"


@pytest.mark.parametrize(
    ("said", "need", "meant"),
    [
        ("el 27", RequestedSlot.DAY, "2026-11-27 -"),
        ("el 5", RequestedSlot.DAY, "2026-12-05 -"),
        ("el 5 de enero", RequestedSlot.DAY, "2027-01-05 -"),
        ("el 24 de noviembre de 2027 a las 11:00", RequestedSlot.DAY, "2027-11-24 11:00"),
        ("el 27/1", RequestedSlot.DAY, "2027-01-27 -"),
        ("11", RequestedSlot.TIME, "- 11:00"),
        ("a la una", RequestedSlot.TIME, "- 13:00"),
        ("15 30", RequestedSlot.CHOICE, "- 15:30"),
    ],
)
def test_a_bare_answer_is_read_only_when_it_was_asked_for(
    said: str, need: RequestedSlot, meant: str
) -> None:
    assert when(said, MONDAY, need) == meant


@pytest.mark.parametrize(
    ("hour", "meant"), [("7", "19:00"), ("8", "08:00"), ("12", "12:00"), ("13", "13:00")]
)
def test_hours_before_eight_are_in_the_afternoon(hour: str, meant: str) -> None:
    assert when(f"a las {hour}") == f"- {meant}"


def test_a_weekday_said_on_that_day_is_next_week() -> None:
    friday = MONDAY + timedelta(days=4)
    assert when("el viernes", friday) == "2026-12-04 -"


def test_days_pass_the_ends_of_months_and_years() -> None:
    last_of_year = MONDAY.replace(month=12, day=31)
    assert when("mañana", last_of_year) == "2027-01-01 -"
    assert when("el día 15", last_of_year) == "2027-01-15 -"
    assert when("dentro de 2 meses", last_of_year) == "2027-02-28 -"


def test_a_leap_day_is_found_in_a_leap_year() -> None:
    assert when("el 29 de febrero", datetime(2027, 6, 1, tzinfo=BUENOS_AIRES)) == "2028-02-29 -"
    assert when("el 29 de febrero", datetime(2026, 6, 1, tzinfo=BUENOS_AIRES)) == "- -"


@given(st.dates(date(2026, 1, 1), date(2060, 12, 31)), st.sampled_from(["lunes", "sábado"]))
def test_a_weekday_is_always_within_the_next_seven_days(today: date, name: str) -> None:
    found, _rest = find_day(tokenize(f"el {name}"), today)
    assert found is not None
    assert 1 <= (found - today).days <= 7
    assert found.weekday() == {"lunes": 0, "sábado": 5}[name]


@given(st.times())
def test_every_written_time_is_read_as_it_stands(at: time) -> None:
    minute = at.replace(second=0, microsecond=0)
    # Small hours are taken for the afternoon's: nobody has an appointment at three at night.
    hour = minute.hour + 12 if 1 <= minute.hour < 8 else minute.hour
    found, _rest = find_time(with_figures(tokenize(f"a las {minute:%H:%M}")))
    assert found == minute.replace(hour=hour)
