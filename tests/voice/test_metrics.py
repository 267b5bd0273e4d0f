"""What `/metrics` shows is what the documents say."""

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from voice import metrics

pytestmark = pytest.mark.pure

CALLS_PAGE = Path(__file__).parents[2] / "docs" / "calls.md"


def test_each_metric_stands_in_the_documents_with_its_labels() -> None:
    shown = re.findall(r"`(nova_[a-z_]+)(?:\{([a-z,]+)\})?`", CALLS_PAGE.read_text())
    ours = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
    assert {(name.removesuffix("_total"), labels) for name, labels in shown} == {
        (each._name, ",".join(each._labelnames)) for each in ours
    }
