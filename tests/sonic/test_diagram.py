"""The diagrams in the documentation match the transition tables."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).resolve().parents[2]


def test_committed_diagrams_match_the_tables() -> None:
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
