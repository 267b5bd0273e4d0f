"""The metrics of calls and logins for CloudWatch: log records in its embedded metric format (EMF).

CloudWatch Logs makes a metric of each number that a record declares under `_aws`. With METRICS_NAMESPACE
set, a process logs one record a minute with its counters and gauges, made from the same objects as
`/metrics`, and one record for each turn, tool call and ended call, whose durations CloudWatch needs one
by one to compute percentiles. The id of the call is in the record, but no dimension of the metric.

Specification: AWS, CloudWatch user guide, "Embedded metric format".
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from common import clock

logger = logging.getLogger(__name__)

PUBLICATION_S = 60.0
"""Once a minute: the sum of `ActiveCalls` over a minute is the number of calls of all processes."""
VOICE, SITE = "voice", "site"
"""The values of the dimension Service."""

UNITS: Mapping[str, str] = {
    "ActiveCalls": "Count",
    "CallsStarted": "Count",
    "CallsRefused": "Count",
    "SilentCallsEnded": "Count",
    "CallErrors": "Count",
    "CallCost": "None",
    "FirstAudio": "Milliseconds",
    "HeardLatency": "Milliseconds",
    "ToolLatency": "Milliseconds",
    "Interruptions": "Count",
    "SessionRotations": "Count",
    "SessionsLost": "Count",
    "SessionQuotaUsed": "Percent",
    "ModelBudgetUsed": "Percent",
    "DynamoDBFailures": "Count",
    "LoginFailures": "Count",
}
"""All metrics; terraform/monitoring.tf shows them and watches them."""

type Samples = Mapping[str, float]


def log_metrics(
    event: str,
    values: Samples,
    properties: Mapping[str, Any] | None = None,
    *,
    dimensions: Mapping[str, str] | None = None,
    service: str = VOICE,
) -> None:
    """Log values as metrics, if METRICS_NAMESPACE is set.

    Args:
        event: The record's event.
        values: Values by the names of metrics; see `UNITS`.
        properties: Other fields of the record, which are no metrics.
        dimensions: A dimension beside Service, for a second metric of the same name.
        service: The value of the dimension Service.

    """
    if not settings.METRICS_NAMESPACE:
        return
    sets = [["Service"], *([["Service", *dimensions]] if dimensions else [])]
    directive = {
        "Namespace": settings.METRICS_NAMESPACE,
        "Dimensions": sets,
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
    }
    metadata = {
        "Timestamp": int(clock.now().timestamp() * 1000),
        "CloudWatchMetrics": [directive],
    }
    named = {"Service": service, **(dimensions or {})}
    logger.info(event, extra={"_aws": metadata, **named, **values, **(properties or {})})


class CounterReader:
    """Returns by how much Prometheus counters have grown since they were read last."""

    def __init__(self, counters: Mapping[str, Any]) -> None:
        self._counters = counters
        self._read: dict[tuple[str, tuple[str, ...]], float] = {}
        self.read_growth()

    def read_growth(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Return the growth of each counter, by the values of its labels."""
        growth: dict[str, dict[tuple[str, ...], float]] = {}
        for name, counter in self._counters.items():
            growth[name] = {}
            for labels, value in label_values(counter):
                growth[name][labels] = value - self._read.get((name, labels), 0.0)
                self._read[name, labels] = value
        return growth


def label_values(metric: Any) -> Sequence[tuple[tuple[str, ...], float]]:
    """Return the values of a Prometheus counter or gauge, with the values of their labels."""
    return [
        (tuple(sample.labels.values()), sample.value)
        for family in metric.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


class MetricsPublisher:
    """Logs the counters and gauges of this process."""

    def __init__(self, *, counters: Mapping[str, Any], gauges: Mapping[str, Any]) -> None:
        self._reader = CounterReader(counters)
        self._gauges = gauges

    def publish(self) -> None:
        """Log the gauges, and how much the counters have grown since the last time."""
        growth = self._reader.read_growth()
        values = {name: sum(by_labels.values()) for name, by_labels in growth.items()}
        for name, gauge in self._gauges.items():
            values[name] = max((value for _, value in label_values(gauge)), default=0.0)
        errors = growth.get("CallErrors", {})
        values.pop("CallErrors", None)
        log_metrics("metrics", values)
        for (kind,), count in errors.items():
            if count:
                log_metrics("call errors", {"CallErrors": count}, dimensions={"Kind": kind})

    async def run(self) -> None:
        """Publish once a minute, and a last time when cancelled."""
        try:
            while True:
                self.publish()
                await asyncio.sleep(PUBLICATION_S)
        finally:
            self.publish()
