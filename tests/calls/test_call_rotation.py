"""Sessions that are replaced in time: the customer notices nothing."""

import asyncio

import pytest

from tests.calls import coded_speech
from tests.calls.harness import (
    in_virtual_time,
    running_call,
    says,
)
from tests.calls.limits import rotation_plan, watchdog_limits
from tests.calls.sonic_service import Conditions, SonicService
from voice.wire import messages as m

pytestmark = pytest.mark.pure

LONG = "Esta respuesta es tan larga que algo la interrumpe antes de que termine de sonar."


class TestRotation:
    @pytest.mark.slow
    @in_virtual_time
    async def test_rotation_during_endless_speech_keeps_each_word_once(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=8, between_replies_after_s=12, at_latest_s=14)
        async with running_call(rotation=plan) as call:
            spoken = iter(range(10_000))
            while call.rotations < 20:
                await call.speak([next(spoken) for _ in range(9)], pause_ms=1700)
            await call.play(bytes(32_000 * 4))
            said = " ".join(call.said_by_customer).split()
            assert said == [str(n) for n in range(next(spoken))]
            assert len(call.service.live) == 1

    @pytest.mark.slow
    @in_virtual_time
    async def test_rotation_during_an_hour_of_silence_keeps_the_call(self) -> None:
        patient = watchdog_limits(idle_s=7200, limit_s=7200)
        async with running_call({"Hola": says("Acá estoy.")}, watchdog=patient) as call:
            await asyncio.sleep(3600)
            assert await call.ask("Hola") == "Acá estoy."
            assert call.rotations >= 7

    @in_virtual_time
    async def test_rotation_waits_for_a_quiet_moment(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=4, between_replies_after_s=100, at_latest_s=110)
        async with running_call({"Hola": says(*[LONG] * 4)}, rotation=plan) as call:
            call.client.type("Hola")
            await asyncio.sleep(14)
            assert call.rotations == 0
            await call.wait_until_quiet()
            await asyncio.sleep(1.2)
            assert call.rotations == 1
            assert call.client.of(m.ReplyInterrupted) == []

    @in_virtual_time
    async def test_rotation_later_waits_for_the_end_of_a_reply_only(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=4, between_replies_after_s=5, at_latest_s=100)
        async with running_call({"Hola": says(*[LONG] * 4)}, rotation=plan) as call:
            await asyncio.sleep(3)
            call.client.type("Hola")
            await call.until(lambda: call.rotations == 1)
            assert call.call.outbound.waiting_samples
            await call.wait_until_quiet()
            assert call.client.of(m.ReplyInterrupted) == []
            assert call.said_by_assistant == [LONG] * 4

    @in_virtual_time
    async def test_rotation_forced_in_mid_answer_repeats_the_answer(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=5.8, between_replies_after_s=5.9, at_latest_s=6)
        async with running_call({"Hola": says(*[LONG] * 4)}, rotation=plan) as call:
            await asyncio.sleep(4)
            call.client.type("Hola")
            await call.until(lambda: call.rotations == 1)
            await asyncio.sleep(0.1)
            assert len(call.client.of(m.ReplyInterrupted)) == 1
            await asyncio.sleep(3.5)
            said = [u.text for u in call.call.state.transcript.history()]
            assert (said[0], said[-4:]) == ("Hola", [LONG] * 4)

    @in_virtual_time
    async def test_rotation_asks_an_unanswered_question_again(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=4, between_replies_after_s=5, at_latest_s=6)
        service = SonicService(conditions=Conditions(thinks_s=1.5))
        async with running_call(service=service, rotation=plan) as call:
            await asyncio.sleep(4)
            call.client.type("Hola")
            await call.wait_until_quiet()
            assert call.rotations == 1
            assert call.said_by_assistant == ["Dijiste Hola."]

    @in_virtual_time
    async def test_rotation_asks_a_question_typed_into_a_reply_again(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=2, between_replies_after_s=100, at_latest_s=110)
        service = SonicService({"Hola": says(LONG, LONG)}, conditions=Conditions(thinks_s=1.5))
        async with running_call(service=service, rotation=plan) as call:
            call.client.type("Hola")
            await asyncio.sleep(2.5)
            call.client.type("Pará")
            await call.wait_until_quiet()
            await asyncio.sleep(2)
            assert call.rotations >= 1
            assert call.said_by_assistant[-1] == "Dijiste Pará."

    @in_virtual_time
    async def test_rotation_repeats_speech_during_the_opening(
        self,
    ) -> None:
        plan = rotation_plan(quiet_moment_after_s=3, between_replies_after_s=5, at_latest_s=6)
        for early_ms in range(0, 330, 30):
            service = SonicService(conditions=Conditions(opening_s=0.3))
            async with running_call(service=service, rotation=plan) as call:
                await call.play(coded_speech.silence(2_500 + early_ms))
                await call.speak([1, 2, 3, 4, 5, 6, 7, 8, 9], pause_ms=4000)
                await call.wait_until_quiet()
                assert call.rotations >= 1
                assert " ".join(call.said_by_customer) == "1 2 3 4 5 6 7 8 9"

    @in_virtual_time
    async def test_prepared_session_that_waits_too_long_is_replaced(self) -> None:
        plan = rotation_plan(
            quiet_moment_after_s=3, between_replies_after_s=100, at_latest_s=110, prepared_for_s=2
        )
        service = SonicService(conditions=Conditions(opening_s=0.3))
        async with running_call(service=service, rotation=plan) as call:
            await call.until(lambda: service.opened == 1)
            await call.play(coded_speech.silence(2_900))
            await call.speak(range(25), pause_ms=3_000)
            await call.until(lambda: call.rotations == 1)
            assert len(service.streams) == 3
            assert " ".join(call.said_by_customer) == " ".join(map(str, range(25)))

    @in_virtual_time
    async def test_rotation_in_noise_repeats_no_word(self) -> None:
        plan = rotation_plan(quiet_moment_after_s=8, between_replies_after_s=12, at_latest_s=14)
        noise = coded_speech.noise(600)
        async with running_call(rotation=plan) as call:
            await call.play(noise[: 32_000 * 3])
            await call.speak([1, 2])
            await call.play(noise * 10)
            await call.speak([3])
            await call.play(noise * 10)
            assert call.rotations >= 1
            assert call.said_by_customer == ["1 2", "3"]

    @in_virtual_time
    async def test_credentials_that_expire_rotate_the_session(self) -> None:
        now = asyncio.get_running_loop().time()
        service = SonicService(conditions=Conditions(credentials_until=now + 100))
        async with running_call(service=service) as call:
            await asyncio.sleep(10)
            service.conditions.credentials_until = now + 10_000
            await asyncio.sleep(35)
            assert call.rotations == 1
            assert len(call.service.streams) == 2

    @in_virtual_time
    async def test_credentials_not_renewed_in_time_rotate_no_new_session(self) -> None:
        now = asyncio.get_running_loop().time()
        service = SonicService(conditions=Conditions(credentials_until=now + 30))
        async with running_call(service=service) as call:
            await asyncio.sleep(60)
            assert await call.ask("Hola") == "Dijiste Hola."
            assert len(service.streams) < 5
