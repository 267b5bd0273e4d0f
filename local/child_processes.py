"""Child processes of a local run: start them, wait until they are ready, stop them in order.

A child reports that it is ready by one line of JSON on its standard output. Everything it logs goes
to a file, so that the terminal shows only what the user needs.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

STOP_TIMEOUT_S = 10.0
LOG_TAIL_LINES = 5
_PR_SET_PDEATHSIG = 1


class ProcessFailedError(Exception):
    """A child did not start, or exited by itself; the message is for the user."""


class ChildProcess:
    """One process and its log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        """Wrap `process`, whose standard error goes to `log`."""
        self.name = name
        self._process = process
        self._log = log

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        logs: Path,
        reports_ready: bool = True,
    ) -> "ChildProcess":
        """Start `command` and log to `logs`/`name`.log.

        Args:
            name: For the log and error messages.
            command: The program and its arguments.
            environ: The whole environment of the process.
            logs: The folder of the log files.
            reports_ready: Whether the process prints the line that `wait_until_ready` waits for.

        """
        log = logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))  # the log of a crash survives a restart
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if reports_ready else file,
                stderr=file,
                start_new_session=True,  # Ctrl-C reaches only the parent, which stops the children
                preexec_fn=partial(_exit_with, os.getpid()) if sys.platform == "linux" else None,
            )
        return cls(name, process, log)

    async def wait_until_ready(self, *, timeout_s: float) -> dict[str, Any]:
        """Wait for the line by which the child reports that it is ready, and return its JSON.

        Raises:
            ProcessFailedError: If it exits first, or takes too long.

        """
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                while line := await self._process.stdout.readline():
                    if line.startswith(b"{"):
                        report: dict[str, Any] = json.loads(line)
                        return report
                await self._process.wait()
        except TimeoutError:
            raise ProcessFailedError(
                f"{self.name} is not ready after {timeout_s:.0f} s. {self._log_tail()}"
            ) from None
        raise ProcessFailedError(f"{self.name} did not start. {self._log_tail()}")

    async def fail_on_exit(self) -> None:
        """Wait until the child exits, which it should not do by itself.

        Raises:
            ProcessFailedError: Always.

        """
        status = await self._process.wait()
        raise ProcessFailedError(f"{self.name} exited (status {status}). {self._log_tail()}")

    async def stop(self) -> None:
        """Terminate the child; kill it if it does not exit in time."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _log_tail(self) -> str:
        """Return the last lines of the log, and the path of the whole log."""
        lines = self._log.read_text(errors="replace").strip().splitlines()[-LOG_TAIL_LINES:]
        tail = "\n  ".join(["Last lines of its log:", *lines, ""]) if lines else ""
        return f"{tail}\nWhole log: {self._log}"


class ProcessGroup:
    """The child processes of one run; on exit they stop in reverse order of their start."""

    def __init__(self, logs: Path) -> None:
        """Let every child log to the folder `logs`."""
        self._logs = logs
        self._children: list[ChildProcess] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in reversed(self._children):
            await child.stop()

    async def start(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        reports_ready: bool = True,
    ) -> ChildProcess:
        """Start one more child."""
        child = await ChildProcess.start(
            name, command, environ=environ, logs=self._logs, reports_ready=reports_ready
        )
        self._children.append(child)
        return child

    async def run_supervised(self, work: Coroutine[Any, Any, None]) -> None:
        """Await `work`, but fail as soon as a child exits.

        Raises:
            ExceptionGroup: With the `ProcessFailedError` of the child that exited.

        """
        async with asyncio.TaskGroup() as tasks:
            watchers = [tasks.create_task(child.fail_on_exit()) for child in self._children]
            await tasks.create_task(work)
            for watcher in watchers:
                watcher.cancel()


def _exit_with(parent: int) -> None:
    """Make the kernel terminate this process when its parent dies, even by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent died before the call above
        os.kill(os.getpid(), signal.SIGTERM)
