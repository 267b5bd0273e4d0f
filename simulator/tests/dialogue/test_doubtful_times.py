"""Times of day that were probably misheard are confirmed before anything is booked."""

import pytest

from nova_sonic_simulator.dialogue.nlu.asr_corrections import correct_quarter
from support.customer import SLOT_TAKEN, Customer, call

pytestmark = pytest.mark.pure

BOOKING = "Agendá con el Dr. Rodríguez mañana {} para Juan Pérez, juan@mail.com"
ASKED = "¿Dijiste a las {}?"


def booked(time: str) -> object:
    return call(
        "agendarTurno",
        patientName="Juan Pérez",
        patientEmail="juan@mail.com",
        doctorName="Dr. Rodríguez",
        date=f"2026-11-24T{time}:00",
        duration="30",
        type="consultation",
    )


@pytest.mark.parametrize(
    ("transcript", "asked"),
    [
        ("a las 15 y 4", "15:04"),
        ("a las 15:04", "15:04"),
        ("a las 15 y 5", "15:05"),
        ("a las 10 y 25", "10:25"),
        ("a las 10 y 4", "10:15"),
        ("a las diez y 4", "10:15"),
    ],
)
def test_doubtful_time_is_confirmed_before_it_is_booked(transcript: str, asked: str) -> None:
    customer = Customer()
    assert customer.says(BOOKING.format(transcript)) == ASKED.format(asked)
    assert customer.says("sí") == booked(asked)


@pytest.mark.parametrize(
    ("transcript", "time"),
    [("a las 15", "15:00"), ("a las 10 y 10", "10:10"), ("a las 10 y cuarto", "10:15")],
)
def test_round_time_is_booked_without_a_question(transcript: str, time: str) -> None:
    assert Customer().says(BOOKING.format(transcript)) == booked(time)


def test_denied_time_is_asked_for_again() -> None:
    customer = Customer()
    customer.says(BOOKING.format("a las 10 y 4"))
    assert customer.says("no") == "¿A qué hora?"
    assert customer.says("a las 10 y cuarto") == booked("10:15")


def test_clear_time_replaces_a_doubtful_one_without_a_question() -> None:
    customer = Customer()
    customer.says(BOOKING.format("a las 15 y 4"))
    assert customer.says("no, a las 15") == booked("15:00")


def test_doubtful_time_that_was_offered_is_certain() -> None:
    customer = Customer()
    customer.says(BOOKING.format("a las 10"))
    customer.gets({**SLOT_TAKEN, "alternatives": ["2026-11-24T10:15-03:00"]})
    assert customer.says("a las 10 y 4") == booked("10:15")


@pytest.mark.parametrize(
    ("transcript", "meant"),
    [
        ("a las 10 y 4.", "a las 10 y cuarto."),
        ("a las tres y 4 de la tarde", "a las tres y cuarto de la tarde"),
        ("a las 12 y 4", "a las 12 y cuarto"),
        ("a las 13 y 4", "a las 13 y 4"),
        ("a las 10 y 40", "a las 10 y 40"),
    ],
)
def test_four_after_an_hour_is_a_quarter_up_to_twelve(transcript: str, meant: str) -> None:
    assert correct_quarter(transcript) == meant
