"""The clients: how a call begins, sends and receives audio on each server's wire."""

import asyncio
import binascii
import json
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable

from benchmarks.audio import stamps
from benchmarks.audio.websocket_client import WebSocketClient

type OnAudio = Callable[[bytes], None]


class Client(ABC):
    """One call on one connection. Subclasses know a wire."""

    path = "/ws"
    subprotocol: str | None = None

    def __init__(self, on_audio: OnAudio) -> None:
        self.is_ready = asyncio.Event()
        self.error = ""
        self._on_audio = on_audio

    async def open(self, port: int) -> None:
        """Connect, and wait until audio may be sent."""
        host = f"localhost:{port}"
        loop = asyncio.get_running_loop()
        _, self._socket = await loop.create_connection(
            lambda: WebSocketClient(self.path, host, subprotocol=self.subprotocol),
            "127.0.0.1",
            port,
        )
        self._socket.on_message = self.message_received
        await self._socket.is_open
        self.start()
        await self.is_ready.wait()
        if self.error:
            raise ConnectionError(self.error)

    def start(self) -> None:
        """Begin the call; `is_ready` is set once audio may be sent."""
        self.is_ready.set()

    @abstractmethod
    def send_audio(self, pcm: bytes) -> None:
        """Send a frame of the customer's audio."""

    @abstractmethod
    def message_received(self, data: bytes, is_text: bool) -> None:
        """Receive a message; audio goes to `on_audio`."""

    @property
    def is_connected(self) -> bool:
        """Whether the server has not closed the connection."""
        return not self._socket.is_closed.done()

    async def close(self) -> None:
        """End the call and close the connection."""
        await self._socket.close()


class RawClient(Client):
    """PCM in binary messages both ways, and nothing else: the floor and the stock build."""

    def send_audio(self, pcm: bytes) -> None:
        self._socket.send_bytes(pcm)

    def message_received(self, data: bytes, is_text: bool) -> None:
        if not is_text:
            self._on_audio(data)


class BinaryWireClient(Client):
    """Our binary wire, `sonic.audio.v1`: acknowledges as the page does."""

    subprotocol = "sonic.audio.v1"
    _HEADER = struct.Struct("<BBHIII")
    _AUDIO_IN, _AUDIO_OUT, _ACK, _EVENT = 1, 2, 3, 16
    _FIRST = 1
    _ACKNOWLEDGE_EVERY = 3

    def __init__(self, on_audio: OnAudio, ticket: str) -> None:
        super().__init__(on_audio)
        self.ticket = ticket
        self._sequence = 0
        self._received = 0
        self._position = 0

    def start(self) -> None:
        self._send_event({"type": "start", "ticket": self.ticket, "greet": False})

    def send_audio(self, pcm: bytes) -> None:
        self._send(self._AUDIO_IN, pcm)

    def message_received(self, data: bytes, is_text: bool) -> None:
        assert not is_text
        kind, flags, generation, sequence, position, _ = self._HEADER.unpack_from(data)
        if kind == self._AUDIO_OUT:
            self._on_audio(data[16:])
            self._position = position + (len(data) - 16) // 2
            if flags & self._FIRST:
                self._send_event({"type": "heard", "position": position, "afterMs": 40})
            self._received += 1
            if self._received % self._ACKNOWLEDGE_EVERY == 0:
                header = (self._ACK, 0, generation, sequence, self._position, 0)
                self._socket.send_bytes(self._HEADER.pack(*header))
        elif kind == self._EVENT:
            event = json.loads(data[16:])
            if event["type"] in {"error", "ended"}:
                self.error = json.dumps(event)
            if event["type"] in {"ready", "error", "ended"}:
                self.is_ready.set()

    async def close(self) -> None:
        self._send_event({"type": "end"})
        await asyncio.sleep(0)
        await super().close()

    def _send_event(self, event: dict[str, object]) -> None:
        self._send(self._EVENT, json.dumps(event).encode())

    def _send(self, kind: int, payload: bytes) -> None:
        self._socket.send_bytes(self._HEADER.pack(kind, 0, 0, self._sequence, 0, 0) + payload)
        self._sequence += 1


class LegacyWireClient(Client):
    """Our legacy wire: Nova Sonic's own JSON events, as AWS's workshop client writes them."""

    def start(self) -> None:
        names = {"promptName": "p" * 36, "contentName": "c" * 36}
        audio = {"mediaType": "audio/lpcm", "sampleRateHertz": stamps.INPUT_RATE_HZ}
        self._send("sessionStart", {"inferenceConfiguration": {"maxTokens": 1024}})
        self._send("promptStart", {"promptName": "p" * 36})
        self._send(
            "contentStart",
            {**names, "type": "AUDIO", "role": "USER", "audioInputConfiguration": audio},
        )
        before, _, self._behind = self._event("audioInput", {**names, "content": "|"}).partition(
            b"|"
        )
        self._before = before
        self.is_ready.set()

    def send_audio(self, pcm: bytes) -> None:
        content = binascii.b2a_base64(pcm, newline=False)
        self._socket.send_text(self._before + content + self._behind)

    def message_received(self, data: bytes, is_text: bool) -> None:
        if b'"audioOutput"' in data[:40]:
            begin = data.index(b'"', data.index(b'"content"') + 10) + 1
            self._on_audio(binascii.a2b_base64(data[begin : data.index(b'"', begin)]))
        elif b'"serverError"' in data[:40]:
            self.error = data.decode()

    def _send(self, name: str, body: dict[str, object]) -> None:
        self._socket.send_text(self._event(name, body))

    @staticmethod
    def _event(name: str, body: dict[str, object]) -> bytes:
        return json.dumps({"event": {name: body}}).encode()


class PipecatClient(Client):
    """Pipecat's own wire: protobuf frames in binary messages."""

    _AUDIO_TAG = 0x12  # Frame.audio
    _PCM_TAG = 0x1A  # AudioRawFrame.audio

    def send_audio(self, pcm: bytes) -> None:
        audio = (
            bytes([self._PCM_TAG])
            + _varint(len(pcm))
            + pcm
            + b"\x20"
            + _varint(stamps.INPUT_RATE_HZ)
            + b"\x28\x01"
        )
        self._socket.send_bytes(bytes([self._AUDIO_TAG]) + _varint(len(audio)) + audio)

    def message_received(self, data: bytes, is_text: bool) -> None:
        if is_text or data[0] != self._AUDIO_TAG:
            return
        self._on_audio(data)  # stamps are found wherever they are


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
