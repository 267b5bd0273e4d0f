"""Entries of the waiting list as values: states, offers, and which times fit. Also holds of calendar days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appointments.domain import Calendar, CalendarDay, DayPart, Hold, TimeInterval
from appointments.waiting_list.domain import (
    MAX_REFUSED,
    MAX_REPLACED,
    TRANSITIONS,
    FreedTime,
    WaitingEntry,
    WaitingStatus,
    order_candidates,
    time_key,
)

pytestmark = pytest.mark.pure

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
HELD_UNTIL = NOW + HOUR
TEN = datetime(2099, 11, 23, 10, tzinfo=CLINIC)
FREED = FreedTime(doctor_name="Dr. Sosa", starts_at=TEN)
ENTRY = WaitingEntry(
    id="123456",
    patient_name="Ana Martínez",
    patient_email="ana@email.com",
    first=date(2099, 11, 23),
    last=date(2099, 11, 27),
    created_at=NOW,
    updated_at=NOW,
)
OFFERED = ENTRY.offered(FREED, 30, held_until=HELD_UNTIL, now=NOW)


def fits(entry: WaitingEntry, *, start: datetime = TEN, specialists: tuple[str, ...] = ()) -> bool:
    return entry.fits(replace(FREED, starts_at=start), start, specialists)


# --- Which times fit


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (TEN - timedelta(days=1), False),
        (TEN, True),
        (TEN + timedelta(days=4), True),
        (TEN + timedelta(days=5), False),
    ],
)
def test_time_fits_from_the_first_to_the_last_day(start: datetime, expected: bool) -> None:
    assert fits(ENTRY, start=start) is expected


def test_time_fits_in_its_part_of_the_day() -> None:
    assert fits(replace(ENTRY, day_part=DayPart.MORNING))
    assert not fits(replace(ENTRY, day_part=DayPart.AFTERNOON))


def test_time_fits_of_the_professional_in_any_spelling() -> None:
    assert fits(replace(ENTRY, doctor_name="Doctor SOSA"))
    assert not fits(replace(ENTRY, doctor_name="Dra. Gómez"), specialists=("Dr. Sosa",))


def test_time_fits_of_the_specialty() -> None:
    entry = replace(ENTRY, specialty="Cardiología")
    assert fits(entry, specialists=("Dr. Sosa",))
    assert not fits(entry, specialists=("Dra. Gómez",))


# --- States


def test_offer_is_live_until_the_hold_ends() -> None:
    assert OFFERED.live_offer(now=HELD_UNTIL - timedelta(microseconds=1)) == OFFERED.offer
    assert not OFFERED.is_waiting(now=NOW)
    assert OFFERED.live_offer(now=HELD_UNTIL) is None
    assert OFFERED.has_lapsed_offer(now=HELD_UNTIL)
    assert OFFERED.is_waiting(now=HELD_UNTIL)
    assert replace(OFFERED, offer=None).live_offer(now=NOW) is None


def test_offer_holds_its_time_until_it_ends() -> None:
    assert OFFERED.offer is not None
    interval = TimeInterval.starting_at(TEN, 30)
    assert OFFERED.offer.hold == Hold(interval=interval, until=HELD_UNTIL)


def test_entry_without_offer_waits() -> None:
    assert ENTRY.is_waiting(now=NOW)
    assert ENTRY.live_offer(now=NOW) is None
    assert not ENTRY.has_lapsed_offer(now=NOW)


def test_refused_time_is_not_offered_again() -> None:
    again = OFFERED.waiting_again(now=NOW)
    assert again.status is WaitingStatus.WAITING
    assert not fits(again)
    assert fits(again, start=TEN + timedelta(minutes=30))


def test_time_that_was_not_refused_may_be_offered_again() -> None:
    again = OFFERED.waiting_again(is_refused=False, now=NOW)
    assert again.status is WaitingStatus.WAITING
    assert again.refused == ()
    assert fits(again)
    second = again.offered(FREED, 30, held_until=HELD_UNTIL, now=NOW)
    assert second.offer is not None
    assert second.offer.number == 2


def test_lapsed_offer_is_followed_by_the_next_one() -> None:
    later = replace(FREED, starts_at=TEN + timedelta(hours=1))
    assert OFFERED.offer is not None
    second = OFFERED.offered(later, 20, held_until=HELD_UNTIL, now=HELD_UNTIL)
    assert second.offer is not None
    assert second.offer.number == 2
    assert second.offer.interval == TimeInterval.starting_at(later.starts_at, 20)
    assert second.refused == (time_key(FREED),)
    assert not fits(second)
    assert second.replaced_offers == (OFFERED.offer,)
    assert second.oldest_unanswered_offer() == OFFERED.offer

    passed_on = second.without_replaced_offer(OFFERED.offer, now=HELD_UNTIL)
    assert passed_on.oldest_unanswered_offer() == second.offer
    assert passed_on.updated_at > second.updated_at
    assert passed_on.waiting_again(now=HELD_UNTIL).oldest_unanswered_offer() is None


def test_only_replaced_offers_of_coming_times_are_remembered() -> None:
    entry = OFFERED
    for hours in range(1, MAX_REPLACED + 5):
        freed = replace(FREED, starts_at=TEN + timedelta(hours=hours))
        entry = entry.offered(freed, 30, held_until=HELD_UNTIL, now=NOW)
    assert len(entry.replaced_offers) == MAX_REPLACED
    assert entry.offer is not None
    assert entry.offered(FREED, 30, held_until=TEN, now=entry.offer.starts_at).replaced_offers == ()


def test_entry_is_made_of_what_is_wanted() -> None:
    entry = WaitingEntry.new(ENTRY.wanted, entry_id=ENTRY.id, now=NOW)
    assert entry == ENTRY
    other = replace(ENTRY.wanted, day_part=DayPart.MORNING)
    changed = OFFERED.with_wanted(other, now=NOW)
    assert (changed.wanted, changed.offer, changed.created_at) == (other, OFFERED.offer, NOW)
    assert changed.updated_at > OFFERED.updated_at


def test_only_the_latest_refused_times_are_remembered() -> None:
    entry, freed = ENTRY, FREED
    for hours in range(MAX_REFUSED + 5):
        freed = replace(FREED, starts_at=TEN + timedelta(hours=hours))
        entry = entry.offered(freed, 30, held_until=HELD_UNTIL, now=NOW).waiting_again(now=NOW)
    latest = [TEN + timedelta(hours=hours) for hours in range(5, MAX_REFUSED + 5)]
    assert entry.refused == tuple(time_key(replace(FREED, starts_at=start)) for start in latest)


def test_refused_time_that_is_stored_twice_counts_once() -> None:
    entry = replace(ENTRY, refused=(time_key(FREED),) * MAX_REFUSED)
    later = replace(FREED, starts_at=TEN + timedelta(hours=1))
    again = entry.offered(later, 30, held_until=HELD_UNTIL, now=NOW).waiting_again(now=NOW)
    assert again.refused == (time_key(FREED), time_key(later))


def test_ended_entries_are_not_open_and_follow_the_table() -> None:
    booked, withdrawn = OFFERED.booked("654321", now=NOW), ENTRY.withdrawn(now=NOW)
    assert (booked.appointment_id, booked.status) == ("654321", WaitingStatus.BOOKED)
    for ended in (booked, withdrawn):
        assert not ended.is_open
        assert not ended.is_waiting(now=HELD_UNTIL)
        assert not any(ended.can_become(status) for status in WaitingStatus)
    assert ENTRY.is_open
    assert OFFERED.is_open
    assert set(TRANSITIONS) == set(WaitingStatus)
    with pytest.raises(AssertionError):
        ENTRY.booked("1", now=NOW)


def test_entry_is_past_after_its_last_day() -> None:
    assert not ENTRY.is_past(today=ENTRY.last)
    assert ENTRY.is_past(today=ENTRY.last + timedelta(days=1))


def test_candidates_with_a_lapsed_offer_come_last() -> None:
    lapsed, waiting = replace(OFFERED, id="1"), replace(ENTRY, id="2")
    live = replace(OFFERED, id="3").offered(FREED, 30, held_until=HELD_UNTIL + HOUR, now=NOW)
    left_out = replace(ENTRY, id="4")
    entries = [lapsed, waiting, live, left_out, replace(ENTRY, id="5").withdrawn(now=NOW)]

    def candidates(today: date) -> list[WaitingEntry]:
        return order_candidates(entries, except_for={"4"}, today=today, now=HELD_UNTIL)

    assert candidates(ENTRY.last) == [waiting, lapsed]
    assert candidates(ENTRY.last + timedelta(days=1)) == []


def test_each_change_has_a_later_version() -> None:
    assert OFFERED.updated_at > ENTRY.updated_at
    assert OFFERED.waiting_again(now=NOW - timedelta(days=1)).updated_at > OFFERED.updated_at


# --- Holds


def test_held_time_is_not_free_until_the_hold_ends() -> None:
    day = CalendarDay(calendar=Calendar.of_doctor("Sosa"), day=TEN.date())
    interval = TimeInterval.starting_at(TEN, 30)
    held = day.with_hold("123456", Hold(interval=interval, until=HELD_UNTIL))

    assert not held.is_free(TimeInterval.starting_at(TEN + timedelta(minutes=29), 30))
    assert held.is_free(TimeInterval.starting_at(TEN + timedelta(minutes=30), 30))
    assert not held.is_free(interval, except_for="123456")  # an appointment's id is no entry's
    assert held.without_hold("123456").is_free(interval)
    assert not held.without_hold("654321").is_free(interval)
    assert not held.with_live_holds(now=HELD_UNTIL - timedelta(microseconds=1)).is_free(interval)
    assert held.with_live_holds(now=HELD_UNTIL).is_free(interval)
