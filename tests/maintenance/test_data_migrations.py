"""The plans of the data migrations, on items in memory."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments.repository import appointment_from_raw, calendar_day_from_raw
from common.dynamodb.bulk import Item, Key, key_of
from common.timestamps import from_iso
from maintenance.data_migrations import MIGRATIONS, migration_named
from maintenance.data_migrations.base import Context, ItemChange, Migration, Report
from maintenance.data_migrations.m0001_earlier_system import EarlierSystem
from maintenance.data_migrations.m0002_doctor_days import DoctorDays
from maintenance.data_migrations.values import ConversionError, amount, instant, whole_number
from orders.repository import order_from_raw
from tests.maintenance.earlier_system import earlier_appointment, earlier_order
from tests.maintenance.items import appointment, doctor_day, order, patient_day

pytestmark = pytest.mark.pure

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
NOW = datetime(2099, 1, 1, tzinfo=UTC)


class MemoryItems:
    """A source of items in memory, to which planned changes can be applied."""

    def __init__(self, **tables: Iterable[Item]) -> None:
        self.tables = {
            name: {key_of(item): item for item in items} for name, items in tables.items()
        }

    def scan(self, table: str) -> Iterable[Item]:
        return list(self.tables.get(table, {}).values())

    def get_many(self, table: str, keys: Iterable[Key]) -> dict[Key, Item]:
        return {key: item for key in keys if (item := self.tables.get(table, {}).get(key))}

    def apply(self, changes: Iterable[ItemChange]) -> None:
        for change in changes:
            assert change.after is not None
            self.tables.setdefault(change.table, {})[change.key] = change.after


def plan(
    migration: Migration, source: MemoryItems, *, doctors: list[str] | None = None
) -> tuple[list[ItemChange], Report]:
    report = Report()
    context = Context(source=source, now=NOW, time_zone=CLINIC, doctors=doctors or [])
    return list(migration.plan(context, report)), report


def migrated(table: str, item: Item, **options: list[str]) -> tuple[Item | None, Report]:
    """Return what 0001 makes of one record; None if it leaves it alone."""
    changes, report = plan(EarlierSystem(), MemoryItems(**{table: [item]}), **options)
    return (changes[0].after if changes else None), report


# --- 0001_earlier_system


def test_earlier_order_becomes_readable_with_the_same_meaning() -> None:
    item, report = migrated("orders", earlier_order(notes={"S": "unknown, kept"}))
    assert item is not None
    assert item["notes"] == {"S": "unknown, kept"}
    read = order_from_raw(item)
    assert (read.total, read.items[0].price, read.items[0].quantity) == (
        Decimal("51.98"),
        Decimal("25.99"),
        2,
    )
    assert read.status.value == "pending"
    assert read.customer_email == "juan.perez@email.com"
    assert read.created_at == datetime(2024, 1, 15, 13, 30, tzinfo=UTC)
    assert read.estimated_delivery == datetime(2024, 1, 20, 3, tzinfo=UTC)
    assert read.tracking_number == "123456789"
    assert report.problems == []


def test_earlier_appointment_becomes_readable_and_listed() -> None:
    item, report = migrated("appointments", earlier_appointment())
    assert item is not None
    assert item["date"] == item["appointmentDate"] == {"S": "2099-06-01T13:00:00.000Z"}
    read = appointment_from_raw(item)
    assert (read.duration_min, read.kind.value, read.status.value) == (
        30,
        "consultation",
        "scheduled",
    )
    assert read.updated_at is None
    assert report.problems == []


@pytest.mark.parametrize(
    ("table", "item"),
    [
        ("orders", order("1")),
        ("orders", order("1", total={"N": "51.980"})),
        ("appointments", appointment("1")),
        ("appointments", appointment("1", notes={"S": "Trae estudios"})),
    ],
)
def test_record_of_this_system_is_left_alone(table: str, item: Item) -> None:
    assert migrated(table, item) == (None, Report())


def test_other_items_are_left_alone() -> None:
    day = doctor_day("rodriguez", "2099-06-01")
    assert migrated("appointments", day) == (None, Report())


@pytest.mark.parametrize("name", ["0001", "0001_earlier_system", "0002"])
def test_plan_is_empty_once_its_changes_are_applied(name: str) -> None:
    migration = migration_named(name)
    assert migration is not None
    source = MemoryItems(
        orders=[earlier_order("1"), earlier_order("2", total={"S": "no"})],
        appointments=[earlier_appointment("1"), appointment("2"), appointment("3")],
    )
    changes, _ = plan(migration, source)
    assert changes
    source.apply(changes)
    assert plan(migration, source)[0] == []


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"total": {"S": "abc"}}, "total is no number"),
        ({"total": {"S": "1.234"}}, "total has fractions of a cent"),
        ({"total": {"S": "1,234"}}, "total is no number"),
        ({"total": {"N": "-1"}}, "total is no amount of money"),
        ({"total": {"L": []}}, "total has the type L"),
        ({"total": None}, "total is missing"),
        ({"status": {"S": "perdido"}}, "status is 'perdido'"),
        ({"createdAt": {"S": "ayer"}}, "createdAt is no date"),
        ({"createdAt": {"S": "0001-01-01"}}, "createdAt is too far away"),
        ({"items": {"S": "[1]"}}, "items is no list of items"),
        ({"items": None}, "items is no list of items"),
        ({"dni": {"S": "12x"}}, "dni is no identity number"),
        ({"id": {"S": "2"}}, "id isn't that of its key"),
        ({"customerName": None}, "customerName is missing"),
        (
            {"createdAt": None, "updatedAt": None, "estimatedDelivery": None},
            "createdAt is missing, and nothing says when it was",
        ),
    ],
)
def test_unclear_order_is_reported_and_not_changed(
    attributes: dict[str, object], problem: str
) -> None:
    item, report = migrated("orders", earlier_order("7", **attributes))
    assert item is None
    assert report.problems == [f"ORDER#7: {problem}"]


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"date": None}, "date is missing"),
        ({"date": {"S": "mañana a las 10"}}, "date is no date"),
        ({"duration": {"S": "media hora"}}, "duration is no number"),
        ({"duration": {"N": "30.5"}}, "duration is no whole number"),
        ({"duration": {"N": "600"}}, "duration is 600 minutes"),
        ({"type": {"S": "cirugía"}}, "type is 'cirugía'"),
        ({"patientEmail": {"S": ""}}, "patientEmail is missing"),
    ],
)
def test_unclear_appointment_is_reported_and_not_changed(
    attributes: dict[str, object], problem: str
) -> None:
    item, report = migrated("appointments", earlier_appointment("7", **attributes))
    assert item is None
    assert report.problems == [f"APPOINTMENT#7: {problem}"]


def test_problems_do_not_name_customers() -> None:
    item = earlier_order("7", customerName={"L": [{"S": "Juan"}]}, dni={"S": "doce"})
    _, report = migrated("orders", item)
    assert report.problems == ["ORDER#7: customerName has the type L, dni is no identity number"]


@pytest.mark.parametrize(
    ("attributes", "created", "repair"),
    [
        ({"createdAt": None}, "2024-01-15T13:30:00.000Z", "createdAt from updatedAt"),
        (
            {"createdAt": None, "updatedAt": None},
            "2024-01-15T03:00:00.000Z",
            "createdAt from estimatedDelivery",
        ),
    ],
)
def test_missing_creation_time_is_inferred_and_counted(
    attributes: dict[str, Any], created: str, repair: str
) -> None:
    item, report = migrated("orders", earlier_order(**attributes))
    assert item is not None
    assert item["createdAt"] == {"S": created}
    assert report.repairs[repair] == 1


def test_missing_duration_is_half_an_hour_and_counted() -> None:
    item, report = migrated("appointments", earlier_appointment(duration=None))
    assert item is not None
    assert item["duration"] == {"N": "30"}
    assert report.repairs.total() == 1


def test_differing_starts_become_the_one_the_patient_was_told() -> None:
    differing = earlier_appointment(appointmentDate={"S": "2099-06-02T10:00:00"})
    item, report = migrated("appointments", differing)
    assert item is not None
    assert item["appointmentDate"] == item["date"] == {"S": "2099-06-01T13:00:00.000Z"}
    assert report.repairs == {"appointmentDate from another date": 1}


def test_doctor_is_spelled_as_in_the_settings() -> None:
    spelled = earlier_appointment(doctorName={"S": "doctor RODRIGUEZ"})
    item, _ = migrated("appointments", spelled, doctors=["Dra. Gómez", "Dr. Rodríguez"])
    assert item is not None
    assert item["doctorName"] == {"S": "Dr. Rodríguez"}


def test_items_stored_as_json_text_become_a_list() -> None:
    text = '[{"name": "Producto A", "quantity": 2, "price": 25.99, "description": null}]'
    item, _ = migrated("orders", earlier_order(items={"S": text}))
    assert item is not None
    [read] = order_from_raw(item).items
    assert (read.id, read.name, read.quantity, read.price) == (
        "1",
        "Producto A",
        2,
        Decimal("25.99"),
    )


# --- Values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-15T10:30:00", "2024-01-15T13:30:00.000Z"),
        ("2024-01-15 10:30", "2024-01-15T13:30:00.000Z"),
        ("2024-01-15", "2024-01-15T03:00:00.000Z"),
        ("2024-01-15T10:30:00Z", "2024-01-15T10:30:00.000Z"),
        ("2024-01-15T10:30:00.123456+00:00", "2024-01-15T10:30:00.123Z"),
        ("2024-01-15T10:30:00-05:00", "2024-01-15T15:30:00.000Z"),
        ("1705314600", "2024-01-15T10:30:00.000Z"),
        ("1705314600123", "2024-01-15T10:30:00.123Z"),
    ],
)
def test_instant_is_read_in_each_earlier_form(text: str, expected: str) -> None:
    assert instant(text, CLINIC) == expected


def test_local_time_that_never_was_is_refused() -> None:
    with pytest.raises(ConversionError, match="left out"):
        instant("2024-03-31T02:30:00", ZoneInfo("Europe/Madrid"))


@given(st.integers(-2_000_000_000_000, 7_000_000_000_000))
def test_stored_form_of_an_instant_stays(milliseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    once = instant(moment.isoformat(), CLINIC)
    assert instant(once, CLINIC) == once
    assert from_iso(once) == moment


@given(st.decimals(0, 10**9, places=2))
def test_amount_survives_being_a_float(value: Decimal) -> None:
    assert Decimal(amount(repr(float(value)))) == value


@pytest.mark.parametrize("text", ["67,48", "67.48", "67.480000000000004"])
def test_amount_is_read_in_each_earlier_form(text: str) -> None:
    assert amount(text) == "67.48"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", "", "1.5"])
def test_text_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ConversionError):
        whole_number(text)


# --- 0002_doctor_days

TEN = "2099-06-01T13:00:00.000Z"
TIME = "2099-06-01T13:00:00.000Z/2099-06-01T13:30:00.000Z"


def days(*items: Item) -> tuple[dict[str, dict[str, str]], Report]:
    """Return the bookings of the doctors' days that 0002 writes, by key, as times by appointment."""
    changes, report = plan(DoctorDays(), MemoryItems(appointments=items))
    written = {}
    for change in changes:
        assert change.after is not None
        day = calendar_day_from_raw(change.after)
        if change.key[0].startswith("PATIENTDAY"):
            continue
        written[change.key[0]] = {each: t.start.isoformat() for each, t in day.bookings.items()}
    return written, report


def test_open_appointments_are_booked_in_their_days() -> None:
    written, report = days(
        appointment("1", TEN),
        appointment("2", TEN, doctorName={"S": "Dra. Gómez"}),
        appointment("3", "2099-06-01T14:00:00.000Z", status={"S": "cancelled"}),
    )
    start = "2099-06-01T13:00:00+00:00"
    assert written == {
        "DOCTORDAY#rodriguez#2099-06-01": {"1": start},
        "DOCTORDAY#gomez#2099-06-01": {"2": start},
    }
    assert report.problems == []


def test_double_booking_is_booked_twice_and_reported() -> None:
    written, report = days(appointment("1", TEN), appointment("2", "2099-06-01T13:15:00.000Z"))
    assert set(written["DOCTORDAY#rodriguez#2099-06-01"]) == {"1", "2"}
    assert report.problems == ["appointments 1 and 2 are at the same time"]


def test_existing_bookings_stay_and_the_revision_grows() -> None:
    stored = doctor_day("rodriguez", "2099-06-01", revision=4, a1=TIME)
    later = appointment("2", "2099-06-01T14:00:00.000Z")
    changes, _ = plan(
        DoctorDays(), MemoryItems(appointments=[appointment("1", TEN), later, stored])
    )
    [change] = [each for each in changes if each.key[0].startswith("DOCTORDAY")]
    assert change.before == stored
    assert change.after is not None
    day = calendar_day_from_raw(change.after)
    assert (set(day.bookings), day.revision) == ({"1", "2"}, 5)


def test_booking_without_an_appointment_is_removed() -> None:
    stored = doctor_day("rodriguez", "2099-06-01", a1=TIME, a9=TIME)
    written, _ = days(appointment("1", TEN), stored)
    assert set(written["DOCTORDAY#rodriguez#2099-06-01"]) == {"1"}


def test_booking_of_an_unreadable_appointment_stays() -> None:
    stored = doctor_day("rodriguez", "2099-06-01", a1=TIME)
    unreadable = appointment("1", TEN, status={"S": "perdido"})
    assert days(unreadable, stored)[0] == {}


def test_unreadable_day_is_reported_and_not_changed() -> None:
    broken = {**doctor_day("rodriguez", "2099-06-01"), "slots": {"S": "{"}}
    written, report = days(appointment("1", TEN), broken)
    assert written == {}
    assert report.problems == [
        "DOCTORDAY#rodriguez#2099-06-01: slots has an unexpected form",
    ]


def test_days_in_order_are_left_alone() -> None:
    stored = doctor_day("rodriguez", "2099-06-01", a1=TIME)
    patient = patient_day("2099-06-01", a1=TIME)
    changes, report = plan(
        DoctorDays(), MemoryItems(appointments=[appointment("1", TEN), stored, patient])
    )
    assert (list(changes), report) == ([], Report())


def test_patients_days_are_written_too() -> None:
    changes, report = plan(
        DoctorDays(),
        MemoryItems(
            appointments=[
                appointment("1", TEN),
                appointment("2", TEN, doctorName={"S": "Dr. Sosa"}),
            ]
        ),
    )
    [after] = [each.after for each in changes if each.key[0].startswith("PATIENTDAY")]
    assert after is not None
    assert set(calendar_day_from_raw(after).bookings) == {"1", "2"}
    assert report.problems == []  # the earlier system allowed it, and so may this one


# --- The list of migrations


def test_migrations_are_numbered_in_order() -> None:
    numbers = [migration.name.partition("_")[0] for migration in MIGRATIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(MIGRATIONS) + 1)]


def test_unknown_migration_has_no_name() -> None:
    assert migration_named("9999") is None
