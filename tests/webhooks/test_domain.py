"""Endpoints and deliveries: states, retries, secrets, and what is left out of the data. Pure."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.webhooks.factories import DELIVERY, ENDPOINT, NOW
from webhooks.domain import (
    DISABLE_AFTER,
    LEASE,
    LIFETIME,
    MAX_ATTEMPTS_LOGGED,
    MAX_PREVIOUS_SECRETS,
    MIN_ATTEMPTS_TO_DISABLE,
    RETRY_DELAYS,
    SECRET_OVERLAP,
    Attempt,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    Endpoint,
    EventType,
    PersonalData,
    Stage,
    without_personal_data,
)

pytestmark = pytest.mark.pure

SECOND = timedelta(seconds=1)


def attempt(status_code: int | None = 500, error: str = "") -> Attempt:
    return Attempt(at=NOW, status_code=status_code, latency_ms=12, error=error)


def changed(endpoint: Endpoint = ENDPOINT, *, is_active: bool = True, url: str = "") -> Endpoint:
    return endpoint.changed(
        url=url or endpoint.url,
        description=endpoint.description,
        events=endpoint.events,
        personal_data=endpoint.personal_data,
        is_active=is_active,
        now=NOW + SECOND,
    )


def test_delivery_is_retried_by_the_list_of_delays_then_fails() -> None:
    delivery, now = DELIVERY, NOW
    for delay in RETRY_DELAYS:
        delivery = delivery.sending(now=now)
        assert (delivery.status, delivery.due_at) == (DeliveryStatus.SENDING, now + LEASE)
        delivery = delivery.after(attempt(), now=now)
        assert (delivery.status, delivery.due_at) == (DeliveryStatus.WAITING, now + delay)
        assert delivery.stage is Stage.OPEN
        now = delivery.due_at
    last = delivery.sending(now=now).after(attempt(None, "timed out"), now=now)

    assert (last.status, last.stage, last.due_at) == (DeliveryStatus.FAILED, Stage.FAILED, now)
    assert last.attempts == len(RETRY_DELAYS) + 1 == len(last.log) == 10
    assert now - NOW == sum(RETRY_DELAYS, timedelta())
    assert last.expires_at == last.updated_at + LIFETIME


@pytest.mark.parametrize(
    ("status_code", "status"),
    [
        (200, DeliveryStatus.DELIVERED),
        (299, DeliveryStatus.DELIVERED),
        (199, DeliveryStatus.WAITING),
        (301, DeliveryStatus.WAITING),
        (404, DeliveryStatus.WAITING),
        (410, DeliveryStatus.FAILED),
        (None, DeliveryStatus.WAITING),
    ],
)
def test_answer_decides_what_becomes_of_a_delivery(
    status_code: int | None, status: DeliveryStatus
) -> None:
    after = DELIVERY.sending(now=NOW).after(attempt(status_code), now=NOW)
    assert after.status is status


def test_log_contains_the_latest_attempts_only() -> None:
    delivery = DELIVERY
    for number in range(MAX_ATTEMPTS_LOGGED + 3):
        delivery = delivery.after(attempt(error=str(number)), now=NOW) if number else delivery
        delivery = replace(delivery, attempts=1)

    assert len(delivery.log) == MAX_ATTEMPTS_LOGGED
    assert delivery.log[-1].error == str(MAX_ATTEMPTS_LOGGED + 2)


def test_delivery_sent_again_has_its_id_and_all_retries() -> None:
    failed = replace(DELIVERY, attempts=10).sending(now=NOW).after(attempt(), now=NOW)
    again = failed.sent_again(now=NOW + SECOND)

    assert (again.status, again.attempts, again.due_at) == (
        DeliveryStatus.WAITING,
        0,
        NOW + SECOND,
    )
    assert again.webhook_id == DELIVERY.webhook_id
    assert again.log == failed.log


def test_delivery_given_up_says_why() -> None:
    given_up = DELIVERY.given_up("restored from a backup", now=NOW)
    assert given_up.status is DeliveryStatus.FAILED
    assert given_up.log[-1].error == "restored from a backup"


def test_webhook_id_tells_events_and_endpoints_apart() -> None:
    others = [
        replace(DELIVERY, record_id="2"),
        replace(DELIVERY, event=EventType.ORDER_UPDATED),
        replace(DELIVERY, version="2099-11-22T15:00:00.001Z"),
        replace(DELIVERY, endpoint_id="e2"),
        replace(DELIVERY, record_type="appointment"),
    ]
    ids = {each.webhook_id for each in [DELIVERY, *others]}
    assert len(ids) == 6
    assert all(each.startswith("msg_") for each in ids)
    assert replace(DELIVERY, body="[]").webhook_id == DELIVERY.webhook_id


def test_each_change_has_a_later_version() -> None:
    steps: list[Delivery] = [DELIVERY, DELIVERY.sending(now=NOW)]
    steps.append(steps[-1].after(attempt(), now=NOW))
    versions = [each.updated_at for each in steps]
    assert versions == sorted(set(versions))


def test_endpoint_wants_its_events_and_the_test_while_active() -> None:
    endpoint = replace(ENDPOINT, events=frozenset({EventType.CALL_ENDED}))
    wanted = {each for each in EventType if endpoint.wants(each)}

    assert wanted == {EventType.CALL_ENDED, EventType.TEST}
    assert not any(map(changed(endpoint, is_active=False).wants, EventType))


def test_endpoint_is_disabled_after_failing_for_days() -> None:
    failing = replace(ENDPOINT, failing_since=NOW)
    enough = MIN_ATTEMPTS_TO_DISABLE
    assert not ENDPOINT.has_failed_too_long(NOW + DISABLE_AFTER, attempts=enough)
    assert not failing.has_failed_too_long(NOW + DISABLE_AFTER - SECOND, attempts=enough)
    assert not failing.has_failed_too_long(NOW + DISABLE_AFTER, attempts=enough - 1)
    assert failing.has_failed_too_long(NOW + DISABLE_AFTER, attempts=enough)

    disabled = failing.disabled(DisabledReason.FAILING, now=NOW + DISABLE_AFTER)
    assert (disabled.is_active, disabled.updated_at > ENDPOINT.updated_at) == (False, True)
    active = changed(disabled)
    assert active.is_active
    assert active.disabled_reason is None
    assert active.failing_since is None


def test_failing_and_disabled_endpoints_need_staff() -> None:
    failing = replace(ENDPOINT, failing_since=NOW)
    assert failing.is_failing
    assert failing.disabled(DisabledReason.GONE, now=NOW).is_failing
    assert failing.disabled(DisabledReason.FAILING, now=NOW).is_failing
    assert not ENDPOINT.is_failing
    assert not changed(failing, is_active=False).is_failing


def test_new_address_or_secret_ends_the_count_of_failing_days() -> None:
    failing = replace(ENDPOINT, failing_since=NOW)
    assert changed(failing, url="https://example.com/other").failing_since is None
    assert failing.with_new_secret("next", now=NOW).failing_since is None
    assert changed(failing, is_active=False).failing_since == NOW


def test_delivery_whose_worker_ended_in_the_last_attempt_is_exhausted() -> None:
    before_last = replace(DELIVERY, attempts=len(RETRY_DELAYS) - 1).sending(now=NOW)
    assert not before_last.is_exhausted
    last = replace(DELIVERY, attempts=len(RETRY_DELAYS)).sending(now=NOW)
    assert last.is_exhausted
    assert not last.after(attempt(), now=NOW).is_exhausted


def test_levels_of_personal_data_are_ordered() -> None:
    none, masked, full = PersonalData
    assert (none, full) == (PersonalData.NONE, PersonalData.FULL)
    for less, more in ((none, masked), (masked, full), (none, full)):
        assert more.is_more_than(less)
        assert not less.is_more_than(more)
        assert not less.is_more_than(less)


def test_unchanged_endpoint_keeps_its_version() -> None:
    assert changed() == ENDPOINT
    assert changed(url="https://example.com/other").updated_at == NOW + SECOND
    stopped = changed(is_active=False)
    assert stopped.disabled_reason is DisabledReason.BY_STAFF


def test_both_secrets_sign_during_the_overlap() -> None:
    renewed = ENDPOINT.with_new_secret("next", now=NOW)

    assert ENDPOINT.signing_secrets(NOW) == ["current"]
    assert renewed.signing_secrets(NOW + SECRET_OVERLAP - SECOND) == ["next", "current"]
    assert renewed.signing_secrets(NOW + SECRET_OVERLAP) == ["next"]
    again = renewed.with_new_secret("third", now=NOW + SECOND)
    assert again.signing_secrets(NOW + SECOND) == ["third", "next", "current"]
    assert again.signing_secrets(NOW + SECRET_OVERLAP) == ["third", "next"]
    later = renewed.with_new_secret("third", now=NOW + SECRET_OVERLAP)
    assert later.signing_secrets(NOW + SECRET_OVERLAP) == ["third", "next"]


def test_few_previous_secrets_sign_the_latest_ones() -> None:
    endpoint = ENDPOINT
    for number in range(MAX_PREVIOUS_SECRETS + 2):
        endpoint = endpoint.with_new_secret(str(number), now=NOW)

    assert MAX_PREVIOUS_SECRETS == 3
    assert endpoint.signing_secrets(NOW) == ["4", "3", "2", "1"]


def test_secrets_are_not_in_the_text_of_an_endpoint() -> None:
    assert "current" not in repr(ENDPOINT.with_new_secret("next", now=NOW))
    assert "next" not in repr(ENDPOINT.with_new_secret("next", now=NOW))


def test_personal_data_are_left_out_masked_or_whole() -> None:
    data: dict[str, object] = {"id": "1", "name": "Ana", "dni": "123", "phone": None}

    def seen(personal_data: PersonalData) -> dict[str, object]:
        return without_personal_data(
            data,
            personal_data,
            personal=("name", "dni", "phone"),
            masks={"dni": lambda _: "***", "phone": lambda _: "***"},
        )

    assert seen(PersonalData.NONE) == {"id": "1"}
    assert seen(PersonalData.MASKED) == {"id": "1", "name": "Ana", "dni": "***", "phone": None}
    assert seen(PersonalData.FULL) == data
