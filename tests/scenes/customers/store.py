"""What a conversation changed in DynamoDB, as lines that a person can read and a scene can name.

    order 2 cancelled
    appointment 1 moved to viernes 15:00
    new appointment Juan Pérez | juan.perez@email.com | Dra. Gómez | +1 15:00
    new order Ana Paz | ana@paz.ar | 2 Remera 1500.00
    new message Carlos Ibáñez | 1155551234

Every difference between two states of the store is a line, so that a scene that names all of its changes
proves that there was no other one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import appointments.services
import follow_ups.services
import orders.services
from appointments.domain import Appointment
from follow_ups.domain import FollowUp
from nova_sonic_simulator.dialogue.spanish import WEEKDAYS
from nova_sonic_simulator.scenes import Outcome, Scene
from orders.domain import Order
from tests.scenes.driver import CLINIC

_DAY = re.compile(
    r"(?<![\w.])(?P<weekday>" + "|".join(WEEKDAYS) + r")?(?:\+(?P<days>\d+))?(?= \d\d:)"
)
_DAY_IN_TEXT = re.compile(r"\{(?P<weekday>" + "|".join(WEEKDAYS) + r")\+(?P<days>\d+)\}")


@dataclass(frozen=True, slots=True)
class Store:
    """The orders, appointments and messages that are stored at one time."""

    orders: Mapping[str, Order]
    appointments: Mapping[str, Appointment]
    messages: Mapping[str, FollowUp]

    @classmethod
    def read_all(cls, now: datetime) -> "Store":
        """Read the store."""
        return cls(
            orders={each.id: each for each in orders.services.list_orders().items},
            appointments={
                each.id: each for each in appointments.services.list_appointments().items
            },
            messages={each.id: each for each in follow_ups.services.list_follow_ups(now=now).items},
        )

    def changes_since(self, before: "Store") -> list[str]:
        """Return what changed, each as a line."""
        return sorted(
            [
                *_differences(before.orders, self.orders, _new_order, _changed_order),
                *_differences(
                    before.appointments, self.appointments, _new_appointment, _changed_appointment
                ),
                *_differences(before.messages, self.messages, _new_message, _changed_message),
            ]
        )


def _differences[Record](
    before: Mapping[str, Record],
    after: Mapping[str, Record],
    describe_new: Callable[[Record], str],
    describe_changed: Callable[[Record, Record], str],
) -> list[str]:
    gone = [f"{type(before[key]).__name__} {key} deleted" for key in before.keys() - after.keys()]
    new = [describe_new(after[key]) for key in after.keys() - before.keys()]
    kept = [(before[key], after[key]) for key in before.keys() & after.keys()]
    changed = [describe_changed(old, now) for old, now in kept if old != now]
    return [*gone, *new, *changed]


def _new_order(order: Order) -> str:
    items = " ".join(f"{item.quantity} {item.name} {item.price:.2f}" for item in order.items)
    return f"new order {order.customer_name} | {order.customer_email} | {items}"


def _changed_order(before: Order, after: Order) -> str:
    return f"order {after.id} {_status(before, after) or 'changed otherwise'}"


def _new_appointment(new: Appointment) -> str:
    who = f"{new.patient_name} | {new.patient_email}"
    return f"new appointment {who} | {new.doctor_name} | {_moment(new.starts_at)}"


def _changed_appointment(before: Appointment, after: Appointment) -> str:
    changes = [_status(before, after)]
    if after.starts_at != before.starts_at:
        changes.append(f"moved to {_moment(after.starts_at)}")
    return f"appointment {after.id} {' and '.join(filter(None, changes)) or 'changed otherwise'}"


def _status(before: Order | Appointment, after: Order | Appointment) -> str:
    return "" if after.status == before.status else str(after.status)


def _new_message(message: FollowUp) -> str:
    return f"new message {message.customer_name} | {message.contact}"


def _changed_message(_before: FollowUp, after: FollowUp) -> str:
    return f"message {after.id} changed"


def _moment(instant: datetime) -> str:
    return f"{instant.astimezone(CLINIC):%Y-%m-%d %H:%M}"


def resolve_days(lines: Sequence[str], *, today: date) -> list[str]:
    """Return the lines with dates for "+1", "viernes" (after today) and "jueves+7", sorted."""

    def to_date(match: re.Match[str]) -> str:
        return _day_of(match, today).isoformat() if match[0] else ""

    return sorted(_DAY.sub(to_date, line) for line in lines)


def fill_days(text: str, *, today: date) -> str:
    """Return what a customer says with the day of the month for "{jueves+7}"."""
    return _DAY_IN_TEXT.sub(lambda match: str(_day_of(match, today).day), text)


def _day_of(match: re.Match[str], today: date) -> date:
    day = today
    if match["weekday"]:
        day += timedelta(days=(WEEKDAYS.index(match["weekday"]) - today.weekday()) % 7 or 7)
    return day + timedelta(days=int(match["days"] or 0))


def with_dates(scene: Scene, *, now: datetime) -> Scene:
    """Return the scene with the days of the month that the customer says."""
    today = now.astimezone(CLINIC).date()
    steps = [
        replace(step, say=step.say and fill_days(step.say, today=today)) for step in scene.steps
    ]
    return replace(scene, steps=tuple(steps))


class StoreCheck:
    """Compares all of the store with what it was before a conversation, and writes that down.

    `now` is when the conversation begins; the days that it names are relative to that.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._before = Store.read_all(now)
        self.conversation: list[str] = []

    def record(self, text: str, outcome: Outcome) -> None:
        """Add a turn to the written conversation."""
        calls = [f"    [{name} {dict(arguments)}]" for name, arguments in outcome.calls]
        self.conversation += [f"C: {text}", *calls, f"A: {' '.join(outcome.replies)}"]

    def differences(self, end: Mapping[str, Any]) -> list[str]:
        """Return how the changes differ from those that `end` names."""
        changes = Store.read_all(self._now).changes_since(self._before)
        self.conversation.append(f"=> {changes}")
        today = self._now.astimezone(CLINIC).date()
        expected = end.get("any_changes") or [end["changes"]]
        right = [resolve_days(lines, today=today) for lines in expected]
        return [] if changes in right else [f"changes are {changes}, not {right}"]
