"""Changes that the customer confirms, in whole calls."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from conversations.domain import ToolOutcome
from tests.calls.harness import FIRST_MODEL, RunningCall, calls_tool, in_virtual_time, running_call
from tests.calls.sonic_service import MODEL, SonicService
from voice.tools.registry import ToolContext, ToolRegistry, needs_confirmation
from voice.wire import messages as m

pytestmark = pytest.mark.pure

FAMILIES = pytest.mark.parametrize("family", [{}, FIRST_MODEL], ids=["nova-2-sonic", "nova-sonic"])
CANCEL, YES = "Cancelá el pedido dos", "Sí"
SCRIPT = {
    CANCEL: calls_tool("cancel", what="2"),
    "Cancelá el cuatro": calls_tool("cancel", what="4"),
    YES: calls_tool("cancel", what="2"),
}
SPOKEN_SCRIPT = {"2": SCRIPT[CANCEL], "1": SCRIPT[YES]}
"""The same for numbers that are spoken: the first model takes no text."""
FIRST_MODEL_ID = "amazon.nova-sonic-v1:0"


@dataclass(slots=True)
class Shop:
    """A tool that changes something, and what it was asked to check and to change."""

    takes_s: float = 0.0
    price: str = "gratis"
    checked: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def registry(self) -> ToolRegistry:
        """Return the registry with the tool."""

        def describe(result: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
            return f"Entonces cancelo el pedido {arguments['what']}, {result['price']}."

        @needs_confirmation(describe)
        async def cancel(context: ToolContext, *, what: str) -> dict[str, Any]:
            """Cancel something."""
            (self.checked if context.is_dry_run else self.changed).append(what)
            if not context.is_dry_run:
                self.tokens.append(context.tool_use_id)
                await asyncio.sleep(self.takes_s)
            return {"said": "listo", "price": self.price}

        return ToolRegistry([cancel])


def outcomes(call: RunningCall) -> list[ToolOutcome]:
    return [message.outcome for message in call.client.of(m.ToolFinished)]


def service_of(family: dict[str, Any]) -> SonicService:
    model = FIRST_MODEL_ID if family else MODEL
    return SonicService(SPOKEN_SCRIPT, model=model)


@FAMILIES
@in_virtual_time
async def test_change_is_made_after_the_customer_has_spoken(family: dict[str, Any]) -> None:
    shop = Shop()
    async with running_call(
        service=service_of(family), tools=shop.registry(), confirms_changes=True, **family
    ) as call:
        await call.speak([2], pause_ms=3000)
        await call.wait_until_quiet()
        assert (shop.checked, shop.changed) == (["2"], [])
        await call.speak([1], pause_ms=3000)
        await call.wait_until_quiet()
        assert (shop.checked, shop.changed) == (["2", "2"], ["2"])
        assert outcomes(call) == [ToolOutcome.PROPOSED, ToolOutcome.OK]


@in_virtual_time
async def test_change_of_an_argument_is_proposed_anew() -> None:
    shop = Shop()
    async with running_call(SCRIPT, tools=shop.registry(), confirms_changes=True) as call:
        for text in (CANCEL, "Cancelá el cuatro", YES):
            call.client.type(text)
            await call.wait_until_quiet()
        assert (shop.checked, shop.changed) == (["2", "4", "2"], [])


@in_virtual_time
async def test_change_that_is_another_one_by_now_is_proposed_anew() -> None:
    """The price that the customer has confirmed is the one that counts."""
    shop = Shop()
    async with running_call(SCRIPT, tools=shop.registry(), confirms_changes=True) as call:
        call.client.type(CANCEL)
        await call.wait_until_quiet()
        shop.price = "por 5.000 pesos"
        call.client.type(YES)
        await call.wait_until_quiet()
        assert shop.changed == []
        assert outcomes(call) == [ToolOutcome.PROPOSED] * 2
        call.client.type(YES)
        await call.wait_until_quiet()
        assert shop.changed == ["2"]


@in_virtual_time
async def test_two_tool_calls_in_one_turn_change_nothing() -> None:
    shop = Shop()
    twice = calls_tool("cancel", {"what": "2"}, {"what": "2"})
    async with running_call({CANCEL: twice}, tools=shop.registry(), confirms_changes=True) as call:
        call.client.type(CANCEL)
        await call.wait_until_quiet()
        assert shop.changed == []


@in_virtual_time
async def test_old_proposal_is_proposed_anew() -> None:
    shop = Shop()
    async with running_call(SCRIPT, tools=shop.registry(), confirms_changes=True) as call:
        for text in (CANCEL, "Hola", "Hola", "Hola", YES):
            call.client.type(text)
            await call.wait_until_quiet()
        assert (shop.checked, shop.changed) == (["2", "2"], [])


@in_virtual_time
async def test_change_is_made_at_once_where_nothing_is_confirmed() -> None:
    shop = Shop()
    async with running_call(SCRIPT, tools=shop.registry()) as call:
        call.client.type(CANCEL)
        await call.wait_until_quiet()
        assert (shop.checked, shop.changed) == ([], ["2"])


@FAMILIES
@in_virtual_time
async def test_session_lost_before_the_confirmation_changes_nothing_twice(
    family: dict[str, Any],
) -> None:
    shop = Shop()
    async with running_call(
        service=service_of(family), tools=shop.registry(), confirms_changes=True, **family
    ) as call:
        await call.speak([2], pause_ms=3000)
        await call.wait_until_quiet()
        call.service.newest.lose()
        await asyncio.sleep(2)
        assert shop.changed == []
        await call.speak([1], pause_ms=3000)
        await call.wait_until_quiet()
        assert (shop.checked, shop.changed) == (["2", "2"], ["2"])


@in_virtual_time
async def test_confirmed_change_that_timed_out_is_retried_under_its_token() -> None:
    shop = Shop(takes_s=60)
    async with running_call(
        SCRIPT, tools=shop.registry(), confirms_changes=True, tool_deadline_s=1
    ) as call:
        for text in (CANCEL, YES, YES):
            call.client.type(text)
            await asyncio.sleep(2)
            await call.wait_until_quiet()
        assert shop.changed == ["2", "2"]
        assert len(set(shop.tokens)) == 1
