"""Fixtures of the simulator's own tests, and what happens where this machine lacks the speech model."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from nova_sonic_simulator.testing import RunningSimulator, run_simulator
from support.paths import MODELS
from support.processes import StartSimulator

# A busy machine is no counterexample; pytest-timeout notices a test that hangs.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# `make foreign-clients` names a folder for their environments, which take minutes and a gigabyte.
_NEED_INSTALLATION = ["clients/test_go.py", "clients/test_python_frameworks.py"]
collect_ignore = [] if os.environ.get("FOREIGN_CLIENTS") else _NEED_INSTALLATION

REMEDIES: dict[str, tuple[Callable[[], bool], str]] = {
    "speech": (
        lambda: any(MODELS.rglob("model.bin")),
        "The speech model is missing: make model (needs the network once)",
    ),
    "node": (
        lambda: shutil.which("npm") is not None,
        "Node is missing: apt-get install nodejs npm",
    ),
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for marker, (is_there, remedy) in REMEDIES.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not is_there():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=remedy))


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    folder = tmp_path_factory.mktemp("simulator")
    with run_simulator(folder, "--hearing", "text", "--max-streams", "64") as running:
        yield running


@pytest.fixture(scope="session")
def hearing_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    folder = tmp_path_factory.mktemp("hearing-simulator")
    with run_simulator(folder, "--hearing", "auto", "--models", str(MODELS)) as running:
        assert running.hearing == "speech", running.log.read_text()
        yield running


@pytest.fixture
def start_simulator(tmp_path: Path) -> Iterator[StartSimulator]:
    with ExitStack() as running:

        def start(*arguments: str) -> RunningSimulator:
            return running.enter_context(run_simulator(tmp_path, "--hearing", "text", *arguments))

        yield start
