"""Sessions that break or cannot be opened: the call goes on, and the customer loses nothing."""

import asyncio
import json
from collections import deque

import pytest

from tests.calls import coded_speech
from tests.calls.harness import in_virtual_time, running_call, says
from tests.calls.limits import rotation_plan
from tests.calls.sonic_service import Conditions, SonicService
from tests.calls.tools import slow_tool
from voice.calls.engine.recovery import MAX_FAILURES_IN_A_ROW, REMEDIES, TRANSIENT
from voice.sonic.errors import TransportCode, TransportError
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."
GREETING = "¡Hola! Soy Carlos, el asistente de la prueba. ¿En qué te puedo ayudar?"


def error(code: TransportCode) -> TransportError:
    return TransportError(code, "of the test's own")


def refusing(*codes: TransportCode) -> SonicService:
    return SonicService(conditions=Conditions(openings=deque(map(error, codes))))


class TestOpening:
    @pytest.mark.parametrize("code", TransportCode)
    @in_virtual_time
    async def test_session_refused_once_is_opened_again(self, code: TransportCode) -> None:
        async with running_call(service=refusing(code)) as call:
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.failures == (code,)

    @pytest.mark.parametrize("code", TransportCode)
    @in_virtual_time
    async def test_session_refused_for_good_ends_the_call(self, code: TransportCode) -> None:
        service = SonicService(conditions=Conditions(every_opening=error(code)))
        async with running_call(service=service) as call:
            assert await call.until_over() is m.EndReason.ERROR
            await asyncio.sleep(0.1)
        assert len(service.streams) == 1 + REMEDIES[code].tries
        assert call.client.errors() == [code]
        assert call.client.messages[-1] == m.CallEnded(reason=m.EndReason.ERROR)

    @in_virtual_time
    async def test_session_throttled_twice_waits_longer_each_time(self) -> None:
        service = refusing(TransportCode.THROTTLED, TransportCode.THROTTLED)
        async with running_call(service=service, greet=True) as call:
            await call.until(lambda: bool(call.client.of(m.CallReady)))
            opened = [stream.opened_at - 1000 for stream in service.streams]
            assert opened == pytest.approx([0.1, 0.7, 1.8])

    @in_virtual_time
    async def test_text_and_speech_before_the_session_are_answered_once(self) -> None:
        service = refusing(TransportCode.THROTTLED, TransportCode.THROTTLED)
        async with running_call(service=service) as call:
            call.client.type("Uno")
            call.client.type("Dos")
            await call.speak([7, 8], pause_ms=2500)
            await call.wait_until_quiet()
            assert call.said_by_customer == ["Uno", "Dos", "7 8"]
            transcripts = [text for text in service.newest.dialogue.inputs if text != "interrupted"]
            assert transcripts == ["Uno Dos", "7 8"]


class TestBreaking:
    @pytest.mark.parametrize("code", TransportCode)
    @in_virtual_time
    async def test_question_is_answered_by_the_next_session(self, code: TransportCode) -> None:
        service = SonicService(conditions=Conditions(thinks_s=1))
        async with running_call({"Hola": says("¡Hola!")}, service=service) as call:
            await call.ask("Uno")
            call.client.type("Dos")
            await asyncio.sleep(0.5)
            service.newest.break_off(error(code))
            await call.wait_until_quiet()
            assert call.said_by_assistant == ["Dijiste Uno.", "Dijiste Dos."]
            assert service.newest.history == [("USER", "Uno"), ("ASSISTANT", "Dijiste Uno.")]
            assert call.client.errors() == []

    @pytest.mark.parametrize("payload", [b"no JSON", b"{}", json.dumps({"event": 1}).encode()])
    @in_virtual_time
    async def test_payload_that_cannot_be_parsed_ends_the_session_only(
        self, payload: bytes
    ) -> None:
        async with running_call() as call:
            call.service.newest.send_payload(payload)
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.failures == ("remote_protocol",)

    @in_virtual_time
    async def test_session_ended_by_the_service_is_replaced(self) -> None:
        async with running_call() as call:
            call.service.newest.hang_up()
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.failures == ("remote_protocol",)

    @pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.35, 0.45])
    @in_virtual_time
    async def test_text_typed_while_a_lost_session_closes_is_answered(self, after_s: float) -> None:
        async with running_call(service=SonicService(conditions=Conditions(closing_s=0.3))) as call:
            call.service.newest.hang_up()
            await asyncio.sleep(after_s)
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.said_by_customer == ["Hola"]

    @in_virtual_time
    async def test_two_questions_in_a_row_survive_a_lost_session(self) -> None:
        service = SonicService(conditions=Conditions(thinks_s=2))
        async with running_call(service=service) as call:
            call.client.type("Uno")
            call.client.type("Dos")
            await asyncio.sleep(1)
            service.newest.lose()
            await call.wait_until_quiet()
            assert call.said_by_customer == ["Uno", "Dos"]
            assert call.said_by_assistant == ["Dijiste Uno Dos."]

    @in_virtual_time
    async def test_answer_that_breaks_off_is_given_again(self) -> None:
        async with running_call({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(0.6)
            assert call.call.state.turn.is_reply_coming
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert call.said_by_assistant[-2:] == [LONG, LONG]
            assert call.said_by_customer == ["Hola"]

    @in_virtual_time
    async def test_session_lost_after_each_answer_is_always_replaced(self) -> None:
        async with running_call() as call:
            for number in range(2 * MAX_FAILURES_IN_A_ROW):
                assert await call.ask(f"N {number}") == f"Dijiste N {number}."
                call.service.newest.lose()
            assert call.client.errors() == []

    @in_virtual_time
    async def test_session_lost_in_each_answer_ends_the_call(self) -> None:
        async with running_call({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            while not call.is_over:
                await asyncio.sleep(0.6)
                if call.service.live:
                    call.service.newest.lose()
            assert call.client.errors() == ["stream_lost"]
            assert len(call.service.streams) == 1 + TRANSIENT.tries

    @in_virtual_time
    async def test_answer_that_has_all_come_is_played_to_its_end_once(self) -> None:
        async with running_call({"Hola": says(LONG), "Y ahora": says("Nada.")}) as call:
            call.client.type("Hola")
            await asyncio.sleep(2)
            assert not call.call.state.turn.is_reply_coming
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert call.client.of(m.ReplyInterrupted) == []
            await call.ask("Y ahora")
            assert call.said_by_assistant == [LONG, "Nada."]
            assert call.client.spoken()[-3:] == [
                f"assistant: {LONG}",
                "user: Y ahora",
                "assistant: Nada.",
            ]

    @in_virtual_time
    async def test_greeting_that_breaks_off_is_given_again(self) -> None:
        async with running_call(greet=True) as call:
            assert call.call.state.turn.is_reply_coming
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == GREETING

    @in_virtual_time
    async def test_speech_is_transcribed_once_wherever_the_session_is_lost(self) -> None:
        for after_ms in range(0, 4_500, 170):
            async with running_call() as call:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(call.speak(range(10), pause_ms=3_000))
                    await asyncio.sleep(after_ms / 1000)
                    call.service.newest.lose()
                await call.wait_until_quiet()
                assert " ".join(call.said_by_customer) == "0 1 2 3 4 5 6 7 8 9", after_ms

    @in_virtual_time
    async def test_prepared_session_takes_over_at_once(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=2, between_replies_after_s=100, at_latest_s=110)
        service = SonicService({"Hola": says(*[LONG] * 3)}, conditions=Conditions(opening_s=0.3))
        async with running_call(service=service, rotation=plan) as call:
            await asyncio.sleep(2)
            call.client.type("Hola")
            await call.until(lambda: len(service.live) == 2)
            service.live[0].lose()
            await call.wait_until_quiet()
            assert len(service.streams) == 2
            assert call.said_by_assistant[-3:] == [LONG] * 3

    @in_virtual_time
    async def test_prepared_session_takes_over_after_the_last_try(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=2, between_replies_after_s=100, at_latest_s=110)
        conditions = Conditions(opening_s=0.3, openings=deque([error(TransportCode.VALIDATION)]))
        service = SonicService({"Hola": says(*[LONG] * 3)}, conditions=conditions)
        async with running_call(service=service, rotation=plan) as call:
            await call.until(lambda: bool(service.live))
            await asyncio.sleep(1.9)
            call.client.type("Hola")
            await call.until(lambda: len(service.live) == 2)
            service.live[0].break_off(error(TransportCode.VALIDATION))
            await call.wait_until_quiet()
            assert not call.is_over

    @in_virtual_time
    async def test_prepared_session_that_is_lost_is_replaced_later(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=2, between_replies_after_s=100, at_latest_s=110)
        service = SonicService({"Hola": says(*[LONG] * 3)}, conditions=Conditions(opening_s=0.3))
        async with running_call(service=service, rotation=plan) as call:
            await asyncio.sleep(2)
            call.client.type("Hola")
            await call.until(lambda: len(service.live) == 2)
            service.live[1].hang_up()
            await call.wait_until_quiet()
            await asyncio.sleep(2)
            assert call.rotations == 1
            assert len(service.streams) == 3

    @in_virtual_time
    async def test_next_session_that_is_refused_is_opened_later(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=2, between_replies_after_s=100, at_latest_s=110)
        service = refusing()
        async with running_call(service=service, rotation=plan) as call:
            service.conditions.openings.append(error(TransportCode.THROTTLED))
            await asyncio.sleep(5)
            assert (len(service.streams), call.rotations) == (2, 0)
            await asyncio.sleep(3)
            assert (len(service.streams), call.rotations) == (3, 1)
            assert call.failures == ()

    @in_virtual_time
    async def test_stream_lost_as_the_call_ends_leaves_nothing_behind(self) -> None:
        for late_s in (0.0, 0.01, 0.1, 0.11):
            async with running_call() as call:
                call.call.hang_up()
                await asyncio.sleep(late_s)
                if call.service.live:
                    call.service.newest.lose()
                assert await call.until_over(5) is m.EndReason.CLIENT

    @in_virtual_time
    async def test_call_dropped_as_its_stream_is_lost_leaves_nothing_behind(
        self,
    ) -> None:
        """As when its server goes away: whoever runs it cancels it."""
        for early_s in (0.0, 0.001, 0.05):
            tools, _ = slow_tool({}, takes_s=5)
            async with running_call(tools=tools) as call:
                await call.play(coded_speech.silence(100))
                call.service.newest.lose()
                await asyncio.sleep(early_s)
                call.cancel()
                await call.until(lambda: call.is_over)


class TestAbsence:
    @in_virtual_time
    async def test_absence_is_shown_to_the_client_until_it_ends(self) -> None:
        async with running_call() as call:
            call.service.conditions.opening_s = 2
            call.service.newest.lose()
            await asyncio.sleep(0.55)
            assert call.client.of(m.AssistantAvailability) == []
            await asyncio.sleep(0.3)
            assert call.client.of(m.AssistantAvailability) == [
                m.AssistantAvailability(phase=m.AssistantPhase.AWAY)
            ]
            await asyncio.sleep(3)
            phases = [each.phase for each in call.client.of(m.AssistantAvailability)]
            assert phases == [m.AssistantPhase.AWAY, m.AssistantPhase.BACK]

    @in_virtual_time
    async def test_short_absence_is_not_shown(self) -> None:
        async with running_call() as call:
            call.service.conditions.opening_s = 0.5
            call.service.newest.lose()
            await asyncio.sleep(3)
            assert call.client.of(m.AssistantAvailability) == []

    @in_virtual_time
    async def test_absence_before_the_first_session_is_not_shown(self) -> None:
        async with running_call(service=SonicService(conditions=Conditions(opening_s=3))) as call:
            await asyncio.sleep(5)
            assert call.client.of(m.AssistantAvailability) == []
            assert len(call.client.of(m.CallReady)) == 1
