"""Limits and rounding of amounts of money."""

from decimal import Decimal

import pytest

from common.money import CENT, DECIMAL_PLACES, MAX_AMOUNT, MAX_DIGITS

pytestmark = pytest.mark.pure


def test_largest_amount_has_the_allowed_digits() -> None:
    digits = MAX_AMOUNT.as_tuple().digits
    assert Decimal("9999999999.99") == MAX_AMOUNT
    assert (len(digits), Decimal("0.01")) == (MAX_DIGITS, CENT)
    assert MAX_AMOUNT.as_tuple().exponent == -DECIMAL_PLACES
