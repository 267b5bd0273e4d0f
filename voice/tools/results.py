"""What the tools return: JSON objects with the values of a record, and texts the assistant can say.

The texts are Argentine Spanish, whatever language the staff's browser asks for. So they stand here and
not in the message catalogue.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format

from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from orders.domain import Order, OrderStatus
from voice.tools.registry import SPOKEN_LANGUAGE

ORDER_STATUS_TEXTS = {
    OrderStatus.PENDING: "pendiente",
    OrderStatus.PROCESSING: "en preparación",
    OrderStatus.SHIPPED: "en camino",
    OrderStatus.DELIVERED: "entregado",
    OrderStatus.CANCELLED: "cancelado",
}
APPOINTMENT_STATUS_TEXTS = {
    AppointmentStatus.SCHEDULED: "agendada",
    AppointmentStatus.CONFIRMED: "confirmada",
    AppointmentStatus.CANCELLED: "cancelada",
    AppointmentStatus.COMPLETED: "realizada",
}
APPOINTMENT_KIND_TEXTS = {
    AppointmentKind.CONSULTATION: "consulta",
    AppointmentKind.FOLLOW_UP: "control",
    AppointmentKind.EMERGENCY: "urgencia",
    AppointmentKind.ROUTINE: "chequeo de rutina",
}


def order_result(order: Order, *, now: datetime, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return `{"order": {…}}` for the model. The identity number is left out: it must not be said."""
    delivery = order.estimated_delivery
    return {
        "order": {
            "id": order.id,
            "customerName": order.customer_name,
            "status": order.status,
            "statusText": ORDER_STATUS_TEXTS[order.status],
            "estimatedDelivery": delivery.astimezone(time_zone).date().isoformat()
            if delivery
            else None,
            "estimatedDeliveryText": format_day(delivery, now=now, time_zone=time_zone)
            if delivery
            else None,
            "items": [
                {"name": item.name, "quantity": item.quantity, "price": float(item.price)}
                for item in order.items
            ],
            "total": float(order.total),
            "trackingNumber": order.tracking_number,
        }
    }


def appointment_result(
    appointment: Appointment, *, now: datetime, time_zone: ZoneInfo
) -> dict[str, Any]:
    """Return `{"appointment": {…}}` for the model."""
    return {
        "appointment": {
            "id": appointment.id,
            "patientName": appointment.patient_name,
            "doctorName": appointment.doctor_name,
            "date": appointment.starts_at.astimezone(time_zone).isoformat(timespec="minutes"),
            "dateText": format_day_and_time(appointment.starts_at, now=now, time_zone=time_zone),
            "duration": appointment.duration_min,
            "type": appointment.kind,
            "typeText": APPOINTMENT_KIND_TEXTS[appointment.kind],
            "status": appointment.status,
            "statusText": APPOINTMENT_STATUS_TEXTS[appointment.status],
        }
    }


def format_day(instant: datetime, *, now: datetime, time_zone: ZoneInfo) -> str:
    """Return the local day as the assistant says it: "el viernes 27 de noviembre".

    The year is named if it isn't the current one.
    """
    local, today = instant.astimezone(time_zone), now.astimezone(time_zone)
    pattern = r"\e\l l j \d\e F" if local.year == today.year else r"\e\l l j \d\e F \d\e Y"
    with translation.override(SPOKEN_LANGUAGE):
        return date_format(local, pattern)


def format_day_and_time(instant: datetime, *, now: datetime, time_zone: ZoneInfo) -> str:
    """Return local day and time as the assistant says them: "el viernes 27 de noviembre a las 15:00"."""
    day = format_day(instant, now=now, time_zone=time_zone)
    return f"{day} a las {instant.astimezone(time_zone):%H:%M}"
