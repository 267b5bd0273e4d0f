"""How amounts of money are read, written, rounded and limited. Pure.

Amounts are read and written as Argentina does: a comma before the cents, points between thousands.
"""

import re
from decimal import ROUND_HALF_UP, Decimal

DECIMAL_PLACES = 2
MAX_DIGITS = 12
CENT = Decimal(1).scaleb(-DECIMAL_PLACES)
MAX_AMOUNT = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES) - CENT
"""The largest price or total: 9999999999.99."""

MILLIONTH = Decimal("0.000001")
"""What the cost of a call is rounded to: a call costs a few cents."""

FLOAT_NOISE = Decimal("0.000001")
"""What binary floats may differ by from the amount that a program means: 0.1 + 0.2."""

_CURRENCY = re.compile(r"(?:ar|u)\$s?|us\$|\$|\b(?:ars|pesos?)\b", re.IGNORECASE)
_THOUSANDS = r"[1-9]\d{0,2}(?:%s\d{3})+"
_AMOUNTS = (
    # With a comma before the cents: 1.234,56 and 1234,5.
    re.compile(rf"(?P<whole>{_THOUSANDS % '[.]'}|\d+)(?:,(?P<cents>\d{{1,2}}))?"),
    # With a point before the cents, as programs write: 1234.56 and 1,234.56.
    re.compile(rf"(?P<whole>{_THOUSANDS % ','}|\d+)\.(?P<cents>\d{{1,2}})"),
)


def parse_amount(text: str) -> Decimal | None:
    """Return the amount in `text`, or None if it is none, or not to the cent.

    `1.234,56`, `$ 1.234,56`, `1234.56` and `1,234.56` are the same. `1.234` is more than a thousand, as
    in Argentina; `1,234` has too many decimals.
    """
    digits = "".join(_CURRENCY.sub("", text).split())
    for pattern in _AMOUNTS:
        if match := pattern.fullmatch(digits):
            whole = re.sub(r"[.,]", "", match["whole"])
            return Decimal(f"{whole}.{match['cents'] or '':0<{DECIMAL_PLACES}}")
    return None


def format_amount(amount: Decimal) -> str:
    """Return an amount with its currency sign, as Argentina writes it: `$ 1.234,56`."""
    digits = f"{amount:,.{DECIMAL_PLACES}f}"
    return "$\N{NO-BREAK SPACE}" + digits.translate(str.maketrans(",.", ".,"))


def round_to_cent(amount: Decimal) -> Decimal:
    """Return the amount rounded to the cent, half a cent up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def without_float_noise(amount: Decimal) -> Decimal:
    """Return the amount to the cent if it differs from that by no more than a float does."""
    if not amount.is_finite() or abs(amount) > MAX_AMOUNT:
        return amount
    rounded = round_to_cent(amount)
    return rounded if abs(rounded - amount) < FLOAT_NOISE else amount
