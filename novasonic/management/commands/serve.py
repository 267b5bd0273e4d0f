"""`manage.py serve`: the production server, uvicorn, with the settings it needs (ADR 0006).

It ends in order: at SIGTERM or Ctrl-C it takes no new calls, hands over those there are, each at a quiet
moment, and then stops, all within DRAIN_S; a second signal stops it at once. SIGUSR1 does the first two
without the third: `manage.py drain` sends it.
"""

import asyncio
import contextlib
import logging
import os
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, override

import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from voice.calls.registry import call_registry

MAX_FRAME_BYTES = 256 * 1024
GRACEFUL_SHUTDOWN_S = 3

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Serves site, API and WebSocket on HOST:WS_PORT, and health on HEALTH_PORT if set."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--debug", action="store_true", help="log at level DEBUG")

    def handle(self, *_args: Any, debug: bool, **_options: Any) -> None:
        _require_secret_key()
        if debug:
            logging.getLogger().setLevel(logging.DEBUG)
        with _pid_file(settings.PID_FILE):
            asyncio.run(_serve(), loop_factory=_loop_factory())


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _require_secret_key() -> None:
    try:
        settings.SECRET_KEY  # noqa: B018 -- Django refuses to give an empty one
    except ImproperlyConfigured:
        message = "DJANGO_SECRET_KEY is not set. `make run` makes one for this machine."
        raise CommandError(message) from None


@contextlib.contextmanager
def _pid_file(file: Path) -> Iterator[None]:
    """Leave this process's number where `manage.py drain` finds it."""
    try:
        file.write_text(str(os.getpid()))
    except OSError as error:
        logger.warning("no PID file", extra={"error": str(error)})
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def _loop_factory() -> Any:
    return uvicorn.Config("", loop="uvloop", log_config=None).get_loop_factory()


async def _serve() -> None:
    """Run the servers until one of them ends, or a signal ends them all."""
    servers = [_server("novasonic.asgi:application", settings.WS_PORT, lifespan="on")]
    if settings.HEALTH_PORT and settings.HEALTH_PORT != settings.WS_PORT:
        servers.append(_server("novasonic.health:health_app", settings.HEALTH_PORT, lifespan="off"))
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_obey_signals(servers))
        serving = [tasks.create_task(_run(server, servers)) for server in servers]
        await asyncio.wait(serving)
        watching.cancel()


async def _run(server: uvicorn.Server, servers: list[uvicorn.Server]) -> None:
    """Run one server; when it ends, all end."""
    await server.serve()
    for other in servers:
        other.should_exit = True


async def _obey_signals(servers: list[uvicorn.Server]) -> None:
    """Drain at the first signal; stop after it, or at the second."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        loop.add_signal_handler(number, told.put_nowait, number)
    while await told.get() is signal.SIGUSR1:
        await call_registry().drain(within_s=settings.DRAIN_S)
    async with asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(call_registry().drain(within_s=settings.DRAIN_S))
        impatience = tasks.create_task(told.get())
        await asyncio.wait({draining, impatience}, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, impatience):
            task.cancel()
    for server in servers:
        server.should_exit = True


def _server(app: str, port: int, *, lifespan: Literal["on", "off"]) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            host=settings.HOST,
            port=port,
            lifespan=lifespan,
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
            log_config=None,  # Django's logging is set up already
            access_log=False,
        )
    )
