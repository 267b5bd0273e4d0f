"""Takes TCP connections, and does to them what faults say before anything is spoken on them."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import closing

from nova_sonic_simulator.clock import Clock
from nova_sonic_simulator.faults.injection import pause
from nova_sonic_simulator.faults.model import Abort, Delay, Faults, Goaway, Hang
from nova_sonic_simulator.http2.connection import RESET_ON_CLOSE, Connection

logger = logging.getLogger(__name__)

RETRY_S = 1.0
READ_BYTES = 65_536

type Greet = Callable[[Goaway | None], Connection]
"""Makes the protocol of one connection, with the farewell it begins with, if any."""


class Doorstep:
    """Lets clients in, once their TLS is agreed on."""

    def __init__(self, faults: Faults, tls: ssl.SSLContext, *, clock: Clock, greet: Greet) -> None:
        self._faults = faults
        self._tls = tls
        self._clock = clock
        self._greet = greet

    async def take_connections(self, bound: socket.socket) -> None:
        """Take connections until cancelled."""
        bound.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as arrivals:
            while True:
                try:
                    taken, _ = await loop.sock_accept(bound)
                except OSError as error:
                    # Most often there are too many open files; some of them will be closed.
                    logger.warning("no connection can be taken: %s", error)
                    await asyncio.sleep(RETRY_S)
                else:
                    arrivals.create_task(self._take(taken))

    async def _take(self, taken: socket.socket) -> None:
        farewell = None
        for action in self._faults.at_connect():
            match action:
                case Abort():
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    taken.close()
                    return
                case Hang(seconds=None):
                    await _listen_in_silence(taken)
                    return
                case Hang(seconds=float(seconds)) | Delay(seconds=seconds):
                    await pause(seconds, self._clock)
                case Goaway():
                    farewell = action
                case _:
                    raise AssertionError(action)
        await self._let_in(taken, farewell)

    async def _let_in(self, taken: socket.socket, farewell: Goaway | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: self._greet(farewell), taken, ssl=self._tls)
        except OSError as error:
            logger.info("a connection was lost before it began: %s", error)


async def _listen_in_silence(taken: socket.socket) -> None:
    """Read and forget what comes, until the client gives up."""
    loop = asyncio.get_running_loop()
    with closing(taken):
        try:
            while await loop.sock_recv(taken, READ_BYTES):
                pass
        except OSError as error:
            logger.info("a connection was lost while it hung: %s", error)
