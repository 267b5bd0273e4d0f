"""The floor: the least that a server on ASGI and h2 can do. It has no protocol, no state, no errors.

Audio comes in binary WebSocket messages and goes out as hand-made frames on an HTTP/2 stream, and the
same the other way. Everything that makes a server useful is missing.

    python -m benchmarks.audio.servers.floor PORT URL CA_FILE
"""

import asyncio
import binascii
import hashlib
import hmac
import json
import ssl
import struct
import sys
import time
from typing import Any, cast
from urllib.parse import urlsplit

import uvicorn
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded
from h2.settings import SettingCodes

_REGION, _SECRET = "us-east-1", b"AWS4secret"
_NAMES = '"promptName":"p","contentName":"c"'


def _header(name: str, value: str) -> bytes:
    data = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(data)) + data


_INNER_HEADERS = (
    _header(":message-type", "event")
    + _header(":event-type", "chunk")
    + _header(":content-type", "application/json")
)


def _frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return head + struct.pack(">I", binascii.crc32(head))


class Signer:
    """The chain of signatures of one stream."""

    def __init__(self) -> None:
        self._previous = "0" * 64
        self._day, self._key = "", b""

    def frame(self, payload: bytes) -> bytes:
        """Return the signed frame that carries one JSON payload."""
        body = b'{"bytes":"' + binascii.b2a_base64(payload, newline=False) + b'"}'
        inner = _frame(_INNER_HEADERS, body)
        now = time.time()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        day = stamp[:8]
        if day != self._day:
            key = hmac.digest(_SECRET, day.encode(), "sha256")
            for part in (_REGION, "bedrock", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        date = b"\x05:date\x08" + struct.pack(">q", int(now * 1000))
        text = (
            f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{day}/{_REGION}/bedrock/aws4_request\n{self._previous}\n"
            f"{hashlib.sha256(date).hexdigest()}\n{hashlib.sha256(inner).hexdigest()}"
        )
        signature = hmac.digest(self._key, text.encode(), "sha256")
        self._previous = signature.hex()
        return _frame(date + b"\x10:chunk-signature\x06\x00\x20" + signature, inner)


class ModelConnection(asyncio.Protocol):
    """The one HTTP/2 connection to the model."""

    def __init__(self) -> None:
        config = H2Configuration(
            header_encoding=None,
            validate_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._h2 = H2Connection(config)
        self._buffers: dict[int, bytearray] = {}
        self._queues: dict[int, asyncio.Queue[bytes | None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**20})
        self._h2.increment_flow_control_window(2**24)
        self._flush()

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, DataReceived):
                size = event.flow_controlled_length or 0
                self._h2.acknowledge_received_data(size, event.stream_id)
                self._on_data(event.stream_id, event.data or b"")
            elif isinstance(event, StreamEnded):
                self._queues[event.stream_id].put_nowait(None)
        self._flush()

    def open(self, host: str) -> tuple[int, asyncio.Queue[bytes | None]]:
        """Open a stream."""
        stream_id = self._h2.get_next_available_stream_id()
        self._buffers[stream_id] = bytearray()
        self._queues[stream_id] = asyncio.Queue()
        self._h2.send_headers(
            stream_id,
            [
                (b":method", b"POST"),
                (b":scheme", b"https"),
                (b":authority", host.encode()),
                (b":path", b"/model/floor/invoke-with-bidirectional-stream"),
                (b"content-type", b"application/vnd.amazon.eventstream"),
            ],
        )
        self._flush()
        return stream_id, self._queues[stream_id]

    def send(self, stream_id: int, data: bytes) -> None:
        """Send; there is always room enough at the model of this benchmark."""
        self._h2.send_data(stream_id, data)
        self._flush()

    def end(self, stream_id: int) -> None:
        """End our side."""
        self._h2.end_stream(stream_id)
        self._flush()

    def _flush(self) -> None:
        self._transport.write(self._h2.data_to_send())

    def _on_data(self, stream_id: int, data: bytes) -> None:
        buffer = self._buffers[stream_id]
        buffer += data
        at = 0
        while len(buffer) - at >= 16:
            total, headers_length = struct.unpack_from(">II", buffer, at)
            if len(buffer) - at < total:
                break
            frame = bytes(buffer[at : at + total])
            if binascii.crc32(frame[:-4]) != struct.unpack(">I", frame[-4:])[0]:
                raise ValueError("checksum")
            event = json.loads(
                binascii.a2b_base64(json.loads(frame[12 + headers_length : -4])["bytes"])
            )
            body = event["event"].get("audioOutput")
            if body:
                self._queues[stream_id].put_nowait(binascii.a2b_base64(body["content"]))
            at += total
        del buffer[:at]


class Relay:
    """The ASGI application."""

    def __init__(self, url: str, ca_file: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._tls.set_alpn_protocols(["h2"])
        self._connection: ModelConnection | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        connection = await self._connect()
        stream_id, queue = connection.open(self._host)
        signer = Signer()
        self._open_session(connection, stream_id, signer)
        before = b'{"event":{"audioInput":{%s,"content":"' % _NAMES.encode()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_down(queue, send))
            while (message := await receive())["type"] == "websocket.receive":
                content = binascii.b2a_base64(message["bytes"], newline=False)
                connection.send(stream_id, signer.frame(before + content + b'"}}}'))
            connection.end(stream_id)

    async def _send_down(self, queue: asyncio.Queue[bytes | None], send: Any) -> None:
        while (pcm := await queue.get()) is not None:
            try:
                await send({"type": "websocket.send", "bytes": pcm})
            except OSError:
                return

    def _open_session(self, connection: ModelConnection, stream_id: int, signer: Signer) -> None:
        for event in (
            b'{"event":{"sessionStart":{}}}',
            b'{"event":{"promptStart":{"promptName":"p"}}}',
            b'{"event":{"contentStart":{%s,"type":"AUDIO"}}}' % _NAMES.encode(),
        ):
            connection.send(stream_id, signer.frame(event))

    async def _connect(self) -> ModelConnection:
        if self._connection is None:
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(
                ModelConnection, self._host, self._port, ssl=self._tls
            )
        return self._connection


if __name__ == "__main__":
    uvicorn.run(
        Relay(sys.argv[2], sys.argv[3]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
    )
