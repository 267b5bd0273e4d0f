"""The waiting list: who is offered a freed time, and what they answer, on the local DynamoDB."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import Appointment, AppointmentChanges, AppointmentStatus, DayPart
from appointments.errors import (
    AppointmentTooFarError,
    DoctorNotFoundError,
    OfferOverError,
    SlotTakenError,
    WaitingEntryClosedError,
    WaitingEntryNotFoundError,
    WaitingListFullError,
)
from appointments.waiting_list import services as waiting_list
from appointments.waiting_list.domain import WaitingEntry, WaitingStatus, Wanted
from appointments.waiting_list.models import WaitingItem
from appointments.waiting_list.repository import PARTITION, PREFIX
from common.errors import InvalidFieldError, StaleVersionError
from common.identity.verification import Staff
from common.record_changes import LINK
from tests.appointments.factories import MONDAY, NOW, TUESDAY, at, book, booked_ids
from tests.appointments.test_races import race

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

HOUR = timedelta(hours=1)
TEN = at("10:00")


@pytest.fixture(autouse=True)
def clinic(settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dra. Gómez"]
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 08:00-20:00"
    settings.WAITING_HOLD_MINUTES = 60


def wait(name: str = "Beto Luna", *, now: datetime = NOW, **changes: Any) -> WaitingEntry:
    wanted: dict[str, Any] = {
        "patient_name": name,
        "patient_email": f"{name.split(maxsplit=1)[0].lower()}@email.com",
        "doctor_name": "Rodríguez",
        "first": MONDAY,
        "last": MONDAY,
    }
    return waiting_list.add_entry(wanted=Wanted(**(wanted | changes)), now=now)


def cancel(appointment: Appointment, *, now: datetime = NOW) -> None:
    services.cancel_appointment(appointment_id=appointment.id, caller=Staff(), now=now)


def stored(entry: WaitingEntry) -> WaitingEntry:
    return waiting_list.get_entry(entry_id=entry.id)


def free_starts(*, now: datetime = NOW) -> list[datetime]:
    found = services.find_availability(
        professional="Rodríguez", first=MONDAY, last=MONDAY, limit=100, now=now
    )
    return [each.starts_at for each in found.free_starts]


def offered_start(entry: WaitingEntry, *, now: datetime = NOW) -> datetime | None:
    offer = stored(entry).live_offer(now=now)
    return None if offer is None else offer.starts_at


# --- Who is offered a time


def test_cancelled_time_is_held_for_who_waits_longest() -> None:
    booked = book()
    second = wait("Caro Paz", now=NOW + HOUR / 4)
    first = wait()

    cancel(booked, now=NOW + HOUR / 2)

    now = NOW + HOUR / 2
    offer = stored(first).live_offer(now=now)
    assert offer is not None
    assert (offer.starts_at, offer.doctor_name) == (TEN, "Dr. Rodríguez")
    assert abs(offer.held_until - now - HOUR) < timedelta(milliseconds=1)
    assert stored(second).status is WaitingStatus.WAITING
    assert TEN not in free_starts(now=now)
    with pytest.raises(SlotTakenError) as caught:
        book(token="other", patient_name="Otro", patient_email="o@e.com", now=now)
    assert TEN not in caught.value.data["alternatives"]  # type: ignore[operator]  # a list of instants


def test_moved_and_deleted_times_are_offered() -> None:
    first, second = book("10:00"), book("11:00")
    entries = [wait(), wait("Caro Paz", now=NOW + HOUR / 60)]
    services.reschedule_appointment(
        appointment_id=first.id, caller=Staff(), starts_at=at("15:00"), now=NOW
    )
    services.delete_appointment(appointment_id=second.id, now=NOW)
    assert [offered_start(each) for each in entries] == [TEN, at("11:00")]


def test_change_of_the_doctor_frees_the_time() -> None:
    booked, entry = book(), wait()
    services.update_appointment(
        appointment_id=booked.id, changes=AppointmentChanges(doctor_name="Gómez"), now=NOW
    )
    assert offered_start(entry) == TEN


@pytest.mark.parametrize(
    "changes",
    [
        {"status": AppointmentStatus.CONFIRMED},
        {"notes": "ayuno"},
        {"duration_min": 20},
    ],
)
def test_change_that_frees_no_time_offers_none(changes: dict[str, Any]) -> None:
    booked, entry = book(), wait()
    services.update_appointment(
        appointment_id=booked.id, changes=AppointmentChanges(**changes), now=NOW
    )
    assert stored(entry) == entry


@pytest.mark.parametrize(
    "wanted",
    [
        {"doctor_name": "Gómez"},
        {"first": TUESDAY, "last": TUESDAY},
        {"day_part": DayPart.AFTERNOON},
        {"patient_name": "Ana Martínez", "patient_email": "ana@email.com"},  # busy at 10:30 below
    ],
)
def test_time_that_does_not_fit_is_free_for_everybody(wanted: dict[str, Any]) -> None:
    booked = book(patient_name="Zoe", patient_email="z@e.com")
    book("10:00", doctor_name="Gómez")  # Ana's
    entry = wait(**wanted)
    cancel(booked)
    assert stored(entry) == entry
    assert TEN in free_starts()


def test_time_is_offered_only_if_the_professional_still_works_then(settings: Settings) -> None:
    booked, entry = book(), wait()
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 12:00-20:00"
    cancel(booked)
    assert stored(entry) == entry


def test_time_that_begins_within_the_hold_is_not_offered() -> None:
    late, early = book("11:00"), book("10:00")
    entry = wait()
    cancel(early, now=TEN - HOUR)
    assert stored(entry) == entry
    cancel(late, now=TEN - timedelta(minutes=1))
    assert offered_start(entry, now=TEN) == at("11:00")


def test_longer_appointment_is_offered_only_if_it_fits() -> None:
    booked = book(duration_min=15)
    entry = wait()  # a consultation takes 30 minutes
    cancel(booked)
    assert offered_start(entry) == TEN


@pytest.mark.parametrize(
    "broken",
    [
        {"content": {"S": '{"patientName": "Uno Paz"}'}},
        {"content": {"S": "[]"}},
        {"content": {"S": "Uno Paz"}},
        {"content": {"NULL": True}},
        {"createdAt": {"NULL": True}},
        {"createdAt": {"S": "Uno Paz"}},
        {"updatedAt": {"NULL": True}},
    ],
)
def test_unreadable_entry_does_not_stop_the_others(
    broken: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    unreadable, booked = wait("Uno Paz"), book()
    second = wait("Caro Paz", now=NOW + HOUR / 60)
    item = WaitingItem.get(PARTITION, f"{PREFIX}{unreadable.id}").serialize()
    WaitingItem.call_api("PutItem", Item=item | broken)

    cancel(booked)

    assert offered_start(second) == TEN
    assert waiting_list.continue_offers(NOW + HOUR) == 1
    third = wait("Dani Gil", now=NOW + HOUR)
    assert [each.id for each in waiting_list.list_entries()] == [second.id, third.id]
    with pytest.raises(WaitingEntryNotFoundError):
        waiting_list.get_entry(entry_id=unreadable.id)
    logged = {getattr(each, "sort_key", None) for each in caplog.records}
    assert f"{PREFIX}{unreadable.id}" in logged
    assert "Uno Paz" not in caplog.text


# --- Answers


def offered_entry() -> WaitingEntry:
    booked, entry = book(), wait()
    cancel(booked)
    return stored(entry)


def test_accepted_offer_books_the_held_time() -> None:
    entry = offered_entry()

    booked = waiting_list.accept_offer(entry_id=entry.id, number=1, now=NOW)

    assert (booked.starts_at, booked.patient_email) == (TEN, "beto@email.com")
    assert booked.changes[0].origin == LINK
    assert booked_ids() == {booked.id}
    assert stored(entry).status is WaitingStatus.BOOKED
    assert stored(entry).appointment_id == booked.id
    assert waiting_list.accept_offer(entry_id=entry.id, number=1, now=NOW) == booked
    # The hold is gone with the booking: a later cancellation frees the time.
    cancel(booked)
    assert TEN in free_starts()


def test_refused_time_goes_to_the_next_and_then_to_everybody() -> None:
    booked, first = book(), wait()
    second = wait("Caro Paz", now=NOW + HOUR / 60)
    cancel(booked)

    waiting_list.refuse_offer(entry_id=first.id, number=1, now=NOW)
    assert stored(first).status is WaitingStatus.WAITING
    assert offered_start(second) == TEN
    assert TEN not in free_starts()

    waiting_list.refuse_offer(entry_id=second.id, number=1, now=NOW)
    assert TEN in free_starts()
    for entry in (first, second):
        with pytest.raises(OfferOverError):
            waiting_list.accept_offer(entry_id=entry.id, number=1, now=NOW)


def test_hold_ends_by_itself() -> None:
    entry = offered_entry()
    now = NOW + HOUR - timedelta(seconds=1)
    assert TEN not in free_starts(now=now)
    now = NOW + HOUR
    assert TEN in free_starts(now=now)
    for answer in (waiting_list.accept_offer, waiting_list.refuse_offer):
        with pytest.raises(OfferOverError):
            answer(entry_id=entry.id, number=1, now=now)
    assert book(token="other", now=now, patient_email="o@e.com").starts_at == TEN


def test_lapsed_offer_goes_to_the_next_when_the_worker_passes() -> None:
    booked, first = book(), wait()
    second = wait("Caro Paz", now=NOW + HOUR / 60)
    cancel(booked)
    assert waiting_list.continue_offers(NOW) == 0

    assert waiting_list.continue_offers(NOW + HOUR) == 1

    assert stored(first).status is WaitingStatus.WAITING
    assert offered_start(second, now=NOW + HOUR) == TEN
    assert waiting_list.continue_offers(NOW + HOUR) == 0


def test_two_offers_that_lapse_at_once_both_go_on() -> None:
    first_booked, second_booked = book(), book("11:00")
    first, second = wait(), wait("Caro Paz", now=NOW + HOUR / 60)
    cancel(first_booked)
    cancel(second_booked)
    third = wait("Dani Gil", now=NOW + HOUR / 30)
    now = NOW + HOUR

    assert waiting_list.continue_offers(now) == 2

    starts = [offered_start(each, now=now) for each in (first, second, third)]
    assert starts == [at("11:00"), None, TEN]
    assert [len(stored(each).refused) for each in (first, second)] == [1, 1]
    assert waiting_list.continue_offers(now) == 0


def test_times_of_two_lapsed_offers_change_places() -> None:
    appointments = book(), book("11:00")
    first, second = wait(), wait("Caro Paz", now=NOW + HOUR / 60)
    for appointment in appointments:
        cancel(appointment)
    now = NOW + HOUR

    assert waiting_list.continue_offers(now) == 2

    assert [offered_start(each, now=now) for each in (first, second)] == [at("11:00"), TEN]
    assert waiting_list.continue_offers(now) == 0


def test_time_of_a_replaced_offer_still_goes_to_the_next() -> None:
    entry, other = offered_entry(), book("11:00")
    now = NOW + HOUR
    cancel(other, now=now)  # only the entry whose offer has lapsed wants the time
    second = wait("Caro Paz", now=now)

    assert waiting_list.continue_offers(now) == 1

    assert [offered_start(each, now=now) for each in (entry, second)] == [at("11:00"), TEN]
    assert not {TEN, at("11:00")} & {*free_starts(now=now)}
    assert stored(entry).replaced_offers == ()
    assert waiting_list.continue_offers(now) == 0


def test_booked_time_of_a_replaced_offer_is_offered_to_nobody() -> None:
    entry, other = offered_entry(), book("11:00")
    now = NOW + HOUR
    cancel(other, now=now)
    book(token="other", patient_email="o@e.com", now=now)
    second = wait("Caro Paz", now=now)
    waiting_list.withdraw_entry(entry_id=entry.id, now=now)
    assert offered_start(second, now=now) == at("11:00")

    assert waiting_list.continue_offers(now) == 1

    assert (offered_start(second, now=now), stored(entry).status) == (at("11:00"), "withdrawn")


def test_freed_time_goes_to_who_waits_before_a_lapsed_offer() -> None:
    entry = offered_entry()
    other, last = book("11:00"), book("12:00")
    second = wait("Caro Paz", now=NOW + HOUR / 60)
    cancel(other, now=NOW + HOUR)
    assert offered_start(second, now=NOW + HOUR) == at("11:00")
    assert stored(entry).has_lapsed_offer(now=NOW + HOUR)
    cancel(last, now=NOW + HOUR)  # nobody else waits, and no worker ended the lapsed offer
    assert offered_start(entry, now=NOW + HOUR) == at("12:00")


def test_lapsed_offer_of_a_booked_time_is_offered_to_nobody() -> None:
    entry = offered_entry()
    second = wait("Caro Paz", now=NOW + HOUR / 60)
    taken = book(token="other", now=NOW + HOUR, patient_email="o@e.com")
    waiting_list.continue_offers(NOW + HOUR)
    assert stored(second).status is stored(entry).status is WaitingStatus.WAITING
    assert booked_ids() == {taken.id}


def test_who_missed_an_offer_is_offered_another_time() -> None:
    entry = offered_entry()
    other = book("11:00")
    cancel(other, now=NOW + HOUR)
    offer = stored(entry).live_offer(now=NOW + HOUR)
    assert offer is not None
    assert (offer.number, offer.starts_at) == (2, at("11:00"))
    with pytest.raises(OfferOverError):
        waiting_list.accept_offer(entry_id=entry.id, number=1, now=NOW + HOUR)


def test_withdrawn_entry_gives_its_time_to_the_next() -> None:
    entry = offered_entry()
    second = wait("Caro Paz", now=NOW + HOUR / 60)
    withdrawn = waiting_list.withdraw_entry(entry_id=entry.id, now=NOW)
    assert offered_start(second) == TEN
    assert waiting_list.withdraw_entry(entry_id=entry.id, now=NOW) == withdrawn
    waiting_list.accept_offer(entry_id=second.id, number=1, now=NOW)
    with pytest.raises(WaitingEntryClosedError):
        waiting_list.withdraw_entry(entry_id=second.id, now=NOW)


# --- Entries


def test_same_wanted_time_twice_is_one_entry() -> None:
    entry = wait()
    assert wait(now=NOW + HOUR) == entry
    assert wait(day_part=DayPart.MORNING).id != entry.id
    assert len(waiting_list.list_entries()) == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"patient_name": "1"}, InvalidFieldError),
        ({"patient_email": "x"}, InvalidFieldError),
        ({"doctor_name": "House"}, DoctorNotFoundError),
        ({"doctor_name": "", "specialty": "Astrología"}, DoctorNotFoundError),
        ({"last": MONDAY - timedelta(days=1)}, InvalidFieldError),
        ({"first": date(2099, 11, 1), "last": date(2099, 11, 21)}, InvalidFieldError),
        ({"last": date(2300, 1, 1)}, InvalidFieldError),
        (
            {"first": date(2100, 12, 1), "last": date(2100, 12, 1)},
            AppointmentTooFarError,
        ),
    ],
)
def test_wanted_time_that_cannot_be_met_is_refused(changes: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        wait(**changes)
    assert waiting_list.list_entries() == []


def test_list_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appointments.waiting_list.services.MAX_OPEN_ENTRIES", 2)
    first = wait("Uno Paz")
    wait("Dos Paz")
    with pytest.raises(WaitingListFullError):
        wait("Tres Paz")
    waiting_list.withdraw_entry(entry_id=first.id, now=NOW)
    assert wait("Tres Paz").is_open


def test_entries_whose_last_day_has_passed_do_not_count_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appointments.waiting_list.services.MAX_OPEN_ENTRIES", 1)
    past = wait("Uno Paz")
    with pytest.raises(WaitingListFullError):
        wait("Dos Paz", last=TUESDAY, now=at("23:59"))  # its last day
    assert wait("Dos Paz", last=TUESDAY, now=at("00:00", TUESDAY)).is_open
    assert stored(past).is_open


def test_entry_can_be_changed_while_it_waits() -> None:
    entry = wait()
    wanted = Wanted(
        patient_name="Beto Luna",
        patient_email="beto@email.com",
        doctor_name="Dra. Gómez",
        first=MONDAY,
        last=TUESDAY,
    )
    changed = waiting_list.update_entry(
        entry_id=entry.id, wanted=wanted, unchanged_since=entry.updated_at, now=NOW
    )
    assert (stored(entry), changed.last, changed.created_at) == (changed, TUESDAY, entry.created_at)
    assert waiting_list.update_entry(entry_id=entry.id, wanted=wanted, now=NOW) == changed
    with pytest.raises(StaleVersionError):
        waiting_list.update_entry(
            entry_id=entry.id, wanted=wanted, unchanged_since=entry.updated_at, now=NOW
        )


def test_entry_with_a_held_time_cannot_be_changed() -> None:
    entry = offered_entry()
    wanted = Wanted(patient_name="B", patient_email="b@e.com", first=MONDAY, last=MONDAY)
    with pytest.raises(WaitingEntryClosedError):
        waiting_list.update_entry(entry_id=entry.id, wanted=wanted, now=NOW)


def test_unknown_entry_is_not_found() -> None:
    with pytest.raises(WaitingEntryNotFoundError):
        waiting_list.get_entry(entry_id="999999")


# --- Races


def test_fifty_racers_for_a_held_time_leave_it_to_its_holder() -> None:
    entry = offered_entry()

    def run(number: int) -> Appointment:
        if number == 25:
            return waiting_list.accept_offer(entry_id=entry.id, number=1, now=NOW)
        return book(token=number, patient_name="Otro", patient_email=f"o{number}@e.com")

    won = [each for each in race(50, run) if each]

    assert [each.patient_email for each in won] == ["beto@email.com"]
    assert booked_ids() == {won[0].id}


def test_twenty_answers_to_one_offer_book_once() -> None:
    entry = offered_entry()
    won = race(20, lambda _: waiting_list.accept_offer(entry_id=entry.id, number=1, now=NOW))
    assert {each.id for each in won if each} == booked_ids()
    assert len(booked_ids()) == 1


def test_twenty_worker_passes_offer_a_time_once() -> None:
    offered_entry()
    others = [wait(f"Paz{n} Luz", now=NOW + n * HOUR / 1000) for n in range(1, 6)]

    race(20, lambda _: waiting_list.continue_offers(NOW + HOUR))

    starts = [offered_start(each, now=NOW + HOUR) for each in others]
    assert starts == [TEN, None, None, None, None]


def test_concurrent_accept_and_refusal_agree() -> None:
    entry = offered_entry()

    def run(number: int) -> object:
        answer = waiting_list.accept_offer if number % 2 else waiting_list.refuse_offer
        return answer(entry_id=entry.id, number=1, now=NOW)

    race(20, run)

    is_booked = stored(entry).status is WaitingStatus.BOOKED
    assert len(booked_ids()) == int(is_booked)
    assert (TEN in free_starts()) is not is_booked


def test_two_cancellations_at_once_offer_to_two_patients() -> None:
    appointments = [book("10:00"), book("11:00")]
    entries = [wait(), wait("Caro Paz", now=NOW + HOUR / 60)]
    race(2, lambda n: cancel(appointments[n]))
    assert {offered_start(each) for each in entries} == {TEN, at("11:00")}
