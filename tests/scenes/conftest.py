"""`make scenes`: conversations on the whole system, with a score table.

They take minutes, so `make test` leaves them out; SCENES says how to play them: `text`, `voice` or both.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from tests.fixtures.site import Site, running_site

MODELS = Path(__file__).parents[2] / "var" / "models"
SCENE = "scene"
SCALES = {"text": 5.0, "voice": 1.0}
"""Typed scenes run with time passing faster; the voice is heard at its own pace."""
WAYS = tuple(filter(None, os.environ.get("SCENES", "").split(",")))

SLOW = ["test_scenes.py", "customers/test_difficult_customers.py", "mail/test_mailbox_scenes.py"]
collect_ignore = [] if WAYS else SLOW


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def scene_environ() -> dict[str, str]:
    """Return what a module's scenes need beside the environment of all; override it there."""
    return {}


@pytest.fixture(scope="module")
def scene_simulator(
    way: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSimulator]:
    folder = tmp_path_factory.mktemp(f"scenes-{way}")
    hearing = "text" if way == "text" else "speech"
    options = ("--hearing", hearing, "--models", str(MODELS), "--time-scale", str(SCALES[way]))
    with run_simulator(folder, *options) as running:
        yield running


@pytest.fixture(scope="module")
def scene_site(
    way: str,
    tmp_path_factory: pytest.TempPathFactory,
    dynamodb: str,
    scene_simulator: RunningSimulator,
    scene_environ: dict[str, str],
) -> Iterator[Site]:
    environ = {
        "DYNAMODB_ENDPOINT_URL": dynamodb,
        "BEDROCK_ENDPOINT_URL": scene_simulator.url,
        "BEDROCK_CA_FILE": str(scene_simulator.ca_file),
        "ORDER_CATALOGUE": "required",  # as in `make run`
        **scene_environ,
    }
    with running_site(tmp_path_factory.mktemp(f"scenes-site-{way}"), environ) as site:
        yield site


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for group in terminalreporter.stats.values() for each in group]
    rows = sorted(
        tuple(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == SCENE
    )
    if not rows:
        return
    terminalreporter.section("scenes")
    for way in WAYS:
        of_way = [row for row in rows if row[0] == way]
        passed = [row for row in of_way if not row[3]]
        for _, scene_id, seconds, problems in of_way:
            verdict = "ok  " if not problems else "FAIL"
            terminalreporter.write_line(f"{verdict} {way:5} {scene_id:34} {seconds:6.1f} s")
            for problem in problems:
                terminalreporter.write_line(f"       {problem[:200]}")
        terminalreporter.write_line(f"{way}: {len(passed)} of {len(of_way)} scenes")
