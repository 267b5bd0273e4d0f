"""What customers said and nobody heard, heard twice, answered, did or kept."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import conversations.services
import orders.services
from common import clock
from orders.domain import OrderQuery
from tests.soak.callers import ORDER, Account
from voice.sonic.errors import TransportCode

GAVE_UP = {code.value for code in TransportCode}
"""What customers are told of a call for which no other session was worth trying."""
MOST_GIVEN_UP = 0.1
"""Of all calls; what the chaos does can be too much for one now and then."""


def lost(accounts: Sequence[Account]) -> list[str]:
    """Return the stories of the calls in which something was lost, each with what it was."""
    ended = [each for each in accounts if each.ending == "was ended"]
    if len(ended) > max(2, MOST_GIVEN_UP * len(accounts)):
        return [f"{len(ended)} of {len(accounts)} calls were given up"]
    return stories(accounts)


def stories(accounts: Sequence[Account]) -> list[str]:
    found = ((each, list(lost_of(each))) for each in accounts)
    return [
        "\n".join([f"{each.name}, call {each.call_id}:", *losses, *each.story])
        for each, losses in found
        if losses
    ]


def lost_of(account: Account) -> Iterator[str]:
    if account.ending == "was ended" and account.complaint not in GAVE_UP:
        yield f"ended by the server, which told {account.complaint or 'nothing'}"
    if account.ending == "got no answer":
        yield f"no answer to {account.typed[-1:]} or {account.spoken[-1:]}"
    heard = " ".join(account.shown("user"))
    numbers = Counter(int(word) for word in re.findall(r"(?<!\S)\d{1,4}(?!\S)", spoken_part(heard)))
    if account.ending == "hung up":
        yield from (
            f"word {n} was heard {numbers[n]} times" for n in account.spoken if numbers[n] != 1
        )
        yield from (f"not written: {text}" for text in account.typed if text not in heard)
        if not account.complaint:
            yield from unkept(account)
    made = len(orders_of(account.name))
    ordered = [run for run in account.tools if run["name"] == "crearOrder"]
    succeeded = any(run["outcome"] == "ok" for run in ordered)
    asked = sum(ORDER in text for text in account.typed)
    if made > asked or (succeeded and not made):
        yield f"{made} orders for {asked} wishes"


def spoken_part(heard: str) -> str:
    """Return what was heard without what was typed."""
    return re.sub(r"Consulta el pedido número 1 con DNI 12345678, \d+|encargo \w+", "", heard)


def unkept(account: Account) -> Iterator[str]:
    """Return what the customer was shown and the store does not have."""
    talk = conversations.services.get_transcript(call_id=account.call_id, now=clock.now())
    kept = [words.text for words in talk.utterances if words.speaker == "user"]
    if sorted(kept) != sorted(account.shown("user")):
        yield f"kept {kept}, shown {account.shown('user')}"


def orders_of(name: str) -> Sequence[object]:
    query = OrderQuery(customer_email=email_of(name))
    return orders.services.list_orders(query=query).items


def order_of(name: str) -> dict[str, object]:
    items = [{"name": "Yerba", "quantity": 1, "price": 1000}]
    arguments = {"customerName": name, "customerEmail": email_of(name), "items": items}
    return {"say": ["Listo."], "tools": [{"name": "crearOrder", "arguments": arguments}]}


def email_of(name: str) -> str:
    return f"{name}@example.com"
