"""The changes that a record contains: which are added, how they are stored."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from common.identity.verification import Caller, Customer, Staff
from common.record_changes import (
    MAX_CHANGES,
    REST,
    ChangeOrigin,
    ChangeWay,
    RecordChange,
    changed_fields,
    changes_from_json,
    changes_to_json,
    origin_of,
    with_change,
)

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 23, 13, 0, tzinfo=UTC)
VOICE = ChangeOrigin(way=ChangeWay.VOICE, call_id="c0ffee")


@dataclass(frozen=True, kw_only=True)
class Version:
    status: str
    name: str = "Juan"
    updated_at: int = 1
    changes: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("caller", "origin"),
    [
        (None, None),
        (Staff(), None),
        (Customer(name="Juan"), None),
        (Customer(name="Juan", call_id="c0ffee"), VOICE),
    ],
)
def test_only_a_customer_in_a_call_is_an_origin(
    caller: Caller | None, origin: ChangeOrigin | None
) -> None:
    assert origin_of(caller) == origin


def test_change_without_origin_adds_nothing() -> None:
    earlier = with_change((), VOICE, at=NOW)
    assert earlier == (RecordChange(at=NOW, origin=VOICE),)
    assert with_change(earlier, None, changed=["status"], at=NOW) == earlier


def test_latest_changes_are_kept_up_to_the_limit() -> None:
    changes: tuple[RecordChange, ...] = ()
    for n in range(MAX_CHANGES + 1):
        assert len(changes) == n
        changes = with_change(changes, REST, changed=["total"], at=NOW + timedelta(seconds=n))
    assert len(changes) == MAX_CHANGES
    assert [changes[0].at, changes[-1].at] == [
        NOW + timedelta(seconds=1),
        NOW + timedelta(seconds=MAX_CHANGES),
    ]


def test_changed_fields_leave_out_the_version() -> None:
    before = Version(status="pending")
    after = Version(status="cancelled", updated_at=2, changes=(1,))
    assert changed_fields(before, after) == ["status"]


def test_stored_changes_are_read_back() -> None:
    changes = with_change(with_change((), VOICE, at=NOW), REST, changed=["dni"], at=NOW)
    stored = changes_to_json(changes)
    assert stored is not None
    assert stored[0] == {
        "at": "2099-11-23T13:00:00.000Z",
        "by": "voice",
        "callId": "c0ffee",
        "fields": [],
    }
    assert changes_from_json(stored) == changes
    assert (changes_to_json(()), changes_from_json(None)) == (None, ())
