"""`tests.fixtures.python_processes`: its processes are like those that a shell would start."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.processes import open_files
from tests.fixtures.python_processes import ForkServer, Process, run_manage, start_manage

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="without pidfd_open they are ordinary processes"
)
SLEEP = "import time; print(1, flush=True); time.sleep(600)"


@contextmanager
def sleeping(server: ForkServer | None = None) -> Iterator[Process]:
    with tempfile.TemporaryFile() as out:
        arguments = ["shell", "--no-imports", "-c", SLEEP]
        environ = dict(os.environ)
        if server is None:
            process = start_manage(*arguments, environ=environ, stdout=out, stderr=out)
        else:
            process = server.fork(["manage.py", *arguments], environ, out, out)
        while not os.fstat(out.fileno()).st_size:
            assert process.poll() is None, "it ended"
            time.sleep(0.02)
        try:
            yield process
        finally:
            process.kill()
            process.wait(timeout=60)


def test_process_has_its_own_environment_and_exit_status() -> None:
    code = "import os, sys; print(os.environ.get('ONLY_HERE'), len(sys.argv)); sys.exit(7)"

    ended = run_manage(
        "shell", "--no-imports", "-c", code, environ={**os.environ, "ONLY_HERE": "ñ"}
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "ñ 5\n", "")
    assert "ONLY_HERE" not in os.environ


def test_running_process_is_signalled_and_has_only_its_own_files() -> None:
    with sleeping() as other, sleeping() as process:
        assert open_files(process.pid) == 3
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
        process.terminate()
        assert process.wait(timeout=60) == -signal.SIGTERM
        assert other.poll() is None


def test_processes_end_with_the_one_that_started_them() -> None:
    server = ForkServer()
    with sleeping(server) as process:
        server.close()
        assert not Path(f"/proc/{process.pid}").exists()


def test_server_serves_on_when_nobody_waits_for_a_process() -> None:
    server = ForkServer()
    try:
        with tempfile.TemporaryFile() as out:
            arguments = ["manage.py", "shell", "--no-imports", "-c", "pass"]
            dropped = server.fork(arguments, dict(os.environ), out, out)
            dropped.stop_waiting()
            with sleeping(server) as process:
                assert process.poll() is None
    finally:
        server.close()


def test_process_that_has_just_ended_may_be_signalled() -> None:
    with tempfile.TemporaryFile() as out:
        process = start_manage("version", environ=dict(os.environ), stdout=out, stderr=out)
        while Path(f"/proc/{process.pid}").exists():
            time.sleep(0.001)
        process.terminate()
        assert process.wait(timeout=60) == 0
