"""scripts/report-advisories.py: what pip-audit found is said, and what it could not look up."""

from typing import Any

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

report = load_script("report-advisories")

SOUND: dict[str, Any] = {"name": "django", "version": "6.1.2", "vulns": []}
UNKNOWN = {"name": "h2", "version": "4.4.0", "skip_reason": "Dependency not found on PyPI"}


def vulnerable(*fix_versions: str) -> dict[str, Any]:
    found = {"id": "PYSEC-2026-1", "fix_versions": list(fix_versions), "aliases": []}
    return {"name": "jinja2", "version": "2.4.1", "vulns": [found]}


def test_sound_packages_are_counted() -> None:
    lines, is_vulnerable = report.describe("requirements.txt", [SOUND, SOUND])
    assert lines == ["requirements.txt: 2 packages looked up, 0 vulnerable"]
    assert not is_vulnerable


@pytest.mark.parametrize(("fixes", "said"), [(("2.7", "3.0"), "2.7, 3.0"), ((), "no version yet")])
def test_vulnerable_package_is_named_with_its_remedy(fixes: tuple[str, ...], said: str) -> None:
    lines, is_vulnerable = report.describe("requirements.txt", [SOUND, vulnerable(*fixes)])
    assert lines == [
        f"jinja2 2.4.1: PYSEC-2026-1, fixed in {said}",
        "requirements.txt: 2 packages looked up, 1 vulnerable",
    ]
    assert is_vulnerable


def test_packages_without_advisories_are_called_skipped() -> None:
    lines, is_vulnerable = report.describe("requirements.txt", [UNKNOWN])
    assert lines == [
        "SKIPPED: requirements.txt: the package index has no advisories for 1 of 1 packages"
    ]
    assert not is_vulnerable
