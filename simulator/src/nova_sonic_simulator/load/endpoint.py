"""A Nova Sonic that costs little: it takes every session, and sends stamped audio at the pace of speech.

HTTP/2 is done by hand, as far as this one operation needs it. Request headers are not looked at and
signatures not verified: both would cost this process more than the server under test.
"""

import asyncio
import base64
import binascii
import json
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

import trustme

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_INITIAL_WINDOW_SIZE, _MAX_CONCURRENT_STREAMS = 4, 3
_WINDOW_BYTES = 2**30
_MAX_FRAME_BYTES = 16_384


def _http2_frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    return (
        struct.pack(">I", len(payload) << 8 | kind) + struct.pack(">BI", flags, stream_id) + payload
    )


# `:status 200` is entry 8 of HPACK's static table; the content type is a literal that is not indexed.
_CONTENT_TYPE = b"application/vnd.amazon.eventstream"
_RESPONSE_HEADERS = b"\x88\x0f\x10" + bytes([len(_CONTENT_TYPE)]) + _CONTENT_TYPE


def _string_header(name: str, value: str) -> bytes:
    data = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(data)) + data


_EVENT_HEADERS = (
    _string_header(":event-type", "chunk")
    + _string_header(":content-type", "application/json")
    + _string_header(":message-type", "event")
)


def event_frame(payload: bytes) -> bytes:
    """Return the event-stream frame in which the service sends one JSON payload."""
    body = b'{"bytes":"' + binascii.b2a_base64(payload, newline=False) + b'"}'
    total = 16 + len(_EVENT_HEADERS) + len(body)
    prelude = struct.pack(">II", total, len(_EVENT_HEADERS))
    head = prelude + struct.pack(">I", binascii.crc32(prelude)) + _EVENT_HEADERS + body
    return head + struct.pack(">I", binascii.crc32(head))


def _json_event(name: str, **body: object) -> bytes:
    ids = {"sessionId": "s" * 36, "promptName": "p" * 36, "completionId": "k" * 36}
    return json.dumps({"event": {name: ids | body}}).encode()


class ModelStream:
    """One session, as the service sees it."""

    def __init__(self, connection: "_Connection", stream_id: int, window_bytes: int) -> None:
        self.call: int | None = None
        """Number of the call, known from the first stamp."""
        self.run: object | None = None
        """The run that the stream belongs to, known from the first audio."""
        self.is_open = True
        self.window_bytes = window_bytes
        self._connection = connection
        self._stream_id = stream_id
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._is_ending = False
        self._content = ""
        self._audio_parts = (b"", b"")

    # What the load sends.

    def send_event(self, name: str, **body: object) -> None:
        """Send one event."""
        self._send(event_frame(_json_event(name, **body)))

    def send_text(self, content_id: str, role: str, stage: str, text: str) -> None:
        """Send a text block."""
        fields = json.dumps({"generationStage": stage})
        self.send_event(
            "contentStart",
            contentId=content_id,
            type="TEXT",
            role=role,
            additionalModelFields=fields,
            textOutputConfiguration={"mediaType": "text/plain"},
        )
        self.send_event("textOutput", contentId=content_id, role=role, content=text)
        self.send_event("contentEnd", contentId=content_id, type="TEXT", stopReason="PARTIAL_TURN")

    def start_audio(self, content_id: str) -> None:
        """Open an audio content."""
        self.send_event("contentStart", contentId=content_id, type="AUDIO", role="ASSISTANT")
        payload = _json_event("audioOutput", contentId=content_id, role="ASSISTANT", content="|")
        before, _, behind = payload.partition(b"|")
        self._audio_parts = before, behind
        self._content = content_id

    def send_audio(self, pcm: bytes) -> None:
        """Send a frame of the open audio content."""
        before, behind = self._audio_parts
        self._send(event_frame(before + binascii.b2a_base64(pcm, newline=False) + behind))

    def end_audio(self, stop_reason: str = "END_TURN") -> None:
        """Close the audio content."""
        self.send_event("contentEnd", contentId=self._content, type="AUDIO", stopReason=stop_reason)

    def call_tool(self, content_id: str, name: str, content: str) -> None:
        """Ask for a tool, whose result is awaited."""
        self.send_event("contentStart", contentId=content_id, type="TOOL", role="TOOL")
        self.send_event(
            "toolUse", contentId=content_id, toolName=name, toolUseId=content_id, content=content
        )
        self.send_event("contentEnd", contentId=content_id, type="TOOL", stopReason="TOOL_USE")

    def end(self) -> None:
        """End the stream in order."""
        self._is_ending = True
        self.flush()

    # What the connection calls.

    def data_received(self, data: bytes | memoryview) -> None:
        """Receive DATA; hand each whole frame on."""
        buffer = self._incoming
        buffer += data
        at = 0
        while len(buffer) - at >= 16:
            total, headers_length = struct.unpack_from(">II", buffer, at)
            if len(buffer) - at < total:
                break
            self._on_frame(bytes(buffer[at + 12 + headers_length : at + total - 4]))
            at += total
        del buffer[:at]

    def flush(self) -> None:
        """Send what flow control allows."""
        while self._outgoing and self.is_open:
            window_left = min(self.window_bytes, self._connection.window_bytes, _MAX_FRAME_BYTES)
            if window_left <= 0:
                return
            piece = bytes(self._outgoing[:window_left])
            del self._outgoing[:window_left]
            self.window_bytes -= len(piece)
            self._connection.window_bytes -= len(piece)
            self._connection.write(_http2_frame(_DATA, 0, self._stream_id, piece))
        if self._is_ending and self.is_open:
            self.is_open = False
            self._connection.write(_http2_frame(_DATA, _END_STREAM, self._stream_id, b""))

    def _send(self, frame: bytes) -> None:
        self._outgoing += frame
        self.flush()

    def _on_frame(self, inner: bytes) -> None:
        if not inner:
            return
        headers_length = struct.unpack_from(">I", inner, 4)[0]
        body = inner[12 + headers_length : -4]
        encoded = body[body.index(b'"bytes"') + 7 :]
        payload = base64.b64decode(encoded[encoded.index(b'"') + 1 : encoded.rindex(b'"')])
        if b'"audioInput"' in payload[:80]:
            content = payload[payload.index(b'"content"') + 9 :]
            begin = content.index(b'"') + 1
            self._connection.endpoint.on_audio(
                self, base64.b64decode(content[begin : content.index(b'"', begin)])
            )
            return
        name, value = next(iter(json.loads(payload)["event"].items()))
        self._connection.endpoint.on_event(self, name, value)


class _Connection(asyncio.Protocol):
    def __init__(self, endpoint: "ModelEndpoint") -> None:
        self.endpoint = endpoint
        self.window_bytes = 65_535
        self._initial_window_bytes = 65_535
        self._buffer = bytearray()
        self._streams: dict[int, ModelStream] = {}
        self._has_preface = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        settings = struct.pack(
            ">HIHI", _INITIAL_WINDOW_SIZE, _WINDOW_BYTES, _MAX_CONCURRENT_STREAMS, 1_000
        )
        window = struct.pack(">I", _WINDOW_BYTES)
        self.write(
            _http2_frame(_SETTINGS, 0, 0, settings) + _http2_frame(_WINDOW_UPDATE, 0, 0, window)
        )

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        if not self._has_preface:
            if len(buffer) < len(_PREFACE):
                return
            at, self._has_preface = len(_PREFACE), True
        while len(buffer) - at >= 9:
            length = int.from_bytes(buffer[at : at + 3])
            if len(buffer) - at < 9 + length:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            stream_id = int.from_bytes(buffer[at + 5 : at + 9]) & 0x7FFF_FFFF
            self._on_frame(kind, flags, stream_id, bytes(buffer[at + 9 : at + 9 + length]))
            at += 9 + length
        del buffer[:at]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        for stream in self._streams.values():
            stream.is_open = False

    def _on_frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        stream = self._streams.get(stream_id)
        if kind == _DATA and stream:
            stream.data_received(payload)
            self._return_window(stream_id, len(payload))
        elif kind == _HEADERS:
            self._streams[stream_id] = ModelStream(self, stream_id, self._initial_window_bytes)
            self.write(_http2_frame(_HEADERS, _END_HEADERS, stream_id, _RESPONSE_HEADERS))
        elif kind == _SETTINGS and not flags & _ACK:
            self._on_settings(payload)
        elif kind == _WINDOW_UPDATE:
            self._on_window_update(stream, struct.unpack(">I", payload)[0])
        elif kind == _PING and not flags & _ACK:
            self.write(_http2_frame(_PING, _ACK, 0, payload))
        if stream and kind == _RST_STREAM:
            stream.is_open = False
        elif stream and kind == _DATA and flags & _END_STREAM:
            stream.end()

    def _return_window(self, stream_id: int, size_bytes: int) -> None:
        if size_bytes:
            window = struct.pack(">I", size_bytes)
            self.write(
                _http2_frame(_WINDOW_UPDATE, 0, 0, window)
                + _http2_frame(_WINDOW_UPDATE, 0, stream_id, window)
            )

    def _on_settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            identifier, value = struct.unpack_from(">HI", payload, at)
            if identifier == _INITIAL_WINDOW_SIZE:
                for stream in self._streams.values():
                    stream.window_bytes += value - self._initial_window_bytes
                self._initial_window_bytes = value
        self.write(_http2_frame(_SETTINGS, _ACK, 0, b""))

    def _on_window_update(self, stream: ModelStream | None, size_bytes: int) -> None:
        if stream:
            stream.window_bytes += size_bytes
            stream.flush()
        else:
            self.window_bytes += size_bytes
            for each in self._streams.values():
                each.flush()


class ModelEndpoint:
    """The endpoint: listens with TLS on a free port."""

    def __init__(
        self,
        *,
        on_audio: Callable[[ModelStream, bytes], None],
        on_event: Callable[[ModelStream, str, dict[str, object]], None],
    ) -> None:
        self.on_audio = on_audio
        self.on_event = on_event
        self._server: asyncio.Server | None = None

    async def start(self, folder: Path, *, port: int = 0) -> tuple[str, Path]:
        """Listen; return the URL and the file of the CA that signed the certificate."""
        authority = trustme.CA()
        ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(ca_file))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(tls)
        tls.set_alpn_protocols(["h2"])
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", port, ssl=tls, backlog=1_000
        )
        bound = self._server.sockets[0].getsockname()[1]
        return f"https://localhost:{bound}", ca_file

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
