"""What is left of a call when it is over: nothing, and without the garbage collector's help."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from tests.calls.engine.driver import connected
from tests.calls.harness import calls_tool, in_virtual_time, running_call
from tests.calls.limits import rotation_plan
from tests.calls.sonic_service import SonicService
from tests.calls.tools import slow_tool

pytestmark = pytest.mark.pure

EARLY = rotation_plan(quiet_moment_after_s=20, between_replies_after_s=40, at_latest_s=50)


@pytest.fixture
def no_garbage_collector() -> Iterator[None]:
    """Let only the reference counts free objects."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def ended_call() -> list[weakref.ref[object]]:
    """Run a call through texts, a tool, a lost and a rotated session; return what it was made of."""
    tools, _ = slow_tool({"said": "listo"}, takes_s=1)
    service = SonicService({"Hola": calls_tool("look")})
    async with running_call(service=service, tools=tools, rotation=EARLY) as running:
        await running.ask("Hola")
        service.newest.lose()
        await running.ask("¿Y?")
        await running.until(lambda: running.rotations > 0)
        call = running.call
        parts = (call, call.state, call.state.transcript, call.outbound, call.inbound)
        return [weakref.ref(part) for part in parts]


@pytest.mark.usefixtures("no_garbage_collector")
@in_virtual_time
async def test_call_that_ended_is_freed_by_its_reference_count() -> None:
    references = await ended_call()
    await asyncio.sleep(5)  # the timers of sessions that ended refer to them
    assert [reference() for reference in references] == [None] * len(references)


@pytest.mark.usefixtures("no_garbage_collector")
def test_engine_in_the_middle_of_a_call_is_in_no_reference_cycle() -> None:
    driver = connected(greets=True)
    driver.answer()
    driver.type("Hola")
    driver.call_tool()
    driver.finish_tool()
    driver.lose()
    driver.open()
    driver.begin_answer()
    references: list[weakref.ref[object]] = [weakref.ref(driver.call), weakref.ref(driver.engine)]
    del driver
    assert [reference() for reference in references] == [None, None]
