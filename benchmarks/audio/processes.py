"""The servers under test: how each is started, pinned to a core, and what it uses."""

import asyncio
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.signing import TimestampSigner

from benchmarks.audio.clients import BinaryWireClient, LegacyWireClient, PipecatClient, RawClient
from benchmarks.audio.load import NewClient

ROOT = Path(__file__).resolve().parents[2]
_SECRET_KEY = secrets.token_hex()
_START_WITHIN_S = 60.0
REAL_TIME_PRIORITY = 10
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Surroundings:
    """What a server is given: the model's address and CA, storage, a folder and the interpreters."""

    model_url: str
    ca_file: Path
    storage_port: int
    folder: Path
    stock_python: Path
    pipecat_python: Path


@dataclass(frozen=True)
class Server:
    """A server that can be measured."""

    name: str
    command: Callable[[Surroundings, int], list[str]]
    environ: Callable[[Surroundings, int], dict[str, str]]
    new_client: NewClient


def _none(_surroundings: Surroundings, _port: int) -> dict[str, str]:
    return {}


def _ours(surroundings: Surroundings, port: int) -> dict[str, str]:
    plenty = {
        "CALLS_PER_ADDRESS": "1000",
        "CONNECTIONS_PER_ADDRESS": "1000",
        "CALL_STARTS_PER_MINUTE": "100000",
        "HTTP_CONNECTIONS_PER_ADDRESS": "10000",
        "API_ANONYMOUS_RATE": "none",
        "API_USER_RATE": "none",
        "HTTP_REQUESTS_MAX": "200",
        "HTTP_REQUESTS_PER_ADDRESS": "200",
        "MODEL_MINUTES_PER_ADDRESS": "0",
        "MODEL_MINUTES_PER_DAY": "0",
        "MODEL_MINUTES_PER_MONTH": "0",
        "LEGACY_CLIENTS": "true",
        "LEGACY_LOCAL_CLIENTS": "true",
        "LEGACY_CALLS_MAX": "1000",
        "CALLS_MAX": "1000",
        "NOVA_SONIC_MAX_SESSIONS": "1000",
        "NOVA_SONIC_SESSION_QUOTA": "2000",
    }
    return {
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
        "DJANGO_SECRET_KEY": _SECRET_KEY,
        "WS_PORT": str(port),
        "SQLITE_PATH": str(surroundings.folder / "site.sqlite3"),
        "PID_FILE": str(surroundings.folder / f"{port}.pid"),
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "DYNAMODB_ENDPOINT_URL": f"http://127.0.0.1:{surroundings.storage_port}",
        "BEDROCK_ENDPOINT_URL": surroundings.model_url,
        "BEDROCK_CA_FILE": str(surroundings.ca_file),
        "LOGLEVEL": "WARNING",
        **plenty,
    }


def _ticket() -> str:
    signer = TimestampSigner(key=_SECRET_KEY, salt="voice.tickets", fallback_keys=[])
    return signer.sign(secrets.token_urlsafe())


def _script(name: str) -> Callable[[Surroundings, int], list[str]]:
    def command(surroundings: Surroundings, port: int) -> list[str]:
        python = surroundings.pipecat_python if name == "pipecat_server" else sys.executable
        module = f"benchmarks.audio.servers.{name}"
        ca_file = str(surroundings.ca_file)
        return [str(python), "-m", module, str(port), surroundings.model_url, ca_file]

    return command


def _serve(_surroundings: Surroundings, _port: int) -> list[str]:
    return [sys.executable, "manage.py", "serve"]


def _daphne(surroundings: Surroundings, port: int) -> list[str]:
    application = "benchmarks.audio.servers.stock:application"
    python = str(surroundings.stock_python)
    return [python, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0", application]


def _stock(surroundings: Surroundings, _port: int) -> dict[str, str]:
    return {"MODEL_URL": surroundings.model_url, "MODEL_CA_FILE": str(surroundings.ca_file)}


SERVERS = {
    server.name: server
    for server in (
        Server("floor", _script("floor"), _none, RawClient),
        Server("ours", _serve, _ours, lambda on_audio: BinaryWireClient(on_audio, _ticket())),
        Server("ours-legacy", _serve, _ours, LegacyWireClient),
        Server("stock", _daphne, _stock, RawClient),
        Server("pipecat", _script("pipecat_server"), _none, PipecatClient),
    )
}


@dataclass
class RunningServer:
    """A server process."""

    server: Server
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    idle_bytes: int = 0
    """Resident memory after the first call, with no call open."""

    def cpu_s(self) -> float:
        """Return the CPU time that the process has used, all threads, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def memory_bytes(self) -> int:
        """Return the process's resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def descriptors(self) -> int:
        """Return how many files and sockets the process has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def last_log_lines(self) -> str:
        """Return what it logged last."""
        return self.log.read_text(errors="replace")[-1_500:]


def use_real_time() -> None:
    """Run this process, and those that it starts, before all ordinary work of the machine."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REAL_TIME_PRIORITY))


def raise_event_loop(pid: int) -> None:
    """Let the main thread of a real-time process run before its other threads.

    A woken event loop then runs at once, as it does on a server with a second core. Among threads of one
    priority it waits until the running one sleeps, and `sys.setswitchinterval` has no effect.
    """
    for task in Path(f"/proc/{pid}/task").iterdir():
        thread = int(task.name)
        priority = REAL_TIME_PRIORITY + (thread == pid)
        with contextlib.suppress(ProcessLookupError):  # it has ended
            if os.sched_getparam(thread).sched_priority != priority:
                os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(priority))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def started(
    server: Server, surroundings: Surroundings, *, core: int
) -> AsyncIterator[RunningServer]:
    """Run a server on one core for as long as the block lasts."""
    running = await asyncio.to_thread(_start, server, surroundings, core)
    try:
        await asyncio.to_thread(_wait_until_listening, running)
        yield running
    finally:
        await asyncio.to_thread(_stop, running.process)


def _start(server: Server, surroundings: Surroundings, core: int) -> RunningServer:
    port = free_port()
    log = surroundings.folder / f"{server.name}-{port}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *server.command(surroundings, port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **server.environ(surroundings, port)},
            stdout=file,
            stderr=file,
        )
    return RunningServer(server, process, port, log)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def storage(*, core: int) -> Iterator[int]:
    """Run the stand-in for DynamoDB; give its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.audio.dynamodb_stub", str(port)]
    process = subprocess.Popen(["taskset", "--cpu-list", str(core), *command], cwd=ROOT)
    try:
        _wait_for_port(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_until_listening(running: RunningServer) -> None:
    try:
        _wait_for_port(running.port, running.process)
    except RuntimeError as error:
        raise RuntimeError(f"{running.server.name}: {error}\n{running.last_log_lines()}") from None


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the process does not listen")
        time.sleep(0.05)
