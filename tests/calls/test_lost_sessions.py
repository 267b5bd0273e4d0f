"""Sessions that break or cannot be opened: the call goes on, and the customer loses nothing."""

import asyncio
import json
from collections import deque

import pytest

from tests.calls import words
from tests.calls.conversation import calls, says, talk
from tests.calls.service import Service, Trouble
from tests.calls.tools import slow_tool
from voice.calls.recovery import MOST_IN_A_ROW, PASSES, REMEDIES
from voice.calls.rotation import RotationPlan
from voice.sonic.errors import TransportCode, TransportError
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."
GREETING = "¡Hola! Soy Carlos, el asistente de la prueba. ¿En qué te puedo ayudar?"


def error(code: TransportCode) -> TransportError:
    return TransportError(code, "of the test's own")


def refusing(*codes: TransportCode) -> Service:
    return Service(trouble=Trouble(openings=deque(map(error, codes))))


class TestOpening:
    @pytest.mark.parametrize("code", TransportCode)
    @calls
    async def test_refused_once_it_is_tried_again(self, code: TransportCode) -> None:
        async with talk(service=refusing(code)) as call:
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.failures == (code,)

    @pytest.mark.parametrize("code", TransportCode)
    @calls
    async def test_refused_for_ever_the_call_ends_and_says_why(self, code: TransportCode) -> None:
        service = Service(trouble=Trouble(every_opening=error(code)))
        async with talk(service=service) as call:
            assert await call.until_over() is m.EndReason.ERROR
            await asyncio.sleep(0.1)
        assert len(service.streams) == 1 + REMEDIES[code].tries
        assert call.client.errors() == [code]
        assert call.client.messages[-1] == m.CallEnded(reason=m.EndReason.ERROR)

    @calls
    async def test_throttled_twice_it_waits_longer_each_time(self) -> None:
        service = refusing(TransportCode.THROTTLED, TransportCode.THROTTLED)
        async with talk(service=service, greet=True) as call:
            await call.until(lambda: bool(call.client.of(m.CallReady)))
            opened = [stream.opened_at - 1000 for stream in service.streams]
            assert opened == pytest.approx([0.1, 0.7, 1.8])

    @calls
    async def test_words_said_meanwhile_are_answered_once(self) -> None:
        service = refusing(TransportCode.THROTTLED, TransportCode.THROTTLED)
        async with talk(service=service) as call:
            call.client.type("Uno")
            call.client.type("Dos")
            await call.speak([7, 8], pause_ms=2500)
            await call.wait_until_quiet()
            assert call.said_by_customer == ["Uno", "Dos", "7 8"]
            heard = [text for text in service.newest.mind.told if text != "interrupted"]
            assert heard == ["Uno Dos", "7 8"]


class TestBreaking:
    @pytest.mark.parametrize("code", TransportCode)
    @calls
    async def test_a_question_is_answered_by_the_next_session(self, code: TransportCode) -> None:
        service = Service(trouble=Trouble(thinks_s=1))
        async with talk({"Hola": says("¡Hola!")}, service=service) as call:
            await call.ask("Uno")
            call.client.type("Dos")
            await asyncio.sleep(0.5)
            service.newest.break_off(error(code))
            await call.wait_until_quiet()
            assert call.said_by_assistant == ["Dijiste Uno.", "Dijiste Dos."]
            assert service.newest.history == [("USER", "Uno"), ("ASSISTANT", "Dijiste Uno.")]
            assert call.client.errors() == []

    @pytest.mark.parametrize("payload", [b"no JSON", b"{}", json.dumps({"event": 1}).encode()])
    @calls
    async def test_what_cannot_be_read_ends_a_session_and_no_call(self, payload: bytes) -> None:
        async with talk() as call:
            call.service.newest.say(payload)
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.failures == ("remote_protocol",)

    @calls
    async def test_a_service_that_hangs_up_is_called_again(self) -> None:
        async with talk() as call:
            call.service.newest.hang_up()
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.failures == ("remote_protocol",)

    @pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.35, 0.45])
    @calls
    async def test_words_typed_while_a_dead_session_is_cleared_away_are_answered(
        self, after_s: float
    ) -> None:
        async with talk(service=Service(trouble=Trouble(closing_s=0.3))) as call:
            call.service.newest.hang_up()
            await asyncio.sleep(after_s)
            assert await call.ask("Hola") == "Dijiste Hola."
            assert call.said_by_customer == ["Hola"]

    @calls
    async def test_an_answer_that_breaks_off_is_given_again(self) -> None:
        async with talk({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(0.6)
            assert call.call.dialogue.replies.is_coming
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert call.said_by_assistant[-2:] == [LONG, LONG]
            assert call.said_by_customer == ["Hola"]

    @calls
    async def test_a_service_that_answers_and_breaks_again_and_again_is_borne(self) -> None:
        async with talk() as call:
            for number in range(2 * MOST_IN_A_ROW):
                assert await call.ask(f"N {number}") == f"Dijiste N {number}."
                call.service.newest.lose()
            assert call.client.errors() == []

    @calls
    async def test_a_service_that_breaks_in_every_answer_is_not(self) -> None:
        async with talk({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            while not call.is_over:
                await asyncio.sleep(0.6)
                if call.service.live:
                    call.service.newest.lose()
            assert call.client.errors() == ["stream_lost"]
            assert len(call.service.streams) == 1 + PASSES.tries

    @calls
    async def test_an_answer_that_has_come_is_heard_to_its_end_and_given_once(self) -> None:
        async with talk({"Hola": says(LONG), "Y ahora": says("Nada.")}) as call:
            call.client.type("Hola")
            await asyncio.sleep(2)
            assert not call.call.dialogue.replies.is_coming
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

    @calls
    async def test_a_greeting_that_breaks_off_is_given_again(self) -> None:
        async with talk(greet=True) as call:
            assert call.call.dialogue.replies.is_coming
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == GREETING

    @calls
    async def test_speech_is_heard_once_wherever_the_session_breaks(self) -> None:
        for after_ms in range(0, 4_500, 170):
            async with talk() as call:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(call.speak(range(10), pause_ms=3_000))
                    await asyncio.sleep(after_ms / 1000)
                    call.service.newest.lose()
                await call.wait_until_quiet()
                assert " ".join(call.said_by_customer) == "0 1 2 3 4 5 6 7 8 9", after_ms

    @calls
    async def test_a_session_that_was_prepared_takes_over_at_once(self) -> None:
        plan = RotationPlan(look_after_s=2, by_s=100, at_latest_s=110)
        service = Service({"Hola": says(*[LONG] * 3)}, trouble=Trouble(opening_s=0.3))
        async with talk(service=service, renewal=plan) as call:
            await asyncio.sleep(2)
            call.client.type("Hola")
            await call.until(lambda: len(service.live) == 2)
            service.live[0].lose()
            await call.wait_until_quiet()
            assert len(service.streams) == 2
            assert call.said_by_assistant[-3:] == [LONG] * 3

    @calls
    async def test_it_takes_over_where_no_other_would_be_tried_too(self) -> None:
        plan = RotationPlan(look_after_s=2, by_s=100, at_latest_s=110)
        trouble = Trouble(opening_s=0.3, openings=deque([error(TransportCode.VALIDATION)]))
        service = Service({"Hola": says(*[LONG] * 3)}, trouble=trouble)
        async with talk(service=service, renewal=plan) as call:
            await call.until(lambda: bool(service.live))
            await asyncio.sleep(1.9)
            call.client.type("Hola")
            await call.until(lambda: len(service.live) == 2)
            service.live[0].break_off(error(TransportCode.VALIDATION))
            await call.wait_until_quiet()
            assert not call.is_over

    @calls
    async def test_a_prepared_session_that_breaks_is_prepared_again_after_a_while(self) -> None:
        plan = RotationPlan(look_after_s=2, by_s=100, at_latest_s=110)
        service = Service({"Hola": says(*[LONG] * 3)}, trouble=Trouble(opening_s=0.3))
        async with talk(service=service, renewal=plan) as call:
            await asyncio.sleep(2)
            call.client.type("Hola")
            await call.until(lambda: len(service.live) == 2)
            service.live[1].hang_up()
            await call.wait_until_quiet()
            await asyncio.sleep(2)
            assert call.renewals == 1
            assert len(service.streams) == 3

    @calls
    async def test_a_next_session_that_cannot_be_opened_is_tried_again_after_a_while(self) -> None:
        plan = RotationPlan(look_after_s=2, by_s=100, at_latest_s=110)
        service = refusing()
        async with talk(service=service, renewal=plan) as call:
            service.trouble.openings.append(error(TransportCode.THROTTLED))
            await asyncio.sleep(5)
            assert (len(service.streams), call.renewals) == (2, 0)
            await asyncio.sleep(3)
            assert (len(service.streams), call.renewals) == (3, 1)
            assert call.failures == ()

    @calls
    async def test_a_stream_that_breaks_as_the_call_ends_leaves_nothing_behind(self) -> None:
        for late_s in (0.0, 0.01, 0.1, 0.11):
            async with talk() as call:
                call.call.hang_up()
                await asyncio.sleep(late_s)
                if call.service.live:
                    call.service.newest.lose()
                assert await call.until_over(5) is m.EndReason.CLIENT

    @calls
    async def test_a_call_that_is_dropped_while_its_stream_breaks_leaves_nothing_behind(
        self,
    ) -> None:
        """As when its server goes away: whoever runs it cancels it."""
        for early_s in (0.0, 0.001, 0.05):
            tools, _ = slow_tool({}, takes_s=5)
            async with talk(tools=tools) as call:
                await call.play(words.silence(100))
                call.service.newest.lose()
                await asyncio.sleep(early_s)
                call.cancel()
                await call.until(lambda: call.is_over)


class TestAbsence:
    @calls
    async def test_the_customer_is_told_that_the_assistant_is_away_and_back(self) -> None:
        async with talk() as call:
            call.service.trouble.opening_s = 2
            call.service.newest.lose()
            await asyncio.sleep(0.55)
            assert call.client.of(m.AssistantAvailability) == []
            await asyncio.sleep(0.3)
            assert call.client.of(m.AssistantAvailability) == [
                m.AssistantAvailability(phase=m.AssistantPhase.AWAY)
            ]
            await asyncio.sleep(3)
            phases = [told.phase for told in call.client.of(m.AssistantAvailability)]
            assert phases == [m.AssistantPhase.AWAY, m.AssistantPhase.BACK]

    @calls
    async def test_a_short_gap_is_not_worth_telling(self) -> None:
        async with talk() as call:
            call.service.trouble.opening_s = 0.5
            call.service.newest.lose()
            await asyncio.sleep(3)
            assert call.client.of(m.AssistantAvailability) == []

    @calls
    async def test_before_the_assistant_was_there_it_is_not_away(self) -> None:
        async with talk(service=Service(trouble=Trouble(opening_s=3))) as call:
            await asyncio.sleep(5)
            assert call.client.of(m.AssistantAvailability) == []
            assert len(call.client.of(m.CallReady)) == 1
