"""Finds losses: utterances, answers, orders and stored texts that are missing or doubled."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import conversations.services
import orders.services
from common import clock
from orders.domain import OrderQuery
from tests.soak.callers import ORDER, Account, spoken_part
from voice.sonic.errors import TransportCode

GAVE_UP = {code.value for code in TransportCode}
"""Error codes of calls that ended because no further session was tried."""
MOST_GIVEN_UP = 0.1
"""Share of all calls that may end this way: the faults can exceed the retries of a call."""


def find_losses(accounts: Sequence[Account]) -> list[str]:
    """Return one text for each call that lost something: what it lost, and its story."""
    ended = [each for each in accounts if each.ending == "was ended"]
    if len(ended) > max(2, MOST_GIVEN_UP * len(accounts)):
        return [f"{len(ended)} of {len(accounts)} calls were given up"]
    found = ((each, list(losses_of(each))) for each in accounts)
    return [
        "\n".join([f"{each.name}, call {each.call_id}:", *losses, *each.story])
        for each, losses in found
        if losses
    ]


def losses_of(account: Account) -> Iterator[str]:
    if account.ending == "was ended" and account.complaint not in GAVE_UP:
        yield f"ended by the server with {account.complaint or 'no error'}"
    if account.ending == "got no answer":
        yield f"no answer to {account.typed[-1:]} or {account.spoken[-1:]}"
    captions = " ".join(account.shown("user"))
    found = re.findall(r"(?<!\S)\d{1,4}(?!\S)", spoken_part(captions))
    numbers = Counter(map(int, found))
    if account.ending == "hung up":
        yield from (
            f"number {n} was recognized {numbers[n]} times"
            for n in account.spoken
            if numbers[n] != 1
        )
        yield from (f"not written: {text}" for text in account.typed if text not in captions)
        if not account.complaint:
            yield from unstored(account)
    made = len(orders_of(account.name))
    ordered = [run for run in account.tools if run["name"] == "crearOrder"]
    succeeded = any(run["outcome"] == "ok" for run in ordered)
    asked = sum(ORDER in text for text in account.typed)
    if made > asked or (succeeded and not made):
        yield f"{made} orders for {asked} requests"


def unstored(account: Account) -> Iterator[str]:
    """Yield a difference between the captions and the stored utterances."""
    transcript = conversations.services.get_transcript(call_id=account.call_id, now=clock.now())
    stored = [each.text for each in transcript.utterances if each.speaker == "user"]
    if sorted(stored) != sorted(account.shown("user")):
        yield f"stored {stored}, shown {account.shown('user')}"


def orders_of(name: str) -> Sequence[object]:
    query = OrderQuery(customer_email=email_of(name))
    return orders.services.list_orders(query=query).items


def order_of(name: str) -> dict[str, object]:
    items = [{"name": "Yerba", "quantity": 1, "price": 1000}]
    arguments = {"customerName": name, "customerEmail": email_of(name), "items": items}
    return {"say": ["Listo."], "tools": [{"name": "crearOrder", "arguments": arguments}]}


def email_of(name: str) -> str:
    return f"{name}@example.com"
