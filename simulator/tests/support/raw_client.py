"""A client of the simulator that can do everything wrong: bare HTTP/2, frames signed by hand."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)

from nova_sonic_simulator.protocol.eventstream import (
    Decoder,
    Message,
    Timestamp,
    encode,
    encode_headers,
)
from support.events import Event, raw

MODEL = "amazon.nova-2-sonic-v1%3A0"
EVENT_STREAM = "application/vnd.amazon.eventstream"


class GoneError(Exception):
    """The server reset the stream or closed the connection; the argument is the error code."""


class RawClient:
    """One connection; `async with` opens and closes it."""

    def __init__(
        self, url: str, ca_file: Path, *, reads: bool = True, patience_s: float = 60.0
    ) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 0
        self.authority = f"{self.host}:{self.port}"
        self.reads = reads
        self.patience_s = patience_s
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.streams: dict[int, RawStream] = {}
        self.closed = asyncio.Event()
        self.goodbye: int | None = None
        self.last_promised: int | None = None
        self._frames = bytearray()
        self._tls = ssl.create_default_context(cafile=str(ca_file))
        self._tls.set_alpn_protocols(["h2"])

    async def __aenter__(self) -> Self:
        self._reader, self.writer = await asyncio.open_connection(
            self.host, self.port, ssl=self._tls
        )
        self.h2.initiate_connection()
        self.flush()
        self._pump = asyncio.get_running_loop().create_task(self._read_socket())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.writer.transport.abort()
        self._pump.cancel()
        await asyncio.wait({self._pump})

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def open(self, target: str | None = None, **options: Any) -> "RawStream":
        """Open a stream; see `RawStream.request` for the options."""
        stream = RawStream(self, self.h2.get_next_available_stream_id())
        self.streams[stream.stream_id] = stream
        stream.request(target or f"/model/{MODEL}/invoke-with-bidirectional-stream", **options)
        return stream

    async def _read_socket(self) -> None:
        try:
            while data := await self._reader.read(65536):
                for event in self.h2.receive_data(self._without_goaway(data)):
                    self._handle_event(event)
                self.flush()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            self.closed.set()
            for stream in self.streams.values():
                stream.gone = stream.gone or "closed"
                stream.changed.set()

    def _without_goaway(self, data: bytes) -> bytes:
        """Read the server's GOAWAY by hand: h2 would take the connection for closed."""
        self._frames += data
        passed = b""
        while len(self._frames) >= 9:
            length = 9 + int.from_bytes(self._frames[:3])
            if len(self._frames) < length:
                break
            frame = bytes(self._frames[:length])
            del self._frames[:length]
            if frame[3] == 7:
                self.last_promised, self.goodbye = struct.unpack("!II", frame[9:17])
            else:
                passed += frame
        return passed

    def _handle_event(self, event: Any) -> None:
        for stream in self.streams.values():
            if isinstance(event, WindowUpdated) or stream.stream_id == getattr(
                event, "stream_id", None
            ):
                stream.handle_event(event)


class RawStream:
    """One request and what came back so far."""

    def __init__(self, client: RawClient, stream_id: int) -> None:
        self.client = client
        self.stream_id = stream_id
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False
        self.gone: Any = None
        self.changed = asyncio.Event()
        self.decoder = Decoder()

    def request(
        self,
        target: str,
        *,
        keys: tuple[str, str] = ("local", "local"),
        event_secret: str | None = None,
        token: str | None = None,
        method: str = "POST",
        signed: bool = True,
        content_type: str = EVENT_STREAM,
    ) -> None:
        """Send the request; `event_secret` signs the events with another secret than the request."""
        fields = {
            "content-type": content_type,
            "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        }
        request = AWSRequest(
            method, f"https://{self.client.authority}{target}", headers=dict(fields)
        )
        if signed:
            SigV4Auth(Credentials(*keys, token), "bedrock", "us-east-1").add_auth(request)
            seed = request.headers["Authorization"].rpartition("Signature=")[2]
            self.signer = EventSigner(event_secret or keys[1], seed)
        pseudo = [
            (":method", method),
            (":scheme", "https"),
            (":authority", self.client.authority),
            (":path", target),
        ]
        rest = [(name.lower(), value) for name, value in request.headers.items()]
        self.client.h2.send_headers(self.stream_id, pseudo + rest)
        self.client.flush()

    # Out.

    async def send(self, *events: Event) -> None:
        for event in events:
            await self.send_bytes(self.signer.sign(encode(chunk(raw(event)))))

    async def send_bytes(self, data: bytes) -> None:
        while data:
            if self.gone is not None:
                raise GoneError(self.gone)
            window = self.client.h2.local_flow_control_window(self.stream_id)
            window_left = min(window, self.client.h2.max_outbound_frame_size, len(data))
            if window_left <= 0:
                await self._wait()
                continue
            self.client.h2.send_data(self.stream_id, data[:window_left])
            data = data[window_left:]
            self.client.flush()
            await self.client.writer.drain()

    async def send_without_end(self) -> None:
        """Send zeros until the server has had enough; raises GoneError then."""
        while True:
            await self.send_bytes(bytes(16384))

    async def end(self) -> None:
        await self.send_bytes(self.signer.sign(b""))
        self.end_without_signature()

    def end_without_signature(self) -> None:
        self.client.h2.end_stream(self.stream_id)
        self.client.flush()

    def reset(self) -> None:
        self.client.h2.reset_stream(self.stream_id)
        self.client.flush()

    # In.

    async def response(self) -> Mapping[str, str]:
        await self._until(lambda: bool(self.headers))
        return self.headers

    async def refusal(self) -> tuple[int, str, str]:
        """Return status, error type and message of an answer that is no stream."""
        await self._until(lambda: self.ended)
        code = self.headers["x-amzn-errortype"].partition(":")[0]
        return int(self.headers[":status"]), code, json.loads(self.body)["message"]

    async def next_message(self) -> Message | None:
        """Return the next message, or None at the end of the answer."""
        while True:
            self.decoder.receive_data(self.body)
            self.body = b""
            if (message := self.decoder.next_message()) is not None:
                return message
            if self.ended:
                return None
            await self._wait()

    async def next_event(self) -> tuple[str, dict[str, Any]]:
        message = await self.next_message()
        assert message is not None, "the answer ended"
        assert message.headers[":message-type"] == "event", message
        payload = base64.b64decode(json.loads(message.payload)["bytes"])
        ((name, fields),) = json.loads(payload)["event"].items()
        return name, fields

    async def until(self, name: str, **wanted: Any) -> dict[str, Any]:
        """Return the next event of this name with these fields."""
        while True:
            found, fields = await self.next_event()
            if found == name and wanted.items() <= fields.items():
                return fields

    async def error_of_last_event(self) -> tuple[str, str]:
        """Return code and text of the exception or error that ends the stream."""
        last = None
        while (message := await self.next_message()) is not None:
            last = message
        assert last is not None, "the stream ended without a word"
        if last.headers[":message-type"] == "error":
            return str(last.headers[":error-code"]), str(last.headers[":error-message"])
        assert last.headers[":message-type"] == "exception", last
        return str(last.headers[":exception-type"]), json.loads(last.payload)["message"]

    def handle_event(self, event: Any) -> None:
        match event:
            case ResponseReceived():
                self.headers = dict(cast("list[tuple[str, str]]", event.headers))
            case DataReceived():
                self.body += event.data
                if self.client.reads:
                    self.client.h2.acknowledge_received_data(
                        event.flow_controlled_length, self.stream_id
                    )
            case StreamEnded():
                self.ended = True
            case StreamReset():
                self.gone = event.error_code
            case _:
                pass
        self.changed.set()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self._wait()

    async def _wait(self) -> None:
        if self.gone is not None and not self.ended:
            raise GoneError(self.gone)
        self.changed.clear()
        async with asyncio.timeout(self.client.patience_s):
            await self.changed.wait()


def chunk(payload: bytes) -> Message:
    """Wrap Nova's JSON as the SDK does."""
    return Message(
        {":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"},
        json.dumps({"bytes": base64.b64encode(payload).decode()}).encode(),
    )


class EventSigner:
    """Signs events in a chain, written apart from the verifier under test."""

    def __init__(self, secret: str, seed: str) -> None:
        self._secret = secret
        self._previous = seed

    def sign(self, payload: bytes, *, moment_s: float | None = None) -> bytes:
        moment_s = time.time() if moment_s is None else moment_s
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment_s))
        scope = f"{stamp[:8]}/us-east-1/bedrock/aws4_request"
        date = {":date": Timestamp(int(moment_s * 1000))}
        hashes = [hashlib.sha256(part).hexdigest() for part in (encode_headers(date), payload)]
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, self._previous, *hashes])
        key = b"AWS4" + self._secret.encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        self._previous = key.hex()
        return encode(Message({**date, ":chunk-signature": key}, payload))


def goaway_frame(error_code: int = 0) -> bytes:
    return struct.pack("!I", 8)[1:] + b"\x07\x00" + bytes(4) + struct.pack("!II", 0, error_code)
