"""Calls that continue from what is stored of them."""

import asyncio

import pytest

from conversations.domain import ToolOutcome
from tests.calls.harness import (
    calls_tool,
    in_virtual_time,
    make_call,
    restored_from,
    running_call,
)
from tests.calls.limits import watchdog_limits
from tests.calls.sonic_service import SonicService
from tests.calls.tools import signature, slow_tool
from voice.wire import messages as m

pytestmark = pytest.mark.pure

GREETING = "¡Hola! Soy Carlos, el asistente de la prueba. ¿En qué te puedo ayudar?"


class TestRestoredCalls:
    """A call whose server died goes on from what is stored of it."""

    @in_virtual_time
    async def test_restored_call_asks_the_open_question(self) -> None:
        async with running_call(
            restored=restored_from(("Hola", "¡Hola!"), ("Y ahora", ""))
        ) as call:
            await call.wait_until_quiet()
            assert call.service.newest.history == [("USER", "Hola"), ("ASSISTANT", "¡Hola!")]
            assert call.said_by_assistant == ["¡Hola!", "Dijiste Y ahora."]
            assert [u.turn for u in call.transcript] == [1, 1, 2, 2]

    @in_virtual_time
    async def test_restored_call_does_not_ask_an_answered_question(self) -> None:
        async with running_call(restored=restored_from(("Hola", "¡Hola!"))) as call:
            await asyncio.sleep(3)
            assert call.service.inputs == []
            assert await call.ask("Y ahora") == "Dijiste Y ahora."
            assert [u.turn for u in call.transcript] == [1, 1, 2, 2]
            assert call.client.of(m.CallReady) == []

    @in_virtual_time
    async def test_restored_call_asks_for_an_answer_that_broke_off(self) -> None:
        restored = restored_from(("Hola", "¡Hola!"), ("Y ahora", "Digo"), is_answer_due=True)
        async with running_call(restored=restored) as call:
            await call.wait_until_quiet()
            assert call.said_by_assistant[-1] == "Dijiste Y ahora."
            assert call.service.newest.history == [("USER", "Hola"), ("ASSISTANT", "¡Hola!")]

    @in_virtual_time
    async def test_restored_call_continues_where_its_client_is(self) -> None:
        call = make_call(
            SonicService(),
            restored=restored_from(("Hola", "¡Hola!"), generation=3),
            resume=m.ResumeCall(token="t", next_sequence=7, generation=3, position=500),
        )
        call.send_message(m.AssistantAvailability(phase=m.AssistantPhase.BACK))
        *_, last = iter(call.outbound.next, None)
        assert last == m.OutboundMessage(m.AssistantAvailability(phase=m.AssistantPhase.BACK), 9)
        assert call.outbound.position == 500 + 2 * 72_000
        assert call.state.playback.generation == call.outbound.generation == 3

    @in_virtual_time
    async def test_restored_call_shows_everything_to_a_reloaded_client(self) -> None:
        call = make_call(
            SonicService(),
            restored=restored_from(("Hola", "¡Hola!")),
            resume=m.ResumeCall(
                token="t", next_sequence=0, generation=0, position=500, has_lost_state=True
            ),
        )
        shown = [one.message for one in iter(call.outbound.next, None)]
        assert [caption.utterance.text for caption in shown if isinstance(caption, m.Caption)] == [
            "Hola",
            "¡Hola!",
        ]
        assert call.outbound.position == 500

    @in_virtual_time
    @pytest.mark.parametrize("said", [(), ("¡Hola! Soy",)])
    async def test_restored_call_repeats_an_interrupted_greeting(
        self, said: tuple[str, ...]
    ) -> None:
        restored = restored_from(*(("", text) for text in said), is_answer_due=True)
        watch = watchdog_limits(idle_s=60)
        async with running_call(restored=restored, watchdog=watch) as call:
            await call.wait_until_quiet()
            assert call.said_by_assistant == [*said, GREETING]
            assert await call.until_over(patience_s=120) is m.EndReason.IDLE

    @in_virtual_time
    async def test_restored_call_shows_everything_to_its_client(self) -> None:
        call = make_call(
            SonicService(),
            restored=restored_from(("Hola", "¡Hola!")),
            resume=m.ResumeCall(token="t", next_sequence=7, generation=0, position=0),
        )
        shown = list(iter(call.outbound.next, None))
        assert [one.sequence for one in shown] == [7, 8]

    @in_virtual_time
    async def test_restored_call_shows_tool_calls_behind_their_question(self) -> None:
        done = m.ToolFinished(
            tool_use_id="t", name="look", outcome=ToolOutcome.REFUSED, duration_ms=12
        )
        restored = restored_from(
            ("Hola", "¡Hola!"), ("Y ahora", "No."), shown_tool_calls=[(2, done)]
        )
        resume = m.ResumeCall(
            token="t", next_sequence=0, generation=0, position=0, has_lost_state=True
        )
        call = make_call(SonicService(), restored=restored, resume=resume)
        shown = [one.message for one in iter(call.outbound.next, None)]
        assert shown.index(done) == 3
        assert len(shown) == 5

    @in_virtual_time
    async def test_restored_call_runs_an_uncertain_tool_call_with_its_key(self) -> None:
        tools, runs = slow_tool({"said": "listo"})
        asked = calls_tool("look", what="x")
        earlier = (("key-1", signature("look", '{"what": "x"}')),)
        async with running_call(
            {"Y ahora": asked},
            tools=tools,
            restored=restored_from(("Hola", "¡Hola!"), ("Y ahora", ""), tool_calls=earlier),
        ) as call:
            await call.until(lambda: len(runs) == 1)
            assert runs.keys == ["key-1"]
