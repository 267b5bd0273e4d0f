"""Sentences about tool results: only what was asked for, and only from the result.

A result comes from outside and may lack any field; missing facts are left out. Nothing here raises.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from nova_sonic_simulator.dialogue.results import describe, is_failure, unwrap
from nova_sonic_simulator.dialogue.setup import Language
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

LOOKING_UP = (Intent.LOOK_UP_ORDER, Intent.LOOK_UP_APPOINTMENT)
KNOWN_FIELDS = frozenset(
    {"status", "statusText", "estimatedDelivery", "items", "trackingNumber", "total"}
    | {"date", "dateText", "doctorName", "typeText", "duration", "id"}
)
_OUTCOMES = {
    Intent.CANCEL_ORDER: "Sí, el pedido{number} quedó cancelado.",
    Intent.CREATE_ORDER: "Sí, tu pedido quedó hecho con el número{number}.",
    Intent.BOOK_APPOINTMENT: "Sí, la cita quedó agendada con el número{number}.",
    Intent.CANCEL_APPOINTMENT: "Sí, la cita{number} quedó cancelada.",
    Intent.RESCHEDULE_APPOINTMENT: "Sí, la cita{number} quedó cambiada.",
}

_Record = Mapping[str, Any]


def answer(
    task: Task, result: _Record, zone: tzinfo | None, language: Language = "es"
) -> tuple[str, ...]:
    """Return the sentences for the result of `task`; `zone` is the business's time zone.

    A result of another shape than this project's is described in general terms.
    """
    if not is_successful(result):
        return (_refusal(result, language),)
    kind = "order" if task.intent.subject is Subject.ORDER else "appointment"
    record = record_of(result, kind)
    if not record and task.intent in LOOKING_UP and _has_other_content(result, kind):
        return describe(result, language)
    if task.intent.subject is Subject.ORDER:
        return _of_order(task, record, zone)
    return _of_appointment(task, record, zone)


def is_successful(result: _Record) -> bool:
    """Return whether the tool succeeded; a result of another shape succeeds unless it says otherwise."""
    return bool(result) and not is_failure(result)


def record_id(task: Task, result: _Record) -> object:
    """Return the id of the record in the result of `task`, or None."""
    kind = "order" if task.intent.subject is Subject.ORDER else "appointment"
    return record_of(result, kind).get("id")


def record_of(result: _Record, name: str) -> dict[str, Any]:
    """Return the order or appointment in `result`, or an empty dict."""
    record = result.get(name)
    if isinstance(record, dict):
        return record
    content = unwrap(dict(result))
    is_record = isinstance(content, dict) and not KNOWN_FIELDS.isdisjoint(content)
    return content if is_record else {}


def describe_outcome(task: Task) -> str:
    """Return the sentence that confirms what was done."""
    number = f" {task.slots.number}" if task.slots.number else ""
    return _OUTCOMES[task.intent].format(number=number)


def _refusal(result: _Record, language: Language) -> str:
    sentence = result.get("say")
    if isinstance(sentence, str) and sentence.strip():
        return sentence
    is_own_shape = not result or "ok" in result
    return TROUBLE if is_own_shape else describe(result, language)[0]


def _has_other_content(result: _Record, kind: str) -> bool:
    return any(name not in ("ok", kind) for name in result)


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
            return (f"Listo, la cita {number} quedó para {when}.", *_reservation(appointment))
        case Intent.BOOK_APPOINTMENT:
            return (
                f"Listo, agendé la cita para {when}{_with_doctor(appointment)}.",
                f"El número de la cita es {number}.",
                *_reservation(appointment),
            )
        case _:
            about = _about_appointment(task.aspect, appointment, number, when)
            return (*about, *_reservation(appointment))


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


def _reservation(appointment: _Record) -> tuple[str, ...]:
    """Return what the patient has still to do, as the result says it."""
    text = appointment.get("reservationText")
    return (text,) if isinstance(text, str) and text else ()


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
