"""How amounts of money are rounded and limited. Pure."""

from decimal import Decimal

DECIMAL_PLACES = 2
MAX_DIGITS = 12
CENT = Decimal(1).scaleb(-DECIMAL_PLACES)
MAX_AMOUNT = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES) - CENT
"""The largest price or total: 9999999999.99."""

MILLIONTH = Decimal("0.000001")
"""What the cost of a call is rounded to: a call costs a few cents."""
