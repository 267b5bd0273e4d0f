"""The prompts and the directives: by family, by voice, with the dates of the next two weeks."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from appointments.opening_hours import OpeningHours
from business.domain import MAX_LENGTHS, MAX_PERSONA_LENGTH
from tests.scripts.loading import load_script
from voice.prompts import DAYS_LISTED, build_system_prompt, load_directives, load_prompt
from voice.prompts.business import MAX_DOCTORS_LENGTH, Business, describe_opening_hours
from voice.prompts.personas import persona_of
from voice.sonic.families import FIRST, NOVA_2, NOVA_2_5

pytestmark = pytest.mark.pure

BUENOS_AIRES = ZoneInfo("America/Argentina/Buenos_Aires")
MONDAY = dt.datetime(2026, 11, 30, 13, 30, tzinfo=dt.UTC)
OWNERS_FIRST_SENTENCE = "Eres Carlos, el asistente virtual de Nova Sonic."


DEFAULT_HOURS = "Mon-Sun 08:00-20:00"
NAME_ONLY = Business(name="Clínica del Sol", opening_hours=OpeningHours.parse(DEFAULT_HOURS))
COMPLETE = Business(
    name="Clínica del Sol",
    doctors=["Dr. Rodríguez", "Dra. Gómez", "Dr. Sosa"],
    opening_hours=OpeningHours.parse("Mon-Fri 08:00-12:00, Mon-Fri 16:00-20:00, Sat 09:30-13:00"),
    address="San Martín 450, Córdoba.",
    phone="0351 455-0000",
    handover="0351 455-0001",
)


def build(
    family: str,
    *,
    voice: str = "carlos",
    business: Business = NAME_ONLY,
    now: dt.datetime = MONDAY,
) -> str:
    return build_system_prompt(
        language="es",
        family=family,
        voice=voice,
        business=business,
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


def test_another_voice_changes_only_the_two_introductions() -> None:
    carlos, lupe = (build(NOVA_2.name, voice=voice) for voice in ("carlos", "lupe"))
    assert carlos.count("Carlos, el asistente virtual") == 2
    assert lupe == carlos.replace("Carlos, el asistente virtual", "Lupe, la asistente virtual")


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
def test_prompt_states_the_known_facts_of_the_business(family: str) -> None:
    prompt = build(family, business=COMPLETE)
    assert "Carlos, el asistente virtual de Clínica del Sol." in prompt
    assert "Profesionales: Dr. Rodríguez, Dra. Gómez y Dr. Sosa." in prompt
    assert (
        "Horario de los turnos: de lunes a viernes de 8 a 12 y de 16 a 20; el sábado de 9:30 a 13."
        in prompt
    )
    assert "Dirección: San Martín 450, Córdoba." in prompt
    assert "Córdoba.." not in prompt
    assert "Teléfono: 0351 455-0000." in prompt
    assert len(prompt) <= 3000


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
def test_prompt_leaves_out_the_unknown_facts_of_the_business(family: str) -> None:
    prompt = build(family)
    assert "Horario de los turnos: todos los días de 8 a 20." in prompt
    for label in ("Profesionales", "Dirección", "Teléfono:", "{", "puede llamar al"):
        assert label not in prompt


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
@pytest.mark.parametrize(
    ("phone", "handover", "contact"),
    [
        ("", "", "puede llamar por teléfono o escribir a Clínica del Sol"),
        ("0351 455-0000", "", "puede llamar al 0351 455-0000"),
        ("", "0351 455-0001", "puede llamar al 0351 455-0001"),
        ("0351 455-0000", "0351 455-0001", "puede llamar al 0351 455-0001"),
    ],
)
def test_prompt_says_how_to_reach_a_person_and_after_a_lock(
    family: str, phone: str, handover: str, contact: str
) -> None:
    prompt = build(family, business=replace(NAME_ONLY, phone=phone, handover=handover))
    assert f"que {contact} o dejar un mensaje, y s" in prompt
    assert f"que pruebe más tarde o que {contact}." in prompt


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
@pytest.mark.parametrize("business", [NAME_ONLY, COMPLETE], ids=["name only", "complete"])
def test_prompt_sends_emergencies_to_107_or_the_ward(family: str, business: Business) -> None:
    prompt = build(family, business=business)
    assert "que llame ya al 107 o vaya a la guardia más cercana." in prompt
    assert "«turno»" in prompt


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
def test_prompt_says_what_staff_wrote_about_the_business(family: str) -> None:
    written = replace(
        COMPLETE,
        takes_messages=False,
        emergency="llame al 911",
        notes="Atendemos OSDE y PAMI. Hay estacionamiento.",
        personas={"lupe": "Marta"},
    )
    prompt = build(family, voice="lupe", business=written)
    assert "Marta, la asistente virtual de Clínica del Sol" in prompt
    assert "Lupe" not in prompt
    assert "Otros datos: Atendemos OSDE y PAMI. Hay estacionamiento." in prompt
    assert "antes que nada que llame al 911." in prompt
    assert "107" not in prompt
    assert "dejar un mensaje" not in prompt
    directives = load_directives(language="es", voice="lupe", business=written)
    assert "Soy Marta, la asistente de Clínica del Sol." in directives.greeting


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
def test_prompt_keeps_the_braces_of_a_fact(family: str) -> None:
    assert "Dirección: {today}." in build(family, business=replace(NAME_ONLY, address="{today}"))


def test_doctors_whose_names_are_too_long_are_left_out() -> None:
    name = "Dra. Gómez"
    fits = ["x" * (MAX_DOCTORS_LENGTH - len(f" y {name}")), name]
    assert f" y {name}." in build(NOVA_2_5.name, business=replace(NAME_ONLY, doctors=fits))
    too_long = [f"x{fits[0]}", name]
    assert name not in build(NOVA_2_5.name, business=replace(NAME_ONLY, doctors=too_long))


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
def test_prices_come_from_the_catalogue_where_there_is_one(family: str) -> None:
    with_catalogue = replace(NAME_ONLY, has_catalogue=True)
    expected = (
        "Precios de los pedidos: los da la herramienta desde el catálogo; poné 0 en cada uno."
    )
    assert expected in build(family, business=with_catalogue)
    assert "Precios de los pedidos" not in build(family)


@pytest.mark.parametrize("family", [NOVA_2.name, NOVA_2_5.name])
def test_prompt_with_the_longest_facts_is_bounded(family: str) -> None:
    week = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    longest = Business(
        name="N" * 80,
        doctors=["D" * MAX_DOCTORS_LENGTH],
        opening_hours=OpeningHours.parse(
            ", ".join(
                f"{day} 08:{number}5-12:{number}5, {day} 16:{number}5-20:{number}5"
                for number, day in enumerate(week[:6])
            )
        ),
        address="A" * 120,
        phone="1" * 40,
        handover="2" * 40,
        has_catalogue=True,
        emergency="E" * MAX_LENGTHS["emergency"],
        notes="O" * MAX_LENGTHS["notes"],
        personas={"carlos": "C" * MAX_PERSONA_LENGTH},
    )
    assert len(build(family, business=longest)) <= 4700


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("Mon-Sun 00:00-24:00", "todos los días las 24 horas"),
        ("Mon 09:00-13:00", "el lunes de 9 a 13"),
        ("Sat-Sun 09:00-13:00", "el sábado y el domingo de 9 a 13"),
        (
            "Mon-Wed 08:15-20:00, Thu 10:00-11:05",
            "de lunes a miércoles de 8:15 a 20; el jueves de 10 a 11:05",
        ),
        ("Mon 09:00-13:00, Wed 09:00-13:00", "el lunes de 9 a 13; el miércoles de 9 a 13"),
        ("Fri 12:00-20:00, Fri 08:00-12:00", "el viernes de 8 a 20"),
        ("Fri 08:00-20:00, Fri 09:00-10:00", "el viernes de 8 a 20"),
    ],
)
def test_opening_hours_are_described_in_spanish(text: str, description: str) -> None:
    assert describe_opening_hours(OpeningHours.parse(text)) == description


def test_complete_nova_2_5_prompt_keeps_awss_rules() -> None:
    prompt = load_prompt("es", NOVA_2_5.name)
    complete = build(NOVA_2_5.name, business=COMPLETE)
    assert len(complete.splitlines()) == len(prompt.splitlines()) - len(["no notes", "no prices"])
    checks = load_script("check-prompts")
    rule_31 = "rule 31: no table of dates"  # the table stands for its placeholder
    assert list(checks.problems_of_prompt(complete)) == [rule_31]
    assert list(checks.problems_of_prompt(build(NOVA_2_5.name))) == [rule_31]


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
    directives = load_directives(language="es", voice=voice, business=NAME_ONLY)
    assert f"{introduction} Clínica del Sol." in directives.greeting


def test_tool_result_keeps_the_braces_of_the_result() -> None:
    directives = load_directives(language="es", voice="carlos", business=NAME_ONLY)
    text = directives.tool_result("consultarOrder", {"name": "{article}"})
    assert text.endswith('el resultado de consultarOrder: {"name": "{article}"}]')


def test_persona_of_an_unknown_voice_is_masculine() -> None:
    persona = persona_of("matthew")
    assert (persona.name, persona.article) == ("Matthew", "el")
