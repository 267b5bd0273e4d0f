"""Spanish numbers, in words and in a recogniser's figures."""

import pytest

from nova_sonic_simulator.dialogue.nlu.numbers import joined_figures, with_figures
from nova_sonic_simulator.dialogue.nlu.tokens import tokenize

pytestmark = pytest.mark.pure


def figured(text: str) -> str:
    return " ".join(token.plain for token in with_figures(tokenize(text)))


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("cero", "0"),
        ("dos", "2"),
        ("quince", "15"),
        ("dieciséis", "16"),
        ("veintiún", "21"),
        ("treinta y cinco", "35"),
        ("cien", "100"),
        ("ciento tres", "103"),
        ("quinientas cuarenta", "540"),
        ("novecientos noventa y nueve", "999"),
        ("mil", "1000"),
        ("mil quinientos", "1500"),
        ("dos mil uno", "2001"),
        ("veintiún mil cien", "21100"),
        ("un millón", "1000000"),
        (
            "treinta millones cuatrocientos cincuenta y seis mil setecientos ochenta y nueve",
            "30456789",
        ),
        ("12 millones 345 mil 678", "12345678"),
        ("12 millones 345.678", "12345678"),
        ("treinta y tres millones, doscientos mil, ciento once", "33200111"),
        ("treinta millones, pedido 2", "30000000 , pedido 2"),
        ("dos mil, cien", "2000 , 100"),
        ("25 mil", "25000"),
        ("tres cero cuatro", "3 0 4"),
        ("doce treinta y cuatro", "12 34"),
        ("las once y media", "las 11 y media"),
        ("XI y media", "11 y media"),
    ],
)
def test_number_words_become_figures(said: str, figures: str) -> None:
    assert figured(said) == figures


@pytest.mark.parametrize("text", ["una cita", "un turno", "y", "cuarto", "segunda"])
def test_articles_and_ordinals_stay_words(text: str) -> None:
    assert figured(text) == text


def test_leading_zeros_of_figures_are_kept() -> None:
    assert figured("007 y 00") == "007 y 00"


@pytest.mark.parametrize(
    ("written", "figures"),
    [
        ("12345678", "12345678"),
        ("12.345.678", "12345678"),
        ("12,345,678", "12345678"),
        ("12 345 678", "12345678"),
        ("1, 2, 3, 4, 5, 6, 7, 8", "12345678"),
        ("1-2-3-4", "1234"),
        ("482,903", "482903"),
        ("1 2, 3. 4", "1234"),
    ],
)
def test_figures_said_in_groups_are_one_number(written: str, figures: str) -> None:
    tokens = with_figures(tokenize(written))
    assert joined_figures(tokens, 0, at_most=8) == (figures, len(tokens))


def test_groups_end_at_the_limit() -> None:
    assert joined_figures(tokenize("1 2 3 4"), 0, at_most=3)[0] == "123"


def test_a_long_group_does_not_continue_a_number() -> None:
    assert joined_figures(tokenize("1, 12345678"), 0, at_most=9)[0] == "1"


def test_a_date_does_not_continue_a_number() -> None:
    assert joined_figures(tokenize("3, 27 de noviembre"), 0, at_most=6)[0] == "3"
