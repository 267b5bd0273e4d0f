"""Each change adds exactly one delivery for each endpoint that gets it, in the same transaction."""

import json
from datetime import timedelta
from typing import Any

import pytest

import appointments.services
import conversations.services
import orders.services
from appointments.domain import AppointmentChanges, AppointmentStatus
from appointments.errors import SlotTakenError
from appointments.serializers import AppointmentSerializer
from appointments.webhook_events import appointment_data
from common.dynamodb.client import shared_client
from common.errors import StaleVersionError
from common.identity.verification import Staff
from conversations.domain import CHECKPOINT_LIFETIME, ConversationState, ToolOutcome
from conversations.errors import LeaseLostError
from orders.domain import OrderChanges, OrderStatus
from orders.serializers import OrderSerializer
from orders.webhook_events import order_data
from tests.appointments.factories import LATER, NOW, TUESDAY, at, book
from tests.conversations.stored_calls import (
    CALL,
    STATISTICS,
    end_call,
    finish_tool,
    open_call,
    record,
    start_tool,
    take_over,
    transcript,
    user,
)
from tests.conversations.stored_calls import NOW as CALL_NOW
from tests.orders.factories import ITEM
from tests.webhooks.factories import Receiver, add_endpoint
from webhooks import repository, services
from webhooks.domain import Delivery, EventType, PersonalData
from webhooks.models import EndpointItem

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


@pytest.fixture(autouse=True)
def endpoint(empty_tables: str, receiver: Receiver) -> None:
    add_endpoint(receiver)


def deliveries(endpoint_id: str = "e1") -> list[Delivery]:
    found = services.list_deliveries(endpoint_ids=[endpoint_id], limit=100).items
    # A deletion has the version of what is deleted.
    return sorted(found, key=lambda each: (each.version, "deleted" in each.event.value))


def events() -> list[str]:
    return [each.event.value for each in deliveries()]


def data(delivery: Delivery) -> Any:
    return json.loads(delivery.body)["data"]


def update(appointment_id: str, **changes: Any) -> None:
    appointments.services.update_appointment(
        appointment_id=appointment_id, changes=AppointmentChanges(**changes), now=LATER
    )


def place(token: str = "1") -> str:
    order = orders.services.place_order(
        customer_name="Ana Martínez",
        customer_email="ana@email.com",
        items=[ITEM],
        total=None,
        dni="45678901",
        token=token,
        now=NOW,
    )
    return order.id


def test_booking_adds_one_event_with_what_rest_shows() -> None:
    booked = book()
    [delivery] = deliveries()

    assert json.loads(delivery.body) == {
        "type": "appointment.booked",
        "timestamp": "2099-11-22T15:00:00.123Z",
        "version": "v1",
        "data": dict(AppointmentSerializer(booked).data),  # masked, as for most users
    }
    assert data(delivery)["dni"] == "******01"


def test_repeated_refused_and_dry_run_bookings_add_none() -> None:
    book(token="same")
    book(token="same")
    with pytest.raises(SlotTakenError):
        book(patient_name="Luis Fernández", token="other")
    book("11:00", is_dry_run=True)

    assert events() == ["appointment.booked"]


def test_changes_of_an_appointment_add_an_event_each() -> None:
    booked = book()
    update(booked.id, notes="Trae estudios", patient_name="Ana M. Martínez")
    update(booked.id, notes="Trae estudios")  # it was so already
    update(booked.id, starts_at=at("12:00", TUESDAY))
    update(booked.id, status=AppointmentStatus.CONFIRMED)
    appointments.services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=LATER)
    appointments.services.delete_appointment(appointment_id=booked.id, now=LATER)

    found = deliveries()
    assert [each.event.value for each in found] == [
        "appointment.booked",
        "appointment.changed",
        "appointment.moved",
        "appointment.changed",
        "appointment.cancelled",
        "appointment.deleted",
    ]
    assert data(found[1])["changedFields"] == ["patientName", "notes"]
    assert data(found[2])["previous"]["date"] == "2099-11-23T13:00:00.000Z"
    assert data(found[3])["changedFields"] == ["status"]
    assert len({each.webhook_id for each in found}) == 6


def test_stale_change_adds_none() -> None:
    booked = book()
    with pytest.raises(StaleVersionError):
        appointments.services.cancel_appointment(
            appointment_id=booked.id,
            caller=Staff(),
            unchanged_since=NOW - timedelta(days=1),
            now=LATER,
        )
    assert events() == ["appointment.booked"]


def test_changes_of_an_order_add_an_event_each() -> None:
    order_id = place()
    assert place() == order_id

    def change(**changes: Any) -> None:
        orders.services.update_order(order_id=order_id, changes=OrderChanges(**changes), now=LATER)

    change(status=OrderStatus.PROCESSING)
    change(status=OrderStatus.PROCESSING)  # it was so already
    change(status=OrderStatus.CANCELLED)
    stored = orders.services.get_order(order_id=order_id)
    orders.services.delete_order(order_id=order_id, now=LATER)

    found = deliveries()
    assert [each.event.value for each in found] == [
        "order.created",
        "order.updated",
        "order.cancelled",
        "order.deleted",
    ]
    assert data(found[1])["changedFields"] == ["status"]
    assert data(found[3]) == json.loads(json.dumps(OrderSerializer(stored).data))


def test_personal_data_are_those_that_the_endpoint_gets(receiver: Receiver) -> None:
    add_endpoint(receiver, endpoint_id="e2", personal_data=PersonalData.NONE)
    add_endpoint(receiver, endpoint_id="e3", personal_data=PersonalData.FULL)
    booked = book(notes="Alergia", phone="+54 9 11 5555-1234")
    place()

    def seen(endpoint_id: str) -> str:
        return "".join(each.body for each in deliveries(endpoint_id))

    personal = ("Ana", "ana@email.com", "45678901", "5555", "Alergia")
    assert not any(each in seen("e2") for each in personal)
    assert booked.id in seen("e2")
    assert [each in seen("e1") for each in personal] == [True, True, False, False, True]
    assert "45678901" in seen("e3")


def test_data_have_the_fields_of_rest() -> None:
    booked = book()
    order = orders.services.get_order(order_id=place())
    appointment_fields = appointment_data(booked, PersonalData.FULL)
    order_fields = order_data(order, PersonalData.FULL)

    assert set(appointment_fields) == set(AppointmentSerializer(booked).data)
    assert set(order_fields) == set(OrderSerializer(order).data)
    assert set(order_fields["items"][0]) == set(OrderSerializer(order).data["items"][0])


def test_delivery_has_the_level_of_the_data_in_its_body(receiver: Receiver) -> None:
    add_endpoint(receiver, endpoint_id="e2", personal_data=PersonalData.FULL)
    book()
    open_call()
    end_call(reason="client")

    levels = {each.event: each.personal_data for each in deliveries("e2")}
    assert levels == {
        EventType.APPOINTMENT_BOOKED: PersonalData.FULL,
        EventType.CALL_ENDED: PersonalData.NONE,  # it has none, whatever the endpoint gets
    }
    assert deliveries("e1")[0].personal_data is PersonalData.MASKED


def test_event_of_a_newer_version_stops_no_change_and_stays_stored() -> None:
    key = (repository.ENDPOINTS_PARTITION, f"{EndpointItem.SK_PREFIX}e1")
    item = EndpointItem.get(*key)
    item.events = [*item.events, "follow_up.created"]
    item.save()
    services.forget_endpoints()
    book()
    services.renew_secret(endpoint_id="e1", now=LATER)

    assert events() == ["appointment.booked"]
    assert "follow_up.created" in EndpointItem.get(*key).events


def test_endpoint_that_cannot_be_read_stops_no_change(receiver: Receiver) -> None:
    add_endpoint(receiver, endpoint_id="e2")
    item = EndpointItem.get(repository.ENDPOINTS_PARTITION, f"{EndpointItem.SK_PREFIX}e2")
    item.personal_data = "level of a newer version"
    item.save()
    services.forget_endpoints()
    book()
    place()

    assert len(events()) == 2
    assert deliveries("e2") == []


def test_endpoint_gets_only_its_events(receiver: Receiver) -> None:
    add_endpoint(receiver, endpoint_id="e2", events=[EventType.ORDER_CREATED])
    add_endpoint(receiver, endpoint_id="e3", is_active=False)
    book()
    place()

    assert [each.event.value for each in deliveries("e2")] == ["order.created"]
    assert deliveries("e3") == []
    assert len(deliveries()) == 2


def test_ended_call_adds_its_outcome_once() -> None:
    open_call()
    record(user("Quiero un turno"), statistics=STATISTICS)
    start_tool("booking", name="agendarTurno")
    finish_tool("booking", record="appointment:123456")
    start_tool("message", name="dejarMensaje")
    finish_tool("message")
    end_call(reason="client")
    with pytest.raises(LeaseLostError):
        end_call(reason="client")

    [delivery] = deliveries()
    assert delivery.event is EventType.CALL_ENDED
    content = data(delivery)
    assert (content["id"], content["reason"], content["result"]) == (CALL, "client", "done")
    assert content["wanted"] == ["book_appointment", "leave_message"]
    assert content["hasFollowUp"] is True
    assert content["records"] == [{"type": "appointment", "id": "123456"}]
    assert "turno" not in delivery.body


def test_call_that_nobody_can_resume_is_ended_once() -> None:
    open_call()
    start_tool("booking", name="agendarTurno")
    finish_tool("booking", outcome=ToolOutcome.REFUSED, error_code="slot_taken")
    left_at = CALL_NOW + timedelta(minutes=2)
    record(user("Hola"), left_at=left_at, now=left_at)
    end = conversations.services.end_abandoned_conversations

    assert end(left_at + CHECKPOINT_LIFETIME - timedelta(seconds=1)) == 0
    assert events() == []
    assert end(left_at + CHECKPOINT_LIFETIME) == 1
    assert end(left_at + CHECKPOINT_LIFETIME) == 0

    [delivery] = deliveries()
    content = data(delivery)
    assert (content["reason"], content["result"]) == ("left", "refused")
    assert (content["resultCode"], content["durationS"]) == ("slot_taken", 120)
    stored = transcript().conversation
    assert stored.state_at(left_at) is ConversationState.ENDED
    assert stored.ended_at == left_at


def test_call_of_a_dead_server_is_ended_as_lost() -> None:
    open_call()
    record(user("Hola"))
    heartbeat_at = transcript().conversation.heartbeat_at

    end = conversations.services.end_abandoned_conversations
    assert end(heartbeat_at + CHECKPOINT_LIFETIME) == 1
    assert data(deliveries()[0])["reason"] == "lost"


def test_resumed_call_is_not_ended() -> None:
    open_call()
    left_at = CALL_NOW + timedelta(minutes=2)
    record(user("Hola"), left_at=left_at, now=left_at)
    take_over(now=left_at + timedelta(minutes=30))

    end = conversations.services.end_abandoned_conversations
    assert end(left_at + CHECKPOINT_LIFETIME) == 0
    assert events() == []


def test_endpoints_are_read_once_for_many_changes() -> None:
    place("first")
    names: list[str] = []
    sent = shared_client.root().client.meta.events

    def count(model: Any, **_rest: Any) -> None:
        names.append(model.name)

    sent.register("before-call.dynamodb", count)
    try:
        place("second")
    finally:
        sent.unregister("before-call.dynamodb", count)
    assert "Query" not in names
    assert names.count("TransactWriteItems") == 1
