"""The binary wire, subprotocol `sonic.audio.v1`.

Every frame is a 16-byte little-endian header and a payload:

    u8 type · u8 flags · u16 generation · u32 sequence · u32 position · u32 time_ms

`sequence` counts the audio, flush and event frames of one direction from 0 over the whole call,
across its connections, so that a gap shows and a frame that comes again is known; the other types
are outside it. `position` counts samples. `time_ms` is the sender's monotonic clock modulo 2**32,
for information only. Nothing is remembered here: who counts is the call.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum, IntFlag
from typing import Any

from voice.wire import messages as m

SUBPROTOCOL = "sonic.audio.v1"
HEADER = struct.Struct("<BBHIII")
MAX_PAYLOAD_BYTES = 65_536
MAX_TICKET_CHARACTERS = 512
MAX_NAME_CHARACTERS = 32
MAX_HEARD_MS = 600_000
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
    RESUME = 7
    EVENT = 16


class Flag(IntFlag):
    """Where an audio frame stands in its reply, and whether a frame was sent before.

    On a RESUME, FIRST says that the client remembers nothing but its token.
    """

    NONE = 0
    FIRST = 1
    LAST = 2
    RESENT = 4


class BinaryWire:
    """The codec of one connection."""

    subprotocol: str | None = SUBPROTOCOL
    counts = True

    # Frames to messages

    def decode(self, frame: bytes | str) -> list[m.Heard]:
        """Return what one frame says.

        Raises:
            WireError: the frame is malformed or too big.

        """
        data = _checked(frame)
        kind, flags, generation, sequence, position, _time = HEADER.unpack_from(data)
        payload = data[HEADER.size :]
        match kind:
            case FrameType.AUDIO_IN:
                return [m.Heard(_audio(payload), sequence, bool(flags & Flag.RESENT))]
            case FrameType.EVENT:
                return [m.Heard(_client_event(payload), sequence, bool(flags & Flag.RESENT))]
            case FrameType.ACK:
                played = m.Played(sequence=sequence, generation=generation, position=position)
                return [m.Heard(played)]
            case FrameType.RESUME:
                return [m.Heard(_resume(payload, sequence, generation, position, flags))]
            case FrameType.PING:
                return [m.Heard(m.Ping(payload=payload))]
            case _:
                raise m.WireError("bad_frame", f"type {kind}", close_code=POLICY_VIOLATION)

    # Messages to frames

    def encode(self, sent: m.Numbered, *, time_ms: int) -> list[bytes | str]:
        """Return the frames that say a message: one, or none where this wire has no word for it."""
        message = sent.message
        match message:
            case m.SpeechChunk():
                flags = Flag.FIRST * message.first | Flag.LAST * message.last
                position = message.position
                frame = _Frame(FrameType.AUDIO_OUT, message.pcm, flags=flags, position=position)
                return [frame.numbered(sent, message.generation, time_ms)]
            case m.Flush():
                frame = _Frame(FrameType.FLUSH)
                return [frame.numbered(sent, message.generation, time_ms)]
            case m.ServiceEvent():
                return []
            case m.Pong() | m.Received() | m.CallResumed():
                return [_uncounted(message, time_ms)]
            case _:
                frame = _Frame(FrameType.EVENT, _json(server_event(message)))
                return [frame.numbered(sent, 0, time_ms)]


@dataclass(frozen=True, slots=True)
class _Frame:
    kind: FrameType
    payload: bytes = b""
    flags: int = 0
    position: int = 0

    def numbered(self, sent: m.Numbered, generation: int, time_ms: int) -> bytes:
        flags = self.flags | Flag.RESENT * sent.resent
        return self.packed(flags, generation, sent.sequence or 0, time_ms)

    def packed(self, flags: int, generation: int, sequence: int, time_ms: int) -> bytes:
        position, time_ms = self.position % _WRAP, time_ms % _WRAP
        header = (self.kind, flags, generation % 2**16, sequence % _WRAP, position, time_ms)
        return HEADER.pack(*header) + self.payload


def _uncounted(message: m.Pong | m.Received | m.CallResumed, time_ms: int) -> bytes:
    match message:
        case m.Pong():
            return _Frame(FrameType.PONG, message.payload).packed(0, 0, 0, time_ms)
        case m.Received():
            frame = _Frame(FrameType.ACK, position=message.position)
            return frame.packed(0, 0, message.sequence, time_ms)
        case m.CallResumed():
            body = {"type": "resumed", **_fields(message.ready), "restored": message.restored}
            frame = _Frame(FrameType.RESUME, _json(body), position=message.position)
            return frame.packed(0, message.generation, message.wanted, time_ms)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _checked(frame: bytes | str) -> bytes:
    if isinstance(frame, str):
        raise m.WireError("bad_frame", "a text frame", close_code=POLICY_VIOLATION)
    if len(frame) < HEADER.size:
        raise m.WireError("bad_frame", f"{len(frame)} bytes", close_code=POLICY_VIOLATION)
    if len(frame) > HEADER.size + MAX_PAYLOAD_BYTES:
        raise m.WireError("frame_too_big", f"{len(frame)} bytes", close_code=TOO_BIG)
    return frame


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
        case "heard":
            return _reply_heard(event)
        case "end":
            return m.EndCall()
        case other:
            raise m.WireError("unknown_event", f"type {other!r:.40}")


def _resume(
    payload: bytes, sequence: int, generation: int, position: int, flags: int
) -> m.ResumeCall:
    if len(payload) > MAX_TICKET_CHARACTERS or not payload.isascii():
        raise m.WireError("bad_frame", f"a token of {len(payload)} bytes", close_code=1008)
    return m.ResumeCall(
        token=payload.decode("ascii"),
        wanted=sequence,
        generation=generation,
        position=position,
        forgot=bool(flags & Flag.FIRST),
    )


def _start(event: Mapping[str, Any]) -> m.StartCall:
    rate = event.get("inputSampleRateHz", 16_000)
    if rate not in INPUT_RATES_HZ:
        raise m.WireError("bad_event", f"inputSampleRateHz {rate!r:.40}, not {INPUT_RATES_HZ}")
    return m.StartCall(
        input_rate_hz=int(rate),
        ticket=_short_text(event, "ticket", MAX_TICKET_CHARACTERS) or "",
        voice=_short_text(event, "voice", MAX_NAME_CHARACTERS),
        language=_short_text(event, "language", MAX_NAME_CHARACTERS),
        greet=event.get("greet", True) is True,
    )


def _short_text(event: Mapping[str, Any], name: str, limit: int) -> str | None:
    value = event.get(name)
    if value is not None and not (isinstance(value, str) and len(value) <= limit):
        raise m.WireError("bad_event", f"{name} is no text of at most {limit} characters")
    return value


def _reply_heard(event: Mapping[str, Any]) -> m.ReplyHeard:
    position = event.get("position")
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < _WRAP:
        raise m.WireError("bad_event", f"position {position!r:.40}")
    after_ms, rtt_ms = event.get("afterMs"), event.get("rttMs")
    return m.ReplyHeard(
        position=position,
        after_ms=_milliseconds("afterMs", after_ms),
        rtt_ms=None if rtt_ms is None else _milliseconds("rttMs", rtt_ms),
    )


def _milliseconds(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 <= value <= MAX_HEARD_MS:
        return float(value)
    raise m.WireError("bad_event", f"{name} {value!r:.40}")


def _text(event: Mapping[str, Any]) -> m.CustomerText:
    return m.typed(event.get("text"))


_EVENTS: dict[type, dict[str, str]] = {
    m.CallReady: {"type": "ready"},
    m.Caption: {"type": "caption"},
    m.Interrupted: {"type": "interrupted"},
    m.AssistantPhase: {"type": "assistant"},
    m.Moving: {"type": "moving"},
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
