"""Control port: one command per line in, one answer per line out, on this machine only.

README.md documents the commands; `commands` parses them.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, assert_never

from nova_sonic_simulator.control.commands import (
    AddScript,
    ApplyToAllSessions,
    ArmFault,
    ChangeCredentials,
    Clear,
    Command,
    CommandError,
    ListFaults,
    ListSessions,
    parse_command,
)
from nova_sonic_simulator.dialogue import Scripts
from nova_sonic_simulator.faults.model import ArmedFault
from nova_sonic_simulator.service import Service

logger = logging.getLogger(__name__)

MAX_LINE_BYTES = 1 << 20


class Control:
    """Executes commands."""

    def __init__(self, service: Service, scripts: Scripts) -> None:
        self.service = service
        self._scripts = scripts

    def execute(self, line: bytes) -> dict[str, Any]:
        """Execute the command in `line` and return the answer; a malformed command is answered with its error."""
        try:
            return {"ok": True, **self._execute(parse_command(line))}
        except CommandError as error:
            return {"ok": False, "error": str(error)}

    def _execute(self, command: Command) -> dict[str, Any]:
        service = self.service
        match command:
            case ArmFault():
                return {"id": service.faults.arm(command.fault, now_s=service.clock.elapsed_s())}
            case ListFaults():
                return {"faults": [_report(armed) for armed in service.faults.armed]}
            case ListSessions():
                records = service.records.newest(command.newest)
                return {"sessions": [record.report for record in records]}
            case ApplyToAllSessions():
                return {"affected": service.apply_to_all_sessions(command.action)}
            case ChangeCredentials():
                service.identities.change(command.credentials, expire=command.expire)
            case AddScript():
                self._scripts.add(command.script)
            case Clear():
                self._clear()
            case _:
                assert_never(command)
        return {}

    def _clear(self) -> None:
        self.service.faults.clear()
        self.service.identities.restore()
        self._scripts.clear()


def _report(armed: ArmedFault) -> dict[str, Any]:
    return {"id": armed.id, "triggered": armed.triggered, "exhausted": armed.is_exhausted}


@asynccontextmanager
async def control_port(control: Control, bound: socket.socket) -> AsyncIterator[None]:
    """Serve the control port on a bound socket while the context is active."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(control.execute(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except ValueError:
            writer.write(b'{"ok": false, "error": "a line of more than a mebibyte"}\n')
        except ConnectionError as error:
            logger.info("control client disconnected", extra={"reason": str(error)})
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, sock=bound, limit=MAX_LINE_BYTES)
    try:
        yield
    finally:
        server.close()
        for writer in tuple(writers):
            writer.close()
        await server.wait_closed()
