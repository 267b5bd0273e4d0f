"""Plays conversations on the simulator's dialogue with the server's tools, without sockets and speech."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nova_sonic_simulator.dialogue import DialogueManager, DialogueSetup, ToolSpec
from nova_sonic_simulator.scenes import Outcome
from tests.scenes.customers.store import StoreCheck
from tests.scenes.driver import CLINIC
from voice.calls.configuration import current_business
from voice.prompts import build_system_prompt
from voice.sonic.families import family_of
from voice.tools import TOOLS
from voice.tools.confirmations import Confirmations
from voice.tools.registry import ToolContext

TOOL_DEADLINE_S = 30.0


class DialogueDriver:
    """Plays one customer; changes are confirmed as in a call."""

    def __init__(self, *, model: str, now: datetime) -> None:
        self.check = StoreCheck(now)
        self._now = now
        tools = tuple(
            ToolSpec(
                name=spec.name, description=spec.description, schema=json.loads(spec.input_schema)
            )
            for spec in TOOLS.specs()
        )
        prompt = build_system_prompt(
            language="es",
            family=family_of(model).name,
            voice="carlos",
            business=current_business(),
            now=now,
            time_zone=CLINIC,
        )
        self._dialogue = DialogueManager(DialogueSetup(tools=tools, system_prompt=prompt))
        self._confirmations = Confirmations()
        self._turn = 0
        self._uses = 0

    async def interrupt(self, text: str) -> Outcome:
        self._dialogue.handle_interruption()
        return await self.say(text)

    async def wait(self, seconds: float) -> Outcome:
        raise NotImplementedError

    async def inject_fault(self, fault: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def differences(self, end: Mapping[str, Any]) -> list[str]:
        return await asyncio.to_thread(self.check.differences, end)

    async def say(self, text: str) -> Outcome:
        self._turn += 1
        now = self._now.astimezone(CLINIC)
        reply = self._dialogue.respond(text, now=now, is_typed=True)
        calls, replies, pending = [], list(reply.sentences), list(reply.tool_calls)
        while pending:
            call = pending.pop(0)
            calls.append((call.name, call.arguments))
            result = await self._run_tool(call.name, call.arguments)
            reply = self._dialogue.handle_tool_result(
                tool_use_id="", name=call.name, result=result, now=now
            )
            replies += reply.sentences
            pending += reply.tool_calls
        outcome = Outcome(calls=calls, replies=replies)
        self.check.record(text, outcome)
        return outcome

    async def _run_tool(self, name: str, arguments: Any) -> dict[str, Any]:
        self._uses += 1
        context = ToolContext(
            call_id="c1",
            tool_use_id=f"use-{self._uses}",
            now=self._now,
            time_zone=CLINIC,
            turn=lambda: self._turn,
            confirmations=self._confirmations,
        )
        result = await TOOLS.run(name, json.dumps(arguments), context, deadline_s=TOOL_DEADLINE_S)
        return result.content
