"""Deliveries on real sockets: what the receiver gets, and what becomes of each."""

import socket
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook

from common import clock
from common.dynamodb.transactions import Transaction
from tests.webhooks.factories import (
    DELIVERY,
    NOW,
    Received,
    Receiver,
    add_endpoint,
    numbered,
    running_receiver,
)
from webhooks import addresses, repository, services, transport
from webhooks.domain import (
    DISABLE_AFTER,
    LEASE,
    MIN_ATTEMPTS_TO_DISABLE,
    RETRY_DELAYS,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    EventType,
    PersonalData,
    Stage,
)
from webhooks.errors import LessPersonalDataError
from webhooks.models import DeliveryItem
from webhooks.sending import BATCH_SIZE, PARALLEL_POSTS, deliver_due, deliver_to

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

DELIVERED, FAILED, WAITING = (
    DeliveryStatus.DELIVERED,
    DeliveryStatus.FAILED,
    DeliveryStatus.WAITING,
)


def add(*deliveries: Delivery) -> None:
    for delivery in deliveries:
        transaction = Transaction()
        repository.add_to(transaction, delivery)
        transaction.commit()


def stored(delivery: Delivery = DELIVERY) -> Delivery:
    return services.get_delivery(delivery_id=delivery.id)


def change(**changes: Any) -> None:
    before = services.get_endpoint(endpoint_id="e1")
    values: dict[str, Any] = {
        "url": before.url,
        "description": before.description,
        "events": before.events,
        "personal_data": before.personal_data,
        "is_active": before.is_active,
    }
    services.update_endpoint(endpoint_id="e1", **(values | changes), now=NOW)


def deliver(at: datetime = NOW) -> Counter[DeliveryStatus]:
    return deliver_due(lambda: at)


def test_event_is_posted_once_and_its_signature_is_valid(receiver: Receiver) -> None:
    _, secret = add_endpoint(receiver)
    add(replace(DELIVERY, body='{"type":"order.created","data":{"name":"Ñandú"}}'))
    now = clock.now()  # the library compares with its clock

    assert deliver_due(lambda: max(now, NOW)) == {DELIVERED: 1}
    assert deliver() == {}

    [request] = receiver.requests
    assert request.path == "/hooks?source=clinic"
    assert request.headers["webhook-id"] == DELIVERY.webhook_id
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    signed = f"{DELIVERY.webhook_id}.{request.headers['webhook-timestamp']}.{request.body}"
    assert "Ñandú" in signed
    delivery = stored()
    assert (delivery.status, delivery.attempts) == (DELIVERED, 1)
    assert delivery.log[0].status_code == 204
    webhook = Webhook(secret)
    sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), tz=NOW.tzinfo)
    expected = webhook.sign(msg_id=DELIVERY.webhook_id, timestamp=sent_at, data=request.body)
    assert request.headers["webhook-signature"] == expected


def test_failed_delivery_is_tried_by_the_list_of_delays(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    receiver.answer = lambda _request: 500
    now = NOW
    for delay in RETRY_DELAYS:
        assert deliver(now) == {WAITING: 1}
        assert deliver(now + delay - timedelta(seconds=1)) == {}
        now += delay
    assert deliver(now) == {FAILED: 1}
    assert deliver(now + timedelta(days=20)) == {}

    assert len(receiver.requests) == len(RETRY_DELAYS) + 1
    assert {each.headers["webhook-id"] for each in receiver.requests} == {DELIVERY.webhook_id}
    assert len({each.headers["webhook-timestamp"] for each in receiver.requests}) == 10
    assert [each.status_code for each in stored().log] == [500] * 10


def test_endpoint_that_answers_gone_is_disabled(receiver: Receiver) -> None:
    endpoint, _ = add_endpoint(receiver)
    add(DELIVERY)
    receiver.answer = lambda _request: 410

    assert deliver() == {FAILED: 1}

    disabled = services.get_endpoint(endpoint_id=endpoint.id)
    assert disabled.disabled_reason is DisabledReason.GONE
    assert services.list_failing() == [disabled]
    assert not services.has_receivers(EventType.ORDER_CREATED)


def test_endpoint_that_fails_for_days_is_disabled_and_one_success_resets(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint, _ = add_endpoint(receiver)

    def send_at(at: datetime, status: int) -> None:
        receiver.answer = lambda _request: status
        attempts = MIN_ATTEMPTS_TO_DISABLE - 1
        add(replace(numbered(DELIVERY, int(at.timestamp())), due_at=at, attempts=attempts))
        deliver_to("e1", lambda: at, is_stopping=lambda: False)

    send_at(NOW, 503)
    assert services.get_endpoint(endpoint_id="e1").failing_since == NOW
    send_at(NOW + timedelta(days=1), 200)
    assert services.get_endpoint(endpoint_id="e1").failing_since is None
    began_at = NOW + timedelta(days=10)
    send_at(began_at, 503)
    send_at(began_at + DISABLE_AFTER - timedelta(seconds=1), 503)
    assert services.get_endpoint(endpoint_id="e1").is_active
    send_at(began_at + DISABLE_AFTER, 503)

    disabled = services.get_endpoint(endpoint_id="e1")
    assert disabled.disabled_reason is DisabledReason.FAILING
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "webhook endpoint disabled"
    ]
    assert disabled.updated_at > endpoint.updated_at


def test_endpoint_with_few_events_is_not_disabled_by_one_failure(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    receiver.answer = lambda _request: 400
    deliver(NOW)
    day_6 = NOW + DISABLE_AFTER + timedelta(days=1)
    add(replace(numbered(DELIVERY, 2), due_at=day_6, version="later"))
    assert repository.replace_delivery(stored(), stored().given_up("", now=NOW))

    assert deliver(day_6) == {WAITING: 1}
    assert services.get_endpoint(endpoint_id="e1").is_active
    receiver.answer = lambda _request: 204
    assert deliver(day_6 + RETRY_DELAYS[0]) == {DELIVERED: 1}
    assert services.get_endpoint(endpoint_id="e1").failing_since is None


def test_success_beside_the_first_failure_ends_it(receiver: Receiver) -> None:
    add_endpoint(receiver)
    refused, accepted = numbered(DELIVERY, 1), numbered(DELIVERY, 2)
    add(refused, accepted)
    is_failing = threading.Event()

    def answer(request: Received) -> int:
        if request.headers["webhook-id"] == refused.webhook_id:
            return 500
        while services.get_endpoint(endpoint_id="e1").failing_since is None:
            assert not is_failing.wait(0.02)
        return 204

    receiver.answer = answer
    assert deliver() == {WAITING: 1, DELIVERED: 1}
    assert services.get_endpoint(endpoint_id="e1").failing_since is None


def test_late_answer_of_the_old_address_does_not_disable_the_new_one(receiver: Receiver) -> None:
    endpoint, _ = add_endpoint(receiver)
    add(DELIVERY)

    def answer_after_the_change(_request: Received) -> int:
        change(url=endpoint.url + "&new=1")
        return 410

    receiver.answer = answer_after_the_change
    assert deliver() == {FAILED: 1}
    assert services.get_endpoint(endpoint_id="e1").is_active


def test_deactivated_endpoint_gets_nothing_more_of_the_batch(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(*(numbered(DELIVERY, each) for each in range(12)))

    def deactivate(_request: Received) -> int:
        with deactivating:
            if services.get_endpoint(endpoint_id="e1").is_active:
                change(is_active=False)
        return 204

    deactivating = threading.Lock()
    receiver.answer = deactivate
    deliver()
    assert 1 <= len(receiver.requests) <= PARALLEL_POSTS


def test_endpoint_that_gets_less_data_gets_no_delivery_with_more(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    add_endpoint(receiver, personal_data=PersonalData.FULL)
    more, less = numbered(DELIVERY, 1), numbered(DELIVERY, 2)
    more = replace(more, personal_data=PersonalData.FULL)
    less = replace(less, personal_data=PersonalData.MASKED)
    add(more, less)
    change(personal_data=PersonalData.MASKED)

    assert deliver() == {DELIVERED: 1, FAILED: 1}

    [request] = receiver.requests
    assert request.headers["webhook-id"] == less.webhook_id
    assert stored(more).log[-1].error == "the webhook gets less personal data now"
    assert not [
        each for each in caplog.records if each.levelname == "ERROR"
    ]  # an alarm counts them
    with pytest.raises(LessPersonalDataError):
        services.send_again(delivery_id=more.id, now=NOW)
    services.send_again(delivery_id=less.id, now=NOW)


def test_delivery_that_cannot_be_read_delays_no_other(receiver: Receiver) -> None:
    add_endpoint(receiver)
    unreadable = [numbered(DELIVERY, each) for each in range(BATCH_SIZE + 1)]
    add(*unreadable, replace(numbered(DELIVERY, 99), due_at=NOW + timedelta(seconds=1)))
    for delivery in unreadable:
        item = DeliveryItem.get(
            *DeliveryItem.key_of(
                "order", delivery.record_id, delivery.event.value, delivery.version, "e1"
            )
        )
        item.event = "event.of_a_newer_version"
        item.save()

    assert deliver(NOW + timedelta(seconds=1)) == {DELIVERED: 1}
    assert len(services.list_deliveries(limit=100).items) == 1


def test_delivery_that_ends_each_worker_fails_at_last(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    now = NOW
    for _ in range(len(RETRY_DELAYS) + 1):
        before = stored()
        assert repository.replace_delivery(before, before.sending(now=now))
        now += LEASE
    assert deliver(now) == {FAILED: 1}
    assert stored().log[-1].error == "the worker ended during the last attempt"
    assert receiver.requests == []


def test_bug_with_one_delivery_does_not_stop_the_others(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    add_endpoint(receiver)
    broken = replace(DELIVERY, attempts=-100)  # there is no delay for it
    add(broken, *(numbered(DELIVERY, each) for each in range(2, 9)))
    refused = broken.webhook_id
    receiver.answer = lambda request: 500 if request.headers["webhook-id"] == refused else 204

    assert deliver() == {DELIVERED: 7}
    [error] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert error.message == "webhook worker failed"


def test_redirect_is_a_failure_and_is_not_followed(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    with running_receiver() as elsewhere:
        receiver.answer, receiver.location = lambda _request: 307, elsewhere.url
        assert deliver() == {WAITING: 1}
        assert elsewhere.requests == []


def test_slow_endpoint_delays_no_other(receiver: Receiver) -> None:
    released = threading.Event()
    with running_receiver() as slow:
        add_endpoint(receiver)
        add_endpoint(slow, endpoint_id="e2")
        waiting = [replace(numbered(DELIVERY, each), endpoint_id="e2") for each in range(8)]
        add(*waiting, *(numbered(DELIVERY, each) for each in range(3)))

        def wait(_request: Received) -> int:
            assert released.wait(60)
            return 204

        slow.answer = wait
        sender = threading.Thread(target=deliver)
        sender.start()
        receiver.wait_for(3)
        assert slow.requests == []
        released.set()
        sender.join(60)
        assert not sender.is_alive()
        assert len(slow.requests) == 8


def test_two_workers_post_each_event_once(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(*(numbered(DELIVERY, each) for each in range(12)))
    workers = [threading.Thread(target=deliver) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)

    ids = [each.headers["webhook-id"] for each in receiver.requests]
    assert len(ids) == len(set(ids)) == 12


def test_delivery_of_a_worker_that_ended_is_posted_again_with_its_id(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    assert repository.replace_delivery(DELIVERY, DELIVERY.sending(now=NOW))

    assert deliver(NOW + LEASE - timedelta(seconds=1)) == {}
    assert deliver(NOW + LEASE) == {DELIVERED: 1}
    assert [each.headers["webhook-id"] for each in receiver.requests] == [DELIVERY.webhook_id]


def test_inactive_and_deleted_endpoints_get_nothing(receiver: Receiver) -> None:
    endpoint, _ = add_endpoint(receiver, is_active=False)
    add(DELIVERY)
    assert deliver() == {}
    services.delete_endpoint(endpoint_id=endpoint.id)
    assert deliver() == {}
    assert receiver.requests == []


def test_address_that_is_no_longer_public_is_not_connected_to(
    receiver: Receiver, settings: Settings
) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    settings.WEBHOOK_LOCAL_RECEIVERS = False

    assert deliver() == {WAITING: 1}
    assert stored().log[-1].error == "address refused: not_https"
    assert receiver.requests == []


def test_secret_of_another_secret_key_is_a_failure(receiver: Receiver, settings: Settings) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    settings.SECRET_KEY = "another" * 10

    assert deliver() == {WAITING: 1}
    assert stored().log[-1].error == "secret unreadable: renew it"


def test_both_secrets_sign_after_a_renewal(receiver: Receiver) -> None:
    _, old = add_endpoint(receiver)
    new = services.renew_secret(endpoint_id="e1", now=NOW)
    assert old != new
    add(DELIVERY)
    assert deliver() == {DELIVERED: 1}
    [request] = receiver.requests
    sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), tz=NOW.tzinfo)
    signatures = [
        Webhook(secret).sign(msg_id=DELIVERY.webhook_id, timestamp=sent_at, data=request.body)
        for secret in (new, old)
    ]
    assert request.headers["webhook-signature"] == " ".join(signatures)


def test_connection_goes_to_the_checked_address_and_names_the_host(receiver: Receiver) -> None:
    port = addresses.parse_url(receiver.url, allows_local=True).port
    target = addresses.Target(is_https=False, host="rebinding.example", port=port, path="/x")

    answer = transport.post(target, ["127.0.0.1"], b"{}", {})

    assert answer == transport.Answer(status_code=204)
    assert receiver.requests[0].headers["host"] == f"rebinding.example:{port}"


def test_receiver_that_trickles_or_sends_nonsense_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = addresses.Target(
            is_https=False, host="127.0.0.1", port=server.getsockname()[1], path="/"
        )
        ended = threading.Event()

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"X-More: 1\r\n")
                    except OSError:
                        break

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = transport.post(target, ["127.0.0.1"], b"{}", {}, timeout_s=0.3)
        ended.set()
        thread.join(60)
        assert answer.status_code is None
        assert answer.error in {"timed out", "no HTTP answer: HTTPException"}

        def send_nonsense() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        thread = threading.Thread(target=send_nonsense)
        thread.start()
        answer = transport.post(target, ["127.0.0.1"], b"{}", {})
        thread.join(60)
        assert answer.error == "no HTTP answer: BadStatusLine"
    assert transport.post(target, ["127.0.0.1"], b"{}", {}).error == "connection refused"


def test_receiver_without_tls_is_a_failure(receiver: Receiver) -> None:
    port = addresses.parse_url(receiver.url, allows_local=True).port
    target = addresses.Target(is_https=True, host="localhost", port=port, path="/")

    answer = transport.post(target, ["127.0.0.1"], b"{}", {})

    assert answer.status_code is None
    assert "SSL" in answer.error
    assert receiver.requests == []


def test_sent_again_delivery_has_the_same_id(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add(DELIVERY)
    deliver()
    services.send_again(delivery_id=DELIVERY.id, now=NOW + timedelta(minutes=1))
    assert deliver(NOW + timedelta(minutes=1)) == {DELIVERED: 1}
    assert [each.headers["webhook-id"] for each in receiver.requests] == [DELIVERY.webhook_id] * 2


def test_log_lists_an_endpoints_deliveries_by_stage(receiver: Receiver) -> None:
    add_endpoint(receiver)
    add_endpoint(receiver, endpoint_id="e2", events=[EventType.CALL_ENDED])
    add(DELIVERY, replace(DELIVERY, endpoint_id="e2"), numbered(DELIVERY, 2))
    receiver.answer = lambda request: 410 if request.headers["webhook-id"] == ids[1] else 204
    ids = [DELIVERY.webhook_id, replace(DELIVERY, endpoint_id="e2").webhook_id]
    deliver()
    add(numbered(DELIVERY, 3))

    def listed(*stages: Stage, of: list[str] | None = None) -> int:
        return len(services.list_deliveries(stages=stages, endpoint_ids=of).items)

    assert listed(*Stage) == 4
    assert [listed(each) for each in Stage] == [1, 2, 1]
    assert listed(*Stage, of=["e2"]) == 1
    assert listed(*Stage, of=[]) == 0
