"""Whole calls by voice: recordings in, speech out, judged by what the tools did."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import appointments.services
import orders.services
from appointments.domain import AppointmentStatus
from nova_sonic_simulator.testing import RunningSimulator
from orders.domain import OrderStatus
from tests.fixtures.site import Site, running_site
from voice.cli.script import run_script
from voice.cli.turns import CustomerInput, Recording, TurnResult, TypedText

pytestmark = [pytest.mark.speech]

SAMPLES = Path(__file__).parents[2] / "samples"
CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
TURN_TIMEOUT_S = 180.0


@pytest.fixture(scope="module")
def hearing_site(
    tmp_path_factory: pytest.TempPathFactory, dynamodb: str, hearing_simulator: RunningSimulator
) -> Iterator[Site]:
    environ = {
        "DYNAMODB_ENDPOINT_URL": dynamodb,
        "BEDROCK_ENDPOINT_URL": hearing_simulator.url,
        "BEDROCK_CA_FILE": str(hearing_simulator.ca_file),
    }
    with running_site(tmp_path_factory.mktemp("hearing-site"), environ) as site:
        yield site


async def call(site: Site, *inputs: CustomerInput) -> list[TurnResult]:
    turns = await run_script(
        site.ws_url,
        inputs,
        timeout_s=TURN_TIMEOUT_S,
        on_event=lambda _: None,
        on_turn=lambda _: None,
    )
    assert all(turn.is_answered for turn in turns)
    return turns


def recording(name: str) -> Recording:
    return Recording.load(SAMPLES / name)


def tool_outcomes(turns: list[TurnResult]) -> list[tuple[str, str]]:
    return [(event["name"], event["outcome"]) for turn in turns for event in turn.tool_events]


async def test_spoken_order_number_finds_the_order(hearing_site: Site, demo_data: datetime) -> None:
    turns = await call(hearing_site, recording("consulta-pedido-1.wav"))
    assert tool_outcomes(turns) == [("consultarOrder", "ok")]
    assert "pendiente" in " ".join(turns[0].replies)
    assert turns[0].first_audio_ms is not None
    assert turns[0].server_latency is not None


async def test_spoken_request_cancels_the_order(hearing_site: Site, demo_data: datetime) -> None:
    turns = await call(hearing_site, recording("cancela-pedido-2.wav"))
    assert tool_outcomes(turns) == [("cancelarOrder", "ok")]
    assert orders.services.get_order(order_id="2").status is OrderStatus.CANCELLED


async def test_spoken_appointment_number_finds_the_appointment(
    hearing_site: Site, demo_data: datetime
) -> None:
    turns = await call(hearing_site, recording("consulta-cita-2.wav"))
    assert tool_outcomes(turns) == [("consultarTurno", "ok")]


async def test_spoken_request_cancels_the_appointment(
    hearing_site: Site, demo_data: datetime
) -> None:
    turns = await call(hearing_site, recording("cancela-cita-3.wav"), TypedText("DNI 45678901"))
    assert tool_outcomes(turns) == [("cancelarTurno", "refused"), ("cancelarTurno", "ok")]
    found = appointments.services.get_appointment(appointment_id="3")
    assert found.status is AppointmentStatus.CANCELLED


async def test_call_with_voice_and_typed_text_books_an_appointment(
    hearing_site: Site, demo_data: datetime
) -> None:
    turns = await call(
        hearing_site,
        recording("agenda-cita.wav"),
        TypedText("Pedro Gómez"),
        TypedText("pedro.gomez@email.com"),
    )
    assert tool_outcomes(turns) == [("agendarTurno", "ok")]
    tomorrow = (demo_data.astimezone(CLINIC) + timedelta(days=1)).date()
    booked = appointments.services.list_appointments_on(day=tomorrow)
    hours = [a.starts_at.astimezone(CLINIC).hour for a in booked if a.patient_name == "Pedro Gómez"]
    assert hours == [10]
