"""Entries about the business: which fit a question, and how staff change them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from appointments.errors import EntryNotFoundError
from appointments.information import services
from appointments.information.domain import (
    MAX_TEXT_LENGTH,
    MAX_TITLE_LENGTH,
    Entry,
    question_terms,
)
from appointments.information.search import search_entries
from common.errors import InvalidFieldError, StaleVersionError
from tests.appointments.factories import LATER, NOW

ENTRIES = [
    Entry(
        id="1",
        title="Obras sociales",
        text="Trabajamos con OSDE, Swiss Medical y Galeno.",
        keywords="prepaga cobertura",
    ),
    Entry(id="2", title="Dirección", text="Av. Rivadavia 1234, piso 2.", keywords="cómo llego"),
    Entry(
        id="3",
        title="Preparación para análisis",
        text="Hay que venir con ocho horas de ayuno y la orden médica.",
    ),
    Entry(id="4", title="Radiografías", text="Sin turno, de lunes a viernes.", keywords="placas"),
]


@pytest.mark.pure
@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("¿Atienden OSDE?", ["Obras sociales"]),
        ("¿qué prepagas toman?", ["Obras sociales"]),
        ("¿Cuál es la dirección?", ["Dirección"]),
        ("¿Tengo que ir en ayuno para un análisis?", ["Preparación para análisis"]),
        ("quiero hacerme una radiografia", ["Radiografías"]),
        ("¿atienden PAMI?", []),
        ("¿tienen estacionamiento?", []),
        ("¿cuánto cuesta una cirugía con OSDE en Córdoba?", []),
        ("¿hay?", []),
        ('" OR title:*', []),
        ("", []),
    ],
)
def test_question_finds_the_entries_that_fit(question: str, titles: list[str]) -> None:
    assert [each.title for each in search_entries(ENTRIES, question)] == titles


@pytest.mark.pure
def test_terms_are_the_words_that_count_without_endings() -> None:
    assert question_terms("¿Atienden por OSDE o por OSDE Binario las radiografías?") == (
        "osde",
        "binar",
        "radiografi",
    )


@pytest.mark.pure
def test_best_entry_is_first_and_three_are_found_at_most() -> None:
    many = [Entry(id=str(n), title=f"Otra {n}", text="Ayuno de ocho horas.") for n in range(5)]
    found = search_entries([*many, Entry(id="9", title="Ayuno", text="No hace falta.")], "¿ayuno?")

    assert (found[0].title, len(found)) == ("Ayuno", 3)
    assert search_entries([], "¿ayuno?") == []


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_entry_is_found_changed_and_deleted() -> None:
    entry = services.add_entry(title=" Obras  sociales ", text="OSDE\ny Galeno", now=NOW)
    assert services.find_information(question="¿atienden osde?") == [entry]

    changed = services.update_entry(
        entry=replace(entry, text="Galeno"), unchanged_since=entry.updated_at, now=LATER
    )
    assert services.find_information(question="¿atienden osde?") == []
    assert services.find_information(question="¿atienden galeno?") == [changed]
    assert services.update_entry(entry=changed, now=LATER + timedelta(minutes=1)) == changed
    with pytest.raises(StaleVersionError):
        services.update_entry(entry=entry, unchanged_since=entry.updated_at, now=LATER)
    with pytest.raises(StaleVersionError):
        services.delete_entry(entry_id=entry.id, unchanged_since=entry.updated_at)

    services.delete_entry(entry_id=entry.id, unchanged_since=changed.updated_at)
    assert services.find_information(question="¿atienden galeno?") == []
    with pytest.raises(EntryNotFoundError):
        services.delete_entry(entry_id=entry.id)


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("title", {"title": "", "text": "x"}),
        ("title", {"title": "x" * (MAX_TITLE_LENGTH + 1), "text": "x"}),
        ("text", {"title": "x", "text": " "}),
        ("text", {"title": "x", "text": "x" * (MAX_TEXT_LENGTH + 1)}),
        ("text", {"title": "x", "text": "a\u202eb"}),
        ("keywords", {"title": "x", "text": "x", "keywords": "x" * (MAX_TEXT_LENGTH + 1)}),
    ],
)
def test_invalid_entry_is_refused(field: str, values: dict[str, str]) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        services.add_entry(**values, now=NOW)
    assert refused.value.data["field"] == field


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
def test_longest_entry_is_stored() -> None:
    entry = services.add_entry(title="x" * MAX_TITLE_LENGTH, text="y" * MAX_TEXT_LENGTH, now=NOW)

    assert services.get_entry(entry_id=entry.id) == entry
