"""A local DynamoDB: MiniStack behind a reverse proxy that stores every write in a file.

    .venv-dynamodb/bin/python -m local.dynamodb --port 8000 --data var/dynamodb.sqlite3

MiniStack alone saves its state only at a clean exit; proxy and store make each write durable. It
takes an access key of twelve digits for an account number; here all keys belong to one account, and
signatures are not checked. So it listens on the loopback interface only.
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

from local.item_store import ItemStore, ItemStoreError
from local.proxy import Backend, BackendError, PersistentProxy

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 1


class Server(uvicorn.Server):
    """A uvicorn server that reports when it is ready, and exits with status 0 when it is stopped."""

    def __init__(self, config: uvicorn.Config, ready_report: Mapping[str, object]) -> None:
        """Print `ready_report` as one line of JSON once the server listens."""
        super().__init__(config)
        self._ready_report = ready_report

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then print the report."""
        await super().startup(sockets)
        print(json.dumps({"ready": True, **self._ready_report}), flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals as uvicorn does, but do not raise them again at the end."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def stop(self) -> None:
        """Exit soon. Thread-safe."""
        self.should_exit = True


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets with an explicit protocol. Without it, Nagle's
    # algorithm allows 20 responses a second instead of 350.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    return listener


def _load_ministack() -> Backend:
    """Load MiniStack with only its DynamoDB, and without its own persistence."""
    os.environ.update(SERVICES="dynamodb", PERSIST_STATE="0", AUTH="false", LOG_LEVEL="ERROR")
    from ministack.app import app  # noqa: PLC0415 -- it reads the environment when imported

    # Its lifespan is not started: that would look for Docker and open further ports.
    return Backend(app)


async def _serve(listener: socket.socket, data: Path | None, *, until_stdin_closes: bool) -> None:
    store = ItemStore(data) if data else None
    proxy = PersistentProxy(_load_ministack(), store)
    items = await proxy.restore()
    config = uvicorn.Config(
        proxy,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    server = Server(config, {"url": url, "items": items, "data": str(data) if data else None})
    if until_stdin_closes:
        threading.Thread(target=_stop_when_stdin_closes, args=(server,), daemon=True).start()
    await server.serve(sockets=[listener])
    if store is not None:
        store.close()


def _stop_when_stdin_closes(server: Server) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.dynamodb", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=8000, help="0 for any free port")
    persistence = parser.add_mutually_exclusive_group()
    persistence.add_argument(
        "--data", type=Path, default=Path("var/dynamodb.sqlite3"), metavar="FILE"
    )
    persistence.add_argument("--in-memory", action="store_true", help="store nothing")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="exit with the parent process"
    )
    return parser.parse_args()


def main() -> int:
    """Serve until stopped; return the exit status."""
    arguments = _arguments()
    data = None if arguments.in_memory else arguments.data
    try:
        listener = _listen(arguments.port)
    except (OSError, OverflowError) as error:
        print(f"Port {arguments.port} on {HOST} can't be used: {error}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(listener, data, until_stdin_closes=arguments.until_stdin_closes))
    except (ItemStoreError, BackendError) as error:
        print(f"The local DynamoDB can't start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
