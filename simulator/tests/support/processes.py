"""Types of the fixtures that start simulators."""

from typing import Protocol

from nova_sonic_simulator.testing import RunningSimulator


class StartSimulator(Protocol):
    """Start a simulator that ends with the test, and return it when it is ready."""

    def __call__(self, *arguments: str) -> RunningSimulator: ...
