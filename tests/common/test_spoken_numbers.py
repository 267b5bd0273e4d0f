"""Numbers that are spoken in Spanish: whole numbers, dictated digits, groups of words."""

import pytest

from common.spoken_numbers import (
    NumberGroup,
    next_group,
    parse_dictated_digits,
    parse_whole_number,
)

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("cero", 0),
        ("uno", 1),
        ("quince", 15),
        ("veintidós", 22),
        ("treinta", 30),
        ("treinta y dos", 32),
        ("cien", 100),
        ("ciento uno", 101),
        ("doscientas cuarenta y cinco", 245),
        ("mil", 1000),
        ("mil doscientos", 1200),
        ("treinta y dos mil", 32_000),
        ("tres mil cuatrocientos", 3400),
        ("un millón", 1_000_000),
        ("dos millones quinientos mil", 2_500_000),
        ("45", 45),
        ("007", 7),
        ("32 mil", 32_000),
        ("3 millones", 3_000_000),
    ],
)
def test_whole_number_is_parsed(text: str, number: int) -> None:
    assert parse_whole_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "hola", "treinta y", "treinta y cero", "doscientos cero", "cien uno", "uno dos"]
)
def test_text_that_is_not_one_number_is_none(text: str) -> None:
    assert parse_whole_number(text) is None


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("doce treinta y cuatro", "1234"),
        ("0 0 7", "007"),
        ("treinta y dos, cuatrocientos cincuenta, seiscientos doce", "32450612"),
        ("cien uno", "1001"),
        ("doscientos cero", "2000"),
        ("1234567 mil", "12345671000"),
        ("12345678", "12345678"),
    ],
)
def test_dictated_digits_are_joined(text: str, digits: str) -> None:
    assert parse_dictated_digits(text) == digits


@pytest.mark.parametrize("text", ["", "doce hola", "¿?"])
def test_text_with_other_words_dictates_no_digits(text: str) -> None:
    assert parse_dictated_digits(text) is None


def test_group_keeps_the_zeros_of_digits() -> None:
    assert next_group(["007", "uno"], 0) == NumberGroup(0, 1, "007")
    assert next_group(["007", "uno"], 1) == NumberGroup(1, 2, "1")
    assert next_group(["007"], 1) is None


def test_digits_of_another_alphabet_are_no_group() -> None:
    assert next_group(["٣٤٥٦"], 0) is None
