"""`python -m local.run`: everything on this machine, with no AWS account.

Starts DynamoDB's stand-in, the simulator of Nova Sonic and the site, waits until all is ready,
and says where to go. Ctrl-C stops everything; the data stays in `var/` (or VAR_DIR).
"""

import asyncio
import fcntl
import os
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from local.processes import ChildError, Children

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", ROOT / "var")).absolute()
MODELS = ROOT / "var" / "models"
LOGS = VAR / "logs"
DEFAULT_PORT = 8081
PORTS_TO_TRY = 20
START_TIMEOUT_S = 60.0
STAFF = ("demo", "demo")
DOCTORS = "Dr. Rodríguez, Dra. Gómez, Dr. Sosa, Dra. Fernández"


@dataclass(frozen=True, slots=True)
class Site:
    """Where the site listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Return the address of the voice page, without the last slash."""
        return f"http://{self.host}:{self.port}"


async def main() -> None:
    """Start everything and stay until told to stop."""
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with _only_one():
        site = _choose_site()
        async with Children(LOGS) as children:
            dynamodb, simulator = await _start_stand_ins(children)
            environ = _environ(site, dynamodb, simulator)
            await _prepare_data(environ)
            await children.start("site", [sys.executable, "manage.py", "serve"], environ)
            await _until_ready(site, children)
            print(_welcome(site, simulator, time.monotonic() - started), flush=True)
            await children.while_running(_until_stopped())


# Before anything starts


def _only_one() -> TextIO:
    """Hold the lock on `var/` for as long as this process lives."""
    lock = (VAR / "run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("`make run` is already running in this folder. Stop it with Ctrl-C first.")
    return lock


def _choose_site() -> Site:
    """Return the address from the environment, or the first free port from the default on."""
    host = os.environ.get("HOST", "localhost")
    wanted = os.environ.get("WS_PORT")
    if wanted:
        if not _is_free(host, int(wanted)):
            sys.exit(f"Port {wanted} is in use. Free it, or choose another: WS_PORT=8090 make run")
        return Site(host, int(wanted))
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY):
        if _is_free(host, port):
            if port != DEFAULT_PORT:
                print(f"Port {DEFAULT_PORT} is in use; this run takes {port}.", flush=True)
            return Site(host, port)
    sys.exit(f"Ports {DEFAULT_PORT} to {DEFAULT_PORT + PORTS_TO_TRY - 1} are all in use.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _secret_key() -> str:
    """Return this machine's secret key, made at the first run."""
    file = VAR / "secret-key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


# The processes


async def _start_stand_ins(children: Children) -> tuple[dict[str, Any], dict[str, Any]]:
    """Start DynamoDB and the simulator side by side; return what each says when it is ready."""
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    dynamodb = await children.start(
        "dynamodb",
        [
            str(ROOT / ".venv-dynamodb/bin/python"),
            *("-m", "local.dynamodb", "--port", "0", "--data", str(VAR / "dynamodb.sqlite3")),
        ],
        environ,
    )
    simulator = await children.start(
        "simulator",
        [
            sys.executable,
            *("-m", "simulator", "--port", "0", "--certificates", str(VAR / "certificates")),
            *("--models", str(MODELS)),
        ],
        environ,
    )
    return (
        await dynamodb.ready(timeout_s=START_TIMEOUT_S),
        await simulator.ready(timeout_s=START_TIMEOUT_S),
    )


def _environ(site: Site, dynamodb: dict[str, Any], simulator: dict[str, Any]) -> dict[str, str]:
    """Return the site's environment: settings only, production code knows no local mode.

    Also written to `var/local.env`, for a second terminal.
    """
    local = {
        "HOST": site.host,
        "WS_PORT": str(site.port),
        "DJANGO_SECRET_KEY": _secret_key(),
        "SQLITE_PATH": str(VAR / "site.sqlite3"),
        "LOG_FORMAT": "console",
        "API_OPEN_READS": "true",
        "CLINIC_DOCTORS": DOCTORS,
        "DYNAMODB_ENDPOINT_URL": dynamodb["url"],
        "BEDROCK_ENDPOINT_URL": simulator["url"],
        "BEDROCK_CA_FILE": simulator["ca_file"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    file = VAR / "local.env"
    file.touch(mode=0o600)
    file.write_text("".join(f"export {name}='{value}'\n" for name, value in local.items()))
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"AWS_PROFILE", "AWS_SESSION_TOKEN", "DJANGO_SETTINGS_MODULE"}
    }
    return {**inherited, "PYTHONUNBUFFERED": "1", **local}


async def _prepare_data(environ: dict[str, str]) -> None:
    """Make tables, demo data and the demo staff login, where they are not there yet."""
    username, password = STAFF
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "prepare_demo", "--username", username),
        *("--password", password),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise ChildError(f"The demo data could not be made:\n{said.decode(errors='replace')}")


async def _until_ready(site: Site, children: Children) -> None:
    """Wait until /ready says yes.

    Raises:
        ChildError: a child ended, or the site does not become ready.

    """
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            await children.while_running(_answering(f"{site.url}/ready"))
    except TimeoutError:
        raise ChildError(
            f"The site is not ready after {START_TIMEOUT_S:.0f} s. See {LOGS}/site.log"
        ) from None


async def _answering(url: str) -> None:
    while not await asyncio.to_thread(_answers, url):  # noqa: ASYNC110 -- see below
        await asyncio.sleep(0.1)  # another process: there is no event to wait for


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 -- our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


async def _until_stopped() -> None:
    """Return at Ctrl-C or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    print("\nStopping…", flush=True)


def _welcome(site: Site, simulator: dict[str, Any], seconds: float) -> str:
    username, password = STAFF
    return f"""
Nova Sonic Server is ready ({seconds:.1f} s). It runs on this machine alone, with no AWS account.

  Talk to Carlos    {site.url}/
  Staff admin       {site.url}/admin/    user {username}, password {password}
  REST API          {site.url}/orders    {site.url}/appointments?date=YYYY-MM-DD
  From a terminal   make call TEXT="Consulta el pedido número 1 con DNI 12345678"
                    make call AUDIO=samples/consulta-pedido-1.wav

  Hearing: {_hearing(simulator)}
  Speaking: {_speaking(simulator)}

Logs are in var/logs, data in var. Ctrl-C stops everything; the data stays.
"""


def _hearing(simulator: dict[str, Any]) -> str:
    if simulator["hearing"] == "speech":
        return "speech (Whisper base on this machine)"
    return f"typed text only. {simulator.get('reason', '')}".strip()


def _speaking(simulator: dict[str, Any]) -> str:
    if simulator["speaking"] == "voice":
        return "a Spanish voice (SVOX Pico)"
    return f"a tone for each sentence. {simulator.get('reason', '')}".strip()


def _sentence(error: BaseException) -> str:
    """Return the first plain sentence inside a group of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, ChildError):
        raise error
    return str(error)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (ChildError, ExceptionGroup) as error:
        sys.exit(_sentence(error))
    except KeyboardInterrupt:
        sys.exit(130)
