"""What disturbs calls: interruptions, calls that come and go, a busy site, tools. Ours only.

    python -m benchmarks.audio.disturbances                   about seven minutes
    python -m benchmarks.audio.disturbances --real-time       the same where other work shares the machine (root)

*Barge-in*: the model interrupts one of 20 replies every 0.2 s. Stale is audio of a reply that arrives at the
client after the model has sent the interruption.
*Opened and closed*: 500 calls, 50 at a time; memory and descriptors before and after.
*Site*: 20 calls, while the site is asked for orders 20 times a second and for the OpenAPI schema without
pause; once with voice and site in one process, once apart; then, apart, for the admin's list of 5,000 orders
without pause. The site's process has the load's core. With `--real-time` it runs after the load there: it
must not take the core from the clock of the measurement.
*Tools*: 20 calls, while one of them has 50 tool uses every second, or one that takes 3 s.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import uvloop

from benchmarks.audio.__main__ import LOAD_CORE, RESULTS, bench
from benchmarks.audio.clients import BinaryWireClient
from benchmarks.audio.dynamodb_stub import SLOW_ORDER, SLOW_S
from benchmarks.audio.load import Run
from benchmarks.audio.measure import Model, measured
from benchmarks.audio.processes import (
    ROOT,
    SERVERS,
    RunningServer,
    Server,
    Surroundings,
    free_port,
    started,
)

CALLS = 20
SECONDS = 4.0
_FLUSH = 4
_BARGE_INS = 100
_SITE_REQUESTS_PER_S = 20
_TOOLS_PER_S = 50


class InterruptedClient(BinaryWireClient):
    """Measures what arrives after an interruption."""

    def __init__(self, on_audio: Callable[[bytes], None], ticket: str) -> None:
        super().__init__(on_audio, ticket)
        self.interrupted_at: float | None = None
        self.last_stale_ms = 0.0
        self.flush_ms: list[float] = []
        self.stale_ms: list[float] = []
        self.stale_after_flush = 0
        self._generation = 0

    def message_received(self, data: bytes, is_text: bool) -> None:
        kind, _, generation, *_ = self._HEADER.unpack_from(data)
        if kind == self._AUDIO_OUT and generation < self._generation:
            self.stale_after_flush += 1
        if self.interrupted_at is not None:
            after_ms = 1000 * (time.perf_counter() - self.interrupted_at)
            if kind == self._AUDIO_OUT:
                self.last_stale_ms = after_ms
            elif kind == _FLUSH:
                self.flush_ms.append(after_ms)
                self.stale_ms.append(self.last_stale_ms)
                self.interrupted_at, self.last_stale_ms = None, 0.0
        if kind == _FLUSH:
            self._generation = generation
        super().message_received(data, is_text)


async def barge_in(model: Model, running: RunningServer) -> dict[str, Any]:
    """Interrupt one reply after the other."""
    clients: list[InterruptedClient] = []

    def new_client(on_audio: Callable[[bytes], None]) -> InterruptedClient:
        usual = running.server.new_client(on_audio)
        assert isinstance(usual, BinaryWireClient)
        clients.append(InterruptedClient(on_audio, usual.ticket))
        return clients[-1]

    run = Run("talk-over", CALLS)

    async def interrupt() -> None:
        for number in range(_BARGE_INS):
            clients[number % CALLS].interrupted_at = time.perf_counter()
            run.interrupt(number % CALLS)
            await asyncio.sleep(0.2)

    model.run = run
    await _during(interrupt, run, new_client, running.port, seconds=_BARGE_INS * 0.2)
    flush = sorted(ms for client in clients for ms in client.flush_ms)
    stale = sorted(ms for client in clients for ms in client.stale_ms)
    return {
        "barge_ins": len(flush),
        "flush_arrives_ms": _percentiles(flush),
        "last_stale_audio_arrives_ms": _percentiles(stale),
        "stale_frames_after_flush": sum(client.stale_after_flush for client in clients),
    }


async def opened_and_closed(model: Model, running: RunningServer) -> dict[str, Any]:
    """Open and close 500 calls."""
    before = running.memory_bytes(), running.descriptors()
    sizes, errors = [], []
    for _ in range(10):
        one = await measured(model, running, "talk-over", 50, seconds=0.5)
        errors += one.errors
        await asyncio.sleep(0.5)
        sizes.append(round(running.memory_bytes() / 2**20, 1))
    await asyncio.sleep(5.0)
    return {
        "calls": 500,
        "memory_mb_before": round(before[0] / 2**20, 1),
        "memory_mb_after_each_50": sizes,
        "descriptors_before": before[1],
        "descriptors_after": running.descriptors(),
        "errors": errors[:3],
    }


async def busy_site(
    model: Model, running: RunningServer, site_port: int
) -> dict[str, dict[str, float]]:
    """Measure quiet calls, and the same while the site's API is busy."""

    async def crawl() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_request_for_ever(site_port, "/api/schema"))
            while True:
                tasks.create_task(_request(site_port, "/orders"))
                await asyncio.sleep(1 / _SITE_REQUESTS_PER_S)

    return await _alone_and_disturbed(model, running, crawl)


async def admin_list(
    model: Model, running: RunningServer, site_port: int, cookie: str
) -> dict[str, dict[str, float]]:
    """Measure quiet calls, and the same while staff read the list of orders."""
    path = "/admin/orders/order/"
    answer = await _request(site_port, path, cookie=cookie)
    assert b"Cliente" in answer, answer[:200]
    return await _alone_and_disturbed(
        model, running, lambda: _request_for_ever(site_port, path, cookie=cookie)
    )


async def many_tools(model: Model, running: RunningServer) -> dict[str, dict[str, float]]:
    """Measure quiet calls, and the same while one of them runs many tools."""

    async def call_tools() -> None:
        number = 0
        while True:
            for _ in range(_TOOLS_PER_S):
                number += 1
                assert model.run is not None
                model.run.call_tool(0, number)
            await asyncio.sleep(1.0)

    return await _alone_and_disturbed(model, running, call_tools)


async def slow_tool(model: Model, running: RunningServer) -> dict[str, dict[str, float]]:
    """Measure quiet calls, and the same while one of them runs one tool of 3 s after the other."""

    async def call_tool() -> None:
        number = 1_000_000
        while True:
            number += 1
            assert model.run is not None
            model.run.call_tool(0, number, order=SLOW_ORDER)
            await asyncio.sleep(SLOW_S + 0.2)

    return await _alone_and_disturbed(model, running, call_tool)


async def _alone_and_disturbed(
    model: Model, running: RunningServer, disturb: Callable[[], Coroutine[Any, Any, None]]
) -> dict[str, dict[str, float]]:
    """Measure in turns, twice each; return medians."""
    found: dict[str, list[tuple[float, float]]] = {"alone": [], "disturbed": []}
    for _ in range(2):
        for name, figures in found.items():
            disturbing = (
                asyncio.create_task(_after_opening(disturb)) if name == "disturbed" else None
            )
            one = await measured(model, running, "quiet", CALLS, seconds=SECONDS)
            if disturbing is not None:
                disturbing.cancel()
                await asyncio.wait({disturbing})
            figures.append((one.up.p99, one.down.p99))
            print(f"  {name}: up p99 {one.up.p99:.1f}, down p99 {one.down.p99:.1f} ms", flush=True)
    return {
        name: {
            "up_p99_ms": statistics.median(up for up, _ in figures),
            "down_p99_ms": statistics.median(down for _, down in figures),
        }
        for name, figures in found.items()
    }


async def _after_opening(disturb: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.sleep(3.0)
    await disturb()


async def _during(
    disturb: Callable[[], Coroutine[Any, Any, None]],
    run: Run,
    new_client: Any,
    port: int,
    *,
    seconds: float,
) -> None:
    """Run a load, and disturb it once it is under way."""
    disturbing: list[asyncio.Task[None]] = []
    await run.measure(
        new_client,
        port,
        seconds=seconds,
        at_begin=lambda: disturbing.append(asyncio.create_task(disturb())),
        at_end=lambda: None,
    )
    disturbing[0].cancel()
    await asyncio.wait(disturbing)


async def _request_for_ever(port: int, path: str, *, cookie: str = "") -> None:
    while True:
        await _request(port, path, cookie=cookie)


async def _request(port: int, path: str, *, cookie: str = "") -> bytes:
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
            "Connection: close\r\n\r\n"
        )
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        return answer
    return b""


@contextlib.asynccontextmanager
async def site_apart(
    surroundings: Surroundings, *, real_time: bool
) -> AsyncIterator[tuple[RunningServer, str]]:
    """Run the site in a process of its own, with 5,000 orders; give it and the cookie of a session."""
    ours = SERVERS["ours"]
    ordinary = ["chrt", "--other", "0"] if real_time else []
    with dynamodb(ordinary) as storage_url:

        def environ(where: Surroundings, port: int) -> dict[str, str]:
            return ours.environ(where, port) | {
                "DYNAMODB_ENDPOINT_URL": storage_url,
                "SQLITE_PATH": str(where.folder / "site-apart.sqlite3"),
            }

        filling = await asyncio.create_subprocess_exec(
            *[*ordinary, sys.executable, "-m", "benchmarks.audio.site_data"],
            cwd=ROOT,
            env=os.environ | environ(surroundings, free_port()),
            stdout=subprocess.PIPE,
        )
        output, _ = await filling.communicate()
        cookie = output.decode().splitlines()[-1]
        server = Server(
            "site",
            lambda where, port: [*ordinary, *ours.command(where, port), "--only", "site"],
            environ,
            ours.new_client,
        )
        async with started(server, surroundings, core=LOAD_CORE) as running:
            yield running, cookie


@contextlib.contextmanager
def dynamodb(prefix: list[str]) -> Iterator[str]:
    """Run the DynamoDB stand-in, which stores; give its URL."""
    python = str(ROOT / ".venv-dynamodb" / "bin" / "python")
    command = [*prefix, "taskset", "--cpu-list", str(LOAD_CORE), python, "-m", "local.dynamodb"]
    with subprocess.Popen(
        [*command, "--port", "0", "--in-memory", "--until-stdin-closes"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def _percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {
        "p50": round(values[len(values) // 2], 2),
        "p95": round(values[int(len(values) * 0.95)], 2),
        "max": round(values[-1], 2),
    }


async def measure_all(*, real_time: bool) -> None:
    """Measure everything; print the figures, and write them to the results."""
    results: dict[str, Any] = {}
    RESULTS.mkdir(exist_ok=True)

    def add(name: str, figures: dict[str, Any]) -> None:
        results[name] = figures
        print(name, json.dumps(figures, indent=1), flush=True)
        (RESULTS / "disturbances.json").write_text(json.dumps(results, indent=1) + "\n")

    async with bench(("ours",), SECONDS, real_time=real_time) as running:
        model, server = running.model, running.running["ours"]
        add("barge_in", await barge_in(model, server))
        add("tools", await many_tools(model, server))
        add("slow_tool", await slow_tool(model, server))
        async with site_apart(running.surroundings, real_time=real_time) as (site, cookie):
            add("site_apart", await busy_site(model, server, site.port))
            add("admin_list_apart", await admin_list(model, server, site.port, cookie))
        add("site_in_one_process", await busy_site(model, server, server.port))
        add("opened_and_closed", await opened_and_closed(model, server))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measures what disturbs calls.")
    parser.add_argument(
        "--real-time", action="store_true", help="before other work of the machine; needs root"
    )
    real_time = parser.parse_args().real_time
    asyncio.run(measure_all(real_time=real_time), loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    main()
