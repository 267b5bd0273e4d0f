"""maintenance.inspection: each oddity is found, and records in order cause no finding."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from common.dynamodb.bulk import Item
from maintenance.inspection import Inspection
from tests.maintenance.items import appointment, doctor_day, keyed, order, patient_day

pytestmark = pytest.mark.pure

NOW = datetime(2099, 6, 1, 12, tzinfo=UTC)
CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
TEN = "2099-06-01T13:00:00.000Z"
TIME = "2099-06-01T13:00:00.000Z/2099-06-01T13:30:00.000Z"
DAY = doctor_day("rodriguez", "2099-06-01", a1=TIME)
PATIENT_DAY = patient_day("2099-06-01", a1=TIME)


def inspect(*items: tuple[str, Item]) -> Inspection:
    inspection = Inspection(now=NOW, time_zone=CLINIC)
    for table, item in items:
        inspection.add(table, item)
    inspection.finish()
    return inspection


def found(*items: tuple[str, Item]) -> list[tuple[str, int, Sequence[str]]]:
    findings = inspect(*items).findings
    return [(each.kind.code, each.count, each.examples) for each in findings]


def conversation(call_id: str = "c1", **more: object) -> Item:
    numbers = (
        "epoch", "turns", "toolRuns", "interruptions", "resumes", "renewals", "speechTokensIn",
        "textTokensIn", "speechTokensOut", "textTokensOut", "costUsd",
    )  # fmt: skip
    at = "2099-06-01T11:59:59.000Z"
    return {
        **keyed("CALL", call_id),
        "id": {"S": call_id},
        "kind": {"S": "call"},
        "live": {"S": "yes"},
        **{name: {"S": at} for name in ("startedAt", "updatedAt", "aliveAt")},
        **{name: {"S": "x"} for name in ("voice", "language", "modelId", "wire", "resumeHash")},
        **{name: {"N": "0"} for name in numbers},
        "expiresAt": {"N": str(int((NOW + timedelta(days=1)).timestamp()))},
        **more,
    }


def utterance(call_id: str = "c1", expires: timedelta = timedelta(days=1)) -> Item:
    return {
        "PK": {"S": f"CALL#{call_id}"},
        "SK": {"S": "TURN#00001#000"},
        "turn": {"N": "1"},
        "segment": {"N": "0"},
        "speaker": {"S": "user"},
        "text": {"S": "hola"},
        "at": {"S": TEN},
        "interrupted": {"BOOL": False},
        "expiresAt": {"N": str(int((NOW + expires).timestamp()))},
    }


def test_records_in_order_cause_no_finding() -> None:
    items = [
        ("orders", order("1")),
        ("appointments", appointment("1", TEN)),
        ("appointments", DAY),
        ("appointments", PATIENT_DAY),
        ("appointments", appointment("2", TEN, status={"S": "cancelled"})),
        ("calls", conversation()),
        ("calls", utterance()),
    ]
    assert found(*items) == []


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (order("1", total={"S": "51.98"}), "total has the type S"),
        (order("1", status={"S": "Pending"}), "ValueError: 'Pending' is not a valid OrderStatus"),
        (order("1", createdAt={"S": "2024-01-15T10:00:00"}), "createdAt has an unexpected form"),
        (order("1", updatedAt=None), "updatedAt is missing"),
        (order("1", items={"L": [{"M": {"name": {"S": "A"}}}]}), "TypeError: a value"),
    ],
)
def test_order_that_the_models_cannot_read_is_reported(item: Item, reason: str) -> None:
    assert found(("orders", item)) == [("unreadable", 1, [f"ORDER#1: {reason}"])]


def test_unreadable_record_is_reported_without_personal_data() -> None:
    item = order("1", dni={"L": [{"S": "12345678"}]}, customerName={"N": "5"})
    [(_, _, [example])] = found(("orders", item))
    assert example == "ORDER#1: customerName has the type N, dni has the type L"


def test_appointment_without_index_attribute_is_unreadable() -> None:
    item = appointment("1", appointmentDate=None)
    assert found(("appointments", item)) == [
        ("unreadable", 1, ["APPOINTMENT#1: appointmentDate is missing"])
    ]


def test_open_appointment_without_booking_is_reported() -> None:
    assert found(("appointments", appointment("1", TEN))) == [
        ("unbooked_appointment", 1, ["APPOINTMENT#1"])
    ]


@pytest.mark.parametrize(
    "item",
    [
        appointment("2", TEN),
        appointment("1", TEN, status={"S": "cancelled"}),
        appointment("1", TEN, doctorName={"S": "Dr. Sosa"}),
        appointment("1", "2099-06-01T14:00:00.000Z"),
    ],
    ids=["none", "cancelled", "another doctor", "another time"],
)
def test_booking_that_no_appointment_has_is_reported(item: Item) -> None:
    codes = {
        code: examples for code, _, examples in found(("appointments", DAY), ("appointments", item))
    }
    assert codes["orphaned_booking"] == ["DOCTORDAY#rodriguez#2099-06-01: appointment 1"]


def test_appointment_across_midnight_needs_both_days() -> None:
    start = "2099-06-02T02:45:00.000Z"  # 23:45 at the clinic, on the 1st
    late = appointment("1", start)
    interval = f"{start}/2099-06-02T03:15:00.000Z"
    first = doctor_day("rodriguez", "2099-06-01", a1=interval)
    second = doctor_day("rodriguez", "2099-06-02", a1=interval)
    patient = [patient_day(f"2099-06-0{day}", a1=interval) for day in (1, 2)]
    items = [late, first, second, *patient]
    assert found(*(("appointments", item) for item in items)) == []
    for missing in items[1:]:
        assert found(*(("appointments", item) for item in items if item is not missing)) == [
            ("unbooked_appointment", 1, ["APPOINTMENT#1"])
        ]


def test_overlapping_appointments_are_reported_as_pairs() -> None:
    times = {
        "1": "2099-06-01T13:00:00.000Z",  # 60 minutes, over 2 and 3
        "2": "2099-06-01T13:15:00.000Z",
        "3": "2099-06-01T13:45:00.000Z",
        "4": "2099-06-01T14:15:00.000Z",  # touches 3
    }
    items = [appointment(each, start) for each, start in times.items()]
    items[0]["duration"] = {"N": "60"}
    other = appointment("5", TEN, doctorName={"S": "Dr. Sosa"})
    overlapping = {
        code: examples
        for code, _, examples in found(*(("appointments", i) for i in [*items, other]))
    }["overlapping_appointments"]
    assert overlapping == ["appointments 1 and 2", "appointments 1 and 3"]


def test_titles_and_accents_do_not_hide_an_overlap() -> None:
    items = [appointment("1", TEN), appointment("2", TEN, doctorName={"S": "doctor rodriguez"})]
    codes = [code for code, _, _ in found(*(("appointments", item) for item in items))]
    assert "overlapping_appointments" in codes


def test_differing_starts_are_reported() -> None:
    item = appointment("1", TEN, date={"S": "2099-06-01T14:00:00.000Z"})
    assert ("two_starts", 1, ["APPOINTMENT#1"]) in found(("appointments", item))


def test_unreadable_doctor_day_is_reported() -> None:
    item = {**DAY, "slots": {"S": "{"}}
    assert found(("appointments", item)) == [
        (
            "unreadable_doctor_day",
            1,
            ["DOCTORDAY#rodriguez#2099-06-01: slots has an unexpected form"],
        )
    ]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (order("1", customerEmail={"S": "Juan.Perez@email.com"}), "unnormalized_email"),
        (order("1", createdAt={"S": "2099-01-15T10:00:00Z"}), "unsortable_instant"),
        (order("1", createdAt={"S": "2099-01-15T07:00:00.000-03:00"}), "unsortable_instant"),
        (order("1", total={"N": "52"}), "total_differs"),
        (order("1", id={"S": "2"}), "wrong_key"),
        ({**order("1"), "SK": {"S": "ORDER#2"}}, "wrong_key"),
        (keyed("STRANGE", "1"), "unknown_item"),
        (order("1", notes={"S": "x" * 310_000}), "large_item"),
    ],
)
def test_odd_order_is_reported(item: Item, code: str) -> None:
    assert [each for each, _, _ in found(("orders", item))] == [code]


def test_long_expired_item_is_reported_and_lately_expired_is_not() -> None:
    lately, long_ago = timedelta(hours=-47), timedelta(hours=-49)
    assert found(("calls", conversation()), ("calls", utterance(expires=lately))) == []
    codes = [
        code
        for code, _, _ in found(("calls", conversation()), ("calls", utterance(expires=long_ago)))
    ]
    assert codes == ["long_expired"]


def test_part_of_a_missing_conversation_is_reported_until_it_expires() -> None:
    assert found(("calls", utterance("gone"))) == [
        ("orphaned_call_item", 1, ["CALL#gone TURN#00001#000"])
    ]
    assert found(("calls", utterance("gone", expires=timedelta(seconds=-1)))) == []


def test_live_call_of_a_silent_server_is_a_note() -> None:
    silent = conversation(aliveAt={"S": "2099-06-01T01:00:00.000Z"})
    [finding] = inspect(("calls", silent)).findings
    assert (finding.kind.code, finding.kind.is_problem) == ("lost_call", False)


def test_call_whose_customer_left_needs_no_note() -> None:
    at = {"S": "2099-06-01T01:00:00.000Z"}
    left = conversation(aliveAt=at, leftAt=at)
    assert inspect(("calls", left)).findings == []


def test_examples_are_limited_and_all_are_counted() -> None:
    items = [("orders", order(str(number), total={"S": "1"})) for number in range(25)]
    [(code, count, examples)] = found(*items)
    assert (code, count, len(examples)) == ("unreadable", 25, 10)


def test_statistics_count_what_is_stored() -> None:
    inspection = inspect(
        ("orders", order("1")),
        ("orders", order("2", status={"S": "shipped"})),
        ("appointments", appointment("1", TEN)),
        ("appointments", DAY),
        ("calls", conversation()),
    )
    content = inspection.statistics()
    assert content["orders"] == {"byStatus": {"pending": 1, "shipped": 1}, "total": "103.96"}
    assert content["appointments"] == {"byStatus": {"scheduled": 1}, "upcoming": 1}
    assert content["conversations"] == {"live": 1, "ended": 0}
    kinds = content["tables"]["appointments"]["kinds"]
    assert {name: kind["count"] for name, kind in kinds.items()} == {
        "appointment": 1,
        "doctor's day": 1,
    }
    assert content["tables"]["orders"]["items"] == 2
    assert inspection.record_ids["orders"] == {"1", "2"}
