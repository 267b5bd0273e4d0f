"""Clients of the three interfaces of a running site, whose responses can be compared.

Every operation on a record also names its owner: a customer proves their identity by it, staff don't.
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
from tests.fixtures.site import Site
from tests.fixtures.voice_clients import VoiceClient, open_client
from tests.interfaces.staff_session import staff_session
from voice.tools.results import APPOINTMENT_STATUS_TEXTS, ORDER_STATUS_TEXTS

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
MONTHS = ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"]  # fmt: skip
ORDERS, APPOINTMENTS = "/admin/orders/order/", "/admin/appointments/appointment/"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRequest:
    """The appointment to book; `starts_at` in the clinic's time zone."""

    patient: str
    email: str
    doctor: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """The order to place."""

    customer: str
    email: str
    items: tuple[OrderItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How an operation ended: `text` is for people; REST adds the `code` of an error."""

    is_done: bool
    text: str = ""
    code: str | None = None
    offers_times: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """What an interface shows of a record; `starts_at` is an appointment's, "27/11 15:00"."""

    status: OrderStatus | AppointmentStatus
    starts_at: str = ""


type SubmitBooking = Callable[[], Awaitable[Response]]


class Interface(ABC):
    """A client of one interface."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @abstractmethod
    async def look_up_order(self, order_id: str, owner: str) -> RecordView | None:
        """Return what the interface shows of an order, or None."""

    @abstractmethod
    async def cancel_order(self, order_id: str, owner: str) -> Response:
        """Cancel an order."""

    @abstractmethod
    async def place_order(self, request: OrderRequest) -> Response:
        """Place an order."""

    @abstractmethod
    async def look_up_appointment(self, appointment_id: str, owner: str) -> RecordView | None:
        """Return what the interface shows of an appointment, or None."""

    @abstractmethod
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Response:
        """Cancel an appointment."""

    @abstractmethod
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Response:
        """Move an appointment to another time, in the clinic's time zone."""

    @abstractmethod
    async def prepare_booking(
        self, request: BookingRequest, running: AsyncExitStack
    ) -> SubmitBooking:
        """Do all but the last step and return that, so that many clients can take it at once."""

    async def book_appointment(self, request: BookingRequest) -> Response:
        async with AsyncExitStack() as running:
            submit = await self.prepare_booking(request, running)
            return await submit()


# --- REST


class RestInterface(Interface):
    """A client of the REST API, logged in as staff."""

    @override
    async def look_up_order(self, order_id: str, owner: str) -> RecordView | None:
        found = await self._get(f"/orders/{order_id}")
        return found and RecordView(status=OrderStatus(found["status"]))

    @override
    async def cancel_order(self, order_id: str, owner: str) -> Response:
        return await self._send("PATCH", f"/orders/{order_id}", {"status": "cancelled"})

    @override
    async def place_order(self, request: OrderRequest) -> Response:
        items = [
            {"name": item.name, "quantity": item.quantity, "price": float(item.price)}
            for item in request.items
        ]
        body = {"customerName": request.customer, "customerEmail": request.email, "items": items}
        return await self._send("POST", "/orders", body)

    @override
    async def look_up_appointment(self, appointment_id: str, owner: str) -> RecordView | None:
        found = await self._get(f"/appointments/{appointment_id}")
        if found is None:
            return None
        starts_at = datetime.fromisoformat(found["date"]).astimezone(CLINIC)
        return RecordView(
            status=AppointmentStatus(found["status"]), starts_at=f"{starts_at:%d/%m %H:%M}"
        )

    @override
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Response:
        return await self._send("PATCH", f"/appointments/{appointment_id}", {"status": "cancelled"})

    @override
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Response:
        body = {"date": starts_at.isoformat()}
        return await self._send("PATCH", f"/appointments/{appointment_id}", body)

    @override
    async def prepare_booking(
        self, request: BookingRequest, running: AsyncExitStack
    ) -> SubmitBooking:
        await asyncio.to_thread(staff_session, self.site)
        body = {
            "patientName": request.patient,
            "patientEmail": request.email,
            "doctorName": request.doctor,
            "date": request.starts_at.isoformat(),
            "duration": 30,
            "type": "consultation",
        }
        return lambda: self._send("POST", "/appointments", body)

    async def _get(self, path: str) -> Any:
        status, text = await asyncio.to_thread(staff_session(self.site).request, path)
        assert status in {200, 404}, text
        return json.loads(text)["data"] if status == 200 else None

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> Response:
        send = staff_session(self.site).send
        status, answer = await asyncio.to_thread(send, path, body, method)
        if status in {200, 201}:
            return Response(is_done=True, text=answer["message"])
        error = answer["error"]
        offers = bool(error["details"].get("alternatives"))
        return Response(
            is_done=False, text=error["message"], code=error["code"], offers_times=offers
        )


# --- The admin


class AdminInterface(Interface):
    """A receptionist with the lists and forms of the admin."""

    @override
    async def look_up_order(self, order_id: str, owner: str) -> RecordView | None:
        form = await self._existing_form(f"{ORDERS}{order_id}/change/")
        return RecordView(status=OrderStatus(form["status"])) if form else None

    @override
    async def cancel_order(self, order_id: str, owner: str) -> Response:
        return await self._act(ORDERS, "cancel", order_id)

    @override
    async def place_order(self, request: OrderRequest) -> Response:
        form = {
            **await self._form(f"{ORDERS}add/"),
            "customer_name": request.customer,
            "customer_email": request.email,
            "lines-TOTAL_FORMS": str(len(request.items)),
        }
        for position, item in enumerate(request.items):
            line = {"name": item.name, "quantity": item.quantity, "price": item.price}
            form |= {f"lines-{position}-{field}": str(value) for field, value in line.items()}
        return await self._submit(f"{ORDERS}add/", form)

    @override
    async def look_up_appointment(self, appointment_id: str, owner: str) -> RecordView | None:
        form = await self._existing_form(f"{APPOINTMENTS}{appointment_id}/change/")
        if form is None:
            return None
        starts_at = f"{form['starts_at_0'][:5]} {form['starts_at_1'][:5]}"
        return RecordView(status=AppointmentStatus(form["status"]), starts_at=starts_at)

    @override
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Response:
        return await self._act(APPOINTMENTS, "cancel", appointment_id)

    @override
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Response:
        action = {"action": "reschedule", "_selected_action": appointment_id}
        _, page = await asyncio.to_thread(staff_session(self.site).submit, APPOINTMENTS, action)
        form = fields_of(page)
        if f"{appointment_id}_0" not in form:
            return _page_response(page)
        form |= action | _date_and_time_fields(appointment_id, starts_at)
        return await self._submit(APPOINTMENTS, form)

    @override
    async def prepare_booking(
        self, request: BookingRequest, running: AsyncExitStack
    ) -> SubmitBooking:
        form = {
            **await self._form(f"{APPOINTMENTS}add/"),
            "patient_name": request.patient,
            "patient_email": request.email,
            "doctor_name": request.doctor,
            **_date_and_time_fields("starts_at", request.starts_at),
        }
        return lambda: self._submit(f"{APPOINTMENTS}add/", form)

    async def _existing_form(self, path: str) -> dict[str, str] | None:
        _, page = await asyncio.to_thread(staff_session(self.site).request, path)
        form = fields_of(page)
        return form if "version" in form else None

    async def _form(self, path: str) -> dict[str, str]:
        status, page = await asyncio.to_thread(staff_session(self.site).request, path)
        assert status == 200, page
        return fields_of(page)

    async def _act(self, path: str, action: str, record_id: str) -> Response:
        return await self._submit(path, {"action": action, "_selected_action": record_id})

    async def _submit(self, path: str, form: dict[str, str]) -> Response:
        status, page = await asyncio.to_thread(staff_session(self.site).submit, path, form)
        assert status == 200, page
        return _page_response(page)


def _date_and_time_fields(name: str, starts_at: datetime) -> dict[str, str]:
    return {f"{name}_0": f"{starts_at:%d/%m/%Y}", f"{name}_1": f"{starts_at:%H:%M}"}


def _page_response(page: str) -> Response:
    """Return what the messages and form errors of an admin page say."""
    messages = re.findall(r'<li class="(\w+)">(.*?)</li>', page, re.DOTALL)
    refusals = [text for kind, text in messages if kind in {"error", "warning"}]
    refusals += re.findall(r'<ul class="errorlist.*?</ul>', page, re.DOTALL)
    text = _without_tags(" ".join(refusals or [message for _, message in messages]))
    return Response(is_done=not refusals, text=text, offers_times="Libres: " in text)


def _without_tags(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


# --- Voice


DNI_OF = {
    "Juan Pérez": "12345678",
    "María García": "23456789",
    "Luis Fernández": "34567890",
    "Ana Sosa": "56789012",
}


class VoiceInterface(Interface):
    """A customer in a call with the assistant, who types."""

    @override
    async def look_up_order(self, order_id: str, owner: str) -> RecordView | None:
        response = await self._call(f"Consulta el pedido número {order_id} para {owner}")
        status_of = {text: status for status, text in ORDER_STATUS_TEXTS.items()}
        found = re.search(rf"Tu pedido {order_id} está ({'|'.join(status_of)})", response.text)
        return RecordView(status=status_of[found[1]]) if response.is_done and found else None

    @override
    async def cancel_order(self, order_id: str, owner: str) -> Response:
        return await self._call(f"Cancela el pedido número {order_id} para {owner}")

    @override
    async def place_order(self, request: OrderRequest) -> Response:
        items = " y ".join(
            f"{item.quantity} {item.name} a {item.price}".replace(".", ",")
            for item in request.items
        )
        return await self._call(f"Haceme un pedido de {items}", request.customer, request.email)

    @override
    async def look_up_appointment(self, appointment_id: str, owner: str) -> RecordView | None:
        response = await self._call(f"Consulta la cita número {appointment_id} para {owner}")
        status_of = {text: status for status, text in APPOINTMENT_STATUS_TEXTS.items()}
        pattern = rf"(\d+) de (\w+) a las (\d\d:\d\d) y está ({'|'.join(status_of)})"
        found = re.search(pattern, response.text)
        if not response.is_done or not found:
            return None
        starts_at = f"{int(found[1]):02}/{MONTHS.index(found[2]) + 1:02} {found[3]}"
        return RecordView(status=status_of[found[4]], starts_at=starts_at)

    @override
    async def cancel_appointment(self, appointment_id: str, owner: str) -> Response:
        return await self._call(
            f"Cancela la cita número {appointment_id} para {owner}, DNI {DNI_OF[owner]}"
        )

    @override
    async def reschedule_appointment(
        self, appointment_id: str, owner: str, starts_at: datetime
    ) -> Response:
        text = f"Modifica la cita número {appointment_id} para {owner}, DNI {DNI_OF[owner]}"
        return await self._call(text, _start_as_text(starts_at))

    @override
    async def prepare_booking(
        self, request: BookingRequest, running: AsyncExitStack
    ) -> SubmitBooking:
        line = await running.enter_async_context(open_client(self.site.ws_url))
        text = f"Agenda una cita para {_start_as_text(request.starts_at)} con {request.doctor}"
        await line.converse(text, request.patient)
        return lambda: _converse(line, request.email)

    async def _call(self, *texts: str) -> Response:
        async with open_client(self.site.ws_url) as line:
            return await _converse(line, *texts)


def _start_as_text(starts_at: datetime) -> str:
    month = MONTHS[starts_at.month - 1]
    return f"el {starts_at.day} de {month} de {starts_at.year} a las {starts_at:%H:%M}"


OWN_REFUSALS = {"Esa fecha ya pasó.": "Ese horario ya pasó."}
"""What the assistant says when it refuses by itself, and the sentence of the error that it means."""


async def _converse(line: VoiceClient, *texts: str) -> Response:
    """Send the last texts that a tool call needs, and return what the assistant says of its result.

    Without a tool call, because the assistant refuses a time in the past by itself: what it says.
    """
    await line.converse(*texts)
    events = line.events
    runs = [e for e in events if e["type"] == "tool" and e["phase"] == "finished"]
    assert len(runs) <= 1, events
    after = events[events.index(runs[0]) :] if runs else events
    captions = [e for e in after if e["type"] == "caption" and e["role"] == "assistant"]
    text = " ".join(e["text"] for e in captions)
    if not runs:
        text = " ".join(OWN_REFUSALS[e["text"]] for e in captions if e["text"] in OWN_REFUSALS)
    is_done = bool(runs) and runs[0]["outcome"] == "ok"
    return Response(is_done=is_done, text=text, offers_times=not is_done and "a las" in text)


INTERFACES: list[type[Interface]] = [RestInterface, AdminInterface, VoiceInterface]
