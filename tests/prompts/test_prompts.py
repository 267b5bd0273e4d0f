"""The prompts and the directives: by family, by voice, with the dates of the next two weeks."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from voice.prompts import DAYS_LISTED, build_system_prompt, load_directives, load_prompt
from voice.prompts.personas import persona_of
from voice.sonic.families import FIRST, NOVA_2, NOVA_2_5

pytestmark = pytest.mark.pure

BUENOS_AIRES = ZoneInfo("America/Argentina/Buenos_Aires")
MONDAY = dt.datetime(2026, 11, 30, 13, 30, tzinfo=dt.UTC)
OWNERS_FIRST_SENTENCE = "Eres Carlos, el asistente virtual de Nova Sonic."


def build(family: str, *, voice: str = "carlos", now: dt.datetime = MONDAY) -> str:
    return build_system_prompt(
        language="es",
        family=family,
        voice=voice,
        business="Clínica del Sol",
        now=now,
        time_zone=BUENOS_AIRES,
    )


@pytest.mark.parametrize("family", [FIRST.name, NOVA_2.name])
def test_owners_prompt_goes_word_for_word_to_earlier_models(family: str) -> None:
    owners = load_prompt("es", family)
    assert owners.startswith(OWNERS_FIRST_SENTENCE)
    assert owners.endswith("incluye [FINAL].")
    assert build(family).startswith(owners)


def test_nova_2_5_has_a_prompt_of_its_own() -> None:
    prompt = build(NOVA_2_5.name)
    assert prompt.startswith("IDENTIDAD:\n- Sos Carlos, el asistente virtual de Clínica del Sol.")
    assert "[FINAL]" not in prompt
    assert "{" not in prompt


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
def test_prompt_of_a_feminine_voice_has_its_persona(family: str) -> None:
    prompt = build(family, voice="lupe")
    assert "Lupe, la asistente virtual" in prompt
    assert "Carlos" not in prompt


def test_another_voice_changes_only_the_owners_first_sentence() -> None:
    carlos, lupe = (build(NOVA_2.name, voice=voice) for voice in ("carlos", "lupe"))
    assert lupe.partition(". ")[2] == carlos.partition(". ")[2]


@pytest.mark.parametrize("family", [FIRST.name, NOVA_2.name, NOVA_2_5.name])
def test_prompt_lists_the_dates_of_the_next_fourteen_days(family: str) -> None:
    prompt = build(family)
    assert "hoy lunes 2026-11-30; mañana martes 2026-12-01; miércoles 2026-12-02; " in prompt
    assert "sábado 2026-12-12; domingo 2026-12-13." in prompt
    dates = [MONDAY.date() + dt.timedelta(days=number) for number in range(DAYS_LISTED)]
    assert all(f" {date}" in prompt for date in dates)
    assert "2026-12-14" not in prompt


def test_dates_begin_with_the_local_day() -> None:
    late_evening = dt.datetime(2026, 12, 1, 1, 30, tzinfo=dt.UTC)
    assert "hoy lunes 2026-11-30" in build(NOVA_2_5.name, now=late_evening)


def test_prompt_tells_the_local_time() -> None:
    assert "Hoy es lunes 30 de noviembre de 2026 y son las 10:30." in build(NOVA_2.name)
    assert "Ahora es lunes 30 de noviembre de 2026, 10:30." in build(NOVA_2_5.name)


@pytest.mark.parametrize(
    ("voice", "introduction"),
    [("carlos", "Soy Carlos, el asistente de"), ("lupe", "Soy Lupe, la asistente de")],
)
def test_greeting_has_the_persona_of_the_voice(voice: str, introduction: str) -> None:
    directives = load_directives(language="es", voice=voice, business="Clínica del Sol")
    assert f"{introduction} Clínica del Sol." in directives.greeting


def test_tool_result_keeps_the_braces_of_the_result() -> None:
    directives = load_directives(language="es", voice="carlos", business="Clínica del Sol")
    text = directives.tool_result("consultarOrder", {"name": "{article}"})
    assert text.endswith('el resultado de consultarOrder: {"name": "{article}"}]')


def test_persona_of_an_unknown_voice_is_masculine() -> None:
    persona = persona_of("matthew")
    assert (persona.name, persona.article) == ("Matthew", "el")
