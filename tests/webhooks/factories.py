"""Example endpoints and deliveries, and a receiver: real sockets, in a thread of this process."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override

from webhooks import services
from webhooks.domain import (
    SELECTABLE_EVENTS,
    Delivery,
    Endpoint,
    EventType,
    PersonalData,
)

NOW = datetime(2099, 11, 22, 15, 0, tzinfo=UTC)
ENDPOINT = Endpoint(
    id="e1",
    url="https://example.com/hooks",
    events=frozenset(SELECTABLE_EVENTS),
    encrypted_secret="current",
    created_at=NOW,
    updated_at=NOW,
)
DELIVERY = Delivery(
    record_type="order",
    record_id="1",
    event=EventType.ORDER_CREATED,
    version="2099-11-22T15:00:00.000Z",
    endpoint_id="e1",
    body="{}",
    personal_data=PersonalData.NONE,
    due_at=NOW,
    created_at=NOW,
    updated_at=NOW,
)


@dataclass(frozen=True)
class Received:
    """A request that the receiver got; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """An HTTP server that remembers what it gets, and answers as a test says."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answer: Callable[[Received], int] = lambda _request: 204
        self.location = ""
        self.url = ""
        self.is_contacted = threading.Event()
        """Set when the first request has come, before it is answered."""
        self._changed = threading.Condition()

    def events(self) -> list[str]:
        return [each.content["type"] for each in self.requests]

    def add(self, request: Received) -> int:
        self.is_contacted.set()
        status = self.answer(request)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        return status

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, timeout=60)


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        @override
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length).decode()
            try:
                self.send_response(receiver.add(Received(self.path, headers, body)))
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                return  # the client has gone

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_port}/hooks?source=clinic"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def add_endpoint(receiver: Receiver, **changes: Any) -> tuple[Endpoint, str]:
    arguments: dict[str, Any] = {
        "endpoint_id": "e1",
        "url": receiver.url,
        "description": "",
        "events": SELECTABLE_EVENTS,
        "personal_data": PersonalData.MASKED,
        "now": NOW,
    }
    return services.add_endpoint(**(arguments | changes))


def numbered(delivery: Delivery, number: int) -> Delivery:
    return replace(delivery, record_id=str(number))
