"""The documents list every metric, with its labels."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from novasonic import request_limits
from novasonic.logins import limits
from voice import metrics

pytestmark = pytest.mark.pure

CALLS_PAGE = Path(__file__).parents[2] / "docs" / "calls.md"


def test_documents_list_every_metric_with_its_labels() -> None:
    documented = re.findall(r"`(nova_[a-z_]+)(?:\{([a-z,]+)\})?`", CALLS_PAGE.read_text())
    defined = [
        each
        for module in (metrics, limits, request_limits)
        for each in vars(module).values()
        if isinstance(each, MetricWrapperBase)
    ]
    assert {(name.removesuffix("_total"), labels) for name, labels in documented} == {
        # prometheus_client has no public names for these.
        (each._name, ",".join(each._labelnames))  # noqa: SLF001 -- see above
        for each in defined
    }
