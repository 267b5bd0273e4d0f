"""Changes by voice are read back, and made after the customer's answer: typed, on the whole system."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import appointments.services
import conversations.services
import orders.services
from appointments.domain import AppointmentStatus
from common import clock
from common.record_changes import ChangeOrigin, ChangeWay
from conversations.domain import ToolOutcome
from orders.domain import OrderStatus
from tests.fixtures.site import Site, running_site
from tests.fixtures.voice_clients import open_client
from tests.voice.test_calls import reply_text, tool_outcomes

pytestmark = [pytest.mark.wire]

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")


@pytest.fixture(scope="module")
def confirming_site(
    tmp_path_factory: pytest.TempPathFactory, stand_in_environ: dict[str, str]
) -> Iterator[Site]:
    environ = {**stand_in_environ, "CONFIRM_CHANGES": "true"}
    with running_site(tmp_path_factory.mktemp("confirming"), environ) as site:
        yield site


async def stored_records(call_id: str) -> list[str | None]:
    """Return the records of a call's tool calls, once the last one is stored."""
    async with asyncio.timeout(60):
        while True:
            transcript = await asyncio.to_thread(
                conversations.services.get_transcript, call_id=call_id, now=clock.now()
            )
            if transcript.tool_calls and transcript.tool_calls[-1].outcome is ToolOutcome.OK:
                return [each.record for each in transcript.tool_calls]
            await asyncio.sleep(0.05)


async def test_order_is_cancelled_after_a_yes(confirming_site: Site, demo_data: datetime) -> None:
    async with open_client(confirming_site.ws_url) as client:
        events = await client.converse("Cancela el pedido número 2 para Juan Pérez")
        assert tool_outcomes(events) == [("cancelarOrder", "proposed")]
        assert "Entonces cancelo el pedido 2, de 1 Producto C. ¿Lo confirmás?" in reply_text(events)
        assert orders.services.get_order(order_id="2").status is OrderStatus.PROCESSING

        events = await client.converse("sí")
        assert tool_outcomes(events)[-1] == ("cancelarOrder", "ok")
        call_id = client.token.partition(".")[0]
        assert await stored_records(call_id) == [None, "order:2"]
    cancelled = orders.services.get_order(order_id="2")
    assert cancelled.status is OrderStatus.CANCELLED
    (change,) = cancelled.changes
    assert change.origin == ChangeOrigin(way=ChangeWay.VOICE, call_id=call_id)
    assert change.fields == ("status",)


async def test_order_is_not_cancelled_after_a_no(
    confirming_site: Site, demo_data: datetime
) -> None:
    async with open_client(confirming_site.ws_url) as client:
        events = await client.converse("Cancela el pedido número 2 para Juan Pérez", "no")
        assert tool_outcomes(events) == [("cancelarOrder", "proposed")]
    assert orders.services.get_order(order_id="2").status is OrderStatus.PROCESSING


async def test_order_is_placed_as_it_was_read_back(
    confirming_site: Site, demo_data: datetime
) -> None:
    before = {order.id for order in orders.services.list_orders().items}
    async with open_client(confirming_site.ws_url) as client:
        events = await client.converse(
            "Haceme un pedido de 2 Producto A a 25,99", "Eva Luna", "eva@mail.com"
        )
        said = reply_text(events)
        assert "a nombre de Eva Luna: 2 Producto A a $ 25,99" in said.replace("\xa0", " ")
        assert "El correo es e, v, a, arroba, m, a, i, l, punto, c, o, m." in said
        assert {order.id for order in orders.services.list_orders().items} == before

        events = await client.converse("sí, dale")
        assert tool_outcomes(events) == [("crearOrder", "proposed"), ("crearOrder", "ok")]
    (placed,) = (o for o in orders.services.list_orders().items if o.id not in before)
    assert (placed.customer_name, placed.customer_email) == ("Eva Luna", "eva@mail.com")
    assert [(each.origin.way, each.fields) for each in placed.changes] == [(ChangeWay.VOICE, ())]


async def test_appointment_is_booked_moved_and_cancelled_after_a_yes_each(
    confirming_site: Site, demo_data: datetime
) -> None:
    tomorrow = (demo_data.astimezone(CLINIC) + timedelta(days=1)).date()
    async with open_client(confirming_site.ws_url) as client:
        events = await client.converse(
            "Agenda una cita para mañana a las 10:00 con Dr. Rodríguez",
            "Pedro Gómez",
            "pedro@gmail.com",
        )
        assert "a las 10:00 con Dr. Rodríguez, a nombre de Pedro Gómez" in reply_text(events)
        assert "p, e, d, r, o, arroba, gmail punto com" in reply_text(events)
        await client.converse("sí")
        (booked,) = (
            each
            for each in appointments.services.list_appointments_on(day=tomorrow)
            if each.patient_name == "Pedro Gómez"
        )

        events = await client.converse("pasala para mañana a las 12", "sí")
        assert tool_outcomes(events)[-2:] == [
            ("modificarTurno", "proposed"),
            ("modificarTurno", "ok"),
        ], reply_text(events)
        moved = appointments.services.get_appointment(appointment_id=booked.id)
        assert moved.starts_at.astimezone(CLINIC).hour == 12

        events = await client.converse("cancelá la cita", "sí")
        assert tool_outcomes(events)[-2:] == [
            ("cancelarTurno", "proposed"),
            ("cancelarTurno", "ok"),
        ]
    cancelled = appointments.services.get_appointment(appointment_id=booked.id)
    assert cancelled.status is AppointmentStatus.CANCELLED
    assert [each.fields for each in cancelled.changes] == [(), ("starts_at",), ("status",)]
