"""`manage.py serve`: the production server, uvicorn with the settings it needs (ADR 0006).

At SIGTERM or Ctrl-C it refuses new calls, hands over the live ones, each at a quiet moment, and
stops, all within DRAIN_S. A second signal stops it at once. SIGUSR1, which `manage.py drain` sends,
hands over the calls without stopping the server.

`--only voice` and `--only site` serve one part, so that each can have a process of its own: then a heavy page
of the site does not delay the audio of calls.
"""

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any, Literal, override

import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from novasonic.ecs import ECSTask, supervise
from novasonic.health import build_health_application
from novasonic.http_protocol import ConnectionLimits, LimitedHTTPProtocol, max_connections
from novasonic.listen_sockets import ListenError, bind_sockets
from novasonic.pid_file import PIDFileError, written_pid_file
from voice import metrics
from voice.calls.registry import call_registry
from voice.gateway.websocket_protocol import WebSocketFrameProtocol
from voice.sonic.families import family_of, regions_without

THREAD_SWITCH_S = 0.000_5
"""After how long a thread yields to the event loop. Python's 5 ms would be most of what a frame may take."""

SITE_NICENESS = 10
"""The process of the site lets that of the calls go first, where both are on one machine."""

MAX_FRAME_BYTES = 256 * 1024
GRACEFUL_SHUTDOWN_S = 3
HEAD_TIMEOUT_S = 10
KEEP_ALIVE_S = 5
HEALTH_CONNECTIONS = 32
"""On HEALTH_PORT, which stays reachable when WS_PORT has as many as it may."""

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Serves site, API and WebSocket on HOST:WS_PORT, and health on HEALTH_PORT if set."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--debug", action="store_true", help="log at level DEBUG")
        parser.add_argument(
            "--only",
            choices=["voice", "site"],
            help="serve one part: calls, or page, admin and REST API (default: both in one process)",
        )

    def handle(self, *_args: Any, debug: bool, only: str | None, **_options: Any) -> None:
        _require_secret_key()
        if only != "site":
            _require_regions_of_the_model()
        sys.setswitchinterval(THREAD_SWITCH_S)
        if only == "site":
            os.nice(SITE_NICENESS)
        if debug:
            logging.getLogger().setLevel(logging.DEBUG)
        try:
            listeners = _bind_sockets()
            with written_pid_file(settings.PID_FILE):
                asyncio.run(_serve(listeners, only), loop_factory=_loop_factory())
        except (ListenError, PIDFileError) as error:
            raise CommandError(str(error)) from None


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handlers."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _require_secret_key() -> None:
    try:
        settings.SECRET_KEY  # noqa: B018 -- Django raises an error if it is empty
    except ImproperlyConfigured:
        message = "DJANGO_SECRET_KEY is not set. `make run` makes one for this machine."
        raise CommandError(message) from None


def _require_regions_of_the_model() -> None:
    model_id = settings.NOVA_SONIC_MODEL_ID
    if without := regions_without(model_id, settings.SONIC_ENDPOINTS):
        offered = ", ".join(sorted(family_of(model_id).regions or ()))
        raise CommandError(
            f"AWS does not offer {model_id} in {', '.join(without)}. Set NOVA_SONIC_REGIONS to Regions that have "
            f"it ({offered}), or NOVA_SONIC_MODEL_ID to another model. If AWS has it there by now, name the "
            f"endpoint: NOVA_SONIC_REGIONS={without[0]}=https://bedrock-runtime.{without[0]}.amazonaws.com"
        )


def _bind_sockets() -> dict[str, list[socket.socket]]:
    """Return the listening sockets by the variables of their ports."""
    ports = {"WS_PORT": settings.WS_PORT}
    if settings.HEALTH_PORT and settings.HEALTH_PORT != settings.WS_PORT:
        ports["HEALTH_PORT"] = settings.HEALTH_PORT
    return {
        variable: bind_sockets(settings.HOST, port, port_variable=variable)
        for variable, port in ports.items()
    }


def _loop_factory() -> Any:
    return uvicorn.Config("", loop="uvloop", log_config=None).get_loop_factory()


async def _serve(listeners: Mapping[str, list[socket.socket]], only: str | None) -> None:
    """Run the servers until one of them ends or a signal stops them all."""
    from novasonic import asgi  # noqa: PLC0415 -- the secret key is checked before its imports need it

    part = None if only is None else asgi.Part(only)
    limits = ConnectionLimits(
        per_process=max_connections(settings.HTTP_CONNECTIONS_MAX),
        per_address=None if settings.PROXIES else settings.HTTP_CONNECTIONS_PER_ADDRESS,
        head_timeout_s=HEAD_TIMEOUT_S,
    )
    running = [(_server(asgi.build_application(part), limits, lifespan="on"), listeners["WS_PORT"])]
    if "HEALTH_PORT" in listeners:
        health = build_health_application(needs_sonic=part is not asgi.Part.SITE)
        health_limits = ConnectionLimits(
            per_process=HEALTH_CONNECTIONS, per_address=None, head_timeout_s=HEAD_TIMEOUT_S
        )
        running.append((_server(health, health_limits, lifespan="off"), listeners["HEALTH_PORT"]))
    servers = [server for server, _ in running]
    async with asyncio.TaskGroup() as tasks:
        helpers = [tasks.create_task(_handle_signals(servers))]
        # The site has no calls to count or to protect.
        has_calls = part is not asgi.Part.SITE
        if settings.METRICS_NAMESPACE and has_calls:
            helpers.append(tasks.create_task(metrics.publisher().run()))
        task = ECSTask.from_environment(settings.AWS_REGION)
        if task is not None and has_calls:
            helpers.append(tasks.create_task(supervise(task, _active_calls)))
        await asyncio.wait(
            [tasks.create_task(_run(server, sockets, servers)) for server, sockets in running]
        )
        for helper in helpers:
            helper.cancel()


def _active_calls() -> int:
    return call_registry().admission.calls


async def _run(
    server: uvicorn.Server, listeners: list[socket.socket], servers: list[uvicorn.Server]
) -> None:
    """Run one server; when it ends, stop all."""
    await server.serve(sockets=listeners)
    for each in servers:
        each.should_exit = True


async def _handle_signals(servers: list[uvicorn.Server]) -> None:
    """Drain at each SIGUSR1; at another signal drain and stop, or stop at once at the second."""
    loop = asyncio.get_running_loop()
    received: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        loop.add_signal_handler(number, received.put_nowait, number)
    while await received.get() is signal.SIGUSR1:
        await call_registry().drain(within_s=settings.DRAIN_S)
    async with asyncio.TaskGroup() as tasks:
        drain = tasks.create_task(call_registry().drain(within_s=settings.DRAIN_S))
        second_signal = tasks.create_task(received.get())
        await asyncio.wait({drain, second_signal}, return_when=asyncio.FIRST_COMPLETED)
        drain.cancel()
        second_signal.cancel()
    for server in servers:
        server.should_exit = True


def _server(
    app: Any, limits: ConnectionLimits, *, lifespan: Literal["on", "off"]
) -> uvicorn.Server:
    http: Any = functools.partial(LimitedHTTPProtocol, limits=limits)
    return _Server(
        uvicorn.Config(
            app,
            lifespan=lifespan,
            http=http,
            timeout_keep_alive=KEEP_ALIVE_S,
            ws=WebSocketFrameProtocol,
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
            proxy_headers=False,  # the setting PROXIES decides, not FORWARDED_ALLOW_IPS
            log_config=None,  # Django has configured logging
            access_log=False,
        )
    )
