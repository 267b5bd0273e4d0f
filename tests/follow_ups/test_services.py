"""Leave, list, change and delete follow-ups in DynamoDB."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from common.contact import MAX_NAME_LENGTH, MAX_PHONE_DIGITS, MIN_PHONE_DIGITS
from common.creations.errors import TooManyCreationsError
from common.errors import HiddenCharactersError, InvalidFieldError, StaleVersionError
from common.identity.verification import Customer
from follow_ups import services
from follow_ups.domain import (
    DONE_LIFETIME,
    MAX_MESSAGE_LENGTH,
    MAX_NOTE_LENGTH,
    FollowUp,
    FollowUpStatus,
)
from follow_ups.errors import ContactMissingError, FollowUpNotFoundError

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 30, 13, tzinfo=UTC)
OPEN, DONE = FollowUpStatus.OPEN, FollowUpStatus.DONE


def leave(token: str = "call:1", **values: Any) -> FollowUp:
    message = {"customer_name": "Ana Ruiz", "message": "Un presupuesto", "phone": "11 4555-1234"}
    return services.leave_follow_up(**{"token": token, "now": NOW, **message, **values})


def ids(*statuses: FollowUpStatus, **rest: Any) -> list[str]:
    found = services.list_follow_ups(statuses=statuses, now=NOW, **rest)
    return [each.id for each in found.items]


def test_message_of_a_call_is_stored_with_its_call() -> None:
    left = leave(caller=Customer(name="Ana Ruiz", call_id="c1"), email="Ana@Correo.com ")
    assert services.get_follow_up(follow_up_id=left.id, now=NOW) == left
    assert (left.call_id, left.email, left.status) == ("c1", "ana@correo.com", OPEN)


def test_repeated_attempt_stores_one_message() -> None:
    assert leave() == leave()
    assert len(ids(OPEN)) == 1
    leave("call:2")
    assert len(ids(OPEN)) == 2


def test_dry_run_stores_nothing() -> None:
    assert leave(is_dry_run=True).message == "Un presupuesto"
    assert ids(OPEN, DONE) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"customer_name": "…"}, "customer_name"),
        ({"customer_name": "N" * (MAX_NAME_LENGTH + 1)}, "customer_name"),
        ({"message": "  "}, "message"),
        ({"message": "m" * (MAX_MESSAGE_LENGTH + 1)}, "message"),
        ({"phone": "1" * (MIN_PHONE_DIGITS - 1)}, "phone"),
        ({"phone": "1" * (MAX_PHONE_DIGITS + 1)}, "phone"),
        ({"phone": "el de siempre"}, "phone"),
        ({"email": "ana"}, "customer_email"),
    ],
)
def test_invalid_value_is_refused_by_field(values: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        leave(**values)
    assert refused.value.data["field"] == field


@pytest.mark.parametrize(
    "values",
    [
        {"customer_name": "N" * MAX_NAME_LENGTH},
        {"message": "m" * MAX_MESSAGE_LENGTH},
        {"message": "Un presupuesto\nde dos páginas"},
        {"phone": "1" * MIN_PHONE_DIGITS},
        {"phone": "1" * MAX_PHONE_DIGITS},
        {"phone": "+54 9 (351) 455-0000 int. 12"},
        {"phone": "", "email": "ana@correo.com"},
    ],
)
def test_values_at_the_limits_are_stored(values: dict[str, str]) -> None:
    leave(**values)
    assert len(ids(OPEN)) == 1


def test_hidden_characters_are_refused() -> None:
    for field in ("customer_name", "message"):
        with pytest.raises(HiddenCharactersError):
            leave(**{field: "Ana \N{RIGHT-TO-LEFT OVERRIDE}ziuR"})


def test_message_without_contact_is_refused() -> None:
    with pytest.raises(ContactMissingError):
        leave(phone=" ")


def test_messages_of_one_call_are_limited(settings: Settings) -> None:
    settings.VOICE_CREATIONS_PER_CALL = 2
    caller = Customer(name="Ana Ruiz", call_id="c1")
    leave("1", caller=caller)
    leave("2", caller=caller)
    for is_dry_run in (True, False):
        with pytest.raises(TooManyCreationsError):
            leave("3", caller=caller, is_dry_run=is_dry_run)


def test_lists_are_by_status_and_time() -> None:
    first, second = leave("1"), leave("2", now=NOW + timedelta(seconds=1))
    assert ids(OPEN) == [second.id, first.id]
    assert ids(OPEN, oldest_first=True) == [first.id, second.id]
    services.change_follow_up(follow_up_id=first.id, status=DONE, by="carla", now=NOW)
    assert (ids(OPEN), ids(DONE)) == ([second.id], [first.id])
    assert ids(OPEN, DONE, created_from=NOW + timedelta(seconds=1)) == [second.id]


def test_change_stores_who_answered_and_a_note() -> None:
    left = leave()
    changed = services.change_follow_up(
        follow_up_id=left.id, status=DONE, note=" Llamé. ", by="carla", now=NOW
    )
    assert (changed.done_by, changed.note) == ("carla", "Llamé.")
    assert changed.updated_at > left.updated_at
    assert services.get_follow_up(follow_up_id=left.id, now=NOW) == changed
    again = services.change_follow_up(follow_up_id=left.id, status=DONE, by="luis", now=NOW)
    assert again == changed


@pytest.mark.parametrize(("length", "is_stored"), [(0, True), (1, False)])
def test_length_of_a_note_is_limited(length: int, is_stored: bool) -> None:
    left, note = leave(), "n" * (MAX_NOTE_LENGTH + length)
    try:
        services.change_follow_up(follow_up_id=left.id, note=note, by="carla", now=NOW)
    except InvalidFieldError:
        assert not is_stored
    else:
        assert is_stored


def test_change_of_an_older_version_is_refused() -> None:
    left = leave()
    services.change_follow_up(follow_up_id=left.id, note="Ocupado", by="carla", now=NOW)
    with pytest.raises(StaleVersionError):
        services.change_follow_up(
            follow_up_id=left.id, status=DONE, by="luis", unchanged_since=left.updated_at, now=NOW
        )
    with pytest.raises(StaleVersionError):
        services.delete_follow_up(follow_up_id=left.id, unchanged_since=left.updated_at, now=NOW)
    services.delete_follow_up(follow_up_id=left.id, now=NOW)
    with pytest.raises(FollowUpNotFoundError):
        services.get_follow_up(follow_up_id=left.id, now=NOW)


def test_expired_message_is_gone() -> None:
    left = leave()
    services.change_follow_up(follow_up_id=left.id, status=DONE, by="carla", now=NOW)
    end = NOW + DONE_LIFETIME + timedelta(seconds=1)
    with pytest.raises(FollowUpNotFoundError):
        services.get_follow_up(follow_up_id=left.id, now=end)
    assert services.list_follow_ups(now=end).items == []
