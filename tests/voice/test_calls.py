"""Whole calls through a real server process, the real SDK and the simulator, by typed text."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import appointments.services
import orders.services
from appointments.domain import AppointmentStatus
from common.identity.verification import Staff
from orders.domain import OrderStatus
from tests.fixtures.line import Line, open_events_line, open_line, ticket
from tests.fixtures.site import Site, SiteRunner
from voice import pcm
from voice.wire.binary import FrameType

pytestmark = pytest.mark.wire

COUNTED = {FrameType.AUDIO_OUT, FrameType.FLUSH, FrameType.EVENT}
CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")


def tool_runs(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (event["name"], event["outcome"])
        for event in events
        if event["type"] == "tool" and event["phase"] == "finished"
    ]


def answers(events: list[dict[str, Any]]) -> str:
    return " ".join(
        event["text"]
        for event in events
        if event["type"] == "caption" and event["role"] == "assistant"
    )


async def conversation(site: Site, *texts: str) -> list[dict[str, Any]]:
    async with open_line(site.ws_url) as line:
        events = await line.converse(*texts)
        assert len(line.speech) > pcm.byte_count(500, pcm.OUTPUT_RATE_HZ)
        return events


# The seven tools, each once


async def test_an_order_is_looked_up(site: Site, demo_data: datetime) -> None:
    events = await conversation(site, "Consulta el pedido número 1 con DNI 12345678")
    assert tool_runs(events) == [("consultarOrder", "ok")]
    assert "pendiente" in answers(events)


async def test_an_order_is_cancelled(site: Site, demo_data: datetime) -> None:
    events = await conversation(site, "Cancela el pedido número 2 para Juan Pérez")
    assert tool_runs(events) == [("cancelarOrder", "ok")]
    assert orders.services.get_order(order_id="2").status is OrderStatus.CANCELLED


async def test_an_order_is_created_once_all_is_said(site: Site, demo_data: datetime) -> None:
    events = await conversation(
        site,
        "Crea un pedido para María García con 2 productos",
        "2 Producto A a 25,99 cada uno y 1 Producto B a 15,50",
        "mi email es maria.garcia@email.com",
    )
    assert tool_runs(events) == [("crearOrder", "ok")]
    newest = orders.services.list_orders().items[0]
    assert (newest.customer_name, str(newest.total)) == ("María García", "67.48")


async def test_an_appointment_is_booked(site: Site, demo_data: datetime) -> None:
    events = await conversation(
        site,
        "Agenda una cita para mañana a las 10 con el Dr. Rodríguez",
        "Pedro Gómez",
        "pedro.gomez@email.com",
    )
    assert tool_runs(events) == [("agendarTurno", "ok")]
    tomorrow = (demo_data.astimezone(CLINIC) + timedelta(days=1)).date()
    booked = appointments.services.list_appointments_on(day=tomorrow)
    assert [(a.patient_name, a.starts_at.astimezone(CLINIC).hour) for a in booked if a.patient_name == "Pedro Gómez"] == [("Pedro Gómez", 10)]  # fmt: skip


async def test_an_appointment_is_moved(site: Site, demo_data: datetime) -> None:
    events = await conversation(
        site, "Modifica la cita número 1 para el viernes a las 15:00", "Juan Pérez"
    )
    assert tool_runs(events) == [("modificarTurno", "ok")]
    moved = appointments.services.get_appointment(appointment_id="1").starts_at.astimezone(CLINIC)
    assert (moved.weekday(), moved.hour) == (4, 15)


async def test_an_appointment_is_cancelled(site: Site, demo_data: datetime) -> None:
    events = await conversation(site, "Cancela la cita número 3 para Ana Martínez")
    assert tool_runs(events) == [("cancelarTurno", "ok")]
    found = appointments.services.get_appointment(appointment_id="3")
    assert found.status is AppointmentStatus.CANCELLED


async def test_an_appointment_is_looked_up(site: Site, demo_data: datetime) -> None:
    events = await conversation(site, "Consulta la cita número 2 para Luis Fernández")
    assert tool_runs(events) == [("consultarTurno", "ok")]


# What a call says and shows


async def test_not_found_and_not_yours_sound_alike(site: Site, demo_data: datetime) -> None:
    said = set()
    for line in ("Consulta el pedido número 1 con DNI 99999999", "Consulta el pedido número 77 con DNI 99999999"):  # fmt: skip
        events = await conversation(site, line)
        assert tool_runs(events) == [("consultarOrder", "refused")]
        said.add(answers(events).replace("77", "1"))
    assert len(said) == 1


async def test_a_turns_frames_come_in_order(site: Site, demo_data: datetime) -> None:
    async with open_line(site.ws_url) as line:
        await line.converse("Consulta el pedido número 1 con DNI 12345678")
        counted = [f.sequence for f in line.received if f.kind in COUNTED]
        assert counted == list(range(len(counted)))
        speech = [f for f in line.received if f.kind is FrameType.AUDIO_OUT]
        position = 0
        for frame in speech:
            assert frame.position == position
            position += pcm.samples(len(frame.payload))
        assert [bool(f.flags & 1) for f in speech].count(True) == 1
        assert speech[0].flags & 1
        assert speech[-1].flags & 2
        kinds = [event["type"] for event in line.events]
        assert kinds.index("caption") < kinds.index("tool") < kinds.index("turn")


async def test_the_turns_time_is_split(site: Site, demo_data: datetime) -> None:
    events = await conversation(site, "Consulta el pedido número 1 con DNI 12345678")
    latency = next(event for event in events if event["type"] == "turn")["latency"]
    parts = latency["modelMs"] + latency["toolMs"] + latency["serverMs"]
    assert latency["firstAudioMs"] == pytest.approx(parts, abs=0.3)
    assert latency["toolMs"] > 0


async def test_the_reply_marker_reaches_nobody(site: Site, demo_data: datetime) -> None:
    async with open_events_line(site.ws_url) as line:
        await line.send_burst()
        await line.type("Hola")
        await line.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        assert "[FINAL]" not in json.dumps(line.received)
    assert "[FINAL]" not in json.dumps(await conversation(site, "Hola"))


async def test_ending_a_call_is_answered_and_closes(site: Site) -> None:
    async with open_line(site.ws_url) as line:
        await line.send(type="end")
        assert (await line.until("ended"))["reason"] == "client"
        assert await line.until_closed() == 1000


@pytest.fixture(params=["uvicorn", "daphne"])
def either_server(request: pytest.FixtureRequest, run_site: SiteRunner) -> Iterator[Site]:
    with run_site(server=request.param) as site:
        yield site


async def test_a_call_works_under_both_servers(either_server: Site, demo_data: datetime) -> None:
    events = await conversation(either_server, "Consulta el pedido número 1 con DNI 12345678")
    assert tool_runs(events) == [("consultarOrder", "ok")]


async def test_a_call_that_begins_at_no_number_there_is_does_not_begin(site: Site) -> None:
    begun = calls_begun(site)
    async with open_line(site.ws_url, start=False) as line:
        line.frames.sequence = 2**32 - 1
        await line.send_start()
        assert await line.until_closed() == 1008
    assert calls_begun(site) == begun


def calls_begun(site: Site) -> str:
    """Return the metric's lines as they stand."""
    said = site.get("/metrics")[1].decode()
    return "".join(line for line in said.splitlines(True) if "nova_calls_begun" in line)


async def test_calls_do_not_hear_each_other(site: Site, demo_data: datetime) -> None:
    async with asyncio.TaskGroup() as tasks:
        one = tasks.create_task(conversation(site, "Consulta el pedido número 1 con DNI 12345678"))
        other = tasks.create_task(
            conversation(site, "Consulta la cita número 2 para Luis Fernández")
        )
    assert tool_runs(one.result()) == [("consultarOrder", "ok")]
    assert tool_runs(other.result()) == [("consultarTurno", "ok")]


# The earlier system's clients


@pytest.mark.parametrize("path", ["/ws", "/"])
async def test_an_earlier_client_works_unchanged(
    site: Site, demo_data: datetime, path: str
) -> None:
    async with open_events_line(f"ws://localhost:{site.port}{path}") as line:
        await line.send_burst()
        await line.type("Consulta el pedido número 1 con DNI 12345678")
        use = await line.until("toolUse")
        assert (use["toolName"], use["promptName"]) == ("consultarOrder", "p")
        assert (await line.until("toolResult"))["content"]["ok"] is True
        await line.until("contentEnd", type="AUDIO", stopReason="END_TURN")
        names = {next(iter(event)) for event in line.received}
        assert {
            "completionStart",
            "contentStart",
            "textOutput",
            "audioOutput",
            "usageEvent",
        } <= names
        await line.send("promptEnd", promptName="p")
        await line.send("sessionEnd")
        assert (await line.until("serverStatus"))["reason"] == "client"


async def test_an_earlier_client_may_call_again_on_the_same_socket(site: Site) -> None:
    async with open_events_line(site.ws_url) as line:
        for _ in range(2):
            await line.send_burst()
            await line.type("Hola")
            await line.until("contentEnd", type="AUDIO", stopReason="END_TURN")
            await line.send("sessionEnd")
            await line.until("serverStatus")


# What goes wrong


async def complaint(line: Line, frame: bytes | str) -> dict[str, Any]:
    await line.socket.send(frame)
    return await line.until("error")


async def test_what_comes_behind_the_end_is_not_looked_at(site: Site) -> None:
    before = len(site.log.read_text())
    async with open_line(site.ws_url) as line:
        for event in [{"type": "end"}, *[{"type": "text", "text": "Hola"}] * 20]:
            await line.send(**event)
        assert await line.until_closed() == 1000
        assert line.events[-1]["type"] == "ended"
    assert "Exception" not in site.log.read_text()[before:]


async def test_a_mistake_is_told_in_spanish_and_the_call_goes_on(site: Site) -> None:
    async with open_line(site.ws_url) as line:
        for frame, code in [
            (line.frames.event(type="sing"), "unknown_event"),
            (line.frames.event(type="text", text=""), "bad_event"),
            (line.frames.event(type="text", text="x" * 2001), "text_too_long"),
            (line.frames.audio(b"odd"), "odd_audio"),
            (line.frames.event(type="start"), "already_started"),
        ]:
            error = await complaint(line, frame)
            assert error["code"] == code
            assert error["message"].isprintable()
            assert not error["message"].startswith("The ")
        await line.converse("Hola")


async def test_audio_before_the_start_is_refused(site: Site) -> None:
    async with open_line(site.ws_url, start=False) as line:
        assert (await complaint(line, line.frames.audio(bytes(64))))["code"] == "not_started"
        await line.start()


@pytest.mark.parametrize(
    ("frame", "code", "close_code"),
    [
        (b"short", "bad_frame", 1008),
        ("text", "bad_frame", 1008),
        (bytes(16 + 65_537), "frame_too_big", 1009),
    ],
)
async def test_a_broken_frame_ends_its_own_connection_alone(
    site: Site, frame: bytes | str, code: str, close_code: int
) -> None:
    async with open_line(site.ws_url) as other, open_line(site.ws_url) as line:
        assert (await complaint(line, frame))["code"] == code
        assert await line.until_closed() == close_code
        await other.converse("Hola")


async def test_a_frame_beyond_the_servers_limit_is_not_even_read(site: Site) -> None:
    async with open_line(site.ws_url) as line:
        await line.socket.send(bytes(300_000))
        assert await line.until_closed() == 1009


async def test_an_earlier_clients_mistake_is_an_event_it_can_read(site: Site) -> None:
    async with open_events_line(site.ws_url) as line:
        await line.socket.send("{")
        assert (await line.until("serverError"))["code"] == "bad_event"
        await line.send("audioInput", content="AQA=")
        assert (await line.until("serverError"))["code"] == "not_started"
        await line.send_burst()
        await line.type("Hola")
        await line.until("contentEnd", type="AUDIO", stopReason="END_TURN")


async def test_a_client_that_vanishes_leaves_nothing_behind(site: Site) -> None:
    for _ in range(5):
        async with open_line(site.ws_url) as line:
            await line.send(type="text", text="Hola")
            await line.until("caption")
            line.socket.transport.abort()
    await conversation(site, "Hola")
    assert "Traceback" not in site.log.read_text()


async def test_a_service_that_is_down_is_told_and_closes(run_site: SiteRunner) -> None:
    with run_site(wait=False, BEDROCK_ENDPOINT_URL="https://localhost:1") as site:
        await _until_alive(site)
        async with open_line(site.ws_url, start=False) as line:
            await line.send(type="start", ticket=ticket(line.url))
            error = await line.until("error")
            assert (error["code"], error["retryable"]) == ("connect_failed", True)
            assert (await line.until("ended"))["reason"] == "error"
            assert await line.until_closed() == 1011
        assert site.get("/ready")[0] == 503


async def test_a_store_that_is_down_is_said_aloud_and_the_call_goes_on(
    run_site: SiteRunner,
) -> None:
    with run_site(wait=False, DYNAMODB_ENDPOINT_URL="http://localhost:1") as site:
        await _until_alive(site)
        async with open_line(site.ws_url) as line:
            events = await line.converse("Consulta el pedido número 1 con DNI 12345678", "Hola")
            assert tool_runs(events) == [("consultarOrder", "failed")]
        assert site.get("/ready")[0] == 503
        status, body = site.get("/orders")
        assert (status, json.loads(body)["success"]) == (503, False)


async def _until_alive(site: Site) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if (await asyncio.to_thread(site.get, "/health"))[0] == 200:
                    return
            except OSError:
                await asyncio.sleep(0.05)


async def test_staff_and_the_assistant_see_the_same_data(site: Site, demo_data: datetime) -> None:
    orders.services.cancel_order(order_id="1", caller=Staff(), now=demo_data + timedelta(seconds=1))
    events = await conversation(site, "Consulta el pedido número 1 con DNI 12345678")
    assert "cancelado" in answers(events)
    assert json.loads(site.get("/orders/1")[1])["data"]["status"] == "cancelled"
