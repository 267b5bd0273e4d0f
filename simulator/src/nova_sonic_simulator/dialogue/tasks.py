"""Tasks: an intent, its slots, what is missing, and the tool call that fulfils it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from nova_sonic_simulator.dialogue.reply import ToolCall
from nova_sonic_simulator.dialogue.slots import Aspect, Intent, Item, RequestedSlot, Slots, Subject

DEFAULT_DURATION_MIN = 30
DEFAULT_KIND = "consultation"
FACTORS = frozenset({"dni", "email"})
"""Parameters by which a customer proves who they are beside their name."""
IDENTITY_SLOTS = ("dni", "name", "email")

LOOKING_UP = frozenset({Intent.LOOK_UP_ORDER, Intent.LOOK_UP_APPOINTMENT})
CREATING = frozenset({Intent.CREATE_ORDER, Intent.BOOK_APPOINTMENT})
SCHEDULING = frozenset({Intent.BOOK_APPOINTMENT, Intent.RESCHEDULE_APPOINTMENT})

# The slots each intent needs: groups that are asked for together, in order.
GROUPS: Mapping[Intent, tuple[tuple[RequestedSlot, ...], ...]] = {
    Intent.LOOK_UP_ORDER: ((RequestedSlot.NUMBER, RequestedSlot.IDENTITY),),
    Intent.CANCEL_ORDER: ((RequestedSlot.NUMBER, RequestedSlot.IDENTITY),),
    Intent.CREATE_ORDER: (
        (RequestedSlot.ITEMS,),
        (RequestedSlot.PRICES,),
        (RequestedSlot.NAME,),
        (RequestedSlot.MAIL,),
    ),
    Intent.BOOK_APPOINTMENT: (
        (RequestedSlot.DOCTOR,),
        (RequestedSlot.DAY, RequestedSlot.TIME),
        (RequestedSlot.NAME,),
        (RequestedSlot.MAIL,),
    ),
    Intent.CANCEL_APPOINTMENT: ((RequestedSlot.NUMBER, RequestedSlot.NAME),),
    Intent.RESCHEDULE_APPOINTMENT: (
        (RequestedSlot.NUMBER, RequestedSlot.NAME),
        (RequestedSlot.DAY, RequestedSlot.TIME),
    ),
    Intent.LOOK_UP_APPOINTMENT: ((RequestedSlot.NUMBER, RequestedSlot.NAME),),
}
# The slots that an answer to each request fills; others do not concern the intent.
SLOTS_OF: Mapping[RequestedSlot, frozenset[str]] = {
    RequestedSlot.NUMBER: frozenset({"number"}),
    RequestedSlot.IDENTITY: frozenset({"dni", "name"}),
    RequestedSlot.NAME: frozenset({"name"}),
    RequestedSlot.MAIL: frozenset({"email"}),
    RequestedSlot.DOCTOR: frozenset({"doctor", "kind", "duration_min"}),
    RequestedSlot.DAY: frozenset({"day"}),
    RequestedSlot.TIME: frozenset({"at"}),
    RequestedSlot.ITEMS: frozenset({"items", "item_count", "total"}),
    RequestedSlot.PRICES: frozenset({"prices"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An intent with its slots."""

    intent: Intent
    slots: Slots
    aspect: Aspect = Aspect.STATUS
    factors: frozenset[str] = frozenset()
    """Slots that a refusal asked for, to prove the customer's identity beside their name."""

    def updated(self, interpretation: Slots) -> "Task":
        """Return the task with new slot values; only those that the intent needs count."""
        news = interpretation.only(
            *(name for name in interpretation.filled() if name in self._relevant_slots)
        )
        if self._is_surname(news):
            news = replace(news, name=f"{self.slots.name} {news.name}")
        return replace(self, slots=_priced(self._still_valid(news).updated(news)))

    def _still_valid(self, news: Slots) -> Slots:
        """Return the slots without the identity that a new one replaces."""
        if self.factors or RequestedSlot.IDENTITY not in GROUPS[self.intent][0]:
            return self.slots
        if news.dni and not news.name:
            return replace(self.slots, name=None)
        return replace(self.slots, dni=None) if news.name and not news.dni else self.slots

    def with_catalogue_prices(self) -> "Task":
        """Return the task with a price of 0 for each item without one: the tool knows the prices."""
        priced = (
            item if item.price is not None else replace(item, price=Decimal(0))
            for item in self.slots.items
        )
        return replace(self, slots=replace(self.slots, items=tuple(priced)))

    @property
    def _relevant_slots(self) -> frozenset[str]:
        requested = (need for group in GROUPS[self.intent] for need in group)
        return frozenset({"dni"}).union(self.factors, *(SLOTS_OF[need] for need in requested))

    def _is_surname(self, news: Slots) -> bool:
        known = self.slots.name
        return bool(known and news.name) and not is_full(known) and not is_full(news.name)

    def missing_slots(self) -> tuple[RequestedSlot, ...]:
        """Return what to ask for next, together; empty when the tool can be called."""
        for group in GROUPS[self.intent]:
            requested = tuple(need for need in group if not _is_filled(need, self.slots))
            if requested:
                return requested
        return ()

    def call(self, declared: Collection[str] = ()) -> ToolCall:
        """Return the tool call that fulfils the intent; no slot may be missing.

        `declared` are the tool's parameters, if they are known; factors of identity that it doesn't
        declare are left out.
        """
        arguments = _arguments(self.intent, self.slots)
        undeclared = FACTORS - {*declared} if declared else frozenset()
        if self.intent.subject is Subject.ORDER and self.intent is not Intent.CREATE_ORDER:
            undeclared -= {"dni"}
        kept = {name: value for name, value in arguments.items() if name not in undeclared}
        return ToolCall(name=self.intent.value, arguments=kept)


def correctable_slots(task: Task, code: str) -> frozenset[RequestedSlot]:
    """Return the slots that a bare answer to a refusal with this code would correct."""
    if "doctor" in code:
        return frozenset({RequestedSlot.DOCTOR})
    if task.intent in SCHEDULING and "not_found" not in code:
        return frozenset({RequestedSlot.DAY, RequestedSlot.TIME})
    return frozenset(GROUPS[task.intent][0]) & {
        RequestedSlot.NUMBER,
        RequestedSlot.IDENTITY,
        RequestedSlot.NAME,
    }


def is_full(name: str | None) -> bool:
    """Return whether `name` includes a surname."""
    return name is not None and " " in name.strip()


def _is_filled(need: RequestedSlot, slots: Slots) -> bool:
    match need:
        case RequestedSlot.IDENTITY:
            return bool(slots.dni) or is_full(slots.name)
        case RequestedSlot.NAME:
            return is_full(slots.name)
        case RequestedSlot.PRICES:
            return all(item.price is not None for item in slots.items)
        case _:
            return any(getattr(slots, name) for name in SLOTS_OF[need] & _MAIN_SLOTS)


_MAIN_SLOTS = frozenset({"number", "email", "doctor", "day", "at", "items"})


def _priced(slots: Slots) -> Slots:
    """Assign prices given alone to the items that lack one, in order."""
    lacking = [item for item in slots.items if item.price is None]
    if not slots.prices or not lacking:
        return replace(slots, prices=())
    one_for_all = len(slots.prices) == 1
    prices = iter(slots.prices * len(lacking) if one_for_all else slots.prices)
    items = tuple(
        replace(item, price=next(prices, None)) if item.price is None else item
        for item in slots.items
    )
    return replace(slots, items=items, prices=())


def _arguments(intent: Intent, slots: Slots) -> dict[str, Any]:
    """Return the tool's arguments, numbers as digit strings; unknown values are left out."""
    if intent is Intent.CREATE_ORDER:
        return _order_arguments(slots)
    if intent is Intent.BOOK_APPOINTMENT:
        return _booking_arguments(slots)
    if intent.subject is Subject.ORDER:
        said = {"orderId": slots.number, "dni": slots.dni, "customerName": slots.name}
    else:
        said = {"appointmentId": slots.number, "patientName": slots.name, "dni": slots.dni}
    said["email"] = slots.email
    if intent is Intent.RESCHEDULE_APPOINTMENT:
        said["newDate"] = _local_iso(slots)
    return {name: value for name, value in said.items() if value is not None}


def _order_arguments(slots: Slots) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "customerName": slots.name,
        "customerEmail": slots.email,
        "items": [_item_argument(item) for item in slots.items],
    }
    if slots.total is not None:
        arguments["total"] = _money(slots.total)
    if slots.dni is not None:
        arguments["dni"] = slots.dni
    return arguments


def _item_argument(item: Item) -> dict[str, str]:
    assert item.price is not None
    return {"name": item.name, "quantity": str(item.quantity), "price": _money(item.price)}


def _booking_arguments(slots: Slots) -> dict[str, Any]:
    arguments = {
        "patientName": slots.name,
        "patientEmail": slots.email,
        "doctorName": slots.doctor,
        "date": _local_iso(slots),
        "duration": str(slots.duration_min or DEFAULT_DURATION_MIN),
        "type": slots.kind or DEFAULT_KIND,
    }
    return arguments if slots.dni is None else {**arguments, "dni": slots.dni}


def _local_iso(slots: Slots) -> str:
    assert slots.day is not None
    assert slots.at is not None
    return f"{slots.day.isoformat()}T{slots.at.isoformat(timespec='seconds')}"


def _money(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))
