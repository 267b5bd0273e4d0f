"""The products that the business sells, and which of them a customer means. No I/O, no clock.

Customers say products as they like: in the plural, with other words around, with letters that sound
alike in Argentina. A product is found if exactly one is meant. What is only near is a question.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from common.identity.names import NameMatch, compare_names, sound_of
from common.text import fold
from common.timestamps import next_version
from orders.domain import OrderItem

MAX_PRODUCTS = 2_000
MAX_PRODUCT_NAME_LENGTH = 120
MIN_PLURAL_LENGTH = 4

_STOPWORDS = frozenset({"de", "del", "el", "la", "los", "las", "un", "una", "unos", "unas", "y"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product of the catalogue; `price` is the price of one unit."""

    id: str
    name: str
    price: Decimal
    is_offered: bool = True
    """Whether customers may order it by voice."""
    created_at: datetime
    updated_at: datetime

    def with_new_version(self, *, now: datetime) -> "Product":
        """Return the product with a later `updated_at`."""
        return replace(self, updated_at=next_version(self.updated_at, now))


def words_of(name: str) -> tuple[str, ...]:
    """Return what identifies a product: the sounds of its words in the singular, in alphabetical order."""
    words = re.findall(r"[^\W\d_]+|\d+", fold(name))
    return tuple(sorted(_stem(word) for word in words if word not in _STOPWORDS))


class Catalogue:
    """Products with their words, which are computed once for all that is looked for."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._entries = [(product, words_of(product.name)) for product in products]

    def find_meant(self, spoken: str) -> list[Product]:
        """Return the products that `spoken` may mean: one if it is clear, several if not, or none.

        The same words win over a part of the name, and that over a name that is only near.
        """
        wanted = words_of(spoken)
        if not wanted:
            return []
        wanted_set = set(wanted)
        same = (each for each, words in self._entries if words == wanted)
        shorter = (each for each, words in self._entries if wanted_set < set(words))
        longer = (each for each, words in self._entries if words and set(words) < wanted_set)
        near = (each for each, _ in self._entries if _is_near(spoken, each.name))
        # The next rule is evaluated only if the one before has found nothing.
        return next((found for found in map(list, (same, shorter, longer, near)) if found), [])


def priced_item(item: OrderItem, product: Product) -> OrderItem:
    """Return the item with the product's name and price."""
    return replace(item, name=product.name, price=product.price)


def listed_names(products: Sequence[Product], *, limit: int = 5) -> list[str]:
    """Return the names of the first products, for a question to the customer."""
    return [product.name for product in products[:limit]]


def _stem(word: str) -> str:
    """Return how a word sounds, the same in singular and plural."""
    if word.isdigit():
        return word.lstrip("0") or "0"
    sound = sound_of(word)
    for ending in ("s", "e"):
        if len(sound) >= MIN_PLURAL_LENGTH:
            sound = sound.removesuffix(ending)
    return sound


def _is_near(spoken: str, name: str) -> bool:
    has_same_numbers = re.findall(r"\d+", spoken) == re.findall(r"\d+", name)
    return has_same_numbers and compare_names(spoken, name) is not NameMatch.DIFFERENT
