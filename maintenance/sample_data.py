"""Make up many orders and appointments, the same ones each time.

Record number n of a seed is the same whatever the number of records, so a larger set contains the smaller
ones. Dates are relative to a day, which the caller passes: with the same seed and day, everything is
equal. Ids are of seven digits or more, so they never meet those of real records, which have six.

Everything is made up: addresses are at example.com, and names are combined from lists.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from zoneinfo import ZoneInfo

from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from appointments.opening_hours import OpeningHours, SlotGrid, iter_free_starts
from common.timestamps import MIN_INSTANT, truncate_to_ms
from maintenance.errors import MaintenanceError
from orders.domain import (
    DELIVERY_TIME,
    Order,
    OrderItem,
    OrderStatus,
    assign_item_ids,
    calculate_total,
)

MIN_RECORDS, MAX_RECORDS = 5, 100_000
MIN_SEED, MAX_SEED = 1, 999
IDS_PER_SEED = 1_000_000

FIRST_NAMES = (
    "Juan", "María", "Luis", "Ana", "Carlos", "Lucía", "Martín", "Sofía", "Diego", "Valentina", "Pablo",
    "Camila", "Nicolás", "Julieta", "Hernán", "Florencia", "Gastón", "Belén", "Ramón", "Ñusta",
)  # fmt: skip
LAST_NAMES = (
    "Pérez", "García", "Fernández", "Martínez", "González", "Rodríguez", "López", "Sosa", "Díaz", "Romero",
    "Álvarez", "Torres", "Ruiz", "Ramírez", "Flores", "Benítez", "Acosta", "Medina", "Herrera", "Núñez",
)  # fmt: skip
PRODUCTS = (
    ("Yerba mate 1 kg", "4.90"), ("Termo de acero", "38.50"), ("Bombilla", "6.25"), ("Mate de calabaza", "12.00"),
    ("Dulce de leche", "5.75"), ("Alfajores x 12", "18.40"), ("Cafetera", "89.90"), ("Tostadora", "45.30"),
    ("Pava eléctrica", "52.99"), ("Juego de sábanas", "61.00"), ("Lámpara de pie", "74.10"), ("Pilas AA x 4", "3.99"),
)  # fmt: skip
DOCTORS = (
    "Dr. Rodríguez", "Dra. Gómez", "Dr. Sosa", "Dra. Fernández", "Dr. Paz", "Dra. Ibarra", "Dr. Luna",
    "Dra. Quiroga", "Dr. Vera", "Dra. Molina", "Dr. Ojeda", "Dra. Arias",
)  # fmt: skip
"""Used where the settings name no doctors."""
NOTES = ("", "", "", "Primera consulta", "Trae estudios", "Prefiere por la mañana")

ORDERS_OVER = timedelta(days=365)
SLOT_MIN = 30
DURATIONS_MIN = (15, 20, 30, 30, 30)
FILLED = 0.7
"""The share of a doctor's slots that are taken."""
FREE_SLOTS = (time(10), time(15))
FREE_DAYS = 14
"""On today and so many days after it, these slots stay free, as the product's example sentences need."""
MAX_DISTANCE_DAYS = 10 * 365


class SampleError(MaintenanceError):
    """The sample can't be made; the text is for operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """What decides all sample records."""

    seed: int
    today: date
    time_zone: ZoneInfo
    opening_hours: OpeningHours
    doctors: Sequence[str] = DOCTORS

    def record_id(self, number: int) -> str:
        """Return the id of record `number`, counted from 1."""
        return str(self.seed * IDS_PER_SEED + number)

    def at(self, clock: time, day: date) -> datetime:
        """Return a local time of a day, in UTC."""
        return datetime.combine(day, clock, tzinfo=self.time_zone).astimezone(UTC)


def sample_orders(options: SampleOptions, number: int) -> Iterator[Order]:
    """Yield the first `number` orders."""
    return (_order(options, each) for each in range(1, number + 1))


def _order(options: SampleOptions, number: int) -> Order:
    chance = random.Random(f"{options.seed} order {number}")  # noqa: S311 -- the same each time
    name, email = _person(chance, number)
    age = chance.random() * ORDERS_OVER
    created_at = options.at(time(12), options.today) - timedelta(seconds=int(age.total_seconds()))
    items = [_item(chance) for _ in range(chance.randint(1, 4))]
    status = _order_status(chance, age)
    is_sent = status in {OrderStatus.SHIPPED, OrderStatus.DELIVERED}
    return Order(
        id=options.record_id(number),
        customer_name=name,
        customer_email=email,
        items=assign_item_ids(items),
        total=calculate_total(items),
        status=status,
        created_at=created_at,
        updated_at=truncate_to_ms(created_at + chance.random() * min(age, DELIVERY_TIME)),
        estimated_delivery=created_at + DELIVERY_TIME,
        tracking_number=f"TRK{chance.randint(100_000_000, 999_999_999)}" if is_sent else None,
        dni=str(chance.randint(10_000_000, 59_999_999)),
    )


def _item(chance: random.Random) -> OrderItem:
    name, price = chance.choice(PRODUCTS)
    return OrderItem(name=name, quantity=chance.randint(1, 5), price=Decimal(price))


def _order_status(chance: random.Random, age: timedelta) -> OrderStatus:
    if chance.random() < 0.1:
        return OrderStatus.CANCELLED
    if age > 2 * DELIVERY_TIME:
        return OrderStatus.DELIVERED
    return chance.choice((OrderStatus.PENDING, OrderStatus.PROCESSING, OrderStatus.SHIPPED))


def _person(chance: random.Random, number: int) -> tuple[str, str]:
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    return name, f"cliente{number % 20_000}@example.com"


def sample_appointments(options: SampleOptions, number: int) -> Iterator[Appointment]:
    """Yield the first `number` appointments: those of today, yesterday, tomorrow and so on.

    No two of one doctor overlap, and all are within the opening hours.
    """
    slots = islice(_taken_slots(options), number)
    return (_appointment(options, each, *slot) for each, slot in enumerate(slots, start=1))


def _taken_slots(options: SampleOptions) -> Iterator[tuple[str, date, datetime]]:
    """Yield doctor, day and start of each slot that is taken, from today outwards."""
    for distance in range(MAX_DISTANCE_DAYS):
        for offset in dict.fromkeys((distance, -distance)):
            day = options.today + timedelta(days=offset)
            is_kept_free = 0 <= offset <= FREE_DAYS
            for start in _slots_of(options, day, FREE_SLOTS if is_kept_free else ()):
                for doctor in options.doctors:
                    chance = random.Random(f"{options.seed} slot {start} {doctor}")  # noqa: S311 -- the same each time
                    if chance.random() < FILLED:
                        yield doctor, day, start
    raise SampleError(
        f"So many appointments don't fit into {MAX_DISTANCE_DAYS // 365} years before and after today, with "
        f"{len(options.doctors)} doctors and these opening hours."
    )


def _slots_of(options: SampleOptions, day: date, free: Sequence[time]) -> Iterator[datetime]:
    """Yield the starts of a day's slots in UTC, without those that stay free."""
    starts = iter_free_starts(
        day,
        (),
        grid=SlotGrid(
            hours=options.opening_hours,
            step=timedelta(minutes=SLOT_MIN),
            time_zone=options.time_zone,
        ),
        duration_min=SLOT_MIN,
        now=MIN_INSTANT,
    )
    return (start.astimezone(UTC) for start in starts if start.time() not in free)


def _appointment(
    options: SampleOptions, number: int, doctor: str, day: date, start: datetime
) -> Appointment:
    chance = random.Random(f"{options.seed} appointment {number}")  # noqa: S311 -- the same each time
    name, email = _person(chance, number)
    created_at = start - timedelta(days=chance.randint(1, 60), minutes=chance.randint(0, 600))
    return Appointment(
        id=options.record_id(number),
        patient_name=name,
        patient_email=email,
        doctor_name=doctor,
        starts_at=start,
        duration_min=chance.choice(DURATIONS_MIN),
        kind=chance.choice(tuple(AppointmentKind)),
        status=_appointment_status(chance, is_past=day < options.today),
        notes=chance.choice(NOTES),
        created_at=created_at,
        updated_at=created_at,
    )


def _appointment_status(chance: random.Random, *, is_past: bool) -> AppointmentStatus:
    drawn = chance.random()
    if drawn < 0.15:
        return AppointmentStatus.CANCELLED
    if is_past:
        return AppointmentStatus.COMPLETED if drawn < 0.95 else AppointmentStatus.SCHEDULED
    return AppointmentStatus.CONFIRMED if drawn < 0.4 else AppointmentStatus.SCHEDULED
