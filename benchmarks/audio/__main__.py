"""`make bench`: measure all servers in one run, print one table, write results and plots.

    python -m benchmarks.audio                 everything: about 40 minutes
    python -m benchmarks.audio --real-time     the same where other work shares the machine (root)
    python -m benchmarks.audio --quick         ours against the floor in a minute; fails on a clear loss

Servers run side by side and are measured in turns; the server is pinned to one core, load and storage
to another. Only ratios within one run mean anything.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.audio import report
from benchmarks.audio.load import LoadName
from benchmarks.audio.measure import Measurement, Model, measured
from benchmarks.audio.processes import (
    ROOT,
    SERVERS,
    RunningServer,
    Surroundings,
    raise_event_loop,
    started,
    storage,
    use_real_time,
)

RESULTS = ROOT / "benchmarks" / "results"
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
PIPECAT_PYTHON = ROOT / ".venv-pipecat" / "bin" / "python"
LOADS: tuple[LoadName, ...] = ("quiet", "talk-over")
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = _CORES[0], _CORES[-1]
RAMP = (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 100, 120, 140, 160, 180)
QUICK_CALLS, QUICK_REPEATS, QUICK_SECONDS = 10, 3, 3.0
CLEAR_LOSS = 2.0
"""The quick form fails if ours costs this many times the floor's CPU time per frame pair."""


@dataclass
class Bench:
    """A benchmark under way."""

    model: Model
    running: dict[str, RunningServer]
    surroundings: Surroundings
    seconds: float

    async def compare(self, calls: Sequence[int], repeats: int) -> list[dict[str, Any]]:
        """Measure every server under every load with every number of calls, in turns."""
        results = []
        for repeat in range(repeats):
            for load in LOADS:
                for count in calls:
                    for server in self.running.values():
                        one = await measured(self.model, server, load, count, seconds=self.seconds)
                        results.append(one.as_json() | {"repeat": repeat})
                        print(_line(one), flush=True)
        return results

    async def find_most_calls(self, steps: Sequence[int], repeats: int) -> list[dict[str, Any]]:
        """Raise the number of calls until a server no longer keeps real time, twice in a row."""
        found = []
        for repeat in range(repeats):
            for load in LOADS:
                most = dict.fromkeys(self.running, 0)
                going = set(self.running)
                for count in steps:
                    for name in [name for name in self.running if name in going]:
                        if await self._keeps_real_time(self.running[name], load, count):
                            most[name] = count
                        else:
                            going.discard(name)
                found += [
                    {"server": name, "load": load, "repeat": repeat, "most_calls": count}
                    for name, count in most.items()
                ]
        return found

    async def _keeps_real_time(self, server: RunningServer, load: LoadName, count: int) -> bool:
        for _ in range(2):
            one = await measured(self.model, server, load, count, seconds=self.seconds)
            print(_line(one), flush=True)
            if one.is_real_time:
                return True
        return False


@contextlib.asynccontextmanager
async def bench(names: Sequence[str], seconds: float, *, real_time: bool = False) -> Any:
    """Start the model, storage and servers; with `real_time`, all before other work of the machine."""
    if real_time:
        use_real_time()
    os.sched_setaffinity(0, {LOAD_CORE})
    model = Model()
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nova-bench-")))
        url, ca_file = await model.endpoint.start(folder)
        stack.callback(model.endpoint.close)
        port = stack.enter_context(storage(core=LOAD_CORE))
        surroundings = Surroundings(url, ca_file, port, folder, BENCH_PYTHON, PIPECAT_PYTHON)
        running = {
            name: await stack.enter_async_context(
                started(SERVERS[name], surroundings, core=SERVER_CORE)
            )
            for name in names
        }
        await asyncio.sleep(1.0)  # servers finish their start
        for server in running.values():
            first = await measured(model, server, "quiet", 1, seconds=1.0)
            print(f"{server.server.name}: first call open in {first.open_ms:.0f} ms", flush=True)
            server.idle_bytes = server.memory_bytes()
        if real_time:
            raising = asyncio.create_task(_raise_event_loops(running))
            stack.callback(raising.cancel)
        yield Bench(model, running, surroundings, seconds)


async def _raise_event_loops(running: dict[str, RunningServer]) -> None:
    """Raise the event loops of all servers again and again: new threads begin with their priority."""
    while True:
        for server in running.values():
            raise_event_loop(server.process.pid)
            await asyncio.sleep(0.2)


async def whole(options: argparse.Namespace) -> int:
    """Measure everything; print the table, write results and plots."""
    async with bench(options.servers, options.seconds, real_time=options.real_time) as running:
        results = await running.compare(options.calls, options.repeats)
        if not options.calls:  # the ramp alone, beside the results of a run before
            results = json.loads((RESULTS / "audio.json").read_text())["results"]
        print(_write_results(results, []), flush=True)  # the ramp takes as long again
        most_calls = await running.find_most_calls(options.ramp, options.ramp_repeats)
    print(_write_results(results, most_calls))
    if BENCH_PYTHON.exists():
        await asyncio.to_thread(_draw_plots, RESULTS / "audio.json")
    return 0


def _write_results(results: list[dict[str, Any]], most_calls: list[dict[str, Any]]) -> str:
    """Write the raw results and their table; return the table."""
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": _machine(), "results": results, "most_calls": most_calls}
    (RESULTS / "audio.json").write_text(json.dumps(content, indent=1) + "\n")
    table = report.table(results, most_calls)
    (RESULTS / "audio.md").write_text(table)
    return table


def _draw_plots(file: Path) -> None:
    subprocess.run([BENCH_PYTHON, "-m", "benchmarks.audio.plots", file], cwd=ROOT, check=True)


async def quick() -> int:
    """Compare ours with the floor only; return 1 on a clear loss."""
    async with bench(("floor", "ours"), QUICK_SECONDS) as running:
        results = await running.compare((QUICK_CALLS,), QUICK_REPEATS)
    status = 0
    for load in LOADS:
        ratio = report.cpu_ratio(results, server="ours", load=load, calls=QUICK_CALLS)
        assert ratio is not None
        print(f"{load}: ours costs {ratio:.2f} times the floor (limit {CLEAR_LOSS})")
        status |= ratio > CLEAR_LOSS
    return status


def _line(one: Measurement) -> str:
    up, down = one.up, one.down
    return (
        f"{one.server:12} {one.load:9} {one.calls:3} calls  {one.cpu_us_per_pair:5.0f} µs/pair"
        f"  core {one.cpu_share:4.0%}  up {up.p50:.1f}/{up.p95:.1f}/{up.p99:.1f}"
        f"  down {down.p50:.1f}/{down.p95:.1f}/{down.p99:.1f} ms"
        f"  lost {up.lost + down.lost}  reordered {up.reordered + down.reordered}"
        f"  {one.memory_per_call_kb:.0f} KB/call  open {one.open_ms:.0f} ms"
        f"  load {one.load_cpu_share:.0%}, {one.load_late_ms:.0f} ms late"
        + (f"  {one.errors[0]}" if one.errors else "")
    )


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_average": os.getloadavg(),
    }


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",") if each]


def main() -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measures the audio path of several servers.")
    parser.add_argument("--quick", action="store_true", help="ours against the floor, for CI")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS))
    parser.add_argument(
        "--calls",
        type=_numbers,
        default=[5, 10, 20, 40],
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument(
        "--ramp", type=_numbers, default=RAMP, help="numbers of calls to try for the most calls"
    )
    parser.add_argument("--ramp-repeats", type=int, default=1)
    parser.add_argument(
        "--real-time", action="store_true", help="before other work of the machine; needs root"
    )
    options = parser.parse_args()
    work = quick() if options.quick else whole(options)
    return asyncio.run(work, loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    sys.exit(main())
