"""DynamoDB on this machine: MiniStack's, behind a gateway that keeps every write in a journal.

    .venv-dynamodb/bin/python -m local.dynamodb --port 8000 --data var/dynamodb.sqlite3

MiniStack would save its state only at a clean end; the gateway and the journal make it durable.
It would make an account of each access key of twelve digits; here every key is the same account,
and any signature will do. So this listens on the loopback interface only.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import uvicorn

from local.gateway import Engine, EngineError, Gateway
from local.journal import Journal, JournalError

HOST = "127.0.0.1"
STOP_WITHIN_S = 1


class Server(uvicorn.Server):
    """uvicorn, which says in one line when it is ready, and ends with status 0 when told to."""

    def __init__(self, config: uvicorn.Config, ready: Mapping[str, object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets)
        print(json.dumps({"ready": True, **self._ready}), flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals as uvicorn does, but don't raise them again at the end."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def stop(self) -> None:
        """End soon; may be called from any thread."""
        self.should_exit = True


def _listen(port: int) -> socket.socket:
    # The protocol is named, for else asyncio leaves Nagle's delay on: 20 answers a second, not 350.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    return listener


def _ministack() -> Engine:
    """Load MiniStack with nothing but DynamoDB, keeping nothing itself."""
    os.environ.update(SERVICES="dynamodb", PERSIST_STATE="0", AUTH="false", LOG_LEVEL="ERROR")
    from ministack.app import app  # noqa: PLC0415 -- it reads the environment when imported

    # Its lifespan is never started: that would look for Docker and open further ports.
    return Engine(app)


async def _serve(listener: socket.socket, data: Path | None, *, until_stdin_closes: bool) -> None:
    journal = Journal(data) if data else None
    gateway = Gateway(_ministack(), journal)
    items = await gateway.restore()
    config = uvicorn.Config(
        gateway,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    server = Server(config, {"url": url, "items": items, "data": str(data) if data else None})
    if until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_stdin, args=(server,), daemon=True).start()
    await server.serve(sockets=[listener])
    if journal is not None:
        journal.close()


def _stop_at_end_of_stdin(server: Server) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.dynamodb", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=8000, help="0 takes any that is free")
    keeping = parser.add_mutually_exclusive_group()
    keeping.add_argument("--data", type=Path, default=Path("var/dynamodb.sqlite3"), metavar="FILE")
    keeping.add_argument("--in-memory", action="store_true", help="keep nothing")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the parent")
    return parser.parse_args()


def main() -> int:
    """Serve until told to stop; return the exit status."""
    arguments = _arguments()
    data = None if arguments.in_memory else arguments.data
    try:
        listener = _listen(arguments.port)
    except (OSError, OverflowError) as error:
        print(f"Port {arguments.port} on {HOST} can't be used: {error}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(listener, data, until_stdin_closes=arguments.until_stdin_closes))
    except (JournalError, EngineError) as error:
        print(f"The local DynamoDB can't start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
