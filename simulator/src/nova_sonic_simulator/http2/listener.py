"""Takes TCP connections, and does to them what faults say before anything is spoken on them."""

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
"""Makes the protocol of one connection, with the initial_goaway it begins with, if any."""


class Listener:
    """Lets clients in, once their TLS is agreed on."""

    def __init__(
        self, faults: Faults, tls: ssl.SSLContext, *, clock: Clock, make_connection: MakeConnection
    ) -> None:
        self._faults = faults
        self._tls = tls
        self._clock = clock
        self._make_connection = make_connection

    async def accept_connections(self, bound: socket.socket) -> None:
        """Take connections until cancelled."""
        bound.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as arrivals:
            while True:
                try:
                    connection, _ = await loop.sock_accept(bound)
                except OSError as error:
                    # Most often there are too many open files; some of them will be closed.
                    logger.warning("no connection can be connection: %s", error)
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
            logger.info("a connection was lost before it began: %s", error)


async def _discard_input(connection: socket.socket) -> None:
    """Read and forget what comes, until the client gives up."""
    loop = asyncio.get_running_loop()
    with closing(connection):
        try:
            while await loop.sock_recv(connection, READ_BYTES):
                pass
        except OSError as error:
            logger.info("a connection was lost while it hung: %s", error)
