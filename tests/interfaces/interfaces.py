"""Three doors of a running site, each used as its users do; their answers can be compared.

A wish names the record's owner, too: on the telephone that proves whose it is, and staff needn't.
"""

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any, override
from zoneinfo import ZoneInfo

from appointments.domain import AppointmentStatus
from orders.domain import OrderItem, OrderStatus
from tests.fixtures.forms import fields_of
from tests.fixtures.line import Line, open_line
from tests.fixtures.site import Site
from tests.interfaces.session import logged_in
from voice.tools.results import APPOINTMENT_STATUS_TEXTS, ORDER_STATUS_TEXTS

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
MONTHS = ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"]  # fmt: skip
ORDERS, APPOINTMENTS = "/admin/orders/order/", "/admin/appointments/appointment/"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingWish:
    """An appointment that somebody wants; `starts_at` in the clinic's time."""

    patient: str
    email: str
    doctor: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWish:
    """An order that somebody wants."""

    customer: str
    email: str
    items: tuple[OrderItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a wish, and what people were told; programs get a refusal's code, too."""

    done: bool
    said: str = ""
    code: str | None = None
    offers_times: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a door shows of a record; `starts_at` is an appointment's, "27/11 15:00"."""

    status: OrderStatus | AppointmentStatus
    starts_at: str = ""


type Book = Callable[[], Awaitable[Answer]]


class Door(ABC):
    """One way in."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @abstractmethod
    async def look_up_order(self, order_id: str, owner: str) -> Seen | None:
        """Look at an order; None if there is none to see."""

    @abstractmethod
    async def cancel_order(self, order_id: str, owner: str) -> Answer:
        """Ask for an order to be cancelled."""

    @abstractmethod
    async def place_order(self, wish: OrderWish) -> Answer:
        """Ask for a new order."""

    @abstractmethod
    async def look_up_appointment(self, appointment_id: str, owner: str) -> Seen | None:
        """Look at an appointment; None if there is none to see."""

    @abstractmethod
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Answer:
        """Ask for an appointment to be cancelled."""

    @abstractmethod
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Answer:
        """Ask for another time, in the clinic's."""

    @abstractmethod
    async def ready_to_book(self, wish: BookingWish, running: AsyncExitStack) -> Book:
        """Do all but the last step, so that many can take that at one moment."""

    async def book_appointment(self, wish: BookingWish) -> Answer:
        async with AsyncExitStack() as running:
            book = await self.ready_to_book(wish, running)
            return await book()


# --- REST


class RestDoor(Door):
    """A program with the REST API, as staff."""

    @override
    async def look_up_order(self, order_id: str, owner: str) -> Seen | None:
        found = await self._get(f"/orders/{order_id}")
        return found and Seen(status=OrderStatus(found["status"]))

    @override
    async def cancel_order(self, order_id: str, owner: str) -> Answer:
        return await self._send("PATCH", f"/orders/{order_id}", {"status": "cancelled"})

    @override
    async def place_order(self, wish: OrderWish) -> Answer:
        items = [
            {"name": item.name, "quantity": item.quantity, "price": float(item.price)}
            for item in wish.items
        ]
        body = {"customerName": wish.customer, "customerEmail": wish.email, "items": items}
        return await self._send("POST", "/orders", body)

    @override
    async def look_up_appointment(self, appointment_id: str, owner: str) -> Seen | None:
        found = await self._get(f"/appointments/{appointment_id}")
        if found is None:
            return None
        starts_at = datetime.fromisoformat(found["date"]).astimezone(CLINIC)
        return Seen(status=AppointmentStatus(found["status"]), starts_at=f"{starts_at:%d/%m %H:%M}")

    @override
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Answer:
        return await self._send("PATCH", f"/appointments/{appointment_id}", {"status": "cancelled"})

    @override
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Answer:
        body = {"date": starts_at.isoformat()}
        return await self._send("PATCH", f"/appointments/{appointment_id}", body)

    @override
    async def ready_to_book(self, wish: BookingWish, running: AsyncExitStack) -> Book:
        await asyncio.to_thread(logged_in, self.site)
        body = {
            "patientName": wish.patient,
            "patientEmail": wish.email,
            "doctorName": wish.doctor,
            "date": wish.starts_at.isoformat(),
            "duration": 30,
            "type": "consultation",
        }
        return lambda: self._send("POST", "/appointments", body)

    async def _get(self, path: str) -> Any:
        status, text = await asyncio.to_thread(logged_in(self.site).request, path)
        assert status in {200, 404}, text
        return json.loads(text)["data"] if status == 200 else None

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        status, answer = await asyncio.to_thread(logged_in(self.site).send, path, body, method)
        if status in {200, 201}:
            return Answer(done=True, said=answer["message"])
        error = answer["error"]
        offers = bool(error["details"].get("alternatives"))
        return Answer(done=False, said=error["message"], code=error["code"], offers_times=offers)


# --- The admin


class AdminDoor(Door):
    """A receptionist with the admin's lists and forms."""

    @override
    async def look_up_order(self, order_id: str, owner: str) -> Seen | None:
        form = await self._shown(f"{ORDERS}{order_id}/change/")
        return Seen(status=OrderStatus(form["status"])) if form else None

    @override
    async def cancel_order(self, order_id: str, owner: str) -> Answer:
        return await self._act(ORDERS, "cancel", order_id)

    @override
    async def place_order(self, wish: OrderWish) -> Answer:
        form = {
            **await self._form(f"{ORDERS}add/"),
            "customer_name": wish.customer,
            "customer_email": wish.email,
            "lines-TOTAL_FORMS": str(len(wish.items)),
        }
        for place, item in enumerate(wish.items):
            line = {"name": item.name, "quantity": item.quantity, "price": item.price}
            form |= {f"lines-{place}-{field}": str(value) for field, value in line.items()}
        return await self._submit(f"{ORDERS}add/", form)

    @override
    async def look_up_appointment(self, appointment_id: str, owner: str) -> Seen | None:
        form = await self._shown(f"{APPOINTMENTS}{appointment_id}/change/")
        if form is None:
            return None
        starts_at = f"{form['starts_at_0'][:5]} {form['starts_at_1'][:5]}"
        return Seen(status=AppointmentStatus(form["status"]), starts_at=starts_at)

    @override
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Answer:
        return await self._act(APPOINTMENTS, "cancel", appointment_id)

    @override
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Answer:
        asked = {"action": "reschedule", "_selected_action": appointment_id}
        _, page = await asyncio.to_thread(logged_in(self.site).submit, APPOINTMENTS, asked)
        form = fields_of(page)
        if f"{appointment_id}_0" not in form:
            return _told(page)
        form |= asked | _split(appointment_id, starts_at)
        return await self._submit(APPOINTMENTS, form)

    @override
    async def ready_to_book(self, wish: BookingWish, running: AsyncExitStack) -> Book:
        form = {
            **await self._form(f"{APPOINTMENTS}add/"),
            "patient_name": wish.patient,
            "patient_email": wish.email,
            "doctor_name": wish.doctor,
            **_split("starts_at", wish.starts_at),
        }
        return lambda: self._submit(f"{APPOINTMENTS}add/", form)

    async def _shown(self, path: str) -> dict[str, str] | None:
        _, page = await asyncio.to_thread(logged_in(self.site).request, path)
        form = fields_of(page)
        return form if "version" in form else None

    async def _form(self, path: str) -> dict[str, str]:
        status, page = await asyncio.to_thread(logged_in(self.site).request, path)
        assert status == 200, page
        return fields_of(page)

    async def _act(self, path: str, action: str, record_id: str) -> Answer:
        return await self._submit(path, {"action": action, "_selected_action": record_id})

    async def _submit(self, path: str, form: dict[str, str]) -> Answer:
        status, page = await asyncio.to_thread(logged_in(self.site).submit, path, form)
        assert status == 200, page
        return _told(page)


def _split(name: str, starts_at: datetime) -> dict[str, str]:
    return {f"{name}_0": f"{starts_at:%d/%m/%Y}", f"{name}_1": f"{starts_at:%H:%M}"}


def _told(page: str) -> Answer:
    """Read what a page of the admin says of what was asked before."""
    messages = re.findall(r'<li class="(\w+)">(.*?)</li>', page, re.DOTALL)
    refusals = [text for kind, text in messages if kind in {"error", "warning"}]
    refusals += re.findall(r'<ul class="errorlist.*?</ul>', page, re.DOTALL)
    said = _text(" ".join(refusals or [text for _, text in messages]))
    return Answer(done=not refusals, said=said, offers_times="Libres: " in said)


def _text(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


# --- The telephone


class VoiceDoor(Door):
    """A customer with the assistant, typing."""

    @override
    async def look_up_order(self, order_id: str, owner: str) -> Seen | None:
        answer = await self._call(f"Consulta el pedido número {order_id} para {owner}")
        words = {word: status for status, word in ORDER_STATUS_TEXTS.items()}
        found = re.search(rf"Tu pedido {order_id} está ({'|'.join(words)})", answer.said)
        return Seen(status=words[found[1]]) if answer.done and found else None

    @override
    async def cancel_order(self, order_id: str, owner: str) -> Answer:
        return await self._call(f"Cancela el pedido número {order_id} para {owner}")

    @override
    async def place_order(self, wish: OrderWish) -> Answer:
        items = " y ".join(
            f"{item.quantity} {item.name} a {item.price}".replace(".", ",") for item in wish.items
        )
        return await self._call(f"Haceme un pedido de {items}", wish.customer, wish.email)

    @override
    async def look_up_appointment(self, appointment_id: str, owner: str) -> Seen | None:
        answer = await self._call(f"Consulta la cita número {appointment_id} para {owner}")
        words = {word: status for status, word in APPOINTMENT_STATUS_TEXTS.items()}
        said = rf"(\d+) de (\w+) a las (\d\d:\d\d) y está ({'|'.join(words)})"
        found = re.search(said, answer.said)
        if not answer.done or not found:
            return None
        starts_at = f"{int(found[1]):02}/{MONTHS.index(found[2]) + 1:02} {found[3]}"
        return Seen(status=words[found[4]], starts_at=starts_at)

    @override
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Answer:
        return await self._call(f"Cancela la cita número {appointment_id} para {owner}")

    @override
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Answer:
        wish = f"Modifica la cita número {appointment_id} para {owner}"
        return await self._call(wish, _spoken(starts_at))

    @override
    async def ready_to_book(self, wish: BookingWish, running: AsyncExitStack) -> Book:
        line = await running.enter_async_context(open_line(self.site.ws_url))
        asked = f"Agenda una cita para {_spoken(wish.starts_at)} con {wish.doctor}"
        await line.converse(asked, wish.patient)
        return lambda: _asked(line, wish.email)

    async def _call(self, *texts: str) -> Answer:
        async with open_line(self.site.ws_url) as line:
            return await _asked(line, *texts)


def _spoken(starts_at: datetime) -> str:
    month = MONTHS[starts_at.month - 1]
    return f"el {starts_at.day} de {month} de {starts_at.year} a las {starts_at:%H:%M}"


async def _asked(line: Line, *texts: str) -> Answer:
    """Say the last things that a tool needs, and return what came of its one run."""
    await line.converse(*texts)
    events = line.events
    runs = [e for e in events if e["type"] == "tool" and e["phase"] == "finished"]
    assert len(runs) == 1, events
    after = events[events.index(runs[0]) :]
    captions = [e for e in after if e["type"] == "caption" and e["role"] == "assistant"]
    said = " ".join(e["text"] for e in captions)
    done = runs[0]["outcome"] == "ok"
    return Answer(done=done, said=said, offers_times=not done and "a las" in said)


DOORS: list[type[Door]] = [RestDoor, AdminDoor, VoiceDoor]
