"""Fixtures for all rooms; each stand-in has its own file in `tests/fixtures/`."""

from importlib.util import find_spec

pytest_plugins = [
    name
    for name in ("tests.fixtures.dynamodb", "tests.fixtures.simulator", "tests.fixtures.site")
    if find_spec(name)
]
