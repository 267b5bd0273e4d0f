"""The diagrams in the documentation are those of the tables."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_diagrams_are_current() -> None:
    spec = importlib.util.spec_from_file_location(
        "protocol_diagram", ROOT / "scripts" / "protocol-diagram.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    committed = (ROOT / "docs" / "sonic-protocol.md").read_text(encoding="utf-8")
    assert script.page(committed) == committed
    assert committed.count("stateDiagram-v2") == 3
