"""The runbook has a section for each alarm of the module, and for nothing that is none."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
MONITORING = (ROOT / "terraform" / "monitoring.tf").read_text()
OTHER_SECTIONS = {"Follow one call", "Rotate a secret"}


def alarm_keys() -> set[str]:
    """Return the keys of `local.alarms`, and the page's sections that other alarms name."""
    _, _, rest = MONITORING.partition("  alarms = {\n")
    keys = re.findall(r"^    ([a-z-]+) = ", rest.partition("\n  }\n")[0], re.MULTILINE)
    named = re.findall(r"docs/runbook\.md#([a-z-]+)", MONITORING)
    return {*keys, *named}


def test_each_alarm_has_a_section() -> None:
    sections = set(re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE))
    assert len(alarm_keys()) > 10
    assert sections - OTHER_SECTIONS == alarm_keys()


def test_saved_queries_that_it_names_exist() -> None:
    queries = set(re.findall(r'^    "([^"]+)" = \{', MONITORING, re.MULTILINE))
    named = {
        "one call",
        "slow turns",
        "refused calls by reason",
        "lost sessions by reason",
        "errors by event",
        "slow REST requests",
        "login failures by account",
    }
    assert named <= queries
    assert all(f"*{name}*" in RUNBOOK for name in named)


def test_events_that_the_queries_filter_are_logged() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "voice").rglob("*.py"))
    for event in re.findall(r'event = \\"([^"\\]+)\\"', MONITORING):
        assert f'"{event}"' in sources, event
