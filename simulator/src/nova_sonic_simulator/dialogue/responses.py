"""Sentences about tool results: only what was asked for, and only from the result.

A result comes from outside and may lack any field; missing facts are left out. Nothing here raises.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from nova_sonic_simulator.dialogue.slots import Aspect, Intent, Subject
from nova_sonic_simulator.dialogue.spanish import (
    day_words,
    hour_words,
    listed,
    money_words,
    parse_instant,
)
from nova_sonic_simulator.dialogue.tasks import Task

TROUBLE = "Disculpá, tuve un problema para hacerlo. ¿Probamos de nuevo?"
# A closed order has no delivery date any more.
CLOSED = ("delivered", "cancelled")

_Record = Mapping[str, Any]


def answer(task: Task, result: _Record, zone: tzinfo | None) -> tuple[str, ...]:
    """Return the sentences for the result of `task`; `zone` is the business's time zone."""
    if result.get("ok") is not True:
        return (said(result),)
    if task.intent.subject is Subject.ORDER:
        return _of_order(task, record_of(result, "order"), zone)
    return _of_appointment(task, record_of(result, "appointment"), zone)


def said(result: _Record) -> str:
    """Return the sentence that a refusal brings with it."""
    sentence = result.get("say")
    return sentence if isinstance(sentence, str) and sentence.strip() else TROUBLE


def record_of(result: _Record, name: str) -> dict[str, Any]:
    """Return the order or appointment in `result`, or an empty dict."""
    record = result.get(name)
    return record if isinstance(record, dict) else {}


# Orders.


def _of_order(task: Task, order: _Record, zone: tzinfo | None) -> tuple[str, ...]:
    number = order.get("id") or task.slots.number
    match task.intent:
        case Intent.CANCEL_ORDER:
            return (f"Listo, cancelé el pedido {number}.",)
        case Intent.CREATE_ORDER:
            return (f"Listo, creé tu pedido con el número {number}.", *_total(order))
        case _:
            return _about_order(task.aspect, order, number, zone)


def _about_order(
    aspect: Aspect, order: _Record, number: object, zone: tzinfo | None
) -> tuple[str, ...]:
    match aspect:
        case Aspect.DETAILS:
            return _items(order, number)
        case Aspect.TOTAL:
            return _total(order) or _order_status(order, number, zone)
        case Aspect.TRACKING:
            return (_tracking(order, number),)
        case _:
            return _order_status(order, number, zone)


def _order_status(order: _Record, number: object, zone: tzinfo | None) -> tuple[str, ...]:
    status = order.get("statusText") or order.get("status")
    sentence = f"Tu pedido {number} está {status}." if status else f"Encontré tu pedido {number}."
    delivery = order.get("estimatedDeliveryText") or _delivery_day(order, zone)
    if not delivery or order.get("status") in CLOSED:
        return (sentence,)
    return sentence, f"La entrega estimada es {delivery}."


def _delivery_day(order: _Record, zone: tzinfo | None) -> str | None:
    instant = parse_instant(order.get("estimatedDelivery"))
    if instant is None:
        return None
    # Midnight sharp means a day without a time, whatever its zone.
    is_day = instant.time() == time()
    local = instant if is_day or instant.tzinfo is None else instant.astimezone(zone)
    return f"el {day_words(local.date())}"


def _items(order: _Record, number: object) -> tuple[str, ...]:
    items = order.get("items")
    parts = [_item(item) for item in items if isinstance(item, dict)] if items else []
    if not parts:
        return (f"No tengo el detalle del pedido {number}.",)
    return (f"Tu pedido {number} tiene {listed(parts)}.",)


def _item(item: _Record) -> str:
    quantity, name = item.get("quantity"), item.get("name")
    if not quantity:
        return f"{name}"
    return f"{quantity} unidad de {name}" if quantity == 1 else f"{quantity} unidades de {name}"


def _total(order: _Record) -> tuple[str, ...]:
    try:
        return (f"El total es {money_words(Decimal(str(order.get('total'))))}.",)
    except InvalidOperation:
        return ()


def _tracking(order: _Record, number: object) -> str:
    code = order.get("trackingNumber")
    if not code:
        return f"Tu pedido {number} todavía no tiene número de seguimiento."
    return f"El número de seguimiento es {code}."


# Appointments.


def _of_appointment(task: Task, appointment: _Record, zone: tzinfo | None) -> tuple[str, ...]:
    number = appointment.get("id") or task.slots.number
    when = appointment.get("dateText") or _when(appointment, zone)
    match task.intent:
        case Intent.CANCEL_APPOINTMENT:
            return (f"Listo, cancelé la cita {number}.",)
        case Intent.RESCHEDULE_APPOINTMENT:
            return (f"Listo, la cita {number} quedó para {when}.",)
        case Intent.BOOK_APPOINTMENT:
            return (
                f"Listo, agendé la cita para {when}{_with_doctor(appointment)}.",
                f"El número de la cita es {number}.",
            )
        case _:
            return _about_appointment(task.aspect, appointment, number, when)


def _about_appointment(
    aspect: Aspect, appointment: _Record, number: object, when: object
) -> tuple[str, ...]:
    if aspect is Aspect.DETAILS:
        kind = appointment.get("typeText") or appointment.get("type")
        sort = f" y es de tipo {kind}" if kind else ""
        return (f"La cita {number} es{_with_doctor(appointment)}{sort}.",)
    if aspect is Aspect.DURATION and appointment.get("duration"):
        return (f"La cita {number} dura {appointment['duration']} minutos.",)
    status = appointment.get("statusText") or appointment.get("status")
    ending = f" y está {status}" if status else ""
    return (f"Tu cita {number} es {when}{ending}.",)


def _with_doctor(appointment: _Record) -> str:
    doctor = appointment.get("doctorName")
    return f" con {doctor_words(doctor)}" if isinstance(doctor, str) else ""


def doctor_words(doctor: str) -> str:
    """Return "la Dra. Gómez", "el Dr. Rodríguez", or the bare name."""
    title = doctor.split(" ", 1)[0].casefold()
    articles = {"dr.": "el ", "dr": "el ", "dra.": "la ", "dra": "la "}
    return f"{articles.get(title, '')}{doctor}"


def _when(appointment: _Record, zone: tzinfo | None) -> str:
    instant = parse_instant(appointment.get("date"))
    if instant is None:
        return "la fecha acordada"
    local = instant.astimezone(zone) if instant.tzinfo else instant
    return f"el {day_words(local.date())} {hour_words(local.time())}"


# Alternatives to a time that is taken.


def alternatives_of(result: _Record, zone: tzinfo | None) -> tuple[datetime, ...]:
    """Return the free times that a refusal offers, local and naive."""
    alternatives = result.get("alternatives")
    if not isinstance(alternatives, Sequence) or isinstance(alternatives, str):
        return ()
    instants = (parse_instant(text) for text in alternatives)
    return tuple(
        (instant.astimezone(zone) if instant.tzinfo else instant).replace(tzinfo=None)
        for instant in instants
        if instant is not None
    )


def offer(times: Sequence[datetime], wished: date | None) -> tuple[str, ...]:
    """Return the sentences that offer `times`; a yes chooses the first."""
    first, *others = (_alternatives(moment, wished) for moment in times)
    question = f"¿Te sirve {first}?"
    return (question, f"También tengo {listed(others, 'o')}.") if others else (question,)


def _alternatives(moment: datetime, wished: date | None) -> str:
    at = hour_words(moment.time())
    if moment.date() == wished:
        return at
    return f"el {day_words(moment.date())} {at}"
