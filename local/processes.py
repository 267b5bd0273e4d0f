"""Child processes of a local run: started, watched until ready, stopped in order.

A child says that it is ready with one line of JSON on its standard output; everything it logs
goes to a file, so that the terminal shows what the person needs and no more.
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
LAST_LINES = 5
_PR_SET_PDEATHSIG = 1


class ChildError(Exception):
    """A child did not start, or ended by itself; the message is for the person who ran it."""


class Child:
    """One process and the file of what it says."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        """Watch `process`, whose standard error goes to `log`."""
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
        speaks: bool = True,
    ) -> "Child":
        """Start `command`; its log is `logs`/`name`.log. `speaks`: it will say that it is ready."""
        log = logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))  # the log of a crash outlives a restart
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if speaks else file,
                stderr=file,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop the others in order
                preexec_fn=partial(_end_with, os.getpid()) if sys.platform == "linux" else None,
            )
        return cls(name, process, log)

    async def ready(self, *, timeout_s: float) -> dict[str, Any]:
        """Wait for the line that says the child is ready, and return it.

        Raises:
            ChildError: it ended first, or took too long.

        """
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                while line := await self._process.stdout.readline():
                    if line.startswith(b"{"):
                        said: dict[str, Any] = json.loads(line)
                        return said
                await self._process.wait()
        except TimeoutError:
            raise ChildError(
                f"{self.name} is not ready after {timeout_s:.0f} s. {self.words()}"
            ) from None
        raise ChildError(f"{self.name} did not start. {self.words()}")

    async def ended(self) -> None:
        """Wait until the child ends, which it should not do by itself.

        Raises:
            ChildError: always.

        """
        status = await self._process.wait()
        raise ChildError(f"{self.name} ended by itself (status {status}). {self.words()}")

    async def stop(self) -> None:
        """End the child: politely, then by force."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def words(self) -> str:
        """Return the last things the child said, and where the rest is."""
        said = self._log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
        last = "\n  ".join(["It said:", *said, ""]) if said else ""
        return f"{last}\nAll it said: {self._log}"


class Children:
    """The processes of one run; at the end they are stopped, the last one started first."""

    def __init__(self, logs: Path) -> None:
        """Let every child log into the folder `logs`."""
        self._logs = logs
        self._children: list[Child] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in reversed(self._children):
            await child.stop()

    async def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], *, speaks: bool = True
    ) -> Child:
        """Start one more child."""
        child = await Child.start(name, command, environ=environ, logs=self._logs, speaks=speaks)
        self._children.append(child)
        return child

    async def while_running(self, work: Coroutine[Any, Any, None]) -> None:
        """Await `work`.

        Raises:
            ChildError: a child ended before it, in a group.

        """
        async with asyncio.TaskGroup() as tasks:
            watches = [tasks.create_task(child.ended()) for child in self._children]
            await tasks.create_task(work)
            for watch in watches:
                watch.cancel()


def _end_with(parent: int) -> None:
    """Let the kernel end this child when the parent dies, even by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we could ask
        os.kill(os.getpid(), signal.SIGTERM)
