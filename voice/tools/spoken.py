"""How domain values are put so that the assistant can say them, in Argentine Spanish.

These words are spoken, not interface text, so they stand here beside the tools and not in the
message catalogue: the voice speaks Spanish whatever language the staff's browser asks for.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format

from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from orders.domain import Order, OrderStatus

ORDER_STATUS = {
    OrderStatus.PENDING: "pendiente",
    OrderStatus.PROCESSING: "en preparación",
    OrderStatus.SHIPPED: "en camino",
    OrderStatus.DELIVERED: "entregado",
    OrderStatus.CANCELLED: "cancelado",
}
APPOINTMENT_STATUS = {
    AppointmentStatus.SCHEDULED: "agendada",
    AppointmentStatus.CONFIRMED: "confirmada",
    AppointmentStatus.CANCELLED: "cancelada",
    AppointmentStatus.COMPLETED: "realizada",
}
APPOINTMENT_KIND = {
    AppointmentKind.CONSULTATION: "consulta",
    AppointmentKind.FOLLOW_UP: "control",
    AppointmentKind.EMERGENCY: "urgencia",
    AppointmentKind.ROUTINE: "chequeo de rutina",
}


def day(instant: datetime, time_zone: ZoneInfo) -> str:
    """Return e.g. "el viernes 27 de noviembre"."""
    with translation.override("es"):
        return date_format(instant.astimezone(time_zone), r"\e\l l j \d\e F")


def day_and_time(instant: datetime, time_zone: ZoneInfo) -> str:
    """Return e.g. "el viernes 27 de noviembre a las 15:00"."""
    return f"{day(instant, time_zone)} a las {instant.astimezone(time_zone):%H:%M}"


def order(found: Order, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return what the assistant may say of an order; never the DNI."""
    delivery = found.estimated_delivery
    return {
        "id": found.id,
        "customerName": found.customer_name,
        "status": found.status,
        "statusText": ORDER_STATUS[found.status],
        "estimatedDelivery": delivery.astimezone(time_zone).date().isoformat()
        if delivery
        else None,
        "estimatedDeliveryText": day(delivery, time_zone) if delivery else None,
        "items": [
            {"name": item.name, "quantity": item.quantity, "price": float(item.price)}
            for item in found.items
        ],
        "total": float(found.total),
        "trackingNumber": found.tracking_number,
    }


def appointment(found: Appointment, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return what the assistant may say of an appointment."""
    return {
        "id": found.id,
        "patientName": found.patient_name,
        "doctorName": found.doctor_name,
        "date": found.starts_at.astimezone(time_zone).isoformat(timespec="minutes"),
        "dateText": day_and_time(found.starts_at, time_zone),
        "duration": found.duration_min,
        "type": found.kind,
        "typeText": APPOINTMENT_KIND[found.kind],
        "status": found.status,
        "statusText": APPOINTMENT_STATUS[found.status],
    }
