"""Whole calls through a real server process, the real SDK and the simulator, by typed text."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import appointments.services
import follow_ups.services
import orders.services
from appointments.domain import AppointmentStatus
from common.identity.verification import Staff
from orders.domain import OrderStatus
from tests.fixtures.site import Site, SiteRunner
from tests.fixtures.voice_clients import (
    VoiceClient,
    open_client,
    open_legacy_client,
    request_ticket,
)
from voice import pcm
from voice.wire.binary import FrameType

pytestmark = pytest.mark.wire

NUMBERED_TYPES = {FrameType.AUDIO_OUT, FrameType.FLUSH, FrameType.EVENT}
CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")


def tool_outcomes(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (event["name"], event["outcome"])
        for event in events
        if event["type"] == "tool" and event["phase"] == "finished"
    ]


def reply_text(events: list[dict[str, Any]]) -> str:
    return " ".join(
        event["text"]
        for event in events
        if event["type"] == "caption" and event["role"] == "assistant"
    )


async def converse(site: Site, *texts: str) -> list[dict[str, Any]]:
    async with open_client(site.ws_url) as client:
        events = await client.converse(*texts)
        assert len(client.speech) > pcm.byte_count(500, pcm.OUTPUT_RATE_HZ)
        return events


# The tools


async def test_typed_order_number_finds_the_order(site: Site, demo_data: datetime) -> None:
    events = await converse(site, "Consulta el pedido número 1 con DNI 12345678")
    assert tool_outcomes(events) == [("consultarOrder", "ok")]
    assert "pendiente" in reply_text(events)


async def test_typed_request_cancels_the_order(site: Site, demo_data: datetime) -> None:
    events = await converse(site, "Cancela el pedido número 2 para Juan Pérez")
    assert tool_outcomes(events) == [("cancelarOrder", "ok")]
    assert orders.services.get_order(order_id="2").status is OrderStatus.CANCELLED


async def test_typed_details_create_an_order(site: Site, demo_data: datetime) -> None:
    events = await converse(
        site,
        "Crea un pedido para María García con 2 productos",
        "2 Producto A a 25,99 cada uno y 1 Producto B a 15,50",
        "mi email es maria.garcia@email.com",
    )
    assert tool_outcomes(events) == [("crearOrder", "ok")]
    newest = orders.services.list_orders().items[0]
    assert (newest.customer_name, str(newest.total)) == ("María García", "67.48")


async def test_typed_details_book_an_appointment(site: Site, demo_data: datetime) -> None:
    events = await converse(
        site,
        "Agenda una cita para mañana a las 10 con el Dr. Rodríguez",
        "Pedro Gómez",
        "pedro.gomez@email.com",
    )
    assert tool_outcomes(events) == [("agendarTurno", "ok")]
    tomorrow = (demo_data.astimezone(CLINIC) + timedelta(days=1)).date()
    booked = appointments.services.list_appointments_on(day=tomorrow)
    assert [(a.patient_name, a.starts_at.astimezone(CLINIC).hour) for a in booked if a.patient_name == "Pedro Gómez"] == [("Pedro Gómez", 10)]  # fmt: skip


async def test_typed_request_moves_the_appointment(site: Site, demo_data: datetime) -> None:
    events = await converse(
        site, "Modifica la cita número 1 para el viernes a las 15:00", "Juan Pérez, DNI 12345678"
    )
    assert tool_outcomes(events) == [("modificarTurno", "ok")]
    moved = appointments.services.get_appointment(appointment_id="1").starts_at.astimezone(CLINIC)
    assert (moved.weekday(), moved.hour) == (4, 15)


async def test_typed_request_cancels_the_appointment(site: Site, demo_data: datetime) -> None:
    events = await converse(site, "Cancela la cita número 3 para Ana Martínez, DNI 45678901")
    assert tool_outcomes(events) == [("cancelarTurno", "ok")]
    found = appointments.services.get_appointment(appointment_id="3")
    assert found.status is AppointmentStatus.CANCELLED


async def test_typed_request_for_a_person_leaves_a_message(site: Site, demo_data: datetime) -> None:
    async with open_client(site.ws_url) as client:
        events = await client.converse(
            "Quiero hablar con una persona",
            "Sí, dale",
            "Rosa Paz",
            "Un presupuesto para la empresa",
            "Mi teléfono es 1145551234",
        )
    assert tool_outcomes(events) == [
        ("dejarMensaje", "refused"),
        ("dejarMensaje", "ok"),
    ]
    [left] = [
        each
        for each in follow_ups.services.list_follow_ups(now=demo_data).items
        if each.customer_name == "Rosa Paz"
    ]
    assert (left.phone, left.message) == ("1145551234", "Un presupuesto para la empresa")
    assert left.call_id is not None


async def test_typed_appointment_number_finds_the_appointment(
    site: Site, demo_data: datetime
) -> None:
    events = await converse(site, "Consulta la cita número 2 para Luis Fernández")
    assert tool_outcomes(events) == [("consultarTurno", "ok")]


# Replies and events


async def test_missing_and_foreign_order_get_the_same_reply(
    site: Site, demo_data: datetime
) -> None:
    replies = set()
    for order_id in ("1", "77"):
        events = await converse(site, f"Consulta el pedido número {order_id} con DNI 99999999")
        assert tool_outcomes(events) == [("consultarOrder", "refused")]
        replies.add(reply_text(events).replace("77", "1"))
    assert len(replies) == 1


async def test_frames_of_a_turn_are_in_order(site: Site, demo_data: datetime) -> None:
    async with open_client(site.ws_url) as client:
        await client.converse("Consulta el pedido número 1 con DNI 12345678")
        counted = [f.sequence for f in client.received if f.kind in NUMBERED_TYPES]
        assert counted == list(range(len(counted)))
        speech = [f for f in client.received if f.kind is FrameType.AUDIO_OUT]
        position = 0
        for frame in speech:
            assert frame.position == position
            position += pcm.samples(len(frame.payload))
        assert [bool(f.flags & 1) for f in speech].count(True) == 1
        assert speech[0].flags & 1
        assert speech[-1].flags & 2
        kinds = [event["type"] for event in client.events]
        assert kinds.index("caption") < kinds.index("tool") < kinds.index("turn")


async def test_parts_of_the_turn_latency_add_up(site: Site, demo_data: datetime) -> None:
    events = await converse(site, "Consulta el pedido número 1 con DNI 12345678")
    latency = next(event for event in events if event["type"] == "turn")["latency"]
    parts = latency["modelMs"] + latency["toolMs"] + latency["serverMs"]
    assert latency["firstAudioMs"] == pytest.approx(parts, abs=0.3)
    assert latency["toolMs"] > 0


async def test_reply_marker_is_not_sent_to_clients(site: Site, demo_data: datetime) -> None:
    async with open_legacy_client(site.ws_url) as client:
        await client.start_session()
        await client.type_text("Hola")
        await client.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert "[FINAL]" not in json.dumps(client.received)
    assert "[FINAL]" not in json.dumps(await converse(site, "Hola"))


async def test_end_of_call_is_confirmed_and_closes_the_connection(site: Site) -> None:
    async with open_client(site.ws_url) as client:
        await client.send(type="end")
        assert (await client.until("ended"))["reason"] == "client"
        assert await client.until_closed() == 1000


@pytest.fixture(params=["uvicorn", "daphne"])
def either_server(request: pytest.FixtureRequest, run_site: SiteRunner) -> Iterator[Site]:
    with run_site(server=request.param) as site:
        yield site


async def test_call_works_with_uvicorn_and_daphne(either_server: Site, demo_data: datetime) -> None:
    events = await converse(either_server, "Consulta el pedido número 1 con DNI 12345678")
    assert tool_outcomes(events) == [("consultarOrder", "ok")]


async def test_start_with_an_impossible_sequence_number_is_refused(site: Site) -> None:
    before = started_calls(site)
    async with open_client(site.ws_url, start=False) as client:
        client.frames.sequence = 2**32 - 1
        await client.send_start()
        assert await client.until_closed() == 1008
    assert started_calls(site) == before


def started_calls(site: Site) -> str:
    """Return the lines of the metric that counts started calls."""
    return "\n".join(line for line in site.metrics() if "nova_calls_begun" in line)


async def test_concurrent_calls_are_separate(site: Site, demo_data: datetime) -> None:
    async with asyncio.TaskGroup() as tasks:
        one = tasks.create_task(converse(site, "Consulta el pedido número 1 con DNI 12345678"))
        other = tasks.create_task(converse(site, "Consulta la cita número 2 para Luis Fernández"))
    assert tool_outcomes(one.result()) == [("consultarOrder", "ok")]
    assert tool_outcomes(other.result()) == [("consultarTurno", "ok")]


# Legacy clients


@pytest.mark.parametrize("path", ["/ws", "/"])
async def test_legacy_client_makes_a_call(site: Site, demo_data: datetime, path: str) -> None:
    async with open_legacy_client(f"ws://localhost:{site.port}{path}") as client:
        await client.start_session()
        await client.type_text("Consulta el pedido número 1 con DNI 12345678")
        use = await client.until("toolUse")
        assert (use["toolName"], use["promptName"]) == ("consultarOrder", "p")
        assert (await client.until("toolResult"))["content"]["ok"] is True
        await client.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        names = {next(iter(event)) for event in client.received}
        assert {
            "completionStart",
            "contentStart",
            "textOutput",
            "audioOutput",
            "usageEvent",
        } <= names
        await client.send("promptEnd", promptName="p")
        await client.send("sessionEnd")
        assert (await client.until("serverStatus"))["reason"] == "client"


async def test_legacy_client_makes_two_calls_on_one_connection(site: Site) -> None:
    async with open_legacy_client(site.ws_url) as client:
        for _ in range(2):
            await client.start_session()
            await client.type_text("Hola")
            await client.until("contentEnd", type="AUDIO", stopReason="END_TURN")
            await client.send("sessionEnd")
            await client.until("serverStatus")


# Errors


async def error_for(client: VoiceClient, frame: bytes | str) -> dict[str, Any]:
    await client.socket.send(frame)
    return await client.until("error")


async def test_events_after_the_end_are_ignored(site: Site) -> None:
    before = len(site.log.read_text())
    async with open_client(site.ws_url) as client:
        for event in [{"type": "end"}, *[{"type": "text", "text": "Hola"}] * 20]:
            await client.send(**event)
        assert await client.until_closed() == 1000
        assert client.events[-1]["type"] == "ended"
    assert "Exception" not in site.log.read_text()[before:]


async def test_refused_event_gets_a_spanish_error_and_the_call_continues(site: Site) -> None:
    async with open_client(site.ws_url) as client:
        for frame, code in [
            (client.frames.event(type="sing"), "unknown_event"),
            (client.frames.event(type="text", text=""), "bad_event"),
            (client.frames.event(type="text", text="x" * 2001), "text_too_long"),
            (client.frames.audio(b"odd"), "odd_audio"),
            (client.frames.event(type="start"), "already_started"),
        ]:
            error = await error_for(client, frame)
            assert error["code"] == code
            assert error["message"].isprintable()
            assert not error["message"].startswith("The ")
        await client.converse("Hola")


async def test_audio_before_the_start_is_refused(site: Site) -> None:
    async with open_client(site.ws_url, start=False) as client:
        assert (await error_for(client, client.frames.audio(bytes(64))))["code"] == "not_started"
        await client.start()


@pytest.mark.parametrize(
    ("frame", "code", "close_code"),
    [
        (b"short", "bad_frame", 1008),
        ("text", "bad_frame", 1008),
        (bytes(16 + 65_537), "frame_too_big", 1009),
    ],
)
async def test_broken_frame_closes_only_its_own_connection(
    site: Site, frame: bytes | str, code: str, close_code: int
) -> None:
    async with open_client(site.ws_url) as other, open_client(site.ws_url) as client:
        assert (await error_for(client, frame))["code"] == code
        assert await client.until_closed() == close_code
        await other.converse("Hola")


async def test_frame_over_the_server_limit_closes_the_connection(site: Site) -> None:
    async with open_client(site.ws_url) as client:
        await client.socket.send(bytes(300_000))
        assert await client.until_closed() == 1009


async def test_legacy_client_gets_errors_as_events(site: Site) -> None:
    async with open_legacy_client(site.ws_url) as client:
        await client.socket.send("{")
        assert (await client.until("serverError"))["code"] == "bad_event"
        await client.send("audioInput", content="AQA=")
        assert (await client.until("serverError"))["code"] == "not_started"
        await client.start_session()
        await client.type_text("Hola")
        await client.until("contentEnd", type="AUDIO", stopReason="END_TURN")


async def test_aborted_connections_leave_no_errors_in_the_log(site: Site) -> None:
    for _ in range(5):
        async with open_client(site.ws_url) as client:
            await client.send(type="text", text="Hola")
            await client.until("caption")
            client.socket.transport.abort()
    await converse(site, "Hola")
    assert "Traceback" not in site.log.read_text()


async def test_unreachable_service_is_reported_and_closes_the_call(run_site: SiteRunner) -> None:
    with run_site(wait=False, BEDROCK_ENDPOINT_URL="https://localhost:1") as site:
        await _until_alive(site)
        async with open_client(site.ws_url, start=False) as client:
            await client.send(type="start", ticket=request_ticket(client.url))
            error = await client.until("error")
            assert (error["code"], error["retryable"]) == ("connect_failed", True)
            assert (await client.until("ended"))["reason"] == "error"
            assert await client.until_closed() == 1011
        assert site.get("/ready")[0] == 503


async def test_call_continues_when_dynamodb_is_down(
    run_site: SiteRunner,
) -> None:
    with run_site(wait=False, DYNAMODB_ENDPOINT_URL="http://localhost:1") as site:
        await _until_alive(site)
        async with open_client(site.ws_url) as client:
            events = await client.converse("Consulta el pedido número 1 con DNI 12345678", "Hola")
            assert tool_outcomes(events) == [("consultarOrder", "failed")]
        assert site.get("/ready")[0] == 503
        status, body = site.get("/orders")
        assert (status, json.loads(body)["success"]) == (503, False)


async def _until_alive(site: Site) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await asyncio.to_thread(site.get, "/health"))[0] == 200:
                    return
            except OSError:
                await asyncio.sleep(0.05)


async def test_assistant_reports_a_change_that_staff_made(site: Site, demo_data: datetime) -> None:
    orders.services.cancel_order(order_id="1", caller=Staff(), now=demo_data + timedelta(seconds=1))
    events = await converse(site, "Consulta el pedido número 1 con DNI 12345678")
    assert "cancelado" in reply_text(events)
    assert json.loads(site.get("/orders/1")[1])["data"]["status"] == "cancelled"
