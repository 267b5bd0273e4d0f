"""scripts/check-coverage.py and its table: each pure module has tests of its own."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
coverage_check = load_script("check-coverage")
OWN_TESTS = coverage_check.own_tests((ROOT / "tests" / "pure-modules.toml").read_text())


def pure_modules() -> Iterator[str]:
    """Yield the paths of the modules that the import rules call pure."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = [
        each
        for each in project["tool"]["importlinter"]["contracts"]
        if each["name"].startswith("Pure packages")
    ]
    for source in contract["source_modules"]:
        pattern = source.replace("**.", "*/").replace(".", "/")
        for path in [*ROOT.glob(f"{pattern}.py"), *ROOT.glob(f"{pattern}/**/*.py")]:
            if path.read_text().count("\n") > 1:  # more than a docstring
                yield path.relative_to(ROOT).as_posix()


def test_table_lists_exactly_the_pure_modules() -> None:
    assert sorted(OWN_TESTS) == sorted(set(pure_modules()))


def test_table_lists_existing_test_files() -> None:
    for module, tests in OWN_TESTS.items():
        assert tests, f"{module} has no tests of its own"
        for test in tests:
            assert (ROOT / test).is_file(), f"{module}: no {test}"


def test_incomplete_modules_are_in_the_table() -> None:
    table = (ROOT / "tests" / "pure-modules.toml").read_text()
    assert coverage_check.known_incomplete(table) <= OWN_TESTS.keys()
    assert coverage_check.known_incomplete("[modules]") == set()
