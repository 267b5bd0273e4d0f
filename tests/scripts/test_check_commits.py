"""scripts/check-commits.py: subjects are short and in the imperative."""

from pathlib import Path

import pytest

from tests.scripts.loading import load_script

pytestmark = pytest.mark.pure

commits = load_script("check-commits")


@pytest.mark.parametrize(
    "subject",
    [
        "Reject lone surrogates in JSON with 400",
        "Pass the call's id to the recorder",
        "Feed silence while the microphone is muted",
        "Bring the demo data back",
        "Re-raise errors of the transport",
        "Merge branch 'rest' into next, which has a long subject that git wrote by itself",
        "X" + "y" * 69 + " z",
    ],
)
def test_imperative_subject_is_accepted(subject: str) -> None:
    assert commits.problem(subject) is None


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("Add " + "x" * 69, "73 characters"),
        ("Add a check.", "full stop"),
        ("add a check", "capitalised verb"),
        ("Tests: add a check", "capitalised verb"),
        ("", "capitalised verb"),
        ("The check is added", "`The`"),
        ("Added a check", "`Added`"),
        ("Adding a check", "`Adding`"),
        ("Adds a check", "`Adds`"),
        ("What a review found", "`What`"),
    ],
)
def test_other_subject_is_refused_with_the_reason(subject: str, reason: str) -> None:
    assert reason in commits.problem(subject)


def test_subject_is_the_first_line_that_is_no_comment() -> None:
    assert commits.subject_of("# comment\n\nAdd a check\n\nbody") == "Add a check"
    assert commits.subject_of("# comment only\n") == ""


def test_hook_reads_the_message_from_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = tmp_path / "message"
    message.write_text("Added a check\n")
    assert commits.main([str(message)]) == 1
    assert "`Added`" in capsys.readouterr().out
    message.write_text("Add a check\n")
    assert commits.main([str(message)]) == 0


def test_history_is_checked_commit_by_commit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = [("1a2b3c4", "Added a check"), ("5d6e7f8", "Add a check")]
    monkeypatch.setattr(commits, "subjects_since", lambda _: log)
    monkeypatch.delenv("CI", raising=False)
    assert commits.main([]) == 1
    assert capsys.readouterr().out.startswith("1a2b3c4 'Added a check'")


def test_history_in_ci_is_reported_without_failing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commits, "subjects_since", lambda _: [("1a2b3c4", "Added a check")])
    monkeypatch.setenv("CI", "true")
    assert commits.main([]) == 0
    assert capsys.readouterr().out.startswith("1a2b3c4 'Added a check'")


def test_missing_history_is_said_and_accepted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commits, "BASE_COMMIT", "no-such-commit")
    assert commits.main([]) == 0
    assert "not checked" in capsys.readouterr().out
