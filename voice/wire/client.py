"""The client side of the binary wire over a whole call, without a socket. Pure.

`ClientCall` numbers the frames that the client sends and stores them until the server acknowledges
them. It counts the frames that it receives, models their playback in real time, and so can
acknowledge them and resume the call on a new connection.

Times are seconds on any monotonic clock.
"""

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from voice.wire.binary import HEADER, Flag, FrameType

MAX_STORED_AUDIO_BYTES = 640_000
"""Twenty seconds of 16 kHz audio, as in the browser client: sent and unsent audio together."""
_NUMBERED_TYPES = frozenset({FrameType.AUDIO_OUT, FrameType.FLUSH, FrameType.EVENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFrame:
    """A frame of the server."""

    kind: FrameType
    flags: Flag
    generation: int
    sequence: int
    position: int
    payload: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The JSON object of an EVENT or RESUME frame."""
        event: dict[str, Any] = json.loads(self.payload)
        return event


def parse_frame(frame: bytes) -> ServerFrame:
    """Return the parts of a frame."""
    kind, flags, generation, sequence, position, _time_ms = HEADER.unpack_from(frame)
    return ServerFrame(
        kind=FrameType(kind),
        flags=Flag(flags),
        generation=generation,
        sequence=sequence,
        position=position,
        payload=frame[HEADER.size :],
    )


def mark_resent(frame: bytes) -> bytes:
    """Return a frame with the RESENT flag."""
    kind, flags, *rest = HEADER.unpack_from(frame)
    return HEADER.pack(kind, flags | Flag.RESENT, *rest) + frame[HEADER.size :]


class ClientFrameEncoder:
    """Encode a client's frames; `sequence` and `position` are those of the next frame."""

    def __init__(self) -> None:
        self.sequence = 0
        self.position = 0

    def event(self, **event: Any) -> bytes:
        """Return an EVENT frame, e.g. `event(type="end")`."""
        return self._numbered(FrameType.EVENT, json.dumps(event, ensure_ascii=False).encode())

    def audio(self, pcm: bytes) -> bytes:
        """Return an AUDIO_IN frame of 16-bit mono PCM."""
        position, self.position = self.position, self.position + len(pcm) // 2
        return self._numbered(FrameType.AUDIO_IN, pcm, position=position)

    def acknowledgement(self, *, sequence: int, generation: int, position: int) -> bytes:
        """Return an ACK frame."""
        return HEADER.pack(FrameType.ACK, 0, generation, sequence, position, 0)

    def resume(
        self,
        token: str,
        *,
        next_sequence: int,
        generation: int,
        position: int,
        has_lost_state: bool = False,
    ) -> bytes:
        """Return a RESUME frame."""
        flags = Flag.FIRST if has_lost_state else Flag.NONE
        header = HEADER.pack(FrameType.RESUME, flags, generation, next_sequence, position, 0)
        return header + token.encode()

    def ping(self, payload: bytes) -> bytes:
        """Return a PING frame."""
        return HEADER.pack(FrameType.PING, 0, 0, 0, 0, 0) + payload

    def _numbered(self, kind: FrameType, payload: bytes, *, position: int = 0) -> bytes:
        sequence, self.sequence = self.sequence, self.sequence + 1
        return HEADER.pack(kind, 0, 0, sequence, position, 0) + payload


class PlaybackModel:
    """A loudspeaker that plays the audio it receives without gaps, in real time."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._ends_at = 0.0
        # Position and length of the chunks that are not fully played, and always the newest one.
        self._chunks: deque[tuple[int, int]] = deque([(0, 0)])
        self._samples = 0

    @property
    def ends_at(self) -> float:
        """The time at which all audio so far has been played."""
        return self._ends_at

    def add(self, *, position: int, samples: int, now: float) -> None:
        """Append a chunk whose first sample is `position`; positions may have gaps."""
        self._ends_at = max(now, self._ends_at) + samples / self.rate_hz
        self._chunks.append((position, samples))
        self._samples += samples
        while self._samples - self._chunks[0][1] >= self._remaining(now) and len(self._chunks) > 1:
            self._samples -= self._chunks.popleft()[1]

    def position_at(self, now: float) -> int:
        """Return the playback position."""
        remaining = self._remaining(now)
        for position, samples in reversed(self._chunks):
            if remaining <= samples:
                return position + samples - remaining
            remaining -= samples
        return self._chunks[0][0]

    def flush(self, now: float) -> None:
        """Discard the audio that has not been played."""
        self._chunks, self._samples = deque([(self.position_at(now), 0)]), 0
        self._ends_at = min(self._ends_at, now)

    def _remaining(self, now: float) -> int:
        """Return how many samples are left to play."""
        return max(0, round((self._ends_at - now) * self.rate_hz))


class ClientCall:
    """The client side of one call, over all its connections.

    The server takes a gap in the numbers for discarded audio. So after a lost connection
    `next_frame` returns nothing until the server has said which frame it needs, and then that frame
    first.
    """

    def __init__(self, *, output_rate_hz: int) -> None:
        self.frames = ClientFrameEncoder()
        self.playback = PlaybackModel(output_rate_hz)
        self.token = ""
        self.last_sequence = -1
        """Number of the server's last frame."""
        self.generation = 0
        self._unacknowledged: dict[int, bytes] = {}
        """The stored frames by number, in order."""
        self._stored_audio: deque[tuple[int, int]] = deque()
        """Number and size of the AUDIO_IN frames that are stored, in order."""
        self._stored_audio_bytes = 0
        self._to_send: deque[int] = deque()
        """Numbers of the frames that are to be sent next."""
        self._is_connected = True
        self._has_lost_state = False

    # --- Sending

    def queue_event(self, **event: Any) -> None:
        """Queue an EVENT frame, and store it until the server acknowledges it."""
        self._queue(self.frames.event(**event))

    def queue_audio(self, pcm: bytes) -> None:
        """Queue an AUDIO_IN frame, and store it until the server acknowledges it.

        At most `MAX_STORED_AUDIO_BYTES` are stored; beyond that the oldest audio is dropped, sent or not.
        """
        self._stored_audio.append((self.frames.sequence, len(pcm)))
        self._stored_audio_bytes += len(pcm)
        self._queue(self.frames.audio(pcm))
        while self._stored_audio_bytes > MAX_STORED_AUDIO_BYTES:
            self._unacknowledged.pop(self._remove_oldest_audio(), None)

    def next_frame(self) -> bytes | None:
        """Return the next frame to send; None if there is none, or no connection to send it on."""
        while self._is_connected and self._to_send:
            frame = self._unacknowledged.get(self._to_send.popleft())
            if frame is not None:
                return frame
        return None

    def unacknowledged_frames(self, next_sequence: int) -> list[bytes]:
        """Return the stored frames from `next_sequence` on, marked as resent."""
        return [
            mark_resent(frame)
            for sequence, frame in self._unacknowledged.items()
            if sequence >= next_sequence
        ]

    def acknowledgement(self, now: float) -> bytes:
        """Return an ACK frame with the received frames and the playback position."""
        return self.frames.acknowledgement(
            sequence=max(0, self.last_sequence),
            generation=self.generation,
            position=self.playback.position_at(now),
        )

    def _queue(self, frame: bytes) -> None:
        sequence = self.frames.sequence - 1
        self._unacknowledged[sequence] = frame
        self._to_send.append(sequence)

    def _remove_oldest_audio(self) -> int:
        """Remove the oldest AUDIO_IN frame from the count of stored audio; return its number."""
        sequence, size = self._stored_audio.popleft()
        self._stored_audio_bytes -= size
        return sequence

    def _acknowledge(self, sequence: int) -> None:
        for number in [each for each in self._unacknowledged if each <= sequence]:
            del self._unacknowledged[number]
        while self._stored_audio and self._stored_audio[0][0] <= sequence:
            self._remove_oldest_audio()

    # --- Connections

    @property
    def _is_resuming(self) -> bool:
        """Whether the server has yet to resume the call; events that say that it can't have no number."""
        return bool(self.token) and not self._is_connected

    def connection_lost(self) -> None:
        """Send nothing until the call is resumed on a new connection."""
        self._is_connected = False

    def resume_frame(self, now: float) -> bytes:
        """Return the first frame of a new connection."""
        self._is_connected = False
        return self.frames.resume(
            self.token,
            next_sequence=self.last_sequence + 1,
            generation=self.generation,
            position=self.playback.position_at(now),
            has_lost_state=self._has_lost_state,
        )

    def after_page_reload(self, now: float) -> "ClientCall":
        """Return the client side after a page reload: it knows token and playback position."""
        reloaded = ClientCall(output_rate_hz=self.playback.rate_hz)
        reloaded.token, reloaded._has_lost_state, reloaded._is_connected = self.token, True, False
        reloaded.playback.add(position=self.playback.position_at(now), samples=0, now=now)
        return reloaded

    # --- Receiving

    def receive(self, data: bytes, *, now: float) -> ServerFrame | None:
        """Apply a frame of the server and return it; None if it was received before."""
        frame = parse_frame(data)
        is_refusal = frame.kind is FrameType.EVENT and self._is_resuming
        if frame.kind in _NUMBERED_TYPES and not is_refusal:
            if frame.sequence <= self.last_sequence:
                return None
            self.last_sequence = frame.sequence
        self._apply(frame, now)
        return frame

    def _apply(self, frame: ServerFrame, now: float) -> None:
        match frame.kind:
            case FrameType.AUDIO_OUT if frame.generation == self.generation:
                samples = len(frame.payload) // 2
                self.playback.add(position=frame.position, samples=samples, now=now)
            case FrameType.FLUSH:
                self.generation = frame.generation
                self.playback.flush(now)
            case FrameType.ACK:
                self._acknowledge(frame.sequence)
            case FrameType.EVENT if frame.event["type"] == "ready":
                self.token = frame.event["resumeToken"]
            case FrameType.RESUME:
                self._resume(frame)
            case _:
                pass

    def _resume(self, frame: ServerFrame) -> None:
        """Continue on the new connection with the first frame that the server does not have."""
        self.generation = frame.generation
        if self._has_lost_state:
            self.frames.sequence, self._has_lost_state = frame.sequence, False
        for sequence, data in self._unacknowledged.items():
            self._unacknowledged[sequence] = mark_resent(data)
        self._to_send = deque(each for each in self._unacknowledged if each >= frame.sequence)
        self._is_connected = True
