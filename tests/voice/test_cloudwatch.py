"""Metrics for CloudWatch: the records, and the names that Terraform expects."""

import asyncio
import json
import logging
import logging.config
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from pytest_django.fixtures import Settings

from novasonic.logging import logging_config
from tests.calls import virtual_time
from voice import metrics
from voice.cloudwatch import PUBLICATION_S, UNITS, MetricsPublisher, log_metrics
from voice.wire.messages import TurnLatency

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
MONITORING = (ROOT / "terraform" / "monitoring.tf").read_text()
MAIL = (ROOT / "terraform" / "mail.tf").read_text()
CALL = "c0ffee"


@pytest.fixture
def records(settings: Settings, caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    """The JSON objects that are logged, oldest first, with METRICS_NAMESPACE set."""
    settings.METRICS_NAMESPACE = "NovaSonic/test"
    made: list[dict[str, Any]] = []
    logger = logging.getLogger("voice.cloudwatch")
    config = logging_config("WARNING", "json")
    formatter = logging.config.DictConfigurator(config).configure_formatter(
        config["formatters"]["structured"]
    )

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            made.append(json.loads(formatter.format(record)))

    handler, level = Handler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(config["loggers"]["voice.cloudwatch"]["level"])
    yield made
    logger.setLevel(level)
    logger.removeHandler(handler)


def declared(record: dict[str, Any]) -> tuple[list[list[str]], dict[str, float]]:
    """Return a record's dimensions and its metrics, after checking it against the specification."""
    metadata = record["_aws"]
    assert abs(metadata["Timestamp"] / 1000 - 1.7e9) < 1e9
    (directive,) = metadata["CloudWatchMetrics"]
    assert directive["Namespace"] == "NovaSonic/test"
    assert 1 <= len(directive["Metrics"]) <= 100
    for names in directive["Dimensions"]:
        assert all(isinstance(record[name], str) for name in names)
    values = {metric["Name"]: record[metric["Name"]] for metric in directive["Metrics"]}
    assert all(isinstance(value, int | float) for value in values.values())
    assert all(metric["Unit"] == UNITS[metric["Name"]] for metric in directive["Metrics"])
    return directive["Dimensions"], values


def test_names_are_those_of_the_dashboard_and_the_alarms() -> None:
    shown = set(re.findall(r'\["([A-Z]\w+)", "(?:Sum|Average|Maximum|p\d+)"', MONITORING))
    shown |= set(re.findall(r'metrics_namespace, "([A-Z]\w+)"', MONITORING))
    watched = set(
        re.findall(
            r'merge\(local\.(?:voice|site)_metric, \{[^}]*?metric\s+= "(\w+)"',
            MONITORING,
            re.DOTALL,
        )
    )
    assert watched
    assert watched <= shown
    from_log_filters = set(re.findall(r'metric_transformation \{\s+name\s+= "(\w+)"', MAIL))
    assert from_log_filters
    assert shown == set(UNITS) | from_log_filters


def test_fields_of_the_saved_queries_are_logged(records: list[dict[str, Any]]) -> None:
    latency = TurnLatency(
        first_audio_ms=700.0, model_ms=500.0, tool_ms=150.04, server_ms=50.0, hearing_ms=310.26
    )
    metrics.observe_turn(latency, call_id=CALL)
    slow_turns = re.search(r'"slow turns" = \{.*?fields ([^|]+?)\\n', MONITORING, re.DOTALL)
    assert slow_turns is not None
    fields = {name.strip() for name in slow_turns[1].split(",")} - {"@timestamp"}
    assert fields <= records[0].keys()


def test_turn_is_one_record_from_the_end_of_speech(records: list[dict[str, Any]]) -> None:
    latency = TurnLatency(
        first_audio_ms=700.0, model_ms=500.0, tool_ms=150.04, server_ms=50.0, hearing_ms=310.26
    )
    metrics.observe_turn(latency, call_id=CALL)
    metrics.observe_playback(1200.49, call_id=CALL)
    turn, playback = records
    assert declared(turn) == ([["Service"]], {"FirstAudio": 1010.3})
    assert (turn["event"], turn["call_id"], turn["tools_ms"]) == ("turn answered", CALL, 150.0)
    assert declared(playback) == ([["Service"]], {"HeardLatency": 1200.5})


def test_tool_call_and_ended_call_are_one_record_each(records: list[dict[str, Any]]) -> None:
    metrics.observe_tool_call("consultarOrder", outcome="ok", duration_s=0.25, call_id=CALL)
    metrics.observe_call_end(error_kind=None, cost_usd=0.0312, call_id=CALL)
    tool_call, ended = records
    assert declared(tool_call)[1] == {"ToolLatency": 250.0}
    assert (tool_call["tool"], tool_call["outcome"]) == ("consultarOrder", "ok")
    assert declared(ended)[1] == {"CallCost": 0.0312}


def test_counters_are_published_as_growth_and_gauges_as_they_are(
    records: list[dict[str, Any]],
) -> None:
    registry = CollectorRegistry()
    started = Counter("started", "", ["how"], registry=registry)
    errors = Counter("errors", "", ["kind"], registry=registry)
    calls = Gauge("calls", "", registry=registry)
    used = Gauge("used", "", ["region"], registry=registry)
    started.labels("new").inc(5)
    publisher = MetricsPublisher(
        counters={"CallsStarted": started, "CallErrors": errors},
        gauges={"ActiveCalls": calls, "SessionQuotaUsed": used},
    )
    started.labels("new").inc(2)
    started.labels("restored").inc()
    errors.labels("throttled").inc(2)
    errors.labels("internal")
    calls.set(4)
    used.labels("us-east-1").set(85)
    used.labels("us-west-2").set(10)
    publisher.publish()
    all_metrics, by_kind = records
    assert declared(all_metrics) == (
        [["Service"]],
        {"CallsStarted": 3, "ActiveCalls": 4, "SessionQuotaUsed": 85},
    )
    assert declared(by_kind) == ([["Service"], ["Service", "Kind"]], {"CallErrors": 2})
    assert by_kind["Kind"] == "throttled"
    publisher.publish()
    assert declared(records[2])[1] == {"CallsStarted": 0, "ActiveCalls": 4, "SessionQuotaUsed": 85}


def test_publisher_publishes_each_minute_and_when_it_ends(records: list[dict[str, Any]]) -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(metrics.publisher().run())
            await asyncio.sleep(2.5 * PUBLICATION_S)
            assert len(records) == 3
            running.cancel()

    virtual_time.run(scenario())
    assert len(records) == 4
    assert {name for record in records for name in declared(record)[1]} == set(UNITS) - {
        "LoginFailures",  # of the site
        "CallErrors",
        "CallCost",
        "FirstAudio",
        "HeardLatency",
        "ToolLatency",
    }


def test_without_namespace_nothing_is_logged(
    records: list[dict[str, Any]], settings: Settings
) -> None:
    settings.METRICS_NAMESPACE = ""
    log_metrics("metrics", {"ActiveCalls": 1})
    assert records == []
