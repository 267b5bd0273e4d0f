"""Surnames as speech recognition writes them, spelled as they are written in Argentina."""

import pytest

from nova_sonic_simulator.dialogue.nlu.interpretation import interpret
from nova_sonic_simulator.dialogue.nlu.surnames import SURNAMES, sound_of, spell_surname
from support.customer import MONDAY

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("written", "surname"),
    [
        ("Kiroga", "Quiroga"),
        ("Viyalba", "Villalba"),
        ("Bustoz", "Bustos"),
        ("Errera", "Herrera"),
        ("Jimenes", "Giménez"),
        ("Ferreira", "Ferreira"),
        ("Perez", "Perez"),
        ("Wyszkowski", "Wyszkowski"),
    ],
)
def test_surname_is_spelled_by_its_sound(written: str, surname: str) -> None:
    assert spell_surname(written) == surname


def test_listed_surnames_are_left_as_they_are() -> None:
    assert len(set(SURNAMES)) == len(SURNAMES)
    for surname in SURNAMES:
        assert spell_surname(surname) == surname
        assert spell_surname(surname.lower()) == surname.lower()


@pytest.mark.parametrize(
    ("one", "other"),
    [("Casa", "Caza"), ("Vera", "Bera"), ("Llanos", "Yanos"), ("Gil", "Jil")],
)
def test_words_that_sound_alike_have_one_sound(one: str, other: str) -> None:
    assert sound_of(one) == sound_of(other)


@pytest.mark.parametrize(("one", "other"), [("Peña", "Pena"), ("Chaves", "Saves")])
def test_words_that_sound_apart_have_two_sounds(one: str, other: str) -> None:
    assert sound_of(one) != sound_of(other)


def test_names_in_a_sentence_are_spelled() -> None:
    said = interpret("Soy Ana Kiroga, quiero un turno con el doctor Viyalba", now=MONDAY)
    assert (said.slots.name, said.slots.doctor) == ("Ana Quiroga", "Dr. Villalba")
