"""`python -m local.run`: everything on this machine, with no AWS account.

Starts a local DynamoDB, the simulator of Nova Sonic, and the server: its two parts, voice and site, in
processes of their own as in production, behind one address. Waits until all are ready, and prints where
to go. Ctrl-C stops everything; the data stays in `var/` (or VAR_DIR).
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from local.child_processes import ChildProcess, ProcessFailedError, ProcessGroup
from local.http_router import HTTPRouter
from local.listen_address import (
    ListenAddress,
    bind_sockets,
    bracketed,
    choose_listen_address,
    find_free_ports,
)

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", ROOT / "var")).absolute()
MODELS = ROOT / "var" / "models"
LOGS = VAR / "logs"
START_TIMEOUT_S = 180.0
ACCOUNT_VARIABLES = {
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "DJANGO_SETTINGS_MODULE",
}
DEMO_USER = "demo"
DEMO_PASSWORD = "demo"  # noqa: S105 -- for servers that only this machine reaches
DRAIN_S = 4
"""How long Ctrl-C waits for pauses in calls; less than `STOP_TIMEOUT_S` of a child process."""
EMAIL_FROM = "Turnos <turnos@localhost.localdomain>"
DOCTORS = "Dr. Rodríguez, Dra. Gómez, Dr. Sosa, Dra. Fernández"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


async def main() -> None:
    """Start everything and run until stopped."""
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with _lock_folder():
        address = choose_listen_address()
        async with ProcessGroup(LOGS) as children:
            simulator = await _start_simulator(children)
            dynamodb = await _start_dynamodb(children)
            database = await dynamodb.wait_until_ready(timeout_s=START_TIMEOUT_S)
            environ = _server_environ(address, database)
            password = _staff_password(address)
            await _prepare_data(environ, password)  # while the simulator loads its speech models
            speech = await simulator.wait_until_ready(timeout_s=START_TIMEOUT_S)
            environ |= _bedrock_settings(speech)
            _write_environ(environ)
            voice_port, site_port = find_free_ports(2)
            await _start_part(children, "voice", voice_port, environ)
            await _start_part(children, "site", site_port, environ)
            await _start_mail_worker(children, environ)
            await _wait_until_ready([voice_port, site_port], children)
            router = HTTPRouter(voice_port=voice_port, site_port=site_port)
            async with router.listening(bind_sockets(address)):
                seconds = time.monotonic() - started
                stopped = (
                    _stop_signal()
                )  # before the text by which a program knows that it may stop this
                print(_welcome(address, password, speech, seconds), flush=True)
                await children.run_supervised(_wait_until(stopped))


# Before anything starts


def _lock_folder() -> TextIO:
    """Lock `var/` until the returned file is closed; exit if another run has the lock."""
    lock = (VAR / "run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("`make run` is already running in this folder. Stop it with Ctrl-C first.")
    return lock


def _secret_key() -> str:
    """Return the secret key of this machine; the first run generates it."""
    return _stored_secret(VAR / "secret-key", n_bytes=50)


def _staff_password(address: ListenAddress) -> str:
    """Return the demo user's password: a random one since the first run that others could reach."""
    file = VAR / "staff-password"
    if not (address.is_reachable_from_network or file.exists()):
        return DEMO_PASSWORD
    return _stored_secret(file, n_bytes=12)


def _stored_secret(file: Path, *, n_bytes: int) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(n_bytes))
    return file.read_text()


# The processes


async def _start_dynamodb(children: ProcessGroup) -> ChildProcess:
    python = str(ROOT / ".venv-dynamodb/bin/python")
    command = [python, "-m", "local.dynamodb", "--port", "0"]
    return await children.start(
        "dynamodb", [*command, "--data", str(VAR / "dynamodb.sqlite3")], _child_environ({})
    )


async def _start_simulator(children: ProcessGroup) -> ChildProcess:
    command = [sys.executable, "-m", "nova_sonic_simulator", "--port", "0"]
    places = ["--certificates", str(VAR / "certificates"), "--models", str(MODELS)]
    return await children.start("simulator", [*command, *places], _child_environ({}))


async def _start_part(
    children: ProcessGroup, part: str, port: int, environ: dict[str, str]
) -> None:
    """Start voice or site on a port of this machine, behind the router."""
    own = {"HOST": "127.0.0.1", "WS_PORT": str(port), "PROXIES": "1"}
    own |= {"PID_FILE": str(VAR / f"{part}.pid")}
    if part == "site":
        own |= {"HEALTH_PORT": ""}  # there is one, and it is for the calls
    command = [sys.executable, "manage.py", "serve", "--only", part]
    await children.start(part, command, _child_environ(environ | own), reports_ready=False)


async def _start_mail_worker(children: ProcessGroup, environ: dict[str, str]) -> None:
    """Start the process that sends e-mails: here into a folder."""
    command = [sys.executable, "manage.py", "send_messages"]
    await children.start("mail", command, _child_environ(environ), reports_ready=False)


def _server_environ(address: ListenAddress, dynamodb: dict[str, Any]) -> dict[str, str]:
    """Return the server's settings; production code has no local mode."""
    return {
        "HOST": address.host,
        "WS_PORT": str(address.port),
        "DJANGO_SECRET_KEY": _secret_key(),
        "SQLITE_PATH": str(VAR / "site.sqlite3"),
        "LOG_FORMAT": "console",
        "PID_FILE": str(VAR / "voice.pid"),  # `manage.py drain` in a second terminal reads it
        "DRAIN_S": str(DRAIN_S),
        "ALLOWED_HOSTS": ",".join(_allowed_hosts(address)),
        "API_OPEN_READS": _open_reads(address),
        "LEGACY_CLIENTS": _legacy_clients(),
        "LEGACY_LOCAL_CLIENTS": "true",
        "CLINIC_DOCTORS": DOCTORS,
        "ORDER_CATALOGUE": os.environ.get("ORDER_CATALOGUE", "").strip() or "required",
        "EMAIL_FROM": os.environ.get("EMAIL_FROM", "").strip() or EMAIL_FROM,
        "EMAIL_URL": _email_url(),
        "EMAIL_POLL_S": "1",
        "WEBHOOK_POLL_S": "1",
        "WEBHOOK_LOCAL_RECEIVERS": os.environ.get("WEBHOOK_LOCAL_RECEIVERS", "").strip() or "true",
        "DYNAMODB_ENDPOINT_URL": dynamodb["url"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # An HTTP proxy for the internet must not be used between processes of this machine.
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "no_proxy": "localhost,127.0.0.1,::1",
    }


def _email_url() -> str:
    """Return where e-mails go: here, by default, into a folder that the admin shows."""
    return os.environ.get("EMAIL_URL", "").strip() or f"file:{VAR / 'mail'}"


def _describe_mailbox(address: ListenAddress) -> str:
    if not _email_url().startswith("file:"):
        return ""
    url = f"{address.url}/admin/notifications/message/mailbox/"
    return f"""
  Local mailbox     {url}    the e-mails to patients"""


def _allowed_hosts(address: ListenAddress) -> list[str]:
    own = [
        "localhost",
        "127.0.0.1",
        "[::1]",
        *map(bracketed, (address.host, *address.network_hosts)),
    ]
    return [*filter(None, [os.environ.get("ALLOWED_HOSTS", "").strip()]), *own]


def _open_reads(address: ListenAddress) -> str:
    """Return whether anybody may read orders: by default only where nobody else can connect."""
    default = "false" if address.is_reachable_from_network else "true"
    return os.environ.get("API_OPEN_READS", "").strip() or default


def _legacy_clients() -> str:
    """Return whether clients of the legacy wire may call: here, unlike in production, by default."""
    return os.environ.get("LEGACY_CLIENTS", "").strip() or "true"


def _bedrock_settings(simulator: dict[str, Any]) -> dict[str, str]:
    return {"BEDROCK_ENDPOINT_URL": simulator["url"], "BEDROCK_CA_FILE": simulator["ca_file"]}


def _write_environ(environ: dict[str, str]) -> None:
    """Write the server's environment to `var/local.env`, for a second terminal."""
    file = VAR / "local.env"
    file.touch(mode=0o600)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environ.items()]
    file.write_text("".join(lines))


def _child_environ(environ: dict[str, str]) -> dict[str, str]:
    """Return this process's environment with `environ` added, without AWS account variables."""
    own = {name: value for name, value in os.environ.items() if name not in ACCOUNT_VARIABLES}
    return {**own, "PYTHONUNBUFFERED": "1", **environ}


async def _prepare_data(environ: dict[str, str], password: str) -> None:
    """Create tables, demo data and the demo user, unless they exist.

    Raises:
        ProcessFailedError: it failed. A command's error is one line that says what to do.

    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "prepare_demo", "--username", DEMO_USER),
        *("--replace-password", DEMO_PASSWORD),
        # Other users of this machine can read command lines.
        env={**_child_environ(environ), "DJANGO_SUPERUSER_PASSWORD": password},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        text = errors.decode(errors="replace").strip()
        is_bug = "Traceback" in text
        raise ProcessFailedError(f"The demo data could not be created:\n{text}" if is_bug else text)


async def _wait_until_ready(ports: Sequence[int], children: ProcessGroup) -> None:
    """Wait until `/ready` responds with 200 on all ports.

    Raises:
        ExceptionGroup: If a child exits, with its `ProcessFailedError`.
        ProcessFailedError: If a part of the server does not become ready in time.

    """
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            for port in ports:
                await children.run_supervised(_poll_until_ok(f"http://127.0.0.1:{port}/ready"))
    except TimeoutError:
        raise ProcessFailedError(
            f"The server is not ready after {START_TIMEOUT_S:.0f} s. "
            f"See {LOGS}/voice.log and {LOGS}/site.log"
        ) from None


async def _poll_until_ok(url: str) -> None:
    while not await asyncio.to_thread(_is_ok, url):  # noqa: ASYNC110 -- another process: no event
        await asyncio.sleep(0.1)


def _is_ok(url: str) -> bool:
    try:
        with NO_PROXY.open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop_signal() -> asyncio.Event:
    """Return an event that Ctrl-C or SIGTERM sets."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _wait_until(stopped: asyncio.Event) -> None:
    await stopped.wait()
    print("\nStopping…", flush=True)


def _welcome(
    address: ListenAddress, password: str, simulator: dict[str, Any], seconds: float
) -> str:
    alone = "alone, " if not address.is_reachable_from_network else ""
    reads = "" if _open_reads(address) == "true" else "    with a login: see docs/api.md"
    return f"""
Nova Sonic Server is ready ({seconds:.1f} s). It runs on this machine {alone}with no AWS account.

  Talk to Carlos    {address.url}/
  Staff admin       {address.url}/admin/    user {DEMO_USER}, password {password}{_describe_mailbox(address)}
  REST API          {address.url}/orders    {address.url}/appointments?date=YYYY-MM-DD{reads}
  From a terminal   make call TEXT="Consulta el pedido número 1 con DNI 12345678"
                    make call AUDIO=samples/consulta-pedido-1.wav{_describe_legacy_clients(address)}
{_describe_network(address)}
  Hearing: {_describe_hearing(simulator)}
  Speaking: {_describe_speaking(simulator)}

Logs are in {_shown_path(VAR / "logs")}, data in {_shown_path(VAR)}. Ctrl-C stops everything; the data stays.
`make demo-data` (in a second terminal) puts the demo orders and appointments back.
"""


def _shown_path(path: Path) -> Path:
    """Return a path as it is shown: relative to the project if it is in it."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _describe_legacy_clients(address: ListenAddress) -> str:
    if _legacy_clients() != "true":
        return ""
    url = f"ws{address.url.removeprefix('http')}/ws"
    return f"""
  Earlier clients   {url}    JSON events, without tickets: on here, off in production (LEGACY_CLIENTS)"""


def _describe_network(address: ListenAddress) -> str:
    """Return what other machines can reach, and under which addresses; "" if nothing."""
    if not address.is_reachable_from_network:
        return ""
    urls = "\n                    ".join(
        f"{address.url_of(each)}/" for each in address.network_hosts
    )
    may_read = ", for anybody to read" if _open_reads(address) == "true" else ", with a login"
    return f"""
  From the network  {urls}
  Everybody on the network can reach the voice page and its WebSocket, the staff admin (with the login above)
  and the REST API{may_read}. The stand-ins for DynamoDB and Nova Sonic answer to this machine only.
  Browsers allow the microphone on https pages and on localhost only: other machines can type.
"""


def _describe_hearing(simulator: dict[str, Any]) -> str:
    if simulator["hearing"] == "speech":
        return "speech (Whisper base on this machine)"
    return f"typed text only. {simulator.get('reason', '')}".strip()


def _describe_speaking(simulator: dict[str, Any]) -> str:
    if simulator["speaking"] == "voice":
        return "a Spanish voice (SVOX Pico)"
    return f"a tone for each sentence. {simulator.get('reason', '')}".strip()


def _failure_message(error: BaseException) -> str:
    """Return the message of the failed process, also from inside an exception group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, ProcessFailedError):
        raise error
    return str(error)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (ProcessFailedError, ExceptionGroup) as error:
        sys.exit(_failure_message(error))
    except KeyboardInterrupt:
        sys.exit(130)
