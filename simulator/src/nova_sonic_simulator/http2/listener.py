"""Accepts TCP connections and applies the faults armed for `connect`."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import closing

from nova_sonic_simulator.clock import Clock
from nova_sonic_simulator.faults.injection import sleep_service_time
from nova_sonic_simulator.faults.model import Abort, Delay, Faults, Goaway, Hang
from nova_sonic_simulator.http2.connection import RESET_ON_CLOSE, Connection

logger = logging.getLogger(__name__)

RETRY_S = 1.0
READ_BYTES = 65_536

type MakeConnection = Callable[[Goaway | None], Connection]
"""Creates the protocol of one connection; the argument is a GOAWAY to send first, if any."""


class Listener:
    """Accepts connections and starts TLS on them."""

    def __init__(
        self, faults: Faults, tls: ssl.SSLContext, *, clock: Clock, make_connection: MakeConnection
    ) -> None:
        self._faults = faults
        self._tls = tls
        self._clock = clock
        self._make_connection = make_connection

    async def accept_connections(self, bound: socket.socket) -> None:
        """Accept connections until cancelled."""
        bound.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as arrivals:
            while True:
                try:
                    connection, _ = await loop.sock_accept(bound)
                except OSError as error:
                    # Most often too many open files; some of them will be closed.
                    logger.warning("connection not accepted", extra={"reason": str(error)})
                    await asyncio.sleep(RETRY_S)
                else:
                    arrivals.create_task(self._handle_connection(connection))

    async def _handle_connection(self, connection: socket.socket) -> None:
        initial_goaway = None
        for action in self._faults.at_connect():
            match action:
                case Abort():
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    connection.close()
                    return
                case Hang(seconds=None):
                    await _discard_input(connection)
                    return
                case Hang(seconds=float(seconds)) | Delay(seconds=seconds):
                    await sleep_service_time(seconds, self._clock)
                case Goaway():
                    initial_goaway = action
                case _:
                    raise AssertionError(action)
        await self._start_tls(connection, initial_goaway)

    async def _start_tls(self, connection: socket.socket, initial_goaway: Goaway | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: self._make_connection(initial_goaway), connection, ssl=self._tls
            )
        except OSError as error:
            logger.info("connection lost during TLS handshake", extra={"reason": str(error)})


async def _discard_input(connection: socket.socket) -> None:
    """Read and discard until the client closes the connection."""
    loop = asyncio.get_running_loop()
    with closing(connection):
        try:
            while await loop.sock_recv(connection, READ_BYTES):
                pass
        except OSError as error:
            logger.info("unanswered connection lost", extra={"reason": str(error)})
