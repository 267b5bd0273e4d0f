"""What a customer can want and say: intents, and the slots they need filled."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, time
from decimal import Decimal
from enum import Enum, StrEnum, auto


class Subject(Enum):
    """What a intent is about."""

    ORDER = auto()
    APPOINTMENT = auto()


class Operation(Enum):
    """What is to be done with it."""

    LOOK_UP = auto()
    CANCEL = auto()
    CREATE = auto()
    RESCHEDULE = auto()


class Intent(StrEnum):
    """The seven things that can be done; the value is the name of the tool that does them."""

    LOOK_UP_ORDER = "consultarOrder"
    CANCEL_ORDER = "cancelarOrder"
    CREATE_ORDER = "crearOrder"
    BOOK_APPOINTMENT = "agendarTurno"
    CANCEL_APPOINTMENT = "cancelarTurno"
    RESCHEDULE_APPOINTMENT = "modificarTurno"
    LOOK_UP_APPOINTMENT = "consultarTurno"

    @property
    def subject(self) -> Subject:
        """What the intent is about."""
        return Subject.ORDER if self.value.endswith("Order") else Subject.APPOINTMENT


INTENTS: dict[tuple[Operation, Subject], Intent] = {
    (Operation.LOOK_UP, Subject.ORDER): Intent.LOOK_UP_ORDER,
    (Operation.CANCEL, Subject.ORDER): Intent.CANCEL_ORDER,
    (Operation.CREATE, Subject.ORDER): Intent.CREATE_ORDER,
    (Operation.CREATE, Subject.APPOINTMENT): Intent.BOOK_APPOINTMENT,
    (Operation.CANCEL, Subject.APPOINTMENT): Intent.CANCEL_APPOINTMENT,
    (Operation.RESCHEDULE, Subject.APPOINTMENT): Intent.RESCHEDULE_APPOINTMENT,
    (Operation.LOOK_UP, Subject.APPOINTMENT): Intent.LOOK_UP_APPOINTMENT,
}
"""There is no intent for moving an order: no tool does it."""


class Aspect(Enum):
    """What of an order or an appointment is asked for."""

    STATUS = auto()
    DETAILS = auto()
    TOTAL = auto()
    TRACKING = auto()
    DURATION = auto()


class RequestedSlot(Enum):
    """What the assistant has just asked for, so that a bare answer can be read."""

    NUMBER = auto()
    #: A DNI or a full name, whichever the customer prefers.
    IDENTITY = auto()
    NAME = auto()
    MAIL = auto()
    DOCTOR = auto()
    DAY = auto()
    TIME = auto()
    ITEMS = auto()
    PRICES = auto()
    #: One of the times that were alternatives.
    CHOICE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One product of an order; its price in pesos each, or None while it isn't known."""

    name: str
    quantity: int = 1
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What has been said so far; None or empty where nothing has."""

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
    #: "Con 2 productos", before they're named.
    item_count: int | None = None
    #: Prices said without the names they belong to, in order.
    prices: tuple[Decimal, ...] = ()
    total: Decimal | None = None

    def filled(self) -> Iterator[str]:
        """Yield the names of the slots that something was said for."""
        return (f.name for f in fields(self) if getattr(self, f.name) not in {None, ()})

    def updated(self, later: "Slots") -> "Slots":
        """Return these slots with what was said `later` in place of what was said before."""
        return replace(self, **{name: getattr(later, name) for name in later.filled()})

    def only(self, *names: str) -> "Slots":
        """Return slots with nothing but those of `names`."""
        return Slots(**{name: getattr(self, name) for name in names})
