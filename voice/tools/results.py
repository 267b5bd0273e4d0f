"""What the tools return: JSON objects with the values of a record, and texts the assistant can say.

The texts are Argentine Spanish, whatever language the staff's browser asks for. So they stand here and
not in the message catalogue.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format

from appointments.availability import Availability
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from appointments.information.domain import Entry
from common.money import format_amount
from follow_ups.domain import FollowUp
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
RESERVED_TEXT = "reservada, sin confirmar"
OWN_RESERVED_TEXT = ", reservado y todavía sin confirmar"
APPOINTMENT_KIND_TEXTS = {
    AppointmentKind.CONSULTATION: "consulta",
    AppointmentKind.FOLLOW_UP: "control",
    AppointmentKind.EMERGENCY: "urgencia",
    AppointmentKind.ROUTINE: "chequeo de rutina",
}

RESERVATION_NEXT = "Decile al cliente también el reservationText."
RESERVATION_PROPOSAL = " Ahí te llega un enlace para confirmarlo."
MOVED_RESERVATION_PROPOSAL = " Por correo te llega un enlace para confirmarlo."
REVIEW = {"needsReview": True, "reviewText": "Alguien del equipo lo va a revisar y confirmar."}

KNOWN_PROVIDERS = frozenset({"gmail", "hotmail", "outlook", "yahoo", "live", "icloud"})
SPOKEN_SIGNS = {".": "punto", "_": "guion bajo", "-": "guion", "+": "más"}


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
            **(REVIEW if order.needs_review else {}),
        }
    }


def appointment_result(
    appointment: Appointment, *, now: datetime, time_zone: ZoneInfo
) -> dict[str, Any]:
    """Return `{"appointment": {…}}` for the model; of a reserved one also `next`, what it has to say."""
    until = appointment.reserved_until
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
            "statusText": RESERVED_TEXT
            if appointment.is_reserved
            else APPOINTMENT_STATUS_TEXTS[appointment.status],
            **(_reservation(until, now=now, time_zone=time_zone) if until is not None else {}),
        },
        **({"next": RESERVATION_NEXT} if until is not None else {}),
    }


def _reservation(until: datetime, *, now: datetime, time_zone: ZoneInfo) -> dict[str, Any]:
    """Return what the patient has to do so that a reserved appointment isn't cancelled."""
    day_and_time = format_day_and_time(until, now=now, time_zone=time_zone)
    deadline = f"antes de {day_and_time}".replace("de el ", "del ", 1)
    return {
        "reservedUntil": until.astimezone(time_zone).isoformat(timespec="minutes"),
        "reservationText": "Queda reservado: hay que confirmarlo con el enlace del correo "
        f"{deadline if until > now else 'cuanto antes'}: si no, se cancela.",
    }


def message_result(follow_up: FollowUp) -> dict[str, Any]:
    """Return `{"message": {…}}` for the model."""
    return {
        "message": {
            "customerName": follow_up.customer_name,
            "text": follow_up.message,
            "phone": follow_up.phone or None,
            "email": follow_up.email or None,
            "resultText": "El mensaje quedó anotado y alguien del equipo te va a responder.",
        }
    }


def availability_result(
    availability: Availability, *, now: datetime, time_zone: ZoneInfo
) -> dict[str, Any]:
    """Return `{"freeTimes": […], "say": …}` for the model."""
    free_times = [
        {
            "doctorName": each.doctor_name,
            "date": each.starts_at.astimezone(time_zone).isoformat(timespec="minutes"),
            "dateText": format_day_and_time(each.starts_at, now=now, time_zone=time_zone),
            "duration": each.duration_min,
        }
        for each in availability.free_starts
    ]
    return {
        "freeTimes": free_times,
        "searchedUntil": availability.searched_until.isoformat(),
        "say": _describe_free_times(availability, now, time_zone),
    }


def own_appointments_result(
    appointments: Sequence[Appointment], *, now: datetime, time_zone: ZoneInfo
) -> dict[str, Any]:
    """Return `{"appointments": […], "say": …}` for the model; with a reserved one also `next`."""
    shown = [
        appointment_result(each, now=now, time_zone=time_zone)["appointment"]
        for each in appointments
    ]
    if not shown:
        return {"appointments": [], "say": "No tenés turnos próximos."}
    texts = [
        f"el {each['id']}, {each['dateText']} con {each['doctorName']}"
        f"{OWN_RESERVED_TEXT if 'reservedUntil' in each else ''}"
        for each in shown
    ]
    many = "Tu próximo turno es" if len(texts) == 1 else "Tus próximos turnos son"
    is_any_reserved = any(each.is_reserved for each in appointments)
    return {
        "appointments": shown,
        "say": f"{many} {'; '.join(texts)}.",
        **({"next": RESERVATION_NEXT} if is_any_reserved else {}),
    }


def own_orders_result(
    orders: Sequence[Order], *, now: datetime, time_zone: ZoneInfo
) -> dict[str, Any]:
    """Return `{"orders": […], "say": …}` for the model."""
    shown = [order_result(each, now=now, time_zone=time_zone)["order"] for each in orders]
    texts = [f"el {each['id']}, {each['statusText']}" for each in shown]
    many = "Tu pedido es" if len(texts) == 1 else "Tus últimos pedidos son"
    return {"orders": shown, "say": f"{many} {'; '.join(texts)}."}


def information_result(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return `{"entries": […], "say": …}` for the model: the best entry by its title, or that there is none."""
    shown = [{"title": each.title, "text": each.text} for each in entries]
    if not shown:
        return {
            "entries": [],
            "say": "Eso no lo tengo informado, no quiero decirte algo equivocado.",
        }
    best = shown[0]
    return {"entries": shown, "say": f"Sobre {best['title']}: {best['text']}"}


def _describe_free_times(availability: Availability, now: datetime, time_zone: ZoneInfo) -> str:
    """Return the free times as the assistant says them, those of a professional and day together."""
    if not availability.free_starts and not availability.is_complete:
        searched_until = datetime.combine(availability.searched_until, time(), tzinfo=time_zone)
        day = format_day(searched_until, now=now, time_zone=time_zone)
        return f"No encontré turnos libres hasta {day}. ¿Sigo buscando después, o con otro profesional?"
    if not availability.free_starts:
        return "No hay turnos libres en esos días. ¿Buscamos en otra fecha o con otro profesional?"
    days: dict[tuple[str, str], list[str]] = {}
    for each in availability.free_starts:
        local = each.starts_at.astimezone(time_zone)
        day = format_day(each.starts_at, now=now, time_zone=time_zone)
        days.setdefault((each.doctor_name, day), []).append(f"{local:%H:%M}")
    groups = [
        f"con {doctor} {day} a las {join_spoken(times)}" for (doctor, day), times in days.items()
    ]
    return f"Hay lugar {'; '.join(groups)}. ¿Cuál te queda bien?"


# --- Changes, as they are proposed to the customer


def describe_new_order(result: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """Return what `crearOrder` would do."""
    order = result["order"]
    products = join_spoken(
        [
            f"{item['quantity']} {item['name']} a {format_amount(Decimal(str(item['price'])))}"
            for item in order["items"]
        ]
    )
    return (
        f"Entonces hago un pedido a nombre de {order['customerName']}: {products}. "
        f"El total es {format_amount(Decimal(str(order['total'])))}. "
        f"El correo es {spell_email(arguments['customerEmail'])}."
        f"{' ' + order['reviewText'] if 'reviewText' in order else ''}"
    )


def describe_order_cancellation(result: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """Return what `cancelarOrder` would do."""
    del arguments
    order = result["order"]
    products = join_spoken([f"{item['quantity']} {item['name']}" for item in order["items"]])
    return f"Entonces cancelo el pedido {order['id']}, de {products}."


def describe_booking(result: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """Return what `agendarTurno` would do."""
    appointment = result["appointment"]
    return (
        f"Entonces agendo un turno de {appointment['typeText']} para {appointment['dateText']} "
        f"con {appointment['doctorName']}, a nombre de {appointment['patientName']}. "
        f"El correo es {spell_email(arguments['patientEmail'])}."
        f"{RESERVATION_PROPOSAL if 'reservedUntil' in appointment else ''}"
    )


def describe_rescheduling(result: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """Return what `modificarTurno` would do."""
    del arguments
    appointment = result["appointment"]
    return (
        f"Entonces paso el turno {appointment['id']} con {appointment['doctorName']} "
        f"para {appointment['dateText']}."
        f"{MOVED_RESERVATION_PROPOSAL if 'reservedUntil' in appointment else ''}"
    )


def describe_appointment_cancellation(
    result: Mapping[str, Any], arguments: Mapping[str, Any]
) -> str:
    """Return what `cancelarTurno` would do."""
    del arguments
    appointment = result["appointment"]
    when = f"de {appointment['dateText']}".replace("de el ", "del ", 1)
    return f"Entonces cancelo el turno {appointment['id']} con {appointment['doctorName']}, {when}."


def describe_message(result: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """Return what `dejarMensaje` would do."""
    del arguments
    message = result["message"]
    contacts = []
    if message["phone"]:
        contacts.append(f"El teléfono es {spell_phone(message['phone'])}.")
    if message["email"]:
        contacts.append(f"El correo es {spell_email(message['email'])}.")
    text = message["text"].rstrip(".")
    return (
        f"Entonces le dejo al equipo este mensaje de {message['customerName']}: {text}. "
        + " ".join(contacts)
    )


def join_spoken(parts: Sequence[str]) -> str:
    """Return the parts as a list in a sentence: `a, b y c`."""
    return " y ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def spell_email(email: str) -> str:
    """Return an e-mail address letter by letter; the name of a well-known provider as a word."""
    local, _, domain = email.strip().lower().partition("@")
    provider, _, rest = domain.partition(".")
    spelled_domain = (
        f"{provider} punto {rest.replace('.', ' punto ')}"
        if provider in KNOWN_PROVIDERS
        else _spell(domain)
    )
    return f"{_spell(local)}, arroba, {spelled_domain}"


def spell_phone(phone: str) -> str:
    """Return a phone number digit by digit, its groups with commas: `1 1, 4 5 5 5`."""
    groups = re.findall(r"\d+", phone)
    return ", ".join(" ".join(group) for group in groups)


def _spell(text: str) -> str:
    return ", ".join(SPOKEN_SIGNS.get(character, character) for character in text)


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
