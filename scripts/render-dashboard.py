"""Draw the CloudWatch dashboard from its JSON and the metrics in a server's log, without AWS.

    scripts/render-dashboard.py DASHBOARD LOG IMAGE.png

DASHBOARD is the dashboard's JSON (`aws cloudwatch get-dashboard --query DashboardBody --output text`), or the
output of `terraform test -verbose -json`, which contains it. LOG is the log of a server with LOG_FORMAT=json and
METRICS_NAMESPACE set. Values are put together as CloudWatch does: by the period and the statistic of each line.
Metrics of AWS's own services are not in the log; their widgets stay empty. Needs Chromium.
"""

import argparse
import html
import json
import math
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

COLUMN, ROW, GAP = 54, 46, 10
"""Pixels of a unit of the dashboard's grid, and between widgets."""
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")
LEFT, TOP, BOTTOM, RIGHT = 46, 34, 52, 14
SEARCH = re.compile(r"SEARCH\('\{([^}]+)\} MetricName=\"(\w+)\"', '(\w+)', (\d+)\)")
NO_DATA = "not in a server's log: a metric of AWS"

type Point = tuple[float, float]
"""Time in seconds, and value."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a widget."""

    label: str
    points: Sequence[Point]


def main() -> None:
    """Draw the dashboard."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("dashboard", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("image", type=Path)
    options = parser.parse_args()
    widgets = read_dashboard(options.dashboard.read_text())["widgets"]
    samples = list(read_samples(options.log.read_text()))
    if not samples:
        parser.error(
            f"{options.log} contains no metrics: set METRICS_NAMESPACE and LOG_FORMAT=json"
        )
    take_screenshot(page_of(widgets, samples), options.image)


def read_dashboard(text: str) -> dict[str, Any]:
    """Return the dashboard's JSON, also from among the output of `terraform test`."""
    body = re.search(r'"dashboard_body":\s*("(?:[^"\\]|\\.)*")', text)
    dashboard: dict[str, Any] = json.loads(json.loads(body[1]) if body else text)
    return dashboard


def read_samples(log: str) -> Iterator[Sample]:
    """Yield the values that the log's records declare as metrics, for each set of dimensions."""
    for line in log.splitlines():
        record = json.loads(line) if '"_aws"' in line else {}
        for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                for metric in directive["Metrics"]:
                    yield Sample(
                        namespace=directive["Namespace"],
                        name=metric["Name"],
                        dimensions={name: record[name] for name in names},
                        at=record["_aws"]["Timestamp"] / 1000,
                        value=float(record[metric["Name"]]),
                    )


def lines_of(properties: Mapping[str, Any], samples: Sequence[Sample]) -> list[Line]:
    """Return the lines of a widget."""
    lines: list[Line] = []
    for row in properties["metrics"]:
        *path, options = row if isinstance(row[-1], dict) else [*row, {}]
        if search := SEARCH.fullmatch(options.get("expression", "")):
            lines += _searched(search, samples)
            continue
        if "expression" in options:
            continue  # a search for AWS's own metrics
        namespace, name, *pairs = path
        dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
        matching = [
            sample
            for sample in samples
            if (sample.namespace, sample.name) == (namespace, name)
            and sample.dimensions == dimensions
        ]
        points = aggregate(matching, options.get("stat", "Average"), properties["period"])
        lines.append(Line(options.get("label", name), points))
    return lines


def _searched(search: re.Match[str], samples: Sequence[Sample]) -> list[Line]:
    """Return a line for each combination of dimensions that the expression finds."""
    namespace, *names = search[1].split(",")
    found: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        is_found = (sample.namespace, sample.name) == (namespace, search[2])
        if is_found and set(sample.dimensions) == set(names):
            found[sample.dimensions[names[-1]]].append(sample)
    return [
        Line(label, aggregate(each, search[3], int(search[4]))) for label, each in found.items()
    ]


def aggregate(samples: Sequence[Sample], statistic: str, period_s: int) -> list[Point]:
    """Return one point for each period with values."""
    periods: dict[float, list[float]] = defaultdict(list)
    for sample in samples:
        periods[sample.at // period_s * period_s].append(sample.value)
    return [(at, statistic_of(sorted(values), statistic)) for at, values in sorted(periods.items())]


def statistic_of(values: Sequence[float], statistic: str) -> float:
    """Return a statistic of sorted values, by CloudWatch's name of it."""
    if statistic.startswith("p"):
        rank = math.ceil(float(statistic[1:]) / 100 * len(values))
        return values[max(0, rank - 1)]
    functions = {
        "Sum": sum(values),
        "Average": sum(values) / len(values),
        "Minimum": values[0],
        "Maximum": values[-1],
        "SampleCount": float(len(values)),
    }
    return functions[statistic]


# --- Drawing


def page_of(widgets: Sequence[Mapping[str, Any]], samples: Sequence[Sample]) -> str:
    """Return the dashboard as HTML."""
    began, ended = min(sample.at for sample in samples), max(sample.at for sample in samples)
    parts = []
    for widget in widgets:
        width = widget["width"] * COLUMN - GAP
        height = widget["height"] * ROW - GAP
        style = (
            f"left:{widget['x'] * COLUMN}px;top:{widget['y'] * ROW}px;"
            f"width:{width}px;height:{height}px"
        )
        lines = lines_of(widget["properties"], samples)
        drawing = chart(widget["properties"]["title"], lines, (width, height), (began, ended))
        parts.append(f"<div style='{style}'>{drawing}</div>")
    total_width = max(each["x"] + each["width"] for each in widgets) * COLUMN
    total_height = max(each["y"] + each["height"] for each in widgets) * ROW
    return (
        "<!doctype html><meta charset=utf-8><style>body{margin:10px;background:#f2f3f3;"
        f"position:relative;width:{total_width}px;height:{total_height}px;font:12px sans-serif}}"
        "div{position:absolute;background:#fff;border:1px solid #d5dbdb;box-sizing:border-box}"
        "text{fill:#414d5c}</style><main style='position:relative;display:block'>"
        + "".join(parts)
        + "</main>"
    )


def chart(
    title: str, lines: Sequence[Line], size: tuple[int, int], span: tuple[float, float]
) -> str:
    """Return a widget as SVG."""
    width, height = size
    heading = f"<text x=12 y=21 font-size=14 font-weight=bold>{html.escape(title)}</text>"
    highest = max((value for line in lines for _, value in line.points), default=None)
    if highest is None:
        is_empty = not lines  # a search that finds nothing: there were no errors
        note = "none" if is_empty else NO_DATA
        body = (
            f"<text x={width / 2} y={height / 2} text-anchor=middle font-style=italic>{note}</text>"
        )
        return f"<svg width={width} height={height}>{heading}{body}</svg>"
    top = nice_limit(highest)
    inner_width, inner_height = width - LEFT - RIGHT, height - TOP - BOTTOM
    began, ended = span

    def position(point: Point) -> str:
        x = LEFT + inner_width * min(1.0, max(0.0, (point[0] - began) / max(1.0, ended - began)))
        return f"{x:.1f},{TOP + inner_height * (1 - point[1] / top):.1f}"

    parts = [heading]
    for step in range(5):
        y = TOP + inner_height * step / 4
        label = f"{top * (4 - step) / 4:.4g}"
        parts.append(
            f"<line x1={LEFT} x2={width - RIGHT} y1={y} y2={y} stroke='#eaeded'/>"
            f"<text x={LEFT - 6} y={y + 4} text-anchor=end font-size=11>{label}</text>"
        )
    for at, anchor, x in ((began, "start", LEFT), (ended, "end", width - RIGHT)):
        clock = datetime.fromtimestamp(at, UTC).strftime("%H:%M")
        parts.append(
            f"<text x={x} y={height - BOTTOM + 16} text-anchor={anchor} font-size=11>{clock}</text>"
        )
    x = LEFT
    for line, color in zip(lines, COLORS, strict=False):
        points = " ".join(map(position, line.points))
        parts.append(f"<polyline points='{points}' fill=none stroke='{color}' stroke-width=2 />")
        for point in line.points:
            cx, _, cy = position(point).partition(",")
            parts.append(f"<circle cx={cx} cy={cy} r=2.5 fill='{color}' />")
        parts.append(
            f"<rect x={x} y={height - 22} width=10 height=10 fill='{color}' />"
            f"<text x={x + 14} y={height - 13} font-size=11>{html.escape(line.label)}</text>"
        )
        x += 30 + 7 * len(line.label)
    return f"<svg width={width} height={height}>{''.join(parts)}</svg>"


def nice_limit(highest: float) -> float:
    """Return the end of an axis: 1, 2, 4 or 10 times a power of ten, and not below `highest`."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(factor * power for factor in (1, 2, 4, 10) if factor * power >= highest)


def take_screenshot(page_html: str, image: Path) -> None:
    """Show HTML in Chromium, and store what it looks like."""
    with tempfile.NamedTemporaryFile("w", suffix=".html") as file, sync_playwright() as playwright:
        file.write(page_html)
        file.flush()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 24 * COLUMN + 20, "height": 800})
        page.goto(f"file://{file.name}")
        page.screenshot(path=image, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
