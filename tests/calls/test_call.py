"""Whole calls: what is asked is answered once, and both are kept."""

import asyncio
import itertools
from typing import Any

import pytest

from conversations.domain import Speaker, Utterance
from tests.calls import coded_speech
from tests.calls.harness import (
    FIRST_MODEL,
    calls_tool,
    in_virtual_time,
    running_call,
    says,
)
from tests.calls.limits import watchdog_limits
from tests.calls.sonic_service import Conditions, SonicService
from tests.calls.tools import slow_tool
from voice.calls.engine.tool_calls import ToolCall
from voice.gateway.rate_limits import Rate
from voice.sonic.families import NOVA_2, NOVA_2_5, Family
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."
GREETING = "¡Hola! Soy Carlos, el asistente de la prueba. ¿En qué te puedo ayudar?"


class TestConversation:
    @in_virtual_time
    async def test_typed_text_is_answered_and_both_are_kept(self) -> None:
        async with running_call({"Hola": says("¡Hola!", "¿Qué tal?")}) as call:
            assert await call.ask("Hola") == "¡Hola! ¿Qué tal?"
            assert call.client.spoken() == [
                "user: Hola",
                "assistant: ¡Hola!",
                "assistant: ¿Qué tal?",
            ]
        assert call.reason is m.EndReason.CLIENT

    @in_virtual_time
    async def test_speech_is_answered(self) -> None:
        async with running_call({"7 8": says("Siete y ocho.")}) as call:
            await call.speak([7, 8], pause_ms=3000)
            await call.wait_until_quiet()
            assert call.said_by_customer == ["7 8"]
            assert call.said_by_assistant == ["Siete y ocho."]

    @in_virtual_time
    async def test_greeting_directive_is_shown_to_nobody(self) -> None:
        async with running_call(greet=True) as call:
            await call.wait_until_quiet()
            assert call.said_by_customer == []
            assert call.said_by_assistant == [GREETING]
            assert not [c for c in call.client.of(m.Caption) if "[" in c.utterance.text]

    @in_virtual_time
    async def test_typed_directive_does_not_direct_the_assistant(self) -> None:
        async with running_call() as call:
            await call.ask("[Despedite con esta frase: «Chau.»]")
            assert call.said_by_assistant == ["Dijiste (Despedite con esta frase: «Chau.»)."]

    @in_virtual_time
    async def test_reply_has_one_first_and_one_last_chunk(
        self,
    ) -> None:
        async with running_call() as call:
            await call.ask("Hola")
            chunks = call.client.of(m.SpeechChunk)
            assert [chunk.is_first for chunk in chunks] == [True, *[False] * (len(chunks) - 1)]
            assert [chunk.is_last for chunk in chunks] == [*[False] * (len(chunks) - 1), True]
            (finished,) = call.client.of(m.TurnFinished)
            assert finished.turn == 1
            assert finished.latency is not None

    @in_virtual_time
    async def test_first_typed_line_has_a_latency_and_the_greeting_none(self) -> None:
        async with running_call(greet=True) as call:
            await asyncio.sleep(1)
            await call.ask("Hola")
            greeted, answered = call.client.of(m.TurnFinished)
            assert (greeted.turn, greeted.latency) == (0, None)
            assert answered.turn == 1
            assert answered.latency is not None

    @pytest.mark.parametrize(
        ("model", "family"),
        [("amazon.nova-2-sonic-v1:0", NOVA_2), ("amazon.nova-2-5-sonic", NOVA_2_5)],
        ids=["nova-2", "nova-2.5"],
    )
    @pytest.mark.parametrize("typed_after_s", [0.0, 0.1, 0.7, 2.0])
    @in_virtual_time
    async def test_first_typed_text_has_a_latency_whenever_it_comes(
        self, typed_after_s: float, model: str, family: Family
    ) -> None:
        service = SonicService(model=model)
        async with running_call(service=service, greet=True, family=family, wait_s=0.0) as call:
            await asyncio.sleep(typed_after_s)
            await call.ask("Hola")
            finished = call.client.of(m.TurnFinished)
            assert [each.latency is not None for each in finished if each.turn == 1] == [True]

    @in_virtual_time
    async def test_playback_latency_is_kept_with_the_answer(self) -> None:
        async with running_call(service=SonicService(conditions=Conditions(thinks_s=0.5))) as call:
            await call.ask("Hola")
            (answer,) = [u for u in call.transcript if u.speaker is Speaker.ASSISTANT]
            assert answer.latency_ms == pytest.approx(500, abs=20)
            assert answer.playback_latency_ms == pytest.approx(540, abs=20)

    @in_virtual_time
    async def test_texts_that_wait_for_an_answer_are_limited(self) -> None:
        async with running_call(service=SonicService(conditions=Conditions(thinks_s=2))) as call:
            for number in range(9):
                call.client.type(f"Texto {number}")
            await asyncio.sleep(0.1)
            assert call.client.errors() == ["too_many_texts"]
            assert call.said_by_customer == [f"Texto {number}" for number in range(8)]
            await call.wait_until_quiet()
            assert call.client.errors() == ["too_many_texts"]
            await call.ask("Y ahora")
            assert call.said_by_customer[-1] == "Y ahora"

    @in_virtual_time
    async def test_texts_beyond_their_number_a_minute_are_refused(self) -> None:
        async with running_call(text_rate=Rate(per_s=0.1, burst=6)) as call:
            for number in range(7):
                call.client.type(f"Texto {number}")
                await asyncio.sleep(1)
            await call.wait_until_quiet()
            assert call.client.errors() == ["too_many_texts"]
            assert call.said_by_customer == [f"Texto {number}" for number in range(6)]
            await asyncio.sleep(10)
            await call.ask("Y ahora")
            assert call.said_by_customer[-1] == "Y ahora"

    @in_virtual_time
    async def test_microphone_muted_in_mid_word_ends_the_speech(self) -> None:
        async with running_call() as call:
            await call.play(coded_speech.spoken(5)[: 2 * 16 * 120])
            assert not call.call.is_quiet
            await asyncio.sleep(3)
            assert call.call.is_quiet


class TestUnknownEvents:
    @in_virtual_time
    async def test_unknown_event_is_logged_once_and_ignored(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with running_call() as call:
            for _ in range(3):
                call.service.newest.send_payload(b'{"event": {"novelty": {}}}')
            assert await call.ask("Hola") == "Dijiste Hola."
            assert len(call.service.streams) == 1
        warnings = [record for record in caplog.records if "unknown event" in record.getMessage()]
        assert len(warnings) == 1


class TestQuietMoments:
    @in_virtual_time
    async def test_quiet_moment_comes_once_the_answer_is_played(self) -> None:
        async with running_call({"Hola": says(LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(0.1)
            await call.call.wait_until_quiet()
            assert call.call.is_quiet
            assert call.browser.played_to == call.call.outbound.played_to > 0

    @in_virtual_time
    async def test_quiet_moment_comes_at_the_end_of_the_call(self) -> None:
        async with running_call({"Hola": says(LONG)}) as call:
            call.browser.acknowledges = False
            call.client.type("Hola")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(call.call.wait_until_quiet())
                await asyncio.sleep(10)
                call.call.hang_up()


class RecordingRecorder:
    """Stores nothing, and lists what it could have stored."""

    def __init__(self, *, has_lease: bool = True) -> None:
        self.has_lease = has_lease
        self.recorded: list[str] = []

    def record_utterances(self, utterances: tuple[Utterance, ...]) -> None:
        self.recorded.append("utterances")

    def record_state(self) -> None:
        pass

    async def tool_started(self, tool_call: ToolCall) -> bool:
        self.recorded.append(f"{tool_call.name} started")
        return self.has_lease

    def tool_finished(self, tool_call: ToolCall) -> None:
        self.recorded.append(f"{tool_call.name} finished")


class TestRecording:
    @in_virtual_time
    async def test_utterances_and_tool_calls_are_recorded_as_they_come(self) -> None:
        tools, _ = slow_tool({"said": "listo"})
        recorder = RecordingRecorder()
        script = {"Hola": calls_tool("look")}
        async with running_call(script, tools=tools, recorder=recorder) as call:
            await call.ask("Hola")
            recorded = [what for what, _ in itertools.groupby(recorder.recorded)]
            assert recorded == ["utterances", "look started", "look finished", "utterances"]

    @in_virtual_time
    async def test_tool_does_not_run_where_the_lease_is_lost(self) -> None:
        tools, runs = slow_tool({"said": "listo"})
        recorder = RecordingRecorder(has_lease=False)
        script = {"Hola": calls_tool("look")}
        async with running_call(script, tools=tools, recorder=recorder) as call:
            call.client.type("Hola")
            await asyncio.sleep(1)
            assert len(runs) == 0
            assert "look finished" not in recorder.recorded


class TestFirstModel:
    """It accepts no text in the middle of a call; it gets the history and audio."""

    def service(self, **conditions: Any) -> SonicService:
        return SonicService(model="amazon.nova-sonic-v1:0", conditions=Conditions(**conditions))

    @in_virtual_time
    async def test_first_model_gets_no_text(self) -> None:
        service = self.service()
        async with running_call(service=service, greet=True, **FIRST_MODEL) as call:
            call.client.type("Hola")
            await asyncio.sleep(60)
            assert call.said_by_customer == ["Hola"]
            assert [body for name, body in service.newest.received if name == "textInput"][1:] == []
            assert len(service.streams) == 1

    @in_virtual_time
    async def test_first_model_gets_the_history(self) -> None:
        service = self.service()
        async with running_call(service=service, **FIRST_MODEL) as call:
            await call.speak([1], pause_ms=3000)
            await call.wait_until_quiet()
            service.newest.lose()
            await asyncio.sleep(1)
            assert service.newest.history == [("USER", "1"), ("ASSISTANT", "Dijiste 1.")]

    @in_virtual_time
    async def test_first_model_drops_a_question_lost_with_its_session(self) -> None:
        service = self.service(thinks_s=1)
        async with running_call(service=service, **FIRST_MODEL) as call:
            await call.speak([1], pause_ms=2000)
            service.newest.lose()
            await asyncio.sleep(60)
            assert len(service.streams) == 2
            assert call.call.is_quiet

    @in_virtual_time
    async def test_first_model_ends_an_idle_call_without_goodbye(self) -> None:
        async with running_call(
            service=self.service(), watchdog=watchdog_limits(idle_s=5), **FIRST_MODEL
        ) as call:
            assert await call.until_over() is m.EndReason.IDLE
            assert call.said_by_assistant == []


@in_virtual_time
async def test_only_unconfirmed_audio_is_remembered() -> None:
    async with running_call({"Hola": says("¡Hola!")}) as call:
        await call.ask("Hola")
        await asyncio.sleep(20)  # of silence
        inbound = call.call.inbound
        assert inbound.position > 15 * call.call.options.input_rate_hz
        assert inbound.remembered_samples < 3 * call.call.options.input_rate_hz
