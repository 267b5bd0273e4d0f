"""The table of a benchmark: medians of the repeated runs, and ratios to the floor."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

type Json = Mapping[str, Any]

BASE = "floor"
_HEADING = (
    "| load | calls | server | CPU/pair µs | ÷ floor | up p50/p95/p99 ms | down p50/p95/p99 ms "
    "| lost + reordered | memory/call KB | open ms |"
)


def table(results: Sequence[Json], most_calls: Sequence[Json]) -> str:
    """Return the results as a Markdown table.

    Args:
        results: Measurements, as `Measurement.as_json` gives them; `repeat` says which belong together.
        most_calls: The ramps: server, load, repeat and the calls that it carried in real time.

    """
    lines = [
        _HEADING,
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (load, calls, server), runs in _grouped(results, "load", "calls", "server").items():
        ratio = cpu_ratio(results, server=server, load=load, calls=calls)
        wrong = sum(
            run[way][what]
            for run in runs
            for way in ("up", "down")
            for what in ("lost", "reordered")
        )
        lines.append(
            f"| {load} | {calls} | {server} | {_median(run['cpu_us_per_pair'] for run in runs):.0f} "
            f"| {'' if ratio is None else f'{ratio:.2f}'} | {_latency(runs, 'up')} | {_latency(runs, 'down')} "
            f"| {wrong} | {_median(run['memory_per_call_kb'] for run in runs):.0f} "
            f"| {_median(run['open_ms'] for run in runs):.0f} |"
        )
    if most_calls:
        lines += ["", "| load | server | most calls on a core in real time |", "|---|---|---|"]
    for (load, server), runs in _grouped(most_calls, "load", "server").items():
        lines.append(f"| {load} | {server} | {_median(run['most_calls'] for run in runs):.0f} |")
    return "\n".join(lines) + "\n"


def cpu_ratio(results: Sequence[Json], *, server: str, load: str, calls: int) -> float | None:
    """Return the median of CPU time per frame pair divided by the floor's in the same repeat."""
    here = [each for each in results if each["load"] == load and each["calls"] == calls]
    base = {each["repeat"]: each["cpu_us_per_pair"] for each in here if each["server"] == BASE}
    ratios = [
        each["cpu_us_per_pair"] / base[each["repeat"]]
        for each in here
        if each["server"] == server and each["repeat"] in base
    ]
    return statistics.median(ratios) if ratios else None


def _grouped(results: Sequence[Json], *names: str) -> dict[tuple[Any, ...], list[Json]]:
    groups = defaultdict(list)
    for each in results:
        groups[tuple(each[name] for name in names)].append(each)
    return dict(sorted(groups.items()))


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _latency(runs: Sequence[Json], way: str) -> str:
    return " / ".join(
        f"{_median(run[way][name] for run in runs):.1f}" for name in ("p50", "p95", "p99")
    )
