"""`manage.py drain`: let the server on this machine take no new calls and hand over those it has."""

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

LOOK_EVERY_S = 0.2
MARGIN_S = 5.0


class Command(BaseCommand):
    help = (
        "Drains the server of this machine: /ready says no at once, new calls are refused, and those "
        "there are go on on other servers. Waits until it has none. Stop it with SIGTERM afterwards."
    )
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        before = _calls()
        os.kill(_pid(), signal.SIGUSR1)
        deadline = time.monotonic() + settings.DRAIN_S + MARGIN_S
        while calls := _calls():
            if time.monotonic() > deadline:
                raise CommandError(f"{calls} calls are still there.")
            time.sleep(LOOK_EVERY_S)  # another process: there is nothing else to wait on
        self.stdout.write(f"Drained: {before} calls handed over.")


def _pid() -> int:
    try:
        return int(settings.PID_FILE.read_text())
    except (OSError, ValueError):
        raise CommandError(f"No server runs here: {settings.PID_FILE} names none.") from None


def _calls() -> int:
    """Ask the server how many calls it has."""
    url = f"http://{settings.HOST}:{settings.WS_PORT}/ready"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = b""
    try:
        with opener.open(url, timeout=10) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:  # 503 is an answer, too
        body = error.read()
    except OSError as error:
        raise CommandError(f"The server does not answer at {url}: {error}") from None
    with suppress(ValueError, KeyError):
        return int(json.loads(body)["calls"])
    raise CommandError(f"{url} does not tell of calls.")
