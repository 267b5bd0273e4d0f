"""seed_data: the same records each time, readable by the server and booked in their doctors' days."""

from collections import Counter
from datetime import UTC, date, datetime, time
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from appointments import clinic
from appointments import services as appointment_services
from appointments.domain import AppointmentKind
from appointments.errors import SlotTakenError
from appointments.opening_hours import OpeningHours, covers
from common.dynamodb.bulk import BulkClient
from maintenance.sample_data import (
    FREE_DAYS,
    SampleError,
    SampleOptions,
    sample_appointments,
    sample_orders,
)
from orders.repository import order_from_raw
from tests.maintenance.conftest import RunCommand
from tests.maintenance.items import appointment, doctor_day, patient_day, store_items, stored

TODAY = date(2099, 6, 1)
DAY = "2099-06-01"
OPTIONS = SampleOptions(
    seed=1,
    today=TODAY,
    time_zone=ZoneInfo("America/Argentina/Buenos_Aires"),
    opening_hours=OpeningHours.parse("Mon-Fri 08:00-20:00, Sat 09:00-13:00"),
)


def seed(run: RunCommand, *arguments: str) -> str:
    return run("seed_data", *arguments, "--today", DAY)


# --- The records


@pytest.mark.pure
def test_larger_sample_begins_with_the_smaller_one() -> None:
    assert list(sample_orders(OPTIONS, 50))[:7] == list(sample_orders(OPTIONS, 7))
    assert list(sample_appointments(OPTIONS, 300))[:7] == list(sample_appointments(OPTIONS, 7))


@pytest.mark.pure
def test_another_seed_gives_other_records_with_other_ids() -> None:
    other = SampleOptions(
        seed=2, today=TODAY, time_zone=OPTIONS.time_zone, opening_hours=OPTIONS.opening_hours
    )
    first, second = list(sample_orders(OPTIONS, 20)), list(sample_orders(other, 20))
    assert not {order.id for order in first} & {order.id for order in second}
    assert [order.items for order in first] != [order.items for order in second]


@pytest.mark.pure
def test_sample_ids_never_meet_those_of_real_records() -> None:
    assert min(int(order.id) for order in sample_orders(OPTIONS, 5)) > 999_999


@pytest.mark.pure
def test_sample_appointments_do_not_overlap_and_are_within_opening_hours() -> None:
    appointments = list(sample_appointments(OPTIONS, 1000))
    slots = Counter((each.doctor_name, each.starts_at) for each in appointments)
    assert max(slots.values()) == 1
    assert max(each.duration_min for each in appointments) <= 30
    assert all(covers(OPTIONS.opening_hours, a.interval, OPTIONS.time_zone) for a in appointments)
    assert len({each.status for each in appointments}) == 4


@pytest.mark.pure
def test_times_of_the_example_sentences_stay_free() -> None:
    for each in islice(sample_appointments(OPTIONS, 3000), 3000):
        local = each.starts_at.astimezone(OPTIONS.time_zone)
        if 0 <= (local.date() - TODAY).days <= FREE_DAYS:
            assert local.time() not in {time(10), time(15)}


@pytest.mark.pure
def test_sample_that_does_not_fit_is_refused() -> None:
    one_slot = SampleOptions(
        seed=1,
        today=TODAY,
        time_zone=OPTIONS.time_zone,
        opening_hours=OpeningHours.parse("Mon-Mon 08:00-08:30"),
        doctors=["Dr. Sosa"],
    )
    with pytest.raises(SampleError, match="don't fit into 10 years"):
        list(sample_appointments(one_slot, 5000))


# --- The command


def test_seeded_records_are_in_order(client: BulkClient, run: RunCommand) -> None:
    assert "101 orders and 100 appointments stored." in seed(run, "201")
    assert "Nothing is odd." in run("diagnose_tables")
    assert len(stored(client, "orders")) == 101
    [first] = [i for k, i in stored(client, "orders").items() if k == "ORDER#1000001"]
    assert order_from_raw(first) == next(sample_orders(OPTIONS, 1))


def test_second_run_changes_nothing(client: BulkClient, run: RunCommand) -> None:
    seed(run, "120")
    before = [stored(client, label) for label in ("orders", "appointments")]
    seed(run, "120")
    assert [stored(client, label) for label in ("orders", "appointments")] == before


def test_run_on_another_day_moves_the_bookings(client: BulkClient, run: RunCommand) -> None:
    seed(run, "100")
    run("seed_data", "100", "--today", "2099-07-15")
    assert "Nothing is odd." in run("diagnose_tables")


def test_seeded_time_cannot_be_booked_again(client: BulkClient, run: RunCommand) -> None:
    seed(run, "100", "--only", "appointments")
    taken = next(
        each
        for each in sample_appointments(options_of_the_settings(), 100)
        if each.is_open and each.starts_at > NOW
    )
    with pytest.raises(SlotTakenError):
        appointment_services.book_appointment(
            patient_name="Ana Martínez",
            patient_email="ana@example.com",
            doctor_name=taken.doctor_name,
            starts_at=taken.starts_at,
            duration_min=30,
            kind=AppointmentKind.ROUTINE,
            token="t",
            now=NOW,
        )


NOW = datetime(2099, 6, 1, 3, tzinfo=UTC)


def options_of_the_settings() -> SampleOptions:
    return SampleOptions(
        seed=1, today=TODAY, time_zone=clinic.time_zone(), opening_hours=clinic.opening_hours()
    )


def test_booking_of_somebody_else_stays(client: BulkClient, run: RunCommand) -> None:
    options = options_of_the_settings()
    mine = next(each for each in sample_appointments(options, 50) if each.is_open)
    start, end = (
        each.strftime("%Y-%m-%dT%H:%M:%S.000Z") for each in (mine.interval.start, mine.interval.end)
    )
    doctor = mine.doctor_name.partition(" ")[2].lower().translate(str.maketrans("íóáé", "ioae"))
    theirs = appointment("7", start, doctorName={"S": mine.doctor_name})
    booked = f"{start}/{end}"
    days = doctor_day(doctor, start[:10], a7=booked), patient_day(start[:10], a7=booked)
    store_items(client, "appointments", theirs, *days)
    assert "1 appointments are cancelled: others have booked their times." in seed(
        run, "50", "--only", "appointments"
    )
    items = stored(client, "appointments")
    assert items[f"APPOINTMENT#{mine.id}"]["status"] == {"S": "cancelled"}
    assert items["APPOINTMENT#7"] == theirs
    assert "Nothing is odd." in run("diagnose_tables")


def test_delete_removes_records_and_bookings(client: BulkClient, run: RunCommand) -> None:
    seed(run, "60", "--seed", "2")
    seed(run, "60")
    assert "30 orders and 30 appointments deleted." in seed(run, "60", "--delete")
    assert {key[:7] for key in stored(client, "orders")} == {"ORDER#2"}
    assert "Nothing is odd." in run("diagnose_tables")


def test_doctors_of_the_settings_have_the_appointments(client: BulkClient, run: RunCommand) -> None:
    with override_settings(CLINIC_DOCTORS=["Dr. Sosa"]):
        seed(run, "20", "--only", "appointments")
    items = stored(client, "appointments").values()
    assert {item["doctorName"]["S"] for item in items if "doctorName" in item} == {"Dr. Sosa"}


@pytest.mark.parametrize("count", ["5", "6"])
def test_smallest_counts_are_stored(client: BulkClient, run: RunCommand, count: str) -> None:
    seed(run, count)
    records = [key for label in ("orders", "appointments") for key in stored(client, label)]
    assert len([key for key in records if "DAY#" not in key]) == int(count)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("4",), "COUNT must be 5 to 100000"),
        (("100001",), "COUNT must be 5 to 100000"),
        (("5", "--seed", "0"), "--seed must be 1 to 999"),
        (("5", "--seed", "1000"), "--seed must be 1 to 999"),
    ],
    ids=["too few", "too many", "seed too small", "seed too large"],
)
def test_count_or_seed_beyond_the_limits_is_refused(
    run: RunCommand, arguments: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        run("seed_data", *arguments)


def test_seeding_on_aws_needs_allow_production(run: RunCommand) -> None:
    with (
        override_settings(DYNAMODB_ENDPOINT_URL="https://dynamodb.us-east-1.amazonaws.com"),
        pytest.raises(CommandError, match=r"on AWS, in us-east-1.*add --allow-production"),
    ):
        run("seed_data", "5")
