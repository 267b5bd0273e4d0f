"""A shop and a clinic in memory, with the demo data of the server, to replay scenes without a server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from nova_sonic_simulator.dialogue import DialogueManager, Reply
from nova_sonic_simulator.dialogue.spanish import WEEKDAYS, day_words, hour_words
from nova_sonic_simulator.scenes import Outcome, fold
from support.customer import MONDAY, setup

TEXTS = {
    "pending": "pendiente",
    "processing": "en preparación",
    "shipped": "en camino",
    "delivered": "entregado",
    "cancelled": "cancelado",
    "scheduled": "agendada",
    "confirmed": "confirmada",
}
DOCTORS = ("Dr. Rodríguez", "Dra. Gómez", "Dr. Sosa", "Dra. Fernández")
NOT_FOUND = {"ok": False, "error": "order_not_found", "say": "No encuentro eso con esos datos."}


def refused(error: str, say: str, **fields: Any) -> dict[str, Any]:
    return {"ok": False, "error": error, "say": say, **fields}


@dataclass(slots=True)
class Order:
    customer: str
    dni: str
    status: str
    items: list[tuple[str, int, Decimal]]
    tracking: str | None = None

    @property
    def total(self) -> Decimal:
        return sum((count * price for _, count, price in self.items), Decimal(0))


@dataclass(slots=True)
class Appointment:
    patient: str
    doctor: str
    when: datetime
    status: str = "scheduled"
    dni: str | None = None


def _day(days: int, hour: int, minute: int = 0) -> datetime:
    day = (MONDAY + timedelta(days=days)).replace(tzinfo=None)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


A, B = ("Producto A", 2, Decimal("25.99")), ("Producto B", 1, Decimal("15.50"))
C, D = ("Producto C", 1, Decimal("89.90")), ("Producto D", 3, Decimal("7.25"))


@dataclass(slots=True)
class Shop:
    """Seven tools on demo data."""

    orders: dict[str, Order] = field(
        default_factory=lambda: {
            "1": Order("Juan Pérez", "12345678", "pending", [A, B], "TRK123456789"),
            "2": Order("Juan Pérez", "12345678", "processing", [C]),
            "3": Order("María García", "23456789", "shipped", [A, D], "TRK223456789"),
            "4": Order("Luis Fernández", "34567890", "delivered", [D], "TRK323456789"),
            "5": Order("Ana Martínez", "45678901", "cancelled", [B, C]),
        }
    )
    appointments: dict[str, Appointment] = field(
        default_factory=lambda: {
            "1": Appointment("Juan Pérez", "Dra. Gómez", _day(9, 11, 30), dni="12345678"),
            "2": Appointment(
                "Luis Fernández", "Dr. Rodríguez", _day(10, 16, 30), "confirmed", "34567890"
            ),
            "3": Appointment("Ana Martínez", "Dr. Sosa", _day(12, 9), dni="45678901"),
        }
    )
    created: list[Order | Appointment] = field(default_factory=list)

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = getattr(self, f"_{name}")(**arguments)
        return result

    def _find_order(self, orderId: str, dni: str = "", customerName: str = "") -> Order | None:
        order = self.orders.get(orderId)
        if order and (order.dni == dni or fold(order.customer) == fold(customerName)):
            return order
        return None

    def _consultarOrder(self, orderId: str, **identity: str) -> dict[str, Any]:
        order = self._find_order(orderId, **identity)
        return {"ok": True, "order": self._order(orderId, order)} if order else NOT_FOUND

    def _cancelarOrder(self, orderId: str, **identity: str) -> dict[str, Any]:
        order = self._find_order(orderId, **identity)
        if order is None:
            return NOT_FOUND
        if order.status not in ("pending", "processing"):
            return refused("order_not_cancellable", "Ese pedido ya no se puede cancelar.")
        order.status = "cancelled"
        return {"ok": True, "order": self._order(orderId, order)}

    def _crearOrder(
        self,
        customerName: str,
        customerEmail: str,
        items: list[dict[str, str]],
        total: str = "",
        dni: str = "",
    ) -> dict[str, Any]:
        bought = [(i["name"], int(i["quantity"]), Decimal(i["price"])) for i in items]
        order = Order(customerName, dni, "pending", bought)
        self.orders["900"] = order
        self.created.append(order)
        return {"ok": True, "order": self._order("900", order)}

    def _order(self, order_id: str, order: Order) -> dict[str, Any]:
        return {
            "id": order_id,
            "status": order.status,
            "statusText": TEXTS[order.status],
            "estimatedDeliveryText": "el jueves 26 de noviembre",
            "items": [{"name": n, "quantity": q, "price": float(p)} for n, q, p in order.items],
            "total": float(order.total),
            "trackingNumber": order.tracking,
        }

    def _find_appointment(self, appointmentId: str, patientName: str) -> Appointment | None:
        found = self.appointments.get(appointmentId)
        return found if found and fold(found.patient) == fold(patientName) else None

    def _find_changeable(
        self, appointmentId: str, patientName: str, dni: str = "", email: str = ""
    ) -> Appointment | dict[str, Any]:
        """Return the appointment, or a refusal: a change needs the DNI or the e-mail, too."""
        if not (dni or email):
            say = "Para mayor seguridad necesito también tu DNI o las primeras letras de tu correo."
            return refused("second_factor_needed", say, accepts=["dni", "email"])
        found = self._find_appointment(appointmentId, patientName)
        return found if found and found.dni in {None, dni} else NOT_FOUND

    def _consultarTurno(
        self, appointmentId: str, patientName: str, dni: str = ""
    ) -> dict[str, Any]:
        found = self._find_appointment(appointmentId, patientName)
        return self._appointment(appointmentId, found) if found else NOT_FOUND

    def _cancelarTurno(self, appointmentId: str, **identity: str) -> dict[str, Any]:
        found = self._find_changeable(appointmentId, **identity)
        if isinstance(found, dict):
            return found
        found.status = "cancelled"
        return self._appointment(appointmentId, found)

    def _modificarTurno(self, appointmentId: str, newDate: str, **identity: str) -> dict[str, Any]:
        found = self._find_changeable(appointmentId, **identity)
        if isinstance(found, dict):
            return found
        found.when = datetime.fromisoformat(newDate)
        return self._appointment(appointmentId, found)

    def _agendarTurno(
        self, patientName: str, doctorName: str, date: str, **others: str
    ) -> dict[str, Any]:
        doctor = next((d for d in DOCTORS if fold(d) == fold(doctorName)), None)
        if doctor is None:
            return refused("doctor_unknown", "Ese doctor no atiende acá.")
        when = datetime.fromisoformat(date)
        taken = {a.when for a in self.appointments.values() if a.doctor == doctor}
        slot = when - timedelta(minutes=when.minute % 30)
        free = [slot + timedelta(minutes=30 * step) for step in (1, 2, 3)]
        times = [f"{each.isoformat(timespec='minutes')}-03:00" for each in free]
        if when != slot:
            return refused("not_a_slot", "Los turnos son cada media hora.", alternatives=times)
        if when in taken:
            return refused("slot_taken", "Ese horario ya está ocupado.", alternatives=times)
        made = Appointment(patientName, doctor, when)
        self.appointments[str(900 + len(self.created))] = made
        self.created.append(made)
        return self._appointment(str(899 + len(self.created)), made)

    def _appointment(self, appointment_id: str, found: Appointment) -> dict[str, Any]:
        when = found.when
        return {
            "ok": True,
            "appointment": {
                "id": appointment_id,
                "patientName": found.patient,
                "doctorName": found.doctor,
                "dateText": f"el {day_words(when.date())} {hour_words(when.time())}",
                "duration": 30,
                "typeText": "consulta",
                "statusText": TEXTS[found.status],
            },
        }


class DialogueDriver:
    """Plays scenes against the dialogue alone, with the shop's tools answering at once."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.dialogue = DialogueManager(setup())

    async def say(self, text: str) -> Outcome:
        return self._finish_turn(self.dialogue.respond(text, now=MONDAY))

    async def interrupt(self, text: str) -> Outcome:
        self.dialogue.handle_interruption()
        return await self.say(text)

    async def wait(self, seconds: float) -> Outcome:
        return Outcome()

    async def inject_fault(self, fault: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def differences(self, end: Mapping[str, Any]) -> list[str]:
        shop = self.shop
        orders = {number: order.status for number, order in shop.orders.items()}
        appointments = {
            number: {"status": each.status, "when": each.when}
            for number, each in shop.appointments.items()
        }
        new_orders = [
            {"customer": o.customer, "total": str(o.total.quantize(Decimal("0.01")))}
            | {"items": len(o.items)}
            for o in shop.created
            if isinstance(o, Order)
        ]
        new_appointments = [
            {"patient": a.patient, "doctor": a.doctor, "when": a.when, "status": a.status}
            for a in shop.created
            if isinstance(a, Appointment)
        ]
        state = EndState(orders, appointments, new_orders, new_appointments, MONDAY.date())
        return state.differences(end)

    def _finish_turn(self, reply: Reply) -> Outcome:
        calls: list[tuple[str, Mapping[str, Any]]] = []
        replies = list(reply.sentences)
        pending = list(reply.tool_calls)
        while pending:
            call = pending.pop(0)
            calls.append((call.name, call.arguments))
            reply = self.dialogue.handle_tool_result(
                tool_use_id="t",
                name=call.name,
                result=self.shop.call(call.name, call.arguments),
                now=MONDAY,
            )
            replies += reply.sentences
            pending += reply.tool_calls
        return Outcome(calls=calls, replies=replies)


@dataclass(frozen=True, slots=True)
class EndState:
    """The state after a scene, in the terms of the scenes' `end`."""

    orders: Mapping[str, str]
    appointments: Mapping[str, Mapping[str, Any]]
    new_orders: list[dict[str, Any]]
    new_appointments: list[dict[str, Any]]
    today: date

    def differences(self, end: Mapping[str, Any]) -> list[str]:
        found: list[str] = []
        for number, status in (end.get("orders") or {}).items():
            if self.orders.get(number) != status:
                found.append(f"order {number} is {self.orders.get(number)}, not {status}")
        for number, wanted in (end.get("appointments") or {}).items():
            record = self.appointments.get(number, {})
            fields = wanted if isinstance(wanted, dict) else {"status": wanted}
            found += self._compare(f"appointment {number}", fields, record)
        for kind, created in (
            ("new_orders", self.new_orders),
            ("new_appointments", self.new_appointments),
        ):
            wanted_all = end.get(kind) or []
            if len(created) != len(wanted_all):
                found.append(f"{len(created)} {kind}, not {len(wanted_all)}: {created}")
                continue
            for wanted, record in zip(wanted_all, created, strict=True):
                found += self._compare(kind, wanted, record)
        return found

    def _compare(
        self, what: str, wanted: Mapping[str, Any], record: Mapping[str, Any]
    ) -> list[str]:
        found = []
        for name, value in wanted.items():
            expected = self._moment(value) if name == "when" else value
            if record.get(name) != expected:
                found.append(f"{what}: {name} is {record.get(name)}, not {expected}")
        return found

    def _moment(self, text: str) -> datetime:
        """Return the moment of "+1 10:00" or of "viernes 15:00", the next such day after today."""
        day, _, clock = text.partition(" ")
        hour, minute = map(int, clock.split(":"))
        if day.startswith("+"):
            days = int(day[1:])
        else:
            days = (WEEKDAYS.index(day) - self.today.weekday()) % 7 or 7
        moment = datetime(self.today.year, self.today.month, self.today.day, hour, minute)
        return moment + timedelta(days=days)
