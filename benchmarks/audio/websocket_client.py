"""A WebSocket client that costs little: RFC 6455 by hand, with a masking key of zero."""

import asyncio
import os
import struct
from base64 import b64encode
from collections.abc import Callable
from typing import cast

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
    elif size < 65_536:
        head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


class WebSocketClient(asyncio.Protocol):
    """One connection; whole messages go to `on_message`."""

    def __init__(self, url_path: str, host: str, *, subprotocol: str | None = None) -> None:
        self.on_message: Callable[[bytes, bool], None] = lambda _data, _is_text: None
        self.close_code: int | None = None
        loop = asyncio.get_running_loop()
        self.is_open: asyncio.Future[None] = loop.create_future()
        self.is_closed: asyncio.Future[None] = loop.create_future()
        self._buffer = bytearray()
        self._fragments = bytearray()
        self._fragment_opcode = 0
        self._request = (
            f"GET {url_path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}\r\n"
            + (f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else "")
            + "\r\n"
        ).encode()

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        self._write(_frame(_BINARY, data))

    def send_text(self, data: bytes) -> None:
        """Send a text message, given in UTF-8."""
        self._write(_frame(_TEXT, data))

    async def close(self) -> None:
        """Close, and wait until the server has."""
        self._write(_frame(_CLOSE, struct.pack(">H", 1000)))
        await asyncio.wait({self.is_closed}, timeout=3)
        self._transport.close()

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.is_open.done() and not self._read_handshake():
            return
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, begin = buffer[at + 1] & 0x7F, at + 2
            if size == 126:
                begin += 2
                size = int.from_bytes(buffer[at + 2 : begin]) if len(buffer) >= begin else 2**62
            elif size == 127:
                begin += 8
                size = int.from_bytes(buffer[at + 2 : begin]) if len(buffer) >= begin else 2**62
            if len(buffer) < begin + size:
                break
            self._on_frame(buffer[at], bytes(buffer[begin : begin + size]))
            at = begin + size
        del buffer[:at]

    def _read_handshake(self) -> bool:
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return False
        self._buffer = rest
        if head.startswith(b"HTTP/1.1 101"):
            self.is_open.set_result(None)
        else:
            self.is_open.set_exception(ConnectionError(head.decode(errors="replace")[:200]))
            self._transport.close()
        return True

    def _on_frame(self, first: int, payload: bytes) -> None:
        opcode, is_final = first & 0x0F, first & 0x80
        if opcode == _PING:
            self._write(_frame(_PONG, payload))
        elif opcode == _CLOSE:
            self.close_code = int.from_bytes(payload[:2]) if payload else 1005
            self._write(_frame(_CLOSE, payload[:2]))
        elif opcode in {_TEXT, _BINARY} and is_final:
            self.on_message(payload, opcode == _TEXT)
        elif opcode in {0, _TEXT, _BINARY}:
            self._fragments += payload
            self._fragment_opcode = opcode or self._fragment_opcode
            if is_final:
                self.on_message(bytes(self._fragments), self._fragment_opcode == _TEXT)
                self._fragments.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_open.done():
            self.is_open.set_exception(ConnectionError(f"closed in the handshake: {exc}"))
        if not self.is_closed.done():
            self.is_closed.set_result(None)
