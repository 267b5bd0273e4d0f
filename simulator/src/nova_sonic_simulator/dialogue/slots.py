"""Intents, and the slots that they need."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, time
from decimal import Decimal
from enum import Enum, StrEnum, auto


class Subject(Enum):
    """What an intent is about."""

    ORDER = auto()
    APPOINTMENT = auto()


class Operation(Enum):
    """What to do with the subject."""

    LOOK_UP = auto()
    CANCEL = auto()
    CREATE = auto()
    RESCHEDULE = auto()


class Intent(StrEnum):
    """The seven intents; the value is the name of the tool that fulfils them."""

    LOOK_UP_ORDER = "consultarOrder"
    CANCEL_ORDER = "cancelarOrder"
    CREATE_ORDER = "crearOrder"
    BOOK_APPOINTMENT = "agendarTurno"
    CANCEL_APPOINTMENT = "cancelarTurno"
    RESCHEDULE_APPOINTMENT = "modificarTurno"
    LOOK_UP_APPOINTMENT = "consultarTurno"

    @property
    def subject(self) -> Subject:
        """Return what the intent is about."""
        return Subject.ORDER if self.value.endswith("Order") else Subject.APPOINTMENT

    @property
    def operation(self) -> Operation:
        """Return what it does to its subject."""
        return next(operation for (operation, _), intent in INTENTS.items() if intent is self)


INTENTS: dict[tuple[Operation, Subject], Intent] = {
    (Operation.LOOK_UP, Subject.ORDER): Intent.LOOK_UP_ORDER,
    (Operation.CANCEL, Subject.ORDER): Intent.CANCEL_ORDER,
    (Operation.CREATE, Subject.ORDER): Intent.CREATE_ORDER,
    (Operation.CREATE, Subject.APPOINTMENT): Intent.BOOK_APPOINTMENT,
    (Operation.CANCEL, Subject.APPOINTMENT): Intent.CANCEL_APPOINTMENT,
    (Operation.RESCHEDULE, Subject.APPOINTMENT): Intent.RESCHEDULE_APPOINTMENT,
    (Operation.LOOK_UP, Subject.APPOINTMENT): Intent.LOOK_UP_APPOINTMENT,
}
"""Orders cannot be rescheduled: there is no tool for it."""


class Aspect(Enum):
    """The aspect of an order or appointment that is asked for."""

    STATUS = auto()
    DETAILS = auto()
    TOTAL = auto()
    TRACKING = auto()
    DURATION = auto()


class RequestedSlot(Enum):
    """A slot, or group of slots, that the assistant has asked for."""

    NUMBER = auto()
    #: A DNI or a full name.
    IDENTITY = auto()
    NAME = auto()
    MAIL = auto()
    DOCTOR = auto()
    DAY = auto()
    TIME = auto()
    ITEMS = auto()
    PRICES = auto()
    #: One of the offered times.
    CHOICE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of an order; its unit price in pesos, or None while unknown."""

    name: str
    quantity: int = 1
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The values known so far; None or empty where unknown."""

    number: str | None = None
    dni: str | None = None
    name: str | None = None
    email: str | None = None
    doctor: str | None = None
    day: date | None = None
    at: time | None = None
    duration_min: int | None = None
    kind: str | None = None
    items: tuple[Item, ...] = ()
    #: "Con 2 productos", before they are named.
    item_count: int | None = None
    #: Prices without the names they belong to, in order.
    prices: tuple[Decimal, ...] = ()
    total: Decimal | None = None

    def filled(self) -> Iterator[str]:
        """Yield the names of the filled slots."""
        return (f.name for f in fields(self) if getattr(self, f.name) not in {None, ()})

    def updated(self, later: "Slots") -> "Slots":
        """Return these slots with the filled slots of `later` replacing them."""
        return replace(self, **{name: getattr(later, name) for name in later.filled()})

    def only(self, *names: str) -> "Slots":
        """Return slots with only those of `names`."""
        return Slots(**{name: getattr(self, name) for name in names})

    def without(self, *names: str) -> "Slots":
        """Return these slots with those of `names` empty."""
        kept = (field.name for field in fields(self) if field.name not in names)
        return self.only(*kept)
