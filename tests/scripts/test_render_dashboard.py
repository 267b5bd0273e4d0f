"""Draw the dashboard: values put together by period and statistic, as CloudWatch does."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

render: Any = load_script("render-dashboard")

NAMESPACE = "NovaSonic/test"
ACTIVE = [NAMESPACE, "ActiveCalls", "Service", "voice", {"stat": "Sum", "label": "active"}]
BY_KIND = [{"expression": f"SEARCH('{{{NAMESPACE},Service,Kind}} MetricName=\"CallErrors\"', 'Sum', 60)", "label": ""}]  # fmt: skip


def record(at_s: float, dimensions: list[list[str]], **values: Any) -> str:
    metrics = [{"Name": name} for name in values if name != "Kind"]
    directive = {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}
    metadata = {"Timestamp": at_s * 1000, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": metadata, "Service": "voice", **values})


LOG = "\n".join(
    [
        '{"event": "call started"}',
        record(600, [["Service"]], ActiveCalls=2),
        record(640, [["Service"]], ActiveCalls=3),
        record(660, [["Service"]], ActiveCalls=4),
        record(601, [["Service"], ["Service", "Kind"]], CallErrors=2, Kind="throttled"),
        record(602, [["Service"], ["Service", "Kind"]], CallErrors=1, Kind="internal"),
    ]
)


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Sum", 10), ("Average", 2.5), ("Minimum", 1), ("Maximum", 4), ("SampleCount", 4), ("p50", 2), ("p95", 4), ("p99", 4)],
)  # fmt: skip
def test_statistic_is_that_of_cloudwatch(statistic: str, value: float) -> None:
    assert render.statistic_of([1, 2, 3, 4], statistic) == value


def test_line_has_a_point_for_each_period() -> None:
    samples = list(render.read_samples(LOG))
    (line,) = render.lines_of({"metrics": [ACTIVE], "period": 60}, samples)
    assert (line.label, line.points) == ("active", [(600, 5), (660, 4)])


def test_search_draws_a_line_for_each_kind() -> None:
    samples = list(render.read_samples(LOG))
    lines = render.lines_of({"metrics": [BY_KIND], "period": 60}, samples)
    assert [(line.label, line.points) for line in lines] == [
        ("throttled", [(600, 2)]),
        ("internal", [(600, 1)]),
    ]


def test_search_for_metrics_of_aws_draws_nothing() -> None:
    search = {"expression": "SEARCH('{AWS/DynamoDB,TableName} TableName=\"orders\"', 'Sum', 60)"}
    samples = list(render.read_samples(LOG))
    assert render.lines_of({"metrics": [[search]], "period": 60}, samples) == []


@pytest.mark.parametrize("is_from_terraform", [False, True])
def test_dashboard_is_read_from_its_json_or_from_terraforms_output(
    is_from_terraform: bool, tmp_path: Path
) -> None:
    body = {"widgets": [{"properties": {"title": 'a "title"'}}]}
    text = json.dumps({"values": {"dashboard_body": json.dumps(body)}})
    assert render.read_dashboard(text if is_from_terraform else json.dumps(body)) == body


def test_page_shows_each_widget_with_data_or_without() -> None:
    place = {"x": 0, "y": 0, "width": 8, "height": 6}
    widgets = [
        {**place, "properties": {"title": "Calls <1>", "metrics": [ACTIVE], "period": 60}},
        {**place, "properties": {"title": "CPU", "metrics": [["AWS/ECS", "CPU"]], "period": 60}},
    ]
    page = render.page_of(widgets, list(render.read_samples(LOG)))
    assert "Calls &lt;1&gt;" in page
    assert page.count("<polyline") == 1
    assert render.NO_DATA in page


@pytest.mark.parametrize(
    ("highest", "limit"), [(0, 1), (1, 1), (1.01, 2), (3, 4), (5, 10), (0.012, 0.02), (999, 1000)]
)
def test_axis_ends_at_a_round_number(highest: float, limit: float) -> None:
    assert render.nice_limit(highest) == pytest.approx(limit)
