"""Limits and rounding of amounts of money."""

from decimal import Decimal

import pytest

from common.money import (
    CENT,
    DECIMAL_PLACES,
    MAX_AMOUNT,
    MAX_DIGITS,
    format_amount,
    parse_amount,
    round_to_cent,
    without_float_noise,
)

pytestmark = pytest.mark.pure


def test_largest_amount_has_the_allowed_digits() -> None:
    digits = MAX_AMOUNT.as_tuple().digits
    assert Decimal("9999999999.99") == MAX_AMOUNT
    assert (len(digits), Decimal("0.01")) == (MAX_DIGITS, CENT)
    assert MAX_AMOUNT.as_tuple().exponent == -DECIMAL_PLACES


@pytest.mark.parametrize("text", ["9" * 40, f"$ {'9' * 40},5", f"{'9' * 40}.25"])
def test_amount_with_more_digits_than_the_limit_is_read_exactly(text: str) -> None:
    amount = parse_amount(text)
    assert amount is not None
    assert amount > MAX_AMOUNT
    assert amount.as_tuple().exponent == -DECIMAL_PLACES


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.234,56", "1234.56"),
        ("$ 1.234,56", "1234.56"),
        ("1234,5", "1234.50"),
        ("1234.56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234", "1234.00"),
        ("50 pesos", "50.00"),
        ("0", "0.00"),
    ],
)
def test_amount_is_read_in_each_form_to_the_cent(text: str, amount: str) -> None:
    parsed = parse_amount(text)
    assert parsed == Decimal(amount)
    assert str(parsed) == amount


@pytest.mark.parametrize("text", ["", "1,234", "1.23,4", "1.2345", "12.34.56", "-5", "mucho"])
def test_text_that_is_no_amount_is_none(text: str) -> None:
    assert parse_amount(text) is None


def test_amount_is_written_as_argentina_does() -> None:
    assert format_amount(Decimal("1234567.5")) == "$\N{NO-BREAK SPACE}1.234.567,50"
    assert format_amount(Decimal("0.05")) == "$\N{NO-BREAK SPACE}0,05"


def test_half_a_cent_is_rounded_up() -> None:
    assert round_to_cent(Decimal("0.005")) == Decimal("0.01")
    assert round_to_cent(Decimal("0.0049")) == Decimal("0.00")


@pytest.mark.parametrize(
    ("amount", "result"),
    [
        ("0.30000000000000004", "0.30"),
        ("0.300001", "0.300001"),
        ("0.305", "0.305"),
        ("1e40", "1e40"),
        ("Infinity", "Infinity"),
    ],
)
def test_only_noise_of_floats_is_removed(amount: str, result: str) -> None:
    assert without_float_noise(Decimal(amount)) == Decimal(result)
