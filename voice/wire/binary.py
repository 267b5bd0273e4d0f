"""The binary wire, subprotocol `sonic.audio.v1`.

Every frame is a 16-byte little-endian header and a payload:

    u8 type · u8 flags · u16 generation · u32 sequence · u32 position · u32 time_ms

`sequence` counts the audio, flush and event frames of one direction from 0, so that a gap shows;
acknowledgements, pings and pongs are outside it. `position` counts samples. `time_ms` is the
sender's monotonic clock modulo 2**32, for information only.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum, IntFlag
from typing import Any

from voice.wire import messages as m

SUBPROTOCOL = "sonic.audio.v1"
HEADER = struct.Struct("<BBHIII")
MAX_PAYLOAD_BYTES = 65_536
INPUT_RATES_HZ = (8_000, 16_000, 24_000)
POLICY_VIOLATION, TOO_BIG = 1008, 1009
_WRAP = 2**32


class FrameType(IntEnum):
    """What a frame carries."""

    AUDIO_IN = 1
    AUDIO_OUT = 2
    ACK = 3
    FLUSH = 4
    PING = 5
    PONG = 6
    EVENT = 16


class Flag(IntFlag):
    """Where an audio frame stands in its reply."""

    NONE = 0
    FIRST = 1
    LAST = 2


class BinaryWire:
    """One connection's codec; it counts sequences both ways."""

    subprotocol: str | None = SUBPROTOCOL

    def __init__(self) -> None:
        self._next_in = 0
        self._next_out = 0

    # Frames to messages

    def decode(self, frame: bytes | str) -> list[m.ClientMessage]:
        """Return what one frame says.

        Raises:
            WireError: the frame is malformed, too big or out of order.

        """
        if isinstance(frame, str):
            raise m.WireError("bad_frame", "a text frame", close_code=POLICY_VIOLATION)
        if len(frame) < HEADER.size:
            raise m.WireError("bad_frame", f"{len(frame)} bytes", close_code=POLICY_VIOLATION)
        if len(frame) > HEADER.size + MAX_PAYLOAD_BYTES:
            raise m.WireError("frame_too_big", f"{len(frame)} bytes", close_code=TOO_BIG)
        kind, _flags, generation, sequence, position, _time = HEADER.unpack_from(frame)
        payload = frame[HEADER.size :]
        match kind:
            case FrameType.AUDIO_IN:
                self._count(sequence)
                return [_audio(payload)]
            case FrameType.EVENT:
                self._count(sequence)
                return [_client_event(payload)]
            case FrameType.ACK:
                return [m.Played(sequence=sequence, generation=generation, position=position)]
            case FrameType.PING:
                return [m.Ping(payload=payload)]
            case _:
                raise m.WireError("bad_frame", f"type {kind}", close_code=POLICY_VIOLATION)

    def _count(self, sequence: int) -> None:
        """Accept a gap (the client dropped audio), never a step back."""
        ahead = (sequence - self._next_in) % _WRAP
        if ahead >= _WRAP // 2:
            raise m.WireError(
                "out_of_order",
                f"sequence {sequence} after {self._next_in - 1}",
                close_code=POLICY_VIOLATION,
            )
        self._next_in = (sequence + 1) % _WRAP

    # Messages to frames

    def encode(self, message: m.ServerMessage, *, time_ms: int) -> list[bytes | str]:
        """Return the frames that say `message`: one, or none where this wire has no word for it."""
        match message:
            case m.SpeechChunk():
                flags = Flag.FIRST * message.first | Flag.LAST * message.last
                return [
                    self._frame(
                        FrameType.AUDIO_OUT,
                        message.pcm,
                        flags=flags,
                        generation=message.generation,
                        position=message.position,
                        time_ms=time_ms,
                    )
                ]
            case m.Flush():
                frame = self._frame(
                    FrameType.FLUSH, b"", generation=message.generation, time_ms=time_ms
                )
                return [frame]
            case m.Pong():
                return [_pack(FrameType.PONG, message.payload, time_ms=time_ms)]
            case m.ServiceEvent():
                return []
            case _:
                body = json.dumps(server_event(message), ensure_ascii=False).encode()
                return [self._frame(FrameType.EVENT, body, time_ms=time_ms)]

    def _frame(
        self,
        kind: FrameType,
        payload: bytes,
        *,
        flags: int = 0,
        generation: int = 0,
        position: int = 0,
        time_ms: int,
    ) -> bytes:
        sequence, self._next_out = self._next_out, (self._next_out + 1) % _WRAP
        return _pack(
            kind,
            payload,
            flags=flags,
            generation=generation,
            sequence=sequence,
            position=position,
            time_ms=time_ms,
        )


def _pack(  # noqa: PLR0913 -- the header's six fields
    kind: FrameType,
    payload: bytes,
    *,
    flags: int = 0,
    generation: int = 0,
    sequence: int = 0,
    position: int = 0,
    time_ms: int = 0,
) -> bytes:
    return (
        HEADER.pack(kind, flags, generation % 2**16, sequence, position % _WRAP, time_ms % _WRAP)
        + payload
    )


def _audio(payload: bytes) -> m.CustomerAudio:
    if len(payload) % 2:
        raise m.WireError("odd_audio", f"{len(payload)} bytes of 16-bit samples")
    return m.CustomerAudio(pcm=payload)


def _client_event(payload: bytes) -> m.ClientMessage:
    try:
        event = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise m.WireError("bad_event", "not JSON", close_code=POLICY_VIOLATION) from error
    if not isinstance(event, dict):
        raise m.WireError("bad_event", "not a JSON object", close_code=POLICY_VIOLATION)
    match event.get("type"):
        case "start":
            return _start(event)
        case "text":
            return _text(event)
        case "end":
            return m.EndCall()
        case other:
            raise m.WireError("unknown_event", f"type {other!r:.40}")


def _start(event: Mapping[str, Any]) -> m.StartCall:
    rate = event.get("inputSampleRateHz", 16_000)
    if rate not in INPUT_RATES_HZ:
        raise m.WireError("bad_event", f"inputSampleRateHz {rate!r:.40}, not {INPUT_RATES_HZ}")
    return m.StartCall(input_rate_hz=int(rate))


def _text(event: Mapping[str, Any]) -> m.CustomerText:
    return m.typed(event.get("text"))


_EVENTS: dict[type, dict[str, str]] = {
    m.CallReady: {"type": "ready"},
    m.Caption: {"type": "caption"},
    m.Interrupted: {"type": "interrupted"},
    m.ToolStarted: {"type": "tool", "phase": "started"},
    m.ToolFinished: {"type": "tool", "phase": "finished"},
    m.TurnFinished: {"type": "turn", "phase": "finished"},
    m.CallError: {"type": "error"},
    m.CallEnded: {"type": "ended"},
}
"""What each message is called; its fields follow, in camelCase unless `_RENAMED` says more."""

_RENAMED = {
    "speaker": "role",
    "input_rate_hz": "inputSampleRateHz",
    "output_rate_hz": "outputSampleRateHz",
}


def server_event(message: m.ServerMessage) -> dict[str, Any]:
    """Return the JSON object of an EVENT frame for `message`."""
    return {**_EVENTS[type(message)], **_fields(message)}


def _fields(value: Any) -> dict[str, Any]:
    return {
        _RENAMED.get(field.name) or _camel_case(field.name): _plain(getattr(value, field.name))
        for field in fields(value)
    }


def _plain(value: object) -> object:
    if is_dataclass(value):
        return _fields(value)
    return round(value, 2) if isinstance(value, float) else value


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
