"""Types and lengths of appointments in the forms that people and models write."""

import pytest

from appointments.domain import AppointmentKind
from appointments.spoken_forms import MAX_TEXT_LENGTH, parse_duration, parse_kind

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("consultation", AppointmentKind.CONSULTATION),
        ("Consulta", AppointmentKind.CONSULTATION),
        ("follow-up", AppointmentKind.FOLLOW_UP),
        ("consulta de seguimiento", AppointmentKind.FOLLOW_UP),
        ("urgencia", AppointmentKind.EMERGENCY),
        ("control de rutina", AppointmentKind.ROUTINE),
    ],
)
def test_kind_is_the_one_that_the_words_name(text: str, kind: AppointmentKind) -> None:
    assert parse_kind(text) == kind


@pytest.mark.parametrize("text", ["", "turno", "urgencia de rutina"])
def test_text_that_names_none_or_several_kinds_is_none(text: str) -> None:
    assert parse_kind(text) is None


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30", 30),
        ("30 minutos", 30),
        ("treinta minutos", 30),
        ("45min.", 45),
        ("media hora", 30),
        ("tres cuartos de hora", 45),
        ("1 hora", 60),
        ("una hora y media", 90),
        ("1:30", 90),
        ("0:45 hs", 45),
        ("PT45M", 45),
        ("PT1H", 60),
        ("PT1H30M", 90),
        ("  Una   HORA ", 60),
    ],
)
def test_duration_is_parsed_to_minutes(text: str, minutes: int) -> None:
    assert parse_duration(text) == minutes


@pytest.mark.parametrize("text", ["", "un rato", "30 días", "hola minutos", "1:75", "٣٠"])
def test_text_that_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


def test_only_the_first_characters_of_a_long_duration_count() -> None:
    padded = "30" + " " * (MAX_TEXT_LENGTH - len("30 m"))
    assert parse_duration(padded + " minutos") == 30  # cut after " m"
    assert parse_duration(padded + "  minutos") == 30  # cut before "m"
    assert parse_duration("30 " + "x" * MAX_TEXT_LENGTH) is None
