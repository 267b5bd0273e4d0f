"""Where the site of a local run listens: what the environment says, or the first free port.

Whatever is wrong with it ends the run with one sentence.
"""

import errno
import os
import socket
import sys
from dataclasses import dataclass

DEFAULT_PORT = 8081
PORTS_TO_TRY = 20
EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 -- to recognise, not to bind


@dataclass(frozen=True, slots=True)
class Site:
    """Where the site listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Return the address of the voice page, without the last slash, as this machine calls it."""
        return f"http://{'localhost' if self.host in EVERYWHERE else self.host}:{self.port}"


def choose_site() -> Site:
    """Return HOST and WS_PORT of the environment; without WS_PORT, the first free port."""
    host = os.environ.get("HOST") or "localhost"
    wanted, health = _port("WS_PORT"), _port("HEALTH_PORT")
    if health and not _is_free(host, health):
        sys.exit(f"Port {health} (HEALTH_PORT) is in use.")
    if wanted:
        if not _is_free(host, wanted):
            sys.exit(f"Port {wanted} is in use. Free it, or choose another: WS_PORT=8090 make run")
        return Site(host, wanted)
    return Site(host, _first_free(host))


def _port(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"{name} is {text!r}; it must be a port, 1 to 65535.")
    return int(text)


def _first_free(host: str) -> int:
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY):
        if _is_free(host, port):
            if port != DEFAULT_PORT:
                print(f"Port {DEFAULT_PORT} is in use; this run takes {port}.", flush=True)
            return port
    sys.exit(f"Ports {DEFAULT_PORT} to {DEFAULT_PORT + PORTS_TO_TRY - 1} are all in use.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            sys.exit(f"HOST is {host!r}, which is no address of this machine: {error.strerror}.")
    return True
