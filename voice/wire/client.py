"""The other side of the binary wire: a client's frames over a whole call, without a socket. Pure.

`ClientCall` numbers what is said and keeps it until the server has it, counts what is received,
plays it in thought at the pace of speech, and so can acknowledge and come back over a new connection:

    event, audio ──► waits ──next──► connection       resume ──► RESUME ──► what the server lacks goes first

Instants are seconds on any clock that only goes forward.
"""

import json
from collections import deque
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
        """Return the JSON object of an EVENT or RESUME frame."""
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


class PlaybackPosition:
    """A loudspeaker: plays what it was given without a gap, and drops it when it is told to."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._ends_at = 0.0
        # Position and samples of what is not played yet, and the newest piece in any case.
        self._pieces: deque[tuple[int, int]] = deque([(0, 0)])
        self._samples = 0

    @property
    def sounds_until(self) -> float:
        """When what was given so far has been played."""
        return self._ends_at

    def add(self, *, position: int, samples: int, now: float) -> None:
        """Take audio whose first sample is `position`; it may lie behind a gap."""
        self._ends_at = max(now, self._ends_at) + samples / self.rate_hz
        self._pieces.append((position, samples))
        self._samples += samples
        while self._samples - self._pieces[0][1] >= self._left(now) and len(self._pieces) > 1:
            self._samples -= self._pieces.popleft()[1]

    def at(self, now: float) -> int:
        """Return how far it has played."""
        left = self._left(now)
        for position, samples in reversed(self._pieces):
            if left <= samples:
                return position + samples - left
            left -= samples
        return self._pieces[0][0]

    def drop(self, now: float) -> None:
        """Drop what was not played."""
        self._pieces, self._samples = deque([(self.at(now), 0)]), 0
        self._ends_at = min(self._ends_at, now)

    def _left(self, now: float) -> int:
        return max(0, round((self._ends_at - now) * self.rate_hz))


class ClientCall:
    """A client's side of one call, whatever connections carry it.

    The server takes a gap in the numbers for audio that was dropped. So nothing is given out between the
    loss of a connection and the server's word on what it lacks, and then that first.
    """

    def __init__(self, *, output_rate_hz: int) -> None:
        self.frames = ClientFrames()
        self.playhead = PlaybackPosition(output_rate_hz)
        self.token = ""
        self.received = -1
        """Number of the last frame of the server."""
        self.generation = 0
        self._kept: deque[tuple[int, bytes]] = deque()
        self._waiting: deque[bytes] = deque()
        self._is_carried = True
        self._forgot = False

    def event(self, **event: Any) -> None:
        """Put an EVENT frame in line; it is kept until the server has it."""
        self._put(self.frames.event(**event))

    def audio(self, pcm: bytes) -> None:
        """Put an AUDIO_IN frame in line; it is kept until the server has it."""
        self._put(self.frames.audio(pcm))

    def next(self) -> bytes | None:
        """Return the next frame to send; None while none waits, or no connection carries the call."""
        return self._waiting.popleft() if self._is_carried and self._waiting else None

    def lost(self) -> None:
        """Note that the connection is gone."""
        self._is_carried = False

    def acknowledgement(self, now: float) -> bytes:
        """Return what tells the server how far this side has come."""
        return self.frames.played(
            sequence=max(0, self.received),
            generation=self.generation,
            position=self.playhead.at(now),
        )

    def resume(self, now: float) -> bytes:
        """Return the first frame of a new connection of this call."""
        self._is_carried = False
        return self.frames.resume(
            self.token,
            wanted=self.received + 1,
            generation=self.generation,
            position=self.playhead.at(now),
            forgot=self._forgot,
        )

    def forgetful(self, now: float) -> "ClientCall":
        """Return this side as it is after its page was loaded anew: it knows the token and the playhead."""
        side = ClientCall(output_rate_hz=self.playhead.rate_hz)
        side.token, side._forgot, side._is_carried = self.token, True, False
        side.playhead.add(position=self.playhead.at(now), samples=0, now=now)
        return side

    def missing(self, wanted: int) -> list[bytes]:
        """Return the frames from `wanted` on that are kept, as they are sent again."""
        return [again(frame) for sequence, frame in self._kept if sequence >= wanted]

    def receive(self, data: bytes, *, now: float) -> ServerFrame | None:
        """Return a frame of the server; None for one that was here before."""
        frame = read(data)
        if frame.kind in {FrameType.AUDIO_OUT, FrameType.FLUSH, FrameType.EVENT}:
            if frame.sequence <= self.received:
                return None
            self.received = frame.sequence
        self._note(frame, now)
        return frame

    def _note(self, frame: ServerFrame, now: float) -> None:
        match frame.kind:
            case FrameType.AUDIO_OUT if frame.generation == self.generation:
                samples = len(frame.payload) // 2
                self.playhead.add(position=frame.position, samples=samples, now=now)
            case FrameType.FLUSH:
                self.generation = frame.generation
                self.playhead.drop(now)
            case FrameType.ACK:
                while self._kept and self._kept[0][0] <= frame.sequence:
                    self._kept.popleft()
            case FrameType.EVENT if frame.event["type"] == "ready":
                self.token = frame.event["resumeToken"]
            case FrameType.RESUME:
                self._resumed(frame)
            case _:
                pass

    def _resumed(self, frame: ServerFrame) -> None:
        self.generation = frame.generation
        if self._forgot:
            self.frames.sequence, self._forgot = frame.sequence, False
        self._waiting = deque(self.missing(frame.sequence))
        self._is_carried = True

    def _put(self, frame: bytes) -> None:
        self._kept.append((self.frames.sequence - 1, frame))
        self._waiting.append(frame)


def again(frame: bytes) -> bytes:
    """Return a frame as it is sent for a second time."""
    kind, flags, *rest = HEADER.unpack_from(frame)
    return HEADER.pack(kind, flags | Flag.RESENT, *rest) + frame[HEADER.size :]
