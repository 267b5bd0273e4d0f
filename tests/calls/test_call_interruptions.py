"""Customers who speak over the assistant."""

import asyncio

import pytest

from conversations.domain import Speaker
from tests.calls.harness import (
    in_virtual_time,
    running_call,
    says,
)
from tests.calls.sonic_service import Conditions, SonicService
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."


class TestInterruptions:
    @in_virtual_time
    async def test_interrupted_answer_is_cut_and_nothing_stale_follows(self) -> None:
        async with running_call({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            (notice,) = call.client.of(m.ReplyInterrupted)
            flushed = call.client.messages.index(m.Flush(generation=1))
            later = [x for x in call.client.messages[flushed:] if isinstance(x, m.SpeechChunk)]
            assert {chunk.generation for chunk in later} == {1}
            assert (notice.turn, notice.generation) == (1, 1)
            answer = next(u for u in call.transcript if u.speaker is Speaker.ASSISTANT)
            assert answer.interrupted
            assert 0 < len(answer.text) < len(LONG)
            assert LONG.startswith(answer.text)
            assert call.said_by_customer == ["Hola", "1"]
            assert call.said_by_assistant[-1] == "Dijiste 1."

    @in_virtual_time
    async def test_text_typed_into_a_reply_interrupts_it(self) -> None:
        service = SonicService({"Hola": says(LONG, LONG)}, conditions=Conditions(thinks_s=0.5))
        async with running_call(service=service) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            assert call.call.state.turn.is_reply_coming
            call.client.type("Pará")
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == "Dijiste Pará."
            assert call.client.spoken()[-1] == "assistant: Dijiste Pará."
            (notice,) = call.client.of(m.ReplyInterrupted)
            assert notice.turn == 1

    @in_virtual_time
    async def test_latency_of_the_next_turn_ignores_the_rest_of_this_one(
        self,
    ) -> None:
        service = SonicService({"Hola": says(LONG, LONG)}, conditions=Conditions(thinks_s=0.8))
        async with running_call(service=service) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.client.type("Pará")
            await call.wait_until_quiet()
            (finished,) = call.client.of(m.TurnFinished)
            assert finished.turn == 2
            assert finished.latency is not None
            assert finished.latency.first_audio_ms == pytest.approx(800, abs=20)

    @in_virtual_time
    async def test_slow_connection_does_not_cut_the_next_answer(self) -> None:
        """The client's playback position arrives when the next answer is already planned."""
        async with running_call({"Hola": says(LONG, LONG)}, delay_s=0.2) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.client.type("Pará")
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == "Dijiste Pará."
            assert not call.transcript[-1].interrupted

    @in_virtual_time
    async def test_reply_played_to_its_end_is_not_cut(self) -> None:
        async with running_call({"Hola": says("Sí.")}) as call:
            await call.ask("Hola")
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            assert call.client.of(m.ReplyInterrupted) == []
            assert [u.interrupted for u in call.transcript] == [False] * 4
