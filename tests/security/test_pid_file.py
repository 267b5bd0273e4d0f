"""The PID file of `serve`: locked while the server runs, and safe in a folder of many users."""

import os
from pathlib import Path

import pytest

from novasonic.pid_file import PIDFileError, running_server_pid, written_pid_file

pytestmark = pytest.mark.pure


def test_file_names_the_running_server_and_goes_with_it(tmp_path: Path) -> None:
    file = tmp_path / "site.pid"
    with written_pid_file(file):
        assert running_server_pid(file) == os.getpid()
    assert not file.exists()


def test_second_server_is_refused_and_leaves_the_file(tmp_path: Path) -> None:
    file = tmp_path / "site.pid"
    with written_pid_file(file):
        with (
            pytest.raises(PIDFileError, match=f"running server {os.getpid()}$"),
            written_pid_file(file),
        ):
            pytest.fail("two servers use one file")
        assert running_server_pid(file) == os.getpid()


def test_file_left_over_from_a_crash_is_used_again(tmp_path: Path) -> None:
    file = tmp_path / "site.pid"
    file.write_text("1234567")
    with pytest.raises(PIDFileError, match="No server runs here"):
        running_server_pid(file)
    with written_pid_file(file):
        assert running_server_pid(file) == os.getpid()


def test_file_of_the_next_server_is_not_deleted(tmp_path: Path) -> None:
    file = tmp_path / "site.pid"
    with written_pid_file(file):
        file.rename(tmp_path / "moved.pid")
        file.write_text("of another server")
    assert file.read_text() == "of another server"


def test_symbolic_link_is_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, target = tmp_path / "site.pid", tmp_path / "precious"
    target.write_text("precious")
    file.symlink_to(target)
    with written_pid_file(file):
        pass
    assert (target.read_text(), file.is_symlink()) == ("precious", True)
    (record,) = caplog.records
    assert record.getMessage() == "no PID file"
    assert vars(record)["error"] == "it is a symbolic link"
    with pytest.raises(PIDFileError, match="No server runs here"):
        running_server_pid(file)


@pytest.mark.parametrize("kind", ["fifo", "folder", "missing folder"])
def test_file_that_is_none_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    file = tmp_path / "site.pid"
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case _:
            file = tmp_path / "missing" / "site.pid"
    with written_pid_file(file):
        pass
    assert [record.getMessage() for record in caplog.records] == ["no PID file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_file_of_another_user_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "site.pid"
    file.write_text("1")
    os.chown(file, 65534, 65534)
    with written_pid_file(file):
        pass
    assert file.read_text() == "1"
    assert [record.getMessage() for record in caplog.records] == ["no PID file"]
