"""scripts/check-licences.py: each dependency has an allowed licence and stands in docs/licences.md."""

import json
from pathlib import Path

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

licences = load_script("check-licences")


@pytest.mark.parametrize(
    ("stated", "expression"),
    [
        ("MIT", "MIT"),
        ("MIT License", "MIT"),
        ("Apache Software License; MIT License", "Apache-2.0 AND MIT"),
        ("DFSG approved; MIT License", "MIT"),
        ("BSD 3-Clause OR Apache-2.0", "BSD-3-Clause OR Apache-2.0"),
        ("MPL-2.0 AND MIT", "MIT AND MPL-2.0"),
        ("UNKNOWN", "UNKNOWN"),
    ],
)
def test_stated_licence_becomes_an_spdx_expression(stated: str, expression: str) -> None:
    assert licences.spdx("some-package", stated) == expression


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("LGPL-3.0-only", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only AND MIT", False),
        ("AGPL-3.0-or-later", False),
        ("UNKNOWN", False),
        ("", False),
        ("(MIT OR GPL-2.0-only) AND ISC", False),  # not understood
    ],
)
def test_licence_is_allowed_only_if_the_list_names_it(expression: str, is_allowed: bool) -> None:
    assert licences.is_allowed(expression) is is_allowed


def test_page_lists_every_pinned_package() -> None:
    listed = licences.rows_of(licences.PAGE.read_text(encoding="utf-8"))
    copied = licences.copied_licences(licences.ROOT)
    assert set(listed) == {*licences.pinned_packages(licences.ROOT), *copied}
    assert set(copied) == set(licences.COPIED)


def test_every_listed_licence_is_allowed() -> None:
    listed = licences.rows_of(licences.PAGE.read_text(encoding="utf-8"))
    assert [name for name, each in listed.items() if not licences.is_allowed(each)] == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one dependency of production."""
    for name in licences.USES:
        (tmp_path / name).write_text("one_package==1.0\n" if name == "requirements.txt" else "")
    monkeypatch.setattr(licences, "ROOT", tmp_path)
    monkeypatch.setattr(licences, "PAGE", tmp_path / "licences.md")
    return tmp_path


def write_report(project: Path, licence: str) -> str:
    file = project / "report.json"
    packages = [{"Name": "One.Package", "License": licence}, {"Name": "other", "License": "GPL"}]
    file.write_text(json.dumps(packages))
    return str(file)


def test_written_page_is_current(project: Path) -> None:
    report = write_report(project, "MIT License")
    assert licences.main(["--write", report]) == 0
    assert "| one-package | MIT | production |" in (project / "licences.md").read_text()
    assert licences.main([report]) == 0


def test_new_licence_of_a_package_makes_the_page_outdated(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    licences.main(["--write", write_report(project, "MIT License")])
    assert licences.main([write_report(project, "ISC")]) == 1
    assert "not current" in capsys.readouterr().out


def test_licence_that_is_not_allowed_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert licences.main(["--write", write_report(project, "GPL-3.0-only")]) == 1
    assert "one-package: not allowed: GPL-3.0-only" in capsys.readouterr().out


def test_package_that_is_not_installed_keeps_what_the_page_says(project: Path) -> None:
    licences.main(["--write", write_report(project, "MIT")])
    empty = project / "empty.json"
    empty.write_text("[]")
    assert licences.main([str(empty)]) == 0
