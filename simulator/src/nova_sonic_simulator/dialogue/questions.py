"""Questions for missing slots."""

from collections.abc import Mapping
from datetime import time

from nova_sonic_simulator.dialogue.slots import Intent, RequestedSlot, Subject
from nova_sonic_simulator.dialogue.spanish import hour_words, listed
from nova_sonic_simulator.dialogue.tasks import Task

SURNAME = "¿Me decís también el apellido?"

_BY_NEEDS: Mapping[tuple[RequestedSlot, ...], str] = {
    (
        RequestedSlot.NUMBER,
        RequestedSlot.IDENTITY,
    ): "¿Me decís el número de pedido y tu DNI o nombre completo?",
    (
        RequestedSlot.NUMBER,
        RequestedSlot.NAME,
    ): "¿Me decís el número de la cita y el nombre del paciente?",
    (
        RequestedSlot.IDENTITY,
    ): "Para verificar tu identidad, ¿me decís tu DNI o tu nombre completo?",
    (RequestedSlot.MAIL,): "¿Cuál es el correo electrónico?",
    (RequestedSlot.DOCTOR,): "¿Con qué doctor o doctora querés la cita?",
    (RequestedSlot.DAY, RequestedSlot.TIME): "¿Para qué día y a qué hora?",
    (RequestedSlot.DAY,): "¿Para qué día?",
    (RequestedSlot.TIME,): "¿A qué hora?",
}
_NAME_QUESTIONS: Mapping[Intent, str] = {
    Intent.CREATE_ORDER: "¿A nombre de quién hago el pedido?",
    Intent.BOOK_APPOINTMENT: "¿A nombre de quién agendo la cita?",
}


def question(
    task: Task, requested: tuple[RequestedSlot, ...], *, has_catalogue: bool = False
) -> str:
    """Return the question for the missing slots of `task`."""
    partial_name = task.slots.name is not None and not task.slots.dni
    if partial_name and requested in {(RequestedSlot.NAME,), (RequestedSlot.IDENTITY,)}:
        return SURNAME
    if requested in _BY_NEEDS:
        return _BY_NEEDS[requested]
    match requested:
        case (RequestedSlot.ITEMS,):
            return "¿Qué productos querés, y cuántos?" if has_catalogue else _about_items(task)
        case (RequestedSlot.PRICES,):
            return _about_prices(task)
        case (RequestedSlot.NUMBER,):
            is_order = task.intent.subject is Subject.ORDER
            return "¿Cuál es el número de pedido?" if is_order else "¿Cuál es el número de la cita?"
        case _:
            return _NAME_QUESTIONS.get(task.intent, "¿A nombre de quién está la cita?")


def _about_items(task: Task) -> str:
    count = task.slots.item_count
    if count is None:
        return "¿Qué productos querés, cuántos y a qué precio cada uno?"
    if count == 1:
        return "¿Cuál es el producto y qué precio tiene?"
    return f"¿Cuáles son los {count} productos y qué precio tiene cada uno?"


def _about_prices(task: Task) -> str:
    names = [item.name for item in task.slots.items if item.price is None]
    if len(names) == 1:
        return f"¿Qué precio tiene {names[0]}?"
    return f"¿Qué precio tiene cada uno, {listed(names)}?"


def confirm_time(at: time) -> str:
    """Return the question whether a time was understood."""
    return f"¿Dijiste {hour_words(at)}?"


def confirm_name(name: str) -> str:
    """Return the question whether something new is for the same person."""
    return f"¿También a nombre de {name}?"
