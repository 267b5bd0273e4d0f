"""Published prices of the models, in US dollars for 1000 tokens.

In this order: speech in, text in, speech out, text out. Nova 2.5 Sonic costs as much as Nova 2 (quoted from
AWS's price list in October 2026); the first model's prices are those of AWS's sample. Only the cost that
staff see depends on them; NOVA_SONIC_PRICES overrides them.
"""

from collections.abc import Mapping
from decimal import Decimal

NOVA_2 = [Decimal("0.003"), Decimal("0.00033"), Decimal("0.012"), Decimal("0.00275")]
FIRST = [Decimal("0.0034"), Decimal("0.00006"), Decimal("0.0136"), Decimal("0.00024")]

PRICES_BY_PREFIX: Mapping[str, list[Decimal]] = {"amazon.nova-sonic-v1": FIRST}


def prices_of(model_id: str) -> list[Decimal]:
    """Return the prices of a model; an unknown model counts as the newest generation."""
    for prefix, prices in PRICES_BY_PREFIX.items():
        if model_id.startswith(prefix):
            return prices
    return NOVA_2
