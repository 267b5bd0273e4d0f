"""A call whole: what is asked is answered, once, whatever becomes of the session that carries it."""

import asyncio
from typing import Any

import pytest

from tests.call.talk import asks_for, says, talk
from tests.call.virtual_time import run
from voice.call.renewal import RenewalPlan
from voice.call.watch import WatchPlan
from voice.sonic.errors import TransportCode, TransportError
from voice.tools.registry import ToolContext, ToolRegistry
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LOST = TransportError(TransportCode.STREAM_LOST, "cut")


def test_typed_words_are_answered_and_both_are_kept() -> None:
    async def scene() -> None:
        async with talk({"Hola": says("¡Hola!", "¿Qué tal?")}) as call:
            assert await call.ask("Hola") == "¡Hola! ¿Qué tal?"
            assert call.client.spoken() == [
                "user: Hola",
                "assistant: ¡Hola!",
                "assistant: ¿Qué tal?",
            ]
        assert call.reason is m.EndReason.CLIENT

    run(scene())


def test_spoken_words_are_answered() -> None:
    async def scene() -> None:
        async with talk({"7 8": says("Siete y ocho.")}) as call:
            await call.speak([7, 8], pause_ms=3000)
            await call.until_quiet()
            assert call.said_by_customer == ["7 8"]
            assert call.said_by_assistant == ["Siete y ocho."]

    run(scene())


def test_the_assistant_speaks_first_and_the_direction_is_shown_to_nobody() -> None:
    async def scene() -> None:
        async with talk(greet=True) as call:
            await call.until_quiet()
            assert call.said_by_customer == []
            assert call.said_by_assistant == [
                "¡Hola! Soy Carlos, el asistente de la prueba. ¿En qué te puedo ayudar?"
            ]
            assert not [c for c in call.client.of(m.Caption) if "[" in c.text]

    run(scene())


def test_twenty_renewals_of_a_customer_who_never_stops_lose_and_double_no_word() -> None:
    async def scene() -> None:
        plan = RenewalPlan(look_after_s=8, by_s=12, at_latest_s=14)
        async with talk(renewal=plan) as call:
            spoken = iter(range(10_000))
            while call.renewals < 20:
                await call.speak([next(spoken) for _ in range(9)], pause_ms=1700)
            await call.play(bytes(32_000 * 4))
            said = " ".join(call.said_by_customer).split()
            assert said == [str(n) for n in range(next(spoken))]
            assert len(call.service.live) == 1

    run(scene())


def test_an_hour_of_silence_ends_nothing_where_silence_is_allowed() -> None:
    async def scene() -> None:
        async with talk(
            {"Hola": says("Acá estoy.")}, watch=WatchPlan(idle_s=7200, limit_s=7200)
        ) as call:
            await asyncio.sleep(3600)
            assert await call.ask("Hola") == "Acá estoy."
            assert call.renewals >= 7

    run(scene())


def test_a_session_that_breaks_in_the_middle_of_an_answer_is_replaced_and_the_answer_given_again() -> (
    None
):
    async def scene() -> None:
        long = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."
        async with talk({"Hola": says(long, long)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(0.6)
            assert call.call.dialogue.replies.is_coming
            call.service.live[0].break_off(LOST)
            await call.until_quiet()
            assert call.said_by_assistant[-2:] == [long, long]
            assert call.said_by_customer == ["Hola"]

    run(scene())


def tool(answer: dict[str, Any], *, takes_s: float = 0.0) -> tuple[ToolRegistry, list[str]]:
    runs: list[str] = []

    async def look(context: ToolContext, *, what: str = "") -> dict[str, Any]:
        """Look something up."""
        runs.append(context.tool_use_id)
        await asyncio.sleep(takes_s)
        return answer

    return ToolRegistry([look]), runs


def test_a_tool_whose_session_breaks_runs_once_and_its_result_is_told() -> None:
    async def scene() -> None:
        tools, runs = tool({"said": "listo"}, takes_s=5)
        async with talk({"Hola": asks_for("look", what="x")}, tools=tools) as call:
            call.client.type("Hola")
            await asyncio.sleep(1)
            call.service.live[0].break_off(LOST)
            await call.until_quiet()
            assert len(runs) == 1
            assert "Llegó el resultado de look" in call.service.streams[-1].mind.told[-1]
            assert len(call.said_by_assistant) == 1

    run(scene())
