"""Finds the items of an order: "2 Producto A a 25,99 y una remera a mil quinientos pesos".

An item has a quantity, a name and a price, and the customer may omit some. Not every number is a quantity,
so outside an answer to "¿qué productos?" an item must have a quantity or a price. A number after a name is
its price: asking again about "iPhone 15" is cheaper than asking about every price said without "a".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from nova_sonic_simulator.dialogue.nlu.intents import is_verb
from nova_sonic_simulator.dialogue.nlu.tokens import (
    Kind,
    Token,
    matches,
    number_at,
    skip,
    without,
    word_at,
    words,
)
from nova_sonic_simulator.dialogue.slots import Item

GENERIC = words("producto productos cosa cosas articulo articulos item items unidad unidades")
ONES = words("un una uno")
BEFORE_PRICE = words("a por de cuesta cuestan sale salen vale valen que precio es son")
EACH = ("cada uno", "cada una", "la unidad", "por unidad", "c u")
NOT_IN_NAMES = words(
    "y e con para a por mas ademas tambien cada que cuesta sale vale total pedido pedidos orden"
    " quiero necesito dame mi mis me es son soy gracias favor pesos un una uno el la los las no si"
    " nombre mail correo email dni hola turno cita"
    " eh bueno che dale te pido llevo encargo mandame"
)
LEADING = words("de unidad unidades el la los las")
MAX_NAME_WORDS = 8
MAX_QUANTITY_FIGURES = 4
MAX_PRICE_FIGURES = 9

# An amount, and the index after its tokens.
_Amount = tuple[Decimal, int] | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """What an utterance says about the items of an order."""

    items: tuple[Item, ...] = ()
    #: "2 productos", without names yet.
    item_count: int | None = None


def find_items(tokens: Sequence[Token], *, bare: bool) -> Purchase:
    """Return the items; with `bare` they were asked for, so a name alone is one."""
    items: list[Item] = []
    count = None
    index = 0
    while index < len(tokens):
        item, end = _item_at(tokens, index, bare=bare)
        if item is None:
            index += 1
            continue
        if item.name in GENERIC:
            count = item.quantity if end > index + 1 else count
        else:
            items.append(item)
        index = end
    return Purchase(tuple(items), count)


def find_total(tokens: Sequence[Token]) -> tuple[Decimal | None, list[Token]]:
    """Return the total ("por un total de 67,48"), and the tokens without it."""
    for index in range(len(tokens)):
        if matches(tokens, index, "total"):
            amount = _amount_at(tokens, skip(tokens, index + 1, ("de", "es", "sea")))
            if amount:
                return amount[0], without(tokens, index, amount[1])
    return None, list(tokens)


def find_prices(tokens: Sequence[Token]) -> tuple[Decimal, ...]:
    """Return all amounts in order: the answer to "¿a qué precio?"."""
    prices = []
    index = 0
    while index < len(tokens):
        amount = _amount_at(tokens, index)
        if amount:
            prices.append(amount[0])
        index = amount[1] if amount else index + 1
    return tuple(prices)


def _item_at(tokens: Sequence[Token], start: int, *, bare: bool) -> tuple[Item | None, int]:
    quantity, index = _quantity_at(tokens, start)
    name, index = _name_at(tokens, skip(tokens, index, LEADING))
    if not name:
        return None, start
    price, index = _price_at(tokens, index)
    if quantity is None and price is None and not bare:
        return None, start
    return Item(name=name, quantity=quantity or 1, price=price), index


def _quantity_at(tokens: Sequence[Token], start: int) -> tuple[int | None, int]:
    if matches(tokens, start, "un par de"):
        return 2, start + 3
    if word_at(tokens, start) in ONES:
        return 1, start + 1
    figures = number_at(tokens, start)
    if figures and len(figures) <= MAX_QUANTITY_FIGURES and int(figures):
        return int(figures), start + 1
    return None, start


def _name_at(tokens: Sequence[Token], start: int) -> tuple[str, int]:
    end = start
    while end < min(len(tokens), start + MAX_NAME_WORDS) and _is_in_name(tokens, end):
        end += 1
    return " ".join(token.raw for token in tokens[start:end]), end


def _is_in_name(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    if token.kind is not Kind.WORD or is_verb(token.plain):
        return False
    if token.plain == "de":
        return _amount_at(tokens, index + 1) is None
    # The letter of "Producto A", not the preposition of "a 25 pesos".
    names_a_variant = token.raw in {"A", "E", "Y"} or (
        len(token.plain) == 1 and word_at(tokens, index + 1) in BEFORE_PRICE
    )
    return names_a_variant or token.plain not in NOT_IN_NAMES


def _price_at(tokens: Sequence[Token], start: int) -> tuple[Decimal | None, int]:
    index = start
    while word_at(tokens, index) in BEFORE_PRICE or _is_sign(tokens, index, "-"):
        index += 1
    amount = _amount_at(tokens, index)
    if amount is None:
        return None, start
    price, index = amount
    for phrase in EACH:
        if matches(tokens, index, phrase):
            return price, index + len(phrase.split())
    return price, index


def _amount_at(tokens: Sequence[Token], start: int) -> _Amount:
    """Match "25,99", "$ 25", "25 pesos con 99", "25 con 99 centavos"."""
    index = start + 1 if _is_sign(tokens, start, "$") else start
    if index >= len(tokens) or tokens[index].kind not in {Kind.NUMBER, Kind.DECIMAL}:
        return None
    if len(tokens[index].plain) > MAX_PRICE_FIGURES:
        return None
    amount = Decimal(tokens[index].plain)
    index = skip_words(tokens, index + 1, ("peso", "pesos"))
    cents = number_at(tokens, index + 1)
    if word_at(tokens, index) in {"con", "y"} and len(cents) == 2 and _ends_amount(tokens, index):
        amount += Decimal(cents) / 100
        index = skip_words(tokens, index + 2, ("centavos", "peso", "pesos"))
    return amount, index


def _ends_amount(tokens: Sequence[Token], joint: int) -> bool:
    """Return whether the number after "con" is cents and not the quantity of the next item."""
    if word_at(tokens, joint) == "y":
        return word_at(tokens, joint + 2) == "centavos"
    following = word_at(tokens, joint + 2)
    return following in {"", "y", "e", "pesos", "centavos", "cada", "la", "por", "mas", "a", "para"}


def skip_words(tokens: Sequence[Token], index: int, skipped: Sequence[str]) -> int:
    """Return the first index from `index` on that is not one of the words `skipped`."""
    while word_at(tokens, index) in skipped:
        index += 1
    return index


def _is_sign(tokens: Sequence[Token], index: int, sign: str) -> bool:
    return index < len(tokens) and tokens[index].plain == sign
