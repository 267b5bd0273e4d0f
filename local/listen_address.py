"""The address on which the site of a local run listens: given by the environment, or a free port.

A wrong setting ends the run with one sentence.
"""

import errno
import os
import socket
import sys
from dataclasses import dataclass

DEFAULT_PORT = 8081
PORTS_TO_TRY = 20
WILDCARD_HOSTS = {"0.0.0.0", "::", ""}  # noqa: S104 -- to recognise, not to bind


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host and a port to listen on."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The URL of the site on this machine, without a trailing slash."""
        host = "localhost" if self.host in WILDCARD_HOSTS else self.host
        return f"http://{host}:{self.port}"


def choose_listen_address() -> ListenAddress:
    """Return HOST and WS_PORT of the environment; without WS_PORT, the first free port."""
    host = os.environ.get("HOST") or "localhost"
    port, health_port = _port_setting("WS_PORT"), _port_setting("HEALTH_PORT")
    if health_port and not _is_free(host, health_port):
        sys.exit(f"Port {health_port} (HEALTH_PORT) is in use.")
    if port is None:
        return ListenAddress(host, _first_free_port(host))
    if not _is_free(host, port):
        sys.exit(f"Port {port} is in use. Free it, or choose another: WS_PORT=8090 make run")
    return ListenAddress(host, port)


def _port_setting(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"{name} is {text!r}; it must be a port, 1 to 65535.")
    return int(text)


def _first_free_port(host: str) -> int:
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY):
        if _is_free(host, port):
            if port != DEFAULT_PORT:
                print(f"Port {DEFAULT_PORT} is in use; using {port} instead.", flush=True)
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
