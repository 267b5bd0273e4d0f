"""A server under ten live calls is stopped: each call continues on another one, and nobody hears it."""

import asyncio
import random
import signal
import statistics
import time
from collections.abc import Callable

import pytest

from tests.faults.listener import Listener, listening, longest_silence_s
from tests.faults.rows import Row
from tests.fixtures.site import Site, SiteRunner
from tests.fixtures.voice_clients import open_client

pytestmark = [pytest.mark.wire]

CALLS = 10
TURNS_AFTER = 2
DRAIN_S = 25.0


async def converse(
    listener: Listener, *, is_over: Callable[[], bool], chance: random.Random
) -> None:
    """Ask again and again, with pauses as people make them, until it is over."""
    while not is_over():
        await listener.ask("Hola")
        await asyncio.sleep(0.2 + chance.random())


def has_continued(listener: Listener) -> bool:
    """Whether the call was resumed and has had enough turns since."""
    if not listener.resumed:
        return False
    return len(listener.answers) >= listener.asked_at_resume + TURNS_AFTER


async def refusals(site: Site) -> tuple[str, float]:
    """Return the code with which a stopping server refuses a new call, and how long /ready took to be false."""
    began = time.monotonic()
    while await asyncio.to_thread(site.is_ready):  # noqa: ASYNC110 -- another process's
        await asyncio.sleep(0.01)
    unready_s = time.monotonic() - began
    async with open_client(site.ws_url, start=False) as client:
        await client.send(type="start", ticket="any")
        return (await client.until("error"))["code"], unready_s


async def test_ten_calls_continue_on_another_server(
    run_site: SiteRunner, site: Site, demo_data: object, row: Row
) -> None:
    row(
        "a server under ten live calls is stopped (SIGTERM)",
        "waits a moment longer for one answer",
        kept="all calls, their questions and answers",
        within_s=DRAIN_S + 20,
    )
    with run_site(DRAIN_S=f"{DRAIN_S:g}") as stopping:
        async with listening(CALLS, [stopping.ws_url, site.ws_url]) as listeners:
            await asyncio.gather(*(listener.ask("Hola") for listener in listeners))
            async with asyncio.TaskGroup() as tasks:
                for number, listener in enumerate(listeners):
                    is_over = _continued(listener)
                    tasks.create_task(
                        converse(listener, is_over=is_over, chance=random.Random(number))
                    )
                await asyncio.sleep(1)
                with row.measured():
                    stopping.process.send_signal(signal.SIGTERM)
                    code, unready_s = await refusals(stopping)
                    exit_status = await asyncio.to_thread(stopping.process.wait, DRAIN_S + 120)
        assert (code, exit_status) == ("draining", 0)
        assert unready_s < DRAIN_S
        assert all(listener.resumed == [True] for listener in listeners)
        assert not [
            event
            for listener in listeners
            for event in listener.events
            if event["type"] in {"error", "ended"}
        ]
        assert_nobody_hears_silence(listeners)


def _continued(listener: Listener) -> Callable[[], bool]:
    return lambda: has_continued(listener)


def assert_nobody_hears_silence(listeners: list[Listener]) -> None:
    usual = statistics.median(a.waited_s for each in listeners for a in each.answers[1:])
    gaps = [answer.longest_gap_s for each in listeners for answer in each.answers]
    waits = [answer.waited_s for each in listeners for answer in each.answers[1:]]
    away = [seconds for each in listeners for seconds in each.away_s]
    added_s = max(waits) - usual
    print(  # noqa: T201 -- the figures of `make drain-proof`
        f"{len(listeners)} calls handed over: without connection {statistics.median(away):.2f} s "
        f"(longest {max(away):.2f} s); first sound of an answer after {usual:.2f} s, at the handover "
        f"at most {added_s:.2f} s later; longest silence within an answer {max(gaps):.2f} s"
    )
    assert max(gaps) <= longest_silence_s()
    assert added_s <= longest_silence_s()
