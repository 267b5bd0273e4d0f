"""A server that speaks `sonic.audio.v1` and misbehaves on command, for tests of the page.

It shares no code with `voice.wire`, so that the two can disagree. It also serves the page, under the
content security policy of the site, and does on command what the real site does not do in a test:
refuse, fall silent, forget calls, interrupt and send malformed frames. One port serves page, tickets
and WebSocket.
"""

import asyncio
import json
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from django.template.loader import render_to_string
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.browser.fake_call import EVENT, RESUME, Event, FakeCall, Frame
from voice.prompts.personas import persona_of

SUBPROTOCOL = Subprotocol("sonic.audio.v1")
UNKNOWN_CALL, TAKEN_OVER, INVALID_TICKET = 4404, 4409, 4401
FOLDERS = {
    "/static/": Path(__file__).parents[2] / "voice" / "web" / "static",
    "/tests/": Path(__file__).parent,
}
POLICY = (
    "default-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self' ws: wss:; "
    "style-src 'self'; img-src 'self' data:"
)


@dataclass(frozen=True, slots=True)
class TicketRefusal:
    """A response to a ticket request that gives no ticket."""

    status: HTTPStatus
    message: str = ""
    retry_after_s: int | None = None

    @property
    def body(self) -> Event:
        details = {"retryAfterS": self.retry_after_s}
        error = {"code": "busy", "message": self.message, "details": details}
        return {"success": False, "error": error}


class FakeServer:
    """Serve the page and its calls."""

    def __init__(self) -> None:
        self.refuses_sockets = False
        """Whether WebSocket handshakes fail, as at a proxy whose server is gone."""
        self.refused_sockets = asyncio.Semaphore(0)
        """Can be acquired once for each of those."""
        self.forgets_calls = False
        """Whether no call is known any more."""
        self.restores_calls = False
        """Whether calls are resumed as if they were restored from storage."""
        self.ticket_refusal: TicketRefusal | None = None
        """The response to ticket requests, instead of a ticket."""
        self.is_down = False
        """Whether connections of ticket requests are closed without a response."""
        self.missing_file = ""
        """The name of a file that is not served."""
        self.accepts_tickets = True
        """Whether a ticket starts a call."""
        self.resume_timeout_s = 120
        """How long a page that is loaded now tries to resume a call."""
        self.port = 0
        self.connections = 0
        self._tickets: set[str] = set()
        self._issued = 0
        self._calls: dict[str, FakeCall] = {}
        self._new_calls: asyncio.Queue[FakeCall] = asyncio.Queue()

    @property
    def url(self) -> str:
        """The URL of the page."""
        return f"http://127.0.0.1:{self.port}/"

    async def wait_for_call(self, *, timeout_s: float = 60) -> FakeCall:
        """Wait for the next call of the page and return it."""
        async with asyncio.timeout(timeout_s):
            return await self._new_calls.get()

    # Connections

    async def handle(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            raw = await socket.recv(decode=False)
        except ConnectionClosed:
            return
        frame = Frame.parse(raw)
        if frame.kind == RESUME:
            await self._resume_call(socket, frame)
        else:
            await self._start_call(socket, raw)

    async def _start_call(self, socket: ServerConnection, start: bytes) -> None:
        call = FakeCall(socket, token=f"token-{self.connections}")
        ticket = json.loads(Frame.parse(start).payload).get("ticket")
        if ticket not in self._tickets or not self.accepts_tickets:
            await socket.close(INVALID_TICKET)
            return
        self._tickets.remove(ticket)
        self._calls[call.token] = call
        await call.receive(start)
        self._new_calls.put_nowait(call)
        await call.receive_until_closed(socket)

    async def _resume_call(self, socket: ServerConnection, frame: Frame) -> None:
        call = self._calls.get(frame.payload.decode())
        if call is None or self.forgets_calls:
            error = {"type": "error", "code": "unknown_call", "message": "?", "retryable": False}
            await socket.send(Frame(EVENT, json.dumps(error).encode()).pack())
            await socket.close(UNKNOWN_CALL)
            return
        previous = call.socket
        await (call.restore if self.restores_calls else call.resume)(socket, frame)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(call.receive_until_closed(socket))
            tasks.create_task(previous.close(TAKEN_OVER))

    # HTTP

    def process_request(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Serve the page and its files; leave the path of the WebSocket to the handshake."""
        path = request.path.partition("?")[0]
        if path == "/ws":
            return self._refuse_socket() if self.refuses_sockets else None
        if path == "/":
            return _response(HTTPStatus.OK, self._render_page(), "text/html; charset=utf-8")
        for prefix, folder in FOLDERS.items():
            file = folder / path.removeprefix(prefix)
            if path.startswith(prefix) and file.is_file() and file.name != self.missing_file:
                content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                return _response(HTTPStatus.OK, file.read_bytes(), content_type)
        return _response(HTTPStatus.NOT_FOUND, b"", "text/plain")

    def _refuse_socket(self) -> Response:
        self.refused_sockets.release()
        return _response(HTTPStatus.FORBIDDEN, b"", "text/plain")

    def _render_page(self) -> bytes:
        context = {
            "business_name": "Clínica del Sol",
            "assistant": persona_of("carlos"),
            "socket_path": "/ws",
            "ticket_path": "/voice/tickets",
            "resume_timeout_s": self.resume_timeout_s,
        }
        return render_to_string("voice/call.html", context).encode()

    def issue_ticket(self) -> Response:
        """Return the response to a ticket request."""
        if self.ticket_refusal is not None:
            return _json_response(self.ticket_refusal.status, self.ticket_refusal.body)
        self._issued += 1
        ticket = f"ticket-{self._issued}"
        self._tickets.add(ticket)
        data = {"ticket": ticket, "expiresInS": 60}
        return _json_response(HTTPStatus.CREATED, {"success": True, "data": data, "message": ""})

    def connection_class(self) -> type[ServerConnection]:
        """Return a connection class that also serves POST, which `websockets` does not."""
        server = self

        class Connection(ServerConnection):
            def data_received(self, data: bytes) -> None:
                if not data.startswith(b"POST /voice/tickets "):
                    super().data_received(data)
                    return
                if not server.is_down:
                    self.transport.write(server.issue_ticket().serialize())
                self.transport.close()

        return Connection


def _json_response(status: HTTPStatus, body: Event) -> Response:
    return _response(status, json.dumps(body).encode(), "application/json")


def _response(status: HTTPStatus, body: bytes, content_type: str) -> Response:
    headers = Headers(
        {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": POLICY,
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)


@asynccontextmanager
async def run_fake_server() -> AsyncIterator[FakeServer]:
    """Run a fake server on a free port."""
    fake = FakeServer()
    server: Server
    async with serve(
        fake.handle,
        "127.0.0.1",
        0,
        subprotocols=[SUBPROTOCOL],
        process_request=fake.process_request,
        create_connection=fake.connection_class(),
        compression=None,
        ping_interval=None,
        close_timeout=1,
    ) as server:
        fake.port = next(iter(server.sockets)).getsockname()[1]
        yield fake
