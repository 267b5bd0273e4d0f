"""Plays scenes on a running site: typed or spoken by the local voice, with the end state in DynamoDB."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import appointments.services
import orders.services
from common import clock
from nova_sonic_simulator.scenes import Outcome
from nova_sonic_simulator.testing import RunningSimulator
from support.shop import EndState
from voice import pcm
from voice.cli.client import CallClient
from voice.cli.turns import CallFailedError, CustomerInput, Recording, TypedText

CLINIC = ZoneInfo("America/Argentina/Buenos_Aires")
TURN_TIMEOUT_S = 180.0
END_OF_TURN_MS = 1500

type Speak = Callable[[str], bytes]


class SiteDriver:
    """Plays one customer; `speak` turns text to PCM at 16 kHz, None means typed text."""

    def __init__(
        self, client: CallClient, simulator: RunningSimulator, *, speak: Speak | None, scale: float
    ) -> None:
        self._client = client
        self._simulator = simulator
        self._speak = speak
        self._scale = scale
        self._calls_before = 0
        self._session_ids: set[str] = set()
        self.transcripts: list[str] = []

    async def prepare(self) -> None:
        """Remember the sessions of other calls, whose tool calls are not this scene's."""
        self._session_ids = {session["id"] for session in await self._simulator.sessions()}

    async def say(self, text: str) -> Outcome:
        outcome, speech_s = await self._run_turn(text)
        # The customer hears the reply to its end, at the pace of the simulator.
        await asyncio.sleep(speech_s / self._scale)
        return outcome

    async def interrupt(self, text: str) -> Outcome:
        return (await self._run_turn(text))[0]

    async def wait(self, seconds: float) -> Outcome:
        await asyncio.sleep(seconds)
        return Outcome(calls=await self._new_calls())

    async def inject_fault(self, fault: Mapping[str, Any]) -> None:
        await self._simulator.inject_fault(**fault)

    async def differences(self, end: Mapping[str, Any]) -> list[str]:
        state = await asyncio.to_thread(read_end_state)
        return state.differences(end)

    async def _run_turn(self, text: str) -> tuple[Outcome, float]:
        said: CustomerInput = TypedText(text)
        if self._speak is not None:
            samples = self._speak(text) + pcm.silence(END_OF_TURN_MS, pcm.INPUT_RATE_HZ)
            said = Recording(text[:40], samples, pcm.INPUT_RATE_HZ)
        try:
            turn = await self._client.run_turn(said, timeout_s=TURN_TIMEOUT_S)
        except CallFailedError as error:
            return Outcome(replies=[f"call failed: {error}"]), 0.0
        self.transcripts += turn.transcripts
        speech_s = pcm.duration_ms(len(turn.speech), pcm.OUTPUT_RATE_HZ) / 1000
        return Outcome(calls=await self._new_calls(), replies=turn.replies), speech_s

    async def _new_calls(self) -> list[tuple[str, Mapping[str, Any]]]:
        sessions = await self._simulator.sessions()
        uses = [
            (use["name"], use["arguments"])
            for session in sessions
            if session["id"] not in self._session_ids
            for use in session["tool_uses"]
        ]
        new, self._calls_before = uses[self._calls_before :], len(uses)
        return new


def read_end_state() -> EndState:
    """Return the orders and appointments as they are stored; demo records have one digit."""
    ordered = list(orders.services.list_orders().items)
    booked = list(appointments.services.list_appointments().items)
    new_orders = sorted(
        (o for o in ordered if len(o.id) > 1), key=lambda each: str(each.created_at)
    )
    new_booked = sorted((a for a in booked if len(a.id) > 1), key=lambda each: str(each.created_at))
    return EndState(
        orders={order.id: str(order.status) for order in ordered},
        appointments={each.id: _fields(each) for each in booked},
        new_orders=[
            {"customer": o.customer_name, "total": f"{o.total:.2f}", "items": len(o.items)}
            for o in new_orders
        ],
        new_appointments=[_fields(each) for each in new_booked],
        today=clock.now().astimezone(CLINIC).date(),
    )


def _fields(appointment: Any) -> dict[str, Any]:
    when = appointment.starts_at.astimezone(CLINIC).replace(tzinfo=None)
    return {
        "patient": appointment.patient_name,
        "doctor": appointment.doctor_name,
        "when": when,
        "status": str(appointment.status),
    }
