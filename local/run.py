"""`python -m local.run`: everything on this machine, with no AWS account.

Starts DynamoDB's stand-in, the simulator of Nova Sonic and the site, waits until all is ready,
and says where to go. Ctrl-C stops everything; the data stays in `var/` (or VAR_DIR).
"""

import asyncio
import fcntl
import os
import secrets
import shlex
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, TextIO

from local.address import Site, choose_site
from local.processes import Child, ChildError, Children

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", ROOT / "var")).absolute()
MODELS = ROOT / "var" / "models"
LOGS = VAR / "logs"
START_TIMEOUT_S = 60.0
FOREIGN = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "DJANGO_SETTINGS_MODULE"}
STAFF = ("demo", "demo")
DRAIN_S = 4
"""How long Ctrl-C waits for a quiet moment in calls: less than a process is given to stop."""
DOCTORS = "Dr. Rodríguez, Dra. Gómez, Dr. Sosa, Dra. Fernández"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


async def main() -> None:
    """Start everything and stay until told to stop."""
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with _only_one():
        site = choose_site()
        async with Children(LOGS) as children:
            simulator = await _start_simulator(children)
            dynamodb = await (await _start_dynamodb(children)).ready(timeout_s=START_TIMEOUT_S)
            environ = _environ(site, dynamodb)
            await _prepare_data(environ)  # while the simulator loads its speech models
            hearing = await simulator.ready(timeout_s=START_TIMEOUT_S)
            environ |= _to_simulator(hearing)
            _write_environ(environ)
            serve = [sys.executable, "manage.py", "serve"]
            await children.start("site", serve, _inherited(environ), speaks=False)
            await _until_ready(site, children)
            print(_welcome(site, hearing, time.monotonic() - started), flush=True)
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


def _secret_key() -> str:
    """Return this machine's secret key, made at the first run."""
    file = VAR / "secret-key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


# The processes


async def _start_dynamodb(children: Children) -> Child:
    python = str(ROOT / ".venv-dynamodb/bin/python")
    command = [python, "-m", "local.dynamodb", "--port", "0"]
    return await children.start(
        "dynamodb", [*command, "--data", str(VAR / "dynamodb.sqlite3")], _inherited({})
    )


async def _start_simulator(children: Children) -> Child:
    command = [sys.executable, "-m", "nova_sonic_simulator", "--port", "0"]
    places = ["--certificates", str(VAR / "certificates"), "--models", str(MODELS)]
    return await children.start("simulator", [*command, *places], _inherited({}))


def _environ(site: Site, dynamodb: dict[str, Any]) -> dict[str, str]:
    """Return the site's environment: settings only, production code knows no local mode."""
    return {
        "HOST": site.host,
        "WS_PORT": str(site.port),
        "DJANGO_SECRET_KEY": _secret_key(),
        "SQLITE_PATH": str(VAR / "site.sqlite3"),
        "LOG_FORMAT": "console",
        "PID_FILE": str(VAR / "site.pid"),
        "DRAIN_S": str(DRAIN_S),
        "API_OPEN_READS": "true",
        "CLINIC_DOCTORS": DOCTORS,
        "DYNAMODB_ENDPOINT_URL": dynamodb["url"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # A proxy for the outside world must not stand between two processes of this machine.
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "no_proxy": "localhost,127.0.0.1,::1",
    }


def _to_simulator(simulator: dict[str, Any]) -> dict[str, str]:
    return {"BEDROCK_ENDPOINT_URL": simulator["url"], "BEDROCK_CA_FILE": simulator["ca_file"]}


def _write_environ(environ: dict[str, str]) -> None:
    """Leave the site's environment in `var/local.env`, for a second terminal."""
    file = VAR / "local.env"
    file.touch(mode=0o600)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environ.items()]
    file.write_text("".join(lines))


def _inherited(environ: dict[str, str]) -> dict[str, str]:
    """Return `environ` on top of this process's own, less what would reach for a real account."""
    own = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {**own, "PYTHONUNBUFFERED": "1", **environ}


async def _prepare_data(environ: dict[str, str]) -> None:
    """Make tables, demo data and the demo staff login, where they are not there yet."""
    username, password = STAFF
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "prepare_demo", "--username", username),
        *("--password", password),
        env=_inherited(environ),
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
        with NO_PROXY.open(url, timeout=5) as answer:
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
`make demo-data` (in a second terminal) puts the demo orders and appointments back.
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
