"""`manage.py drain`: hand over the calls of the server on this machine, without stopping it."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from novasonic.pid_file import PIDFileError, running_server_pid

POLL_INTERVAL_S = 0.2
MARGIN_S = 5.0


class Command(BaseCommand):
    help = (
        "Drains the server on this machine: /ready says 503 at once, new calls are refused, and live "
        "calls continue on other servers. Waits until none is left. Stop it with SIGTERM afterwards."
    )
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        count = _active_calls()
        os.kill(_server_pid(), signal.SIGUSR1)
        deadline = time.monotonic() + settings.DRAIN_S + MARGIN_S
        while remaining := _active_calls():
            if time.monotonic() > deadline:
                raise CommandError(f"{remaining} calls are still there.")
            time.sleep(POLL_INTERVAL_S)  # of another process: nothing signals its end
        self.stdout.write(f"Drained: {count} calls handed over.")


def _server_pid() -> int:
    try:
        return running_server_pid(settings.PID_FILE)
    except PIDFileError as error:
        raise CommandError(str(error)) from None


def _active_calls() -> int:
    """Return the number of calls that the server reports at /ready."""
    url = f"http://{settings.LOCAL_ADDRESS}/ready"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = b""
    try:
        with opener.open(url, timeout=10) as response:
            body = response.read()
    except urllib.error.HTTPError as error:  # a 503 has the same body
        body = error.read()
    except OSError as error:
        raise CommandError(f"The server does not answer at {url}: {error}") from None
    with suppress(ValueError, KeyError):
        return int(json.loads(body)["calls"])
    raise CommandError(f"{url} does not report the number of calls.")
