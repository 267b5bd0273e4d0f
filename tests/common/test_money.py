"""Limits and rounding of amounts of money."""

from decimal import Decimal

import pytest

from common.money import CENT, DECIMAL_PLACES, MAX_AMOUNT, MAX_DIGITS, parse_amount

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
