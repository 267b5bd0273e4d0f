"""What the receivers of webhooks learn about an order."""

from typing import Any

from common.identity.verification import mask_dni
from common.naming import camel_case
from common.record_changes import changed_fields
from common.timestamps import to_iso
from orders.domain import Order, OrderStatus
from webhooks.domain import EventType, PersonalData, without_personal_data
from webhooks.services import Event

RECORD_TYPE = "order"
PERSONAL_FIELDS = ("customerName", "customerEmail", "dni")


def events_about(before: Order | None, after: Order) -> list[Event]:
    """Return the event of a new version of an order."""
    event = event_of(before, after)
    extra: dict[str, Any] = {}
    if event is EventType.ORDER_UPDATED:
        extra["changedFields"] = [camel_case(each) for each in changed_fields(before, after)]
    return [_event(event, after, extra)]


def event_of(before: Order | None, after: Order) -> EventType:
    """Return what happened to an order."""
    if before is None:
        return EventType.ORDER_CREATED
    is_cancelled = after.status is OrderStatus.CANCELLED
    if is_cancelled and before.status is not OrderStatus.CANCELLED:
        return EventType.ORDER_CANCELLED
    return EventType.ORDER_UPDATED


def deletion_events(order: Order) -> list[Event]:
    """Return the event of the deletion of an order."""
    return [_event(EventType.ORDER_DELETED, order, {})]


def _event(event: EventType, order: Order, extra: dict[str, Any]) -> Event:
    def make_data(personal_data: PersonalData) -> dict[str, Any]:
        return {**order_data(order, personal_data), **extra}

    return Event(
        type=event,
        record_type=RECORD_TYPE,
        record_id=order.id,
        version=to_iso(order.updated_at),
        make_data=make_data,
    )


def order_data(order: Order, personal_data: PersonalData) -> dict[str, Any]:
    """Return an order as REST shows it, with the personal data that an endpoint gets."""
    delivery = order.estimated_delivery
    data = {
        "id": order.id,
        "customerName": order.customer_name,
        "customerEmail": order.customer_email,
        "dni": order.dni,
        "items": [
            {
                "id": item.id,
                "name": item.name,
                "quantity": item.quantity,
                "price": float(item.price),
                "description": item.description,
            }
            for item in order.items
        ],
        "total": float(order.total),
        "status": order.status.value,
        "createdAt": to_iso(order.created_at),
        "updatedAt": to_iso(order.updated_at),
        "estimatedDelivery": None if delivery is None else to_iso(delivery),
        "trackingNumber": order.tracking_number,
    }
    return without_personal_data(
        data, personal_data, personal=PERSONAL_FIELDS, masks={"dni": mask_dni}
    )
