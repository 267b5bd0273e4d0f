"""scripts/check-ignores.py: a comment that silences a tool names the rule and the reason."""

from pathlib import Path

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

ignores = load_script("check-ignores")


@pytest.mark.parametrize(
    "line",
    [
        "import x  # noqa: E402 -- after the path",
        "import x  # noqa: E402, F401 -- after the path; registers itself",
        "x = 1  # type: ignore[misc]  # the stubs are wrong",
        "x = 1  # type: ignore[misc, attr-defined]  # the stubs are wrong",
        "x = 1  # type: ignore[misc]  # noqa: E402 -- why",
        "x = 1  # pragma: no cover -- another platform",
        "x = '# noqa'",
        "x = 1  # a comment",
    ],
)
def test_explained_comment_is_accepted(line: str) -> None:
    assert list(ignores.unexplained(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import x  # noqa",
        "import x  # noqa: E402",
        "import x  # noqa: E402 --",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[misc]",
        "x = 1  # type: ignore[misc]  # noqa: E402",
        "x = 1  # pragma: no cover",
    ],
)
def test_unexplained_comment_is_found(line: str) -> None:
    assert [number for number, _ in ignores.unexplained(f"\n{line}\n")] == [2]


def test_main_reports_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("import x  # noqa\n")
    assert ignores.main([str(tmp_path)]) == 1
    assert f"{tmp_path / 'a.py'}:1: no reason: # noqa" in capsys.readouterr().out
    assert ignores.main([]) == 0
