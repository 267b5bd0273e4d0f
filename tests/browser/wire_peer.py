"""A server that speaks `sonic.audio.v1` as it is told to: the page's opposite in its tests.

It shares no code with `voice.wire`, so that it can disagree with it. It serves the page itself
too, under the site's own content security policy, and does what the real site does not: refuses,
falls silent, forgets, interrupts and talks nonsense on command. One port serves page, tickets and
socket.
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

from tests.browser.peer_call import EVENT, RESUME, Event, Frame, PeerCall

SUBPROTOCOL = Subprotocol("sonic.audio.v1")
UNKNOWN_CALL, TAKEN_OVER, NO_TICKET = 4404, 4409, 4401
FOLDERS = {
    "/static/": Path(__file__).parents[2] / "voice" / "web" / "static",
    "/tests/": Path(__file__).parent,
}
POLICY = (
    "default-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self' ws: wss:; "
    "style-src 'self'; img-src 'self' data:"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to whoever asks for a ticket and gets none."""

    status: HTTPStatus
    message: str = ""
    retry_after_s: int | None = None

    @property
    def body(self) -> Event:
        details = {"retryAfterS": self.retry_after_s}
        error = {"code": "busy", "message": self.message, "details": details}
        return {"success": False, "error": error}


class WirePeer:
    """Serves the page and waits for its calls."""

    def __init__(self) -> None:
        self.refuses = False
        """Sockets are turned away, as by a proxy whose server is gone."""
        self.turned_away = asyncio.Semaphore(0)
        """Can be acquired once for each of them."""
        self.forgets = False
        """No call is known any more."""
        self.restores = False
        """Calls are known from what was stored of them only."""
        self.refusal: Refusal | None = None
        """No ticket is given."""
        self.is_down = False
        """Whoever asks for a ticket is hung up on."""
        self.lacks = ""
        """The name of a file that is not served."""
        self.takes_tickets = True
        """A ticket is good for a call."""
        self.resume_timeout_s = 120
        """For so long a page that is loaded now seeks a lost call."""
        self.port = 0
        self.connections = 0
        self._tickets: set[str] = set()
        self._issued = 0
        self._known: dict[str, PeerCall] = {}
        self._calls: asyncio.Queue[PeerCall] = asyncio.Queue()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    async def call(self, *, timeout_s: float = 10) -> PeerCall:
        """Wait for the page's next call."""
        async with asyncio.timeout(timeout_s):
            return await self._calls.get()

    # Connections

    async def handle(self, socket: ServerConnection) -> None:
        """Hold one connection."""
        self.connections += 1
        try:
            raw = await socket.recv(decode=False)
        except ConnectionClosed:
            return
        frame = Frame.parse(raw)
        if frame.kind == RESUME:
            await self._resume(socket, frame)
        else:
            await self._begin(socket, raw)

    async def _begin(self, socket: ServerConnection, start: bytes) -> None:
        call = PeerCall(socket, token=f"token-{self.connections}")
        ticket = json.loads(Frame.parse(start).payload).get("ticket")
        if ticket not in self._tickets or not self.takes_tickets:
            await socket.close(NO_TICKET)
            return
        self._tickets.remove(ticket)
        self._known[call.token] = call
        await call.take(start)
        self._calls.put_nowait(call)
        await call.listen(socket)

    async def _resume(self, socket: ServerConnection, frame: Frame) -> None:
        call = self._known.get(frame.payload.decode())
        if call is None or self.forgets:
            error = {"type": "error", "code": "unknown_call", "message": "?", "retryable": False}
            await socket.send(Frame(EVENT, json.dumps(error).encode()).pack())
            await socket.close(UNKNOWN_CALL)
            return
        before = call.socket
        await (call.restore if self.restores else call.resume)(socket, frame)
        async with asyncio.TaskGroup() as both:
            both.create_task(call.listen(socket))
            both.create_task(before.close(TAKEN_OVER))

    # HTTP

    def answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Serve the page and its files; leave the socket's path to the handshake."""
        path = request.path.partition("?")[0]
        if path == "/ws":
            return self._turn_away() if self.refuses else None
        if path == "/":
            return _response(HTTPStatus.OK, self._page().encode(), "text/html; charset=utf-8")
        for prefix, folder in FOLDERS.items():
            file = folder / path.removeprefix(prefix)
            if path.startswith(prefix) and file.is_file() and file.name != self.lacks:
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                return _response(HTTPStatus.OK, file.read_bytes(), kind)
        return _response(HTTPStatus.NOT_FOUND, b"", "text/plain")

    def _turn_away(self) -> Response:
        self.turned_away.release()
        return _response(HTTPStatus.FORBIDDEN, b"", "text/plain")

    def _page(self) -> str:
        context = {"business_name": "Clínica del Sol", "resume_timeout_s": self.resume_timeout_s}
        return render_to_string("voice/call.html", context)

    def ticket(self) -> Response:
        """Answer whoever asks for a ticket."""
        if self.refusal is not None:
            return _json(self.refusal.status, self.refusal.body)
        self._issued += 1
        ticket = f"ticket-{self._issued}"
        self._tickets.add(ticket)
        data = {"ticket": ticket, "expiresInS": 60}
        return _json(HTTPStatus.CREATED, {"success": True, "data": data, "message": ""})

    def connection_class(self) -> type[ServerConnection]:
        """Return the server's end of a connection: the WebSocket library knows no POST."""
        peer = self

        class Connection(ServerConnection):
            def data_received(self, data: bytes) -> None:
                if not data.startswith(b"POST /voice/tickets "):
                    super().data_received(data)
                    return
                if not peer.is_down:
                    self.transport.write(peer.ticket().serialize())
                self.transport.close()

        return Connection


def _json(status: HTTPStatus, body: Event) -> Response:
    return _response(status, json.dumps(body).encode(), "application/json")


def _response(status: HTTPStatus, body: bytes, kind: str) -> Response:
    headers = Headers(
        {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": POLICY,
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)


@asynccontextmanager
async def wire_peer() -> AsyncIterator[WirePeer]:
    """Run a peer on a free port."""
    peer = WirePeer()
    server: Server
    async with serve(
        peer.handle,
        "127.0.0.1",
        0,
        subprotocols=[SUBPROTOCOL],
        process_request=peer.answer,
        create_connection=peer.connection_class(),
        compression=None,
        ping_interval=None,
        close_timeout=1,
    ) as server:
        peer.port = next(iter(server.sockets)).getsockname()[1]
        yield peer
