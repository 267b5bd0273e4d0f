"""Tool calls in whole calls."""

import asyncio

import pytest

from conversations.domain import ToolOutcome
from nova_sonic_simulator.dialogue import Reply
from tests.calls.harness import (
    DIRECTIVES,
    calls_tool,
    in_virtual_time,
    running_call,
)
from tests.calls.limits import rotation_plan
from tests.calls.sonic_service import Conditions, SonicService
from tests.calls.tools import slow_tool
from voice.wire import messages as m

pytestmark = pytest.mark.pure


class TestTools:
    @in_virtual_time
    async def test_tool_runs_once_though_its_session_is_lost(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=5)
        async with running_call({"Hola": calls_tool("look", what="x")}, tools=tools) as call:
            call.client.type("Hola")
            await asyncio.sleep(1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "el resultado de look" in call.service.newest.dialogue.inputs[-1]
            assert "listo" in call.said_by_assistant[-1]

    @in_virtual_time
    async def test_slow_tool_causes_one_request_for_patience(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=9)
        async with running_call({"Hola": calls_tool("look")}, tools=tools) as call:
            call.client.type("Hola")
            await call.wait_until_quiet()
            await asyncio.sleep(1)
            await call.wait_until_quiet()
            assert call.service.inputs.count(DIRECTIVES.wait) == 1
            assert call.said_by_assistant == [
                "Un momento, por favor, que lo estoy consultando.",
                "look dice listo.",
            ]

    @in_virtual_time
    @pytest.mark.parametrize("takes_s", [0.0, 0.5, 9.0])
    async def test_announcement_before_a_tool_call_is_no_answer(self, takes_s: float) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=takes_s)
        first = Reply(sentences=("A ver…",), tool_calls=calls_tool("look").tool_calls)
        async with running_call({"Hola": first}, tools=tools) as call:
            call.client.type("Hola")
            await call.wait_until_quiet()
            await asyncio.sleep(30)  # longer than a deaf session is borne with
            patience = ["Un momento, por favor, que lo estoy consultando."] if takes_s > 2.5 else []
            assert call.said_by_assistant == ["A ver…", *patience, "look dice listo."]
            assert (len(runs), len(call.failures)) == (1, 0)
            assert len(call.client.of(m.TurnFinished)) == 1

    @in_virtual_time
    async def test_failed_tool_tried_again_is_the_same_tool_call(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=60)
        script = {"Hola": calls_tool("look", what="x"), "Otra cosa": calls_tool("look", what="y")}
        async with running_call(script, tools=tools, tool_deadline_s=1) as call:
            for text in ("Hola", "Hola", "Otra cosa"):
                call.client.type(text)
                await call.until(lambda: bool(call.call.state.tool_calls.running_since))
                await call.wait_until_quiet()
            assert len(runs) == 3
            assert runs.keys[0] == runs.keys[1] != runs.keys[2]

    @in_virtual_time
    async def test_quick_tool_causes_no_request_for_patience(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=2.3)
        async with running_call({"Hola": calls_tool("look")}, tools=tools) as call:
            await call.ask("Hola")
            assert call.said_by_assistant == ["look dice listo."]

    @in_virtual_time
    async def test_tool_past_its_deadline_fails(self) -> None:
        tools, _ = slow_tool({"said": "listo"}, takes_s=60)
        async with running_call(
            {"Hola": calls_tool("look")}, tools=tools, tool_deadline_s=4
        ) as call:
            call.client.type("Hola")
            await asyncio.sleep(8)
            await call.wait_until_quiet()
            (finished,) = call.client.of(m.ToolFinished)
            assert (finished.outcome, finished.duration_ms) == (ToolOutcome.FAILED, 4000)
            assert len(call.said_by_assistant) == 2

    @in_virtual_time
    async def test_two_tools_at_once_run_concurrently(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=1)
        both = calls_tool("look", {"what": "x"}, {"what": "y"})
        async with running_call({"Hola": both}, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: len(call.said_by_assistant) == 2)
            assert len(runs) == 2
            assert [tool.duration_ms for tool in call.client.of(m.ToolFinished)] == [1000, 1000]
            assert call.said_by_assistant == ["look dice listo."] * 2

    @in_virtual_time
    @pytest.mark.parametrize(
        ("takes_s", "durations_ms"), [(0.4, [400, 400, 800]), (3.0, [3000, 3000, 4000])]
    )
    async def test_third_tool_at_once_waits_for_quick_ones_only(
        self, takes_s: float, durations_ms: list[int]
    ) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=takes_s)
        three = calls_tool("look", {"what": "x"}, {"what": "y"}, {"what": "z"})
        async with running_call({"Hola": three}, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: len(call.client.of(m.ToolFinished)) == 3)
            assert len(runs) == 3
            assert [tool.duration_ms for tool in call.client.of(m.ToolFinished)] == durations_ms

    @in_virtual_time
    async def test_tool_result_after_the_hang_up_is_dropped(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=2)
        async with running_call({"Hola": calls_tool("look")}, tools=tools) as call:
            call.client.type("Hola")
            await asyncio.sleep(1)
            call.client.hang_up()
            assert await call.until_over() is m.EndReason.CLIENT
        assert len(runs) == 1
        assert call.client.of(m.ToolFinished) == []

    @in_virtual_time
    async def test_tool_result_not_spoken_is_given_to_the_next_session(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = SonicService({"Hola": calls_tool("look")}, conditions=Conditions(thinks_s=1))
        async with running_call(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "listo" in call.said_by_assistant[-1]

    @in_virtual_time
    async def test_tool_result_during_patience_is_given_again(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=3.5)
        service = SonicService({"Hola": calls_tool("look")}, conditions=Conditions(thinks_s=0.3))
        async with running_call(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            service.conditions.thinks_s = 3
            await asyncio.sleep(1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "listo" in call.said_by_assistant[-1]

    @in_virtual_time
    async def test_tool_requested_again_by_the_next_session_runs_once(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = SonicService(
            {"Hola": calls_tool("look", what="x")}, conditions=Conditions(thinks_s=1)
        )
        async with running_call(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            directive = DIRECTIVES.tool_result("look", {"ok": True, "said": "listo"})
            service.script[directive] = calls_tool("look", what="x")
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert call.said_by_assistant[-1] == "look dice listo."

    @in_virtual_time
    async def test_question_after_a_tool_call_survives_a_lost_session(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = SonicService({"Hola": calls_tool("look")}, conditions=Conditions(thinks_s=1))
        async with running_call(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(call.client.of(m.ToolFinished)))
            call.client.type("¿Estás?")
            await asyncio.sleep(0.1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert service.newest.history == [("USER", "Hola")]
            assert "listo" in call.said_by_assistant[0]
            assert call.said_by_assistant[1] == "Dijiste ¿Estás?."

    @in_virtual_time
    async def test_question_after_an_answer_is_asked_again_by_itself(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = SonicService({"Hola": calls_tool("look")})
        async with running_call(service=service, tools=tools) as call:
            await call.ask("Hola")
            service.conditions.thinks_s = 1
            call.client.type("Y ahora")
            await asyncio.sleep(0.1)
            call.service.newest.lose()
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert call.said_by_assistant[-1] == "Dijiste Y ahora."
            assert service.inputs.count("Y ahora") == 1

    @in_virtual_time
    async def test_tool_requested_in_another_turn_runs_again(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        plan = rotation_plan(quiet_moment_after_s=3, between_replies_after_s=5, at_latest_s=6)
        async with running_call({"Hola": calls_tool("look")}, tools=tools, rotation=plan) as call:
            await call.ask("Hola")
            await call.until(lambda: call.rotations == 1)
            await call.ask("Hola")
            assert len(runs) == 2

    @in_virtual_time
    async def test_session_silent_after_a_tool_result_is_replaced(self) -> None:
        tools, runs = slow_tool({"said": "listo"}, takes_s=0.2)
        service = SonicService({"Hola": calls_tool("look")})
        async with running_call(service=service, tools=tools) as call:
            call.client.type("Hola")
            await call.until(lambda: bool(runs))
            service.conditions.thinks_s = 1_000
            await asyncio.sleep(1)
            service.conditions.thinks_s = 0
            await call.wait_until_quiet()
            assert len(runs) == 1
            assert "listo" in call.said_by_assistant[-1]
