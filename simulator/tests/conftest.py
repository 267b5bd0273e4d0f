"""Fixtures of the simulator's own tests, and what happens where this machine lacks the speech model."""

from collections.abc import Iterator
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

NO_MODEL = "The speech model is missing: make model (needs the network once)"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if any(MODELS.rglob("model.bin")):
        return
    for item in items:
        if item.get_closest_marker("speech"):
            item.add_marker(pytest.mark.skip(reason=NO_MODEL))


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
