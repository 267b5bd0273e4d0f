"""Start the simulator from a Python test, as the separate process that it is.

Example:
    with run_simulator(folder, "--hearing", "text") as simulator:
        client = make_client(endpoint_url=simulator.url, ca_file=simulator.ca_file)

"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STOP_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 60
MAX_ANSWER_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSimulator:
    """A simulator that is ready; the access key and the secret key are both `local`."""

    process: subprocess.Popen[str]
    url: str
    ca_file: Path
    hearing: str
    speaking: str
    control_port: int
    log: Path
    inspector_port: int | None = None

    @property
    def port(self) -> int:
        """Return the port of the service."""
        return int(self.url.rpartition(":")[2])

    async def send_command(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a command to the control port and return its answer, an error included."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.control_port, limit=MAX_ANSWER_BYTES
        )
        try:
            writer.write(json.dumps({"do": do, **fields}).encode() + b"\n")
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                answer: dict[str, Any] = json.loads(await reader.readline())
        finally:
            writer.close()
        return answer

    async def command(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a command that has to succeed and return its answer.

        Raises:
            AssertionError: The simulator refused the command; the text says why.

        """
        answer = await self.send_command(do, **fields)
        if not answer["ok"]:
            raise AssertionError(answer["error"])
        return answer

    async def inject_fault(self, at: str | dict[str, float], kind: str, **fields: Any) -> int:
        """Arm a fault and return its id.

        Args:
            at: The injection point, such as `open` or `out:audioOutput`.
            kind: The kind of the action, such as `abort`.
            fields: `nth`, `times` and `session` of the fault; all others belong to the action.
        """
        own = {name: fields.pop(name) for name in ("nth", "times", "session") if name in fields}
        answer = await self.command("fault", at=at, action={"kind": kind, **fields}, **own)
        return int(answer["id"])

    async def times_triggered(self, fault_id: int) -> int:
        """Return how often the fault has been triggered."""
        faults = (await self.command("faults"))["faults"]
        return next(int(fault["triggered"]) for fault in faults if fault["id"] == fault_id)

    async def sessions(self, newest: int = 200) -> list[dict[str, Any]]:
        """Return the records of the newest sessions, the newest last."""
        answer = await self.command("sessions", newest=newest)
        sessions: list[dict[str, Any]] = answer["sessions"]
        return sessions


@contextmanager
def run_simulator(folder: Path, *arguments: str) -> Iterator[RunningSimulator]:
    """Run a simulator on a free port; its certificate and its log are written to `folder`."""
    log = folder / "simulator.log"
    command = [sys.executable, "-m", "nova_sonic_simulator", "--port", "0", "--control-port", "0"]
    command += ["--until-stdin-closes", "--certificates", str(folder), *arguments]
    with (
        log.open("a") as stderr,
        subprocess.Popen(  # noqa: S603 -- this interpreter and the caller's options
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        try:
            yield _wait_until_ready(process, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _wait_until_ready(process: subprocess.Popen[str], log: Path) -> RunningSimulator:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(f"the simulator ended before it was ready:\n{log.read_text()[-3000:]}")
    ready = json.loads(line)
    return RunningSimulator(
        process=process,
        url=ready["url"],
        ca_file=Path(ready["ca_file"]),
        hearing=ready["hearing"],
        speaking=ready["speaking"],
        control_port=ready["control_port"],
        log=log,
        inspector_port=urlsplit(ready["inspector"]).port if "inspector" in ready else None,
    )
