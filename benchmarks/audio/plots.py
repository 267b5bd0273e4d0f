"""Draw the plots of a benchmark's results. Runs in the benchmark's own environment, with matplotlib.

.venv-bench/bin/python -m benchmarks.audio.plots benchmarks/results/audio.json
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "nova"
from matplotlib import pyplot as plt  # noqa: E402 -- after use()

_COLOURS = {
    "floor": "#7f7f7f",
    "ours": "#1f77b4",
    "ours-legacy": "#17becf",
    "stock": "#ff7f0e",
    "pipecat": "#d62728",
}


def _medians(results: list[dict[str, Any]], load: str, server: str, value: Any) -> Any:
    calls = sorted({each["calls"] for each in results if each["load"] == load})
    points = []
    for count in calls:
        found = [
            value(each)
            for each in results
            if (each["load"], each["server"], each["calls"]) == (load, server, count)
        ]
        if found:
            points.append((count, statistics.median(found)))
    return points


def draw(results: list[dict[str, Any]], title: str, unit: str, value: Any, path: Path) -> None:
    """Draw one figure: a panel per load, a line per server, calls along the bottom."""
    loads = sorted({each["load"] for each in results})
    servers = [name for name in _COLOURS if any(each["server"] == name for each in results)]
    figure, panels = plt.subplots(1, len(loads), figsize=(5 * len(loads), 3.6), squeeze=False)
    for panel, load in zip(panels[0], loads, strict=True):
        for server in servers:
            points = _medians(results, load, server, value)
            panel.plot(*zip(*points, strict=True), "o-", label=server, color=_COLOURS[server])
        panel.set(title=load, xlabel="calls", ylabel=unit)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0][0].legend()
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path.with_suffix(".png"), dpi=110)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    plt.close(figure)


def main(file: Path) -> None:
    """Draw all figures beside the file of results."""
    content = json.loads(file.read_text())
    results = content["results"]
    folder = file.parent
    draw(
        results,
        "CPU time per frame pair",
        "µs",
        lambda run: run["cpu_us_per_pair"],
        folder / "audio-cpu",
    )
    for way in ("up", "down"):
        draw(
            results,
            f"Added latency {way}, 99th percentile",
            "ms",
            lambda run, way=way: min(run[way]["p99"], 500.0),
            folder / f"audio-latency-{way}",
        )
    draw(
        results,
        "Memory per call above idle",
        "KB",
        lambda run: run["memory_per_call_kb"],
        folder / "audio-memory",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
