"""Fixtures and hooks of all tests.

On a developer's machine, tests that need Chromium, Node or the speech model are skipped where it is
missing, with one line in red that says how to install it. With CI=true a skipped test fails the run.
"""

import gc
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures.postgresql import bin_folder
from tests.reports import FAULT_ROW, SOAK_REPORT, format_fault_matrix

# Thousands of tests are collected, and none becomes garbage: searching them is a tenth of the time.
gc.disable()

# A slow example on a busy machine is no failure; pytest-timeout reports tests that hang.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("default"), max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

pytest_plugins = [
    "tests.fixtures.aws",
    "tests.fixtures.dynamodb",
    "tests.fixtures.mail_server",
    "tests.fixtures.simulator",
    "tests.fixtures.site",
]

MODELS = Path(__file__).parent.parent / "var" / "models"
MINIMUM_NODE = 20


@cache
def has_chromium() -> bool:
    return shutil.which("chromium") is not None


@cache
def has_node() -> bool:
    node = shutil.which("node")
    if node is None:
        return False
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    ).stdout
    return int(version.strip().lstrip("v").partition(".")[0] or 0) >= MINIMUM_NODE


@cache
def has_nginx() -> bool:
    return shutil.which("nginx") is not None or Path("/usr/sbin/nginx").exists()


@cache
def has_postgresql() -> bool:
    return bin_folder() is not None


@cache
def has_speech_model() -> bool:
    return any(MODELS.rglob("model.bin"))


REMEDIES = {
    "browser": (has_chromium, "Chromium is missing: apt-get install chromium"),
    "node": (has_node, f"Node {MINIMUM_NODE} or newer is missing: apt-get install nodejs npm"),
    "postgresql": (has_postgresql, "PostgreSQL is missing: apt-get install postgresql"),
    "nginx": (has_nginx, "nginx is missing: apt-get install nginx-light"),
    "speech": (
        has_speech_model,
        "The speech model is missing: make model (needs the network once)",
    ),
}


LONG = (
    "faults", "soak", "packaging", "browser", "local", "novasonic", "voice", "interfaces", "maintenance",
)  # fmt: skip
"""Folders with slow files. They run first, so that no worker starts a slow file at the end."""
LONGEST = (
    "test_rotation", "test_run", "test_server", "test_deploy", "test_spoken_calls", "test_handover", "test_soak", "test_calls", "test_accessibility",
    "test_draining", "test_postgresql", "test_calendar",
)  # fmt: skip
"""Files that take more than 40 s. They run before all others."""


def _length(item: pytest.Item) -> int:
    """Return where a test belongs: 0 for those of the longest files, 1 and 2 for the others."""
    if item.path.stem in LONGEST:
        return 0
    return 1 if item.path.parent.name in LONG else 2


@pytest.hookimpl(trylast=True)  # after pytest-randomly has shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_length)
    for item in items:
        for marker, (is_available, remedy) in REMEDIES.items():
            if item.get_closest_marker(marker) and not is_available():
                item.add_marker(pytest.mark.skip(reason=remedy))


@pytest.hookimpl(tryfirst=True)  # in the processes of xdist, too
def pytest_runtestloop() -> None:
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _show_reports(terminalreporter)
    reasons = [str(report.longrepr[-1]) for report in terminalreporter.stats.get("skipped", [])]
    for reason in sorted(set(reasons)):
        count = reasons.count(reason)
        terminalreporter.write_line(f"NOT RUN: {count} tests. {reason}", red=True, bold=True)


def _show_reports(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the fault matrix and the soak report, if they ran."""
    reports = [each for group in terminalreporter.stats.values() for each in group]
    properties = [
        pair for report in reports for pair in getattr(report, "user_properties", ()) if pair
    ]
    if rows := sorted(tuple(found) for name, found in properties if name == FAULT_ROW):
        terminalreporter.section("fault matrix")
        terminalreporter.write_line(format_fault_matrix(rows))
    # A property set during the test is in the reports of the call and of the teardown.
    for text in dict.fromkeys(found for name, found in properties if name == SOAK_REPORT):
        terminalreporter.section("soak")
        terminalreporter.write_line(text)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # With xdist only the controlling process has a reporter, and so all results.
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
