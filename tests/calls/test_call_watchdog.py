"""Unresponsive sessions, idle customers, and the ends of calls."""

import asyncio
from collections import deque

import pytest

from tests.calls import coded_speech
from tests.calls.harness import (
    in_virtual_time,
    running_call,
    says,
)
from tests.calls.limits import watchdog_limits
from tests.calls.sonic_service import Conditions, SonicService
from voice.calls.engine.playback import LISTENS_S
from voice.calls.engine.unconfirmed_speech import NOISE_AFTER_S
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."
GREETING = "¡Hola! Soy Carlos, el asistente de la prueba. ¿En qué te puedo ayudar?"


class TestUnresponsiveSessions:
    @in_virtual_time
    async def test_unresponsive_session_is_replaced_and_text_asked_again(self) -> None:
        async with running_call(
            service=SonicService(conditions=Conditions(unresponsive=deque([True])))
        ) as call:
            assert await call.ask("Hola") == "Dijiste Hola."
            assert len(call.service.streams) == 2
            assert call.said_by_customer == ["Hola"]

    @in_virtual_time
    async def test_unresponsive_session_is_replaced_and_speech_repeated(self) -> None:
        async with running_call(
            service=SonicService(conditions=Conditions(unresponsive=deque([True])))
        ) as call:
            await call.speak([1, 2], pause_ms=1000)
            await asyncio.sleep(11)
            await call.until(lambda: call.said_by_customer == ["1 2"])
            assert len(call.service.streams) == 2

    @in_virtual_time
    async def test_unresponsive_sessions_are_noticed_later_each_time(self) -> None:
        async with running_call(
            service=SonicService(conditions=Conditions(unresponsive=deque([True, True])))
        ) as call:
            begin = asyncio.get_running_loop().time()
            assert await call.ask("Hola", patience_s=120) == "Dijiste Hola."
            waited_s = asyncio.get_running_loop().time() - begin
            assert 12 + 24 < waited_s < 12 + 24 + 5

    @in_virtual_time
    async def test_cough_costs_two_sessions_at_most(self) -> None:
        async with running_call() as call:
            await call.play(coded_speech.noise(200) + coded_speech.silence(1000))
            await asyncio.sleep(250)
            assert len(call.service.streams) == 3
            assert call.call.unconfirmed_since is None

    @in_virtual_time
    async def test_noise_delays_acknowledgements_for_a_while_only(self) -> None:
        async with running_call() as call:
            await call.play(coded_speech.noise(200) + coded_speech.silence(1000))
            kept_from = [call.call.unacknowledged_since]
            await asyncio.sleep(NOISE_AFTER_S)
            kept_from.append(call.call.unacknowledged_since)
            assert [position is None for position in kept_from] == [False, True]
            assert call.call.unconfirmed_since is not None, "another session still gets it"
            assert len(call.service.streams) == 1

    @in_virtual_time
    async def test_session_that_answers_is_responsive_despite_noise(self) -> None:
        async with running_call() as call:
            await call.play(coded_speech.noise(200) + coded_speech.silence(1000))
            for _ in range(5):
                await asyncio.sleep(8)
                await call.ask("Hola")
            assert len(call.service.streams) == 1

    @in_virtual_time
    async def test_session_that_does_not_greet_is_replaced(self) -> None:
        service = SonicService(conditions=Conditions(unresponsive=deque([True])))
        async with running_call(service=service, greet=True) as call:
            await asyncio.sleep(11)
            assert len(service.streams) == 1
            await call.until(lambda: call.said_by_assistant == [GREETING])


class TestEnds:
    @in_virtual_time
    async def test_idle_call_ends_with_a_goodbye(self) -> None:
        async with running_call(watchdog=watchdog_limits(idle_s=20)) as call:
            await asyncio.sleep(18)
            assert call.said_by_assistant == []
            assert await call.until_over() is m.EndReason.IDLE
            assert call.said_by_assistant[0].startswith("Parece que no hay nadie")
            await asyncio.sleep(1)
        assert call.client.messages[-1] == m.CallEnded(reason=m.EndReason.IDLE)

    @in_virtual_time
    async def test_client_that_stopped_playing_counts_as_idle(self) -> None:
        async with running_call(
            {"Hola": says(LONG, LONG)}, watchdog=watchdog_limits(idle_s=20)
        ) as call:
            call.browser.acknowledges = False
            call.client.type("Hola")
            assert await call.until_over(LISTENS_S + 40) is m.EndReason.IDLE

    @in_virtual_time
    @pytest.mark.parametrize("how", ["speaks", "types"])
    async def test_customer_who_speaks_during_the_goodbye_stays(self, how: str) -> None:
        async with running_call(watchdog=watchdog_limits(idle_s=20)) as call:
            await call.until(lambda: call.call.state.turn.is_reply_coming)
            if how == "speaks":
                await call.speak([1], pause_ms=2500)
            else:
                call.client.type("1")
            await call.wait_until_quiet()
            await asyncio.sleep(5)
            assert not call.is_over
            assert call.said_by_assistant[-1] == "Dijiste 1."
            assert await call.until_over() is m.EndReason.IDLE

    @in_virtual_time
    async def test_call_ends_at_its_longest_duration(self) -> None:
        async with running_call(watchdog=watchdog_limits(limit_s=30)) as call:
            spoken = iter(range(1000))
            while not call.is_over:
                await call.speak([next(spoken)], pause_ms=500)
            assert call.reason is m.EndReason.LIMIT
            assert 42 <= asyncio.get_running_loop().time() - 1000 <= 46

    @in_virtual_time
    async def test_goodbye_that_breaks_off_is_repeated(self) -> None:
        async with running_call(watchdog=watchdog_limits(idle_s=20)) as call:
            await call.ask("Hola")
            await call.until(lambda: call.call.state.turn.is_reply_coming)
            call.service.newest.lose()
            assert await call.until_over() is m.EndReason.IDLE
            assert call.service.inputs.count("Hola") == 1
            assert call.said_by_assistant[-1].endswith("¡Hasta luego!")

    @in_virtual_time
    async def test_hang_up_while_the_session_opens_ends_the_call(self) -> None:
        service = SonicService(conditions=Conditions(opening_s=5))
        async with running_call(service=service) as call:
            call.client.hang_up()
            assert await call.until_over(1) is m.EndReason.CLIENT
        assert call.client.of(m.CallReady) == []

    @in_virtual_time
    async def test_hang_up_before_anything_runs_ends_the_call(self) -> None:
        async with running_call(wait_s=0) as call:
            call.call.hang_up()
            assert await call.until_over(1) is m.EndReason.CLIENT

    @in_virtual_time
    async def test_hang_up_in_mid_answer_does_not_wait_for_audio(self) -> None:
        async with running_call({"Hola": says(LONG, LONG)}) as call:
            call.client.type("Hola")
            await asyncio.sleep(1.5)
            call.browser.acknowledges = False
            call.client.hang_up()
            await call.until_over(1)
            await asyncio.sleep(0.1)
            assert call.client.messages[-1] == m.CallEnded(reason=m.EndReason.CLIENT)
            assert call.transcript[-1].interrupted

    @in_virtual_time
    async def test_text_after_the_end_is_ignored(self) -> None:
        async with running_call() as call:
            call.client.hang_up()
            call.client.type("Hola")
            await call.speak([1])
            await call.until_over()
            call.client.type("Hola")
            await asyncio.sleep(0.1)
        assert call.client.errors() == []

    @in_virtual_time
    async def test_service_that_never_ends_its_stream_is_not_waited_for(self) -> None:
        async with running_call() as call:
            call.service.newest.is_stubborn = True
            call.client.hang_up()
            assert await call.until_over(4) is m.EndReason.CLIENT
