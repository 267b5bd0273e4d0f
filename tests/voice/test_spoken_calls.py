"""Whole calls by voice: recordings in, speech out, judged by what was done, not by spelling."""

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
from voice.cli import conversation
from voice.cli.lines import Line, Recording, Turn, Typed

pytestmark = [pytest.mark.speech, pytest.mark.timeout(180)]

SAMPLES = Path(__file__).parents[2] / "samples"
CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
PATIENCE_S = 60.0


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


async def held(site: Site, *lines: Line) -> list[Turn]:
    turns = await conversation.hold_conversation(
        site.ws_url,
        lines,
        timeout_s=PATIENCE_S,
        on_event=lambda _: None,
        on_turn=lambda _: None,
    )
    assert all(turn.is_answered for turn in turns)
    return turns


def spoken(name: str) -> Recording:
    return Recording.load(SAMPLES / name)


def tools(turns: list[Turn]) -> list[tuple[str, str]]:
    return [(tool["name"], tool["outcome"]) for turn in turns for tool in turn.tools]


async def test_an_order_is_looked_up_by_voice(hearing_site: Site, demo_data: datetime) -> None:
    turns = await held(hearing_site, spoken("consulta-pedido-1.wav"))
    assert tools(turns) == [("consultarOrder", "ok")]
    assert "pendiente" in " ".join(turns[0].answered)
    assert turns[0].first_audio_ms is not None
    assert turns[0].server is not None


async def test_an_order_is_cancelled_by_voice(hearing_site: Site, demo_data: datetime) -> None:
    turns = await held(hearing_site, spoken("cancela-pedido-2.wav"))
    assert tools(turns) == [("cancelarOrder", "ok")]
    assert orders.services.get_order(order_id="2").status is OrderStatus.CANCELLED


async def test_an_appointment_is_looked_up_by_voice(
    hearing_site: Site, demo_data: datetime
) -> None:
    turns = await held(hearing_site, spoken("consulta-cita-2.wav"))
    assert tools(turns) == [("consultarTurno", "ok")]


async def test_an_appointment_is_cancelled_by_voice(
    hearing_site: Site, demo_data: datetime
) -> None:
    turns = await held(hearing_site, spoken("cancela-cita-3.wav"))
    assert tools(turns) == [("cancelarTurno", "ok")]
    found = appointments.services.get_appointment(appointment_id="3")
    assert found.status is AppointmentStatus.CANCELLED


async def test_voice_and_typing_mix_in_one_call(hearing_site: Site, demo_data: datetime) -> None:
    turns = await held(
        hearing_site,
        spoken("agenda-cita.wav"),
        Typed("Pedro Gómez"),
        Typed("pedro.gomez@email.com"),
    )
    assert tools(turns) == [("agendarTurno", "ok")]
    tomorrow = (demo_data.astimezone(CLINIC) + timedelta(days=1)).date()
    booked = appointments.services.list_appointments_on(day=tomorrow)
    hours = [a.starts_at.astimezone(CLINIC).hour for a in booked if a.patient_name == "Pedro Gómez"]
    assert hours == [10]
