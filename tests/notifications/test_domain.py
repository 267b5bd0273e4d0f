"""A message: its ids, its states, and how long it waits for the next attempt."""

from datetime import UTC, datetime, timedelta

import pytest

from notifications.domain import (
    LEASE,
    LIFETIME,
    LONGEST_DELAY,
    MAX_ERROR_LENGTH,
    Message,
    MessageStatus,
    delay_after,
    mask_address,
)

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
MESSAGE = Message(
    record_type="appointment",
    record_id="123456",
    event="booked",
    version="2099-11-22T15:00:00.000Z",
    recipient="ana@example.com",
    due_at=NOW,
    created_at=NOW,
    updated_at=NOW,
)


def test_id_names_record_event_and_version() -> None:
    assert MESSAGE.id == "appointment~123456~booked~2099-11-22T15:00:00.000Z"


def test_message_id_is_the_same_in_each_attempt() -> None:
    first = MESSAGE.message_id("example.com")
    claimed = MESSAGE.claimed(now=NOW)
    again = claimed.postponed("450", max_attempts=3, now=NOW).claimed(now=NOW)

    assert again.message_id("example.com") == first
    assert first.startswith("<")
    assert first.endswith("@example.com>")


def test_message_sent_again_after_it_was_sent_has_another_message_id() -> None:
    failed = MESSAGE.claimed(now=NOW).failed("550", now=NOW)
    sent = MESSAGE.claimed(now=NOW).sending(now=NOW).sent(now=NOW)
    first = MESSAGE.message_id("example.com")

    assert failed.sent_again(now=NOW).message_id("example.com") == first
    assert sent.sent_again(now=NOW).message_id("example.com") != first


def test_each_change_has_a_later_version_within_one_millisecond() -> None:
    claimed = MESSAGE.claimed(now=NOW)
    sending = claimed.sending(now=NOW)

    assert MESSAGE.updated_at < claimed.updated_at < sending.updated_at
    assert claimed.due_at == sending.due_at == NOW + LEASE


def test_finished_messages_say_when_and_why() -> None:
    sending = MESSAGE.claimed(now=NOW).sending(now=NOW)
    later = NOW + timedelta(minutes=1)

    sent, obsolete = sending.sent(now=later), sending.obsolete(now=later)
    failed = sending.failed("x" * 500, now=later)
    uncertain = sending.uncertain("y" * 500, now=later)

    assert (sent.status, sent.sent_at, sent.error) == (MessageStatus.SENT, later, "")
    assert obsolete.status is MessageStatus.OBSOLETE
    assert (failed.status, len(failed.error)) == (MessageStatus.FAILED, MAX_ERROR_LENGTH)
    assert (uncertain.status, len(uncertain.error)) == (MessageStatus.UNCERTAIN, MAX_ERROR_LENGTH)
    assert {each.due_at for each in (sent, obsolete, failed, uncertain)} == {later}


def test_last_attempt_fails_and_the_one_before_waits() -> None:
    first = MESSAGE.claimed(now=NOW).postponed("450", max_attempts=2, now=NOW)
    second = first.claimed(now=NOW).postponed("450", max_attempts=2, now=NOW)

    assert (first.status, first.due_at) == (MessageStatus.WAITING, NOW + delay_after(1))
    assert (second.status, second.attempts) == (MessageStatus.FAILED, 2)
    again = second.sent_again(now=NOW)
    assert (again.status, again.attempts, again.due_at) == (MessageStatus.WAITING, 0, NOW)


def test_delays_double_up_to_a_limit() -> None:
    minutes = [delay_after(n).total_seconds() / 60 for n in range(1, 10)]

    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 240]
    assert delay_after(100) == LONGEST_DELAY
    twelve = sum((delay_after(n) for n in range(1, 12)), timedelta())
    assert timedelta(hours=15) < twelve < timedelta(hours=25)


def test_message_is_stored_for_a_while_after_its_last_change() -> None:
    assert MESSAGE.expires_at == NOW + LIFETIME


@pytest.mark.parametrize(
    ("address", "masked"),
    [("ana@example.com", "a***@example.com"), ("", "***@"), ("ñ@ñandú.ar", "ñ***@ñandú.ar")],
)
def test_masked_address_shows_one_letter_and_the_domain(address: str, masked: str) -> None:
    assert mask_address(address) == masked


@pytest.mark.parametrize(
    ("error", "is_refused"),
    [("recipient refused: 450", True), ("SMTPDataError: 552", False), ("", False)],
)
def test_refused_recipient_is_known_by_the_error(error: str, *, is_refused: bool) -> None:
    assert MESSAGE.failed(error, now=NOW).is_recipient_refused is is_refused
