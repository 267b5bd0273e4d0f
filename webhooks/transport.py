"""Post an event to an address that was checked, and return what its server answers.

The connection goes to the IP address that was checked, not to the name: between the check and the connection a
name may come to mean another address (DNS rebinding). The certificate is verified for the name. No proxy, no
redirect, no cookie; of the answer only the status is read.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import override

from webhooks.addresses import Target

TIMEOUT_S = 15.0
"""How long one attempt may take from the request to the status of the answer."""
CONNECT_TIMEOUT_S = 5.0
MAX_ADDRESSES_TRIED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a request; `error` is for staff, and empty if there was an answer."""

    status_code: int | None = None
    error: str = ""


class _PinnedConnection(http.client.HTTPConnection):
    """A connection to given IP addresses, whatever the host's name resolves to."""

    def __init__(self, target: Target, addresses: Sequence[str]) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_S)
        self._target = target
        self._addresses = addresses[:MAX_ADDRESSES_TRIED]

    @override
    def connect(self) -> None:
        connection = self._connected()
        connection.settimeout(TIMEOUT_S)
        if self._target.is_https:
            name = self._target.host.rstrip(".")
            connection = _tls_context().wrap_socket(connection, server_hostname=name)
        self.sock = connection

    def _connected(self) -> socket.socket:
        *others, last = self._addresses
        for address in others:
            try:
                return socket.create_connection((address, self.port), CONNECT_TIMEOUT_S)
            except OSError:
                continue
        return socket.create_connection((last, self.port), CONNECT_TIMEOUT_S)

    def interrupt(self) -> None:
        """End what another thread does with the connection: its deadline is over."""
        if (connection := self.sock) is not None:
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # also under TLS
            except OSError:
                return  # it is closed


@cache
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def post(
    target: Target,
    addresses: Sequence[str],
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Post a body and return the answer, after `timeout_s` and a slow connection at the latest.

    Args:
        target: Where to; its path and the name for which the certificate is verified.
        addresses: The IP addresses of the target, checked.
        body: The body.
        headers: The headers beside Host and Content-Length.
        timeout_s: How long the receiver may take, however slowly its answer trickles in.

    """
    connection = _PinnedConnection(target, addresses)
    is_late = threading.Event()

    def interrupt() -> None:
        is_late.set()
        connection.interrupt()

    try:
        connection.connect()
    except (OSError, ValueError) as error:
        return Answer(error=_describe(error))
    deadline = threading.Timer(timeout_s, interrupt)
    deadline.daemon = True
    deadline.start()
    try:
        connection.request("POST", target.path, body, {"Host": target.host_header, **headers})
        status_code = connection.getresponse().status
        # An answer that the deadline cut off in the middle of its headers looks complete.
        return Answer(error="timed out") if is_late.is_set() else Answer(status_code=status_code)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(error="timed out" if is_late.is_set() else _describe(error))
    finally:
        deadline.cancel()
        connection.close()


def _describe(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "timed out"
        case ssl.SSLCertVerificationError():
            return f"certificate refused: {error.verify_message}"
        case ConnectionRefusedError():
            return "connection refused"
        case http.client.HTTPException():
            return f"no HTTP answer: {type(error).__name__}"
        case _:
            return type(error).__name__
