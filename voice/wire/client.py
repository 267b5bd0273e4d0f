"""The other side of the binary wire: what a client sends, and how it reads the server's frames."""

import json
from dataclasses import dataclass
from typing import Any

from voice.wire.binary import HEADER, Flag, FrameType


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFrame:
    """A frame of the server: audio, a flush, a pong, or an event (its JSON object)."""

    kind: FrameType
    flags: Flag
    generation: int
    sequence: int
    position: int
    payload: bytes

    @property
    def event(self) -> dict[str, Any]:
        """Return the JSON object of an EVENT frame."""
        event: dict[str, Any] = json.loads(self.payload)
        return event


def read(frame: bytes) -> ServerFrame:
    """Take a frame apart."""
    kind, flags, generation, sequence, position, _time = HEADER.unpack_from(frame)
    return ServerFrame(
        kind=FrameType(kind),
        flags=Flag(flags),
        generation=generation,
        sequence=sequence,
        position=position,
        payload=frame[HEADER.size :],
    )


class ClientFrames:
    """Writes a client's frames over a whole call; it counts their sequence and the samples sent."""

    def __init__(self) -> None:
        self.sequence = 0
        self.position = 0

    def event(self, **event: Any) -> bytes:
        """Return an EVENT frame, e.g. `event(type="end")`."""
        return self._counted(FrameType.EVENT, json.dumps(event, ensure_ascii=False).encode())

    def audio(self, pcm: bytes) -> bytes:
        """Return an AUDIO_IN frame of 16-bit mono PCM."""
        position, self.position = self.position, self.position + len(pcm) // 2
        return self._counted(FrameType.AUDIO_IN, pcm, position=position)

    def played(self, *, sequence: int, generation: int, position: int) -> bytes:
        """Return an ACK frame."""
        return HEADER.pack(FrameType.ACK, 0, generation, sequence, position, 0)

    def resume(
        self, token: str, *, wanted: int, generation: int, position: int, forgot: bool = False
    ) -> bytes:
        """Return a RESUME frame."""
        flags = Flag.FIRST if forgot else Flag.NONE
        header = HEADER.pack(FrameType.RESUME, flags, generation, wanted, position, 0)
        return header + token.encode()

    def ping(self, payload: bytes) -> bytes:
        """Return a PING frame."""
        return HEADER.pack(FrameType.PING, 0, 0, 0, 0, 0) + payload

    def _counted(self, kind: FrameType, payload: bytes, *, position: int = 0) -> bytes:
        sequence, self.sequence = self.sequence, self.sequence + 1
        return HEADER.pack(kind, 0, 0, sequence, position, 0) + payload


def again(frame: bytes) -> bytes:
    """Return a frame as it is sent for a second time."""
    kind, flags, *rest = HEADER.unpack_from(frame)
    return HEADER.pack(kind, flags | Flag.RESENT, *rest) + frame[HEADER.size :]
