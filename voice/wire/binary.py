"""The binary wire, WebSocket subprotocol `sonic.audio.v1`.

Every frame is a 16-byte little-endian header and a payload:

    u8 type · u8 flags · u16 generation · u32 sequence · u32 position · u32 time_ms

`sequence` numbers the audio, flush and event frames of each direction from 0 over the whole call,
across its connections, so that gaps and repeated frames can be recognized; frames of other types
have no number. `position` counts samples. `time_ms` is the sender's monotonic clock modulo 2**32,
for information only.

The codec has no state: the call counts the frames.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum, IntFlag
from typing import Any

from common.naming import camel_case
from conversations.domain import Stage, Utterance
from voice import pcm
from voice.wire import messages as m
from voice.wire.close_codes import CloseCode

SUBPROTOCOL = "sonic.audio.v1"
HEADER = struct.Struct("<BBHIII")
MAX_PAYLOAD_BYTES = 65_536
MAX_TOKEN_CHARACTERS = 512
"""Longest ticket or resume token."""
MAX_NAME_CHARACTERS = 32
MAX_MILLISECONDS = 600_000
"""Longest duration that a client may report."""
_UINT16 = 2**16
_UINT32 = 2**32


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
    """First and last audio frame of a reply; frame that was sent before.

    On a RESUME, FIRST means that the client knows nothing but its token.
    """

    NONE = 0
    FIRST = 1
    LAST = 2
    RESENT = 4


# Plain numbers: members of an enumeration cost more than the frame.
_AUDIO_IN, _AUDIO_OUT = bytes([FrameType.AUDIO_IN]), int(FrameType.AUDIO_OUT)
_FIRST, _LAST, _RESENT = int(Flag.FIRST), int(Flag.LAST), int(Flag.RESENT)


class BinaryWire:
    """Decode and encode the frames of one connection."""

    subprotocol: str | None = SUBPROTOCOL
    is_resumable = True

    # --- From the client

    def decode(self, frame: bytes | str) -> list[m.InboundMessage]:
        """Return the message in a frame.

        Raises:
            WireError: the frame is malformed or too big.

        """
        data = _checked_frame(frame)
        kind, flags, generation, sequence, position, _time_ms = HEADER.unpack_from(data)
        payload = data[HEADER.size :]
        is_resent = bool(flags & Flag.RESENT)
        match kind:
            case FrameType.AUDIO_IN:
                return [m.InboundMessage(_parse_audio(payload), sequence, is_resent)]
            case FrameType.EVENT:
                return [m.InboundMessage(_parse_event(payload), sequence, is_resent)]
            case FrameType.ACK:
                acknowledgement = m.ClientAcknowledgement(
                    sequence=sequence, generation=generation, position=position
                )
                return [m.InboundMessage(acknowledgement)]
            case FrameType.RESUME:
                resume = m.ResumeCall(
                    token=_parse_token(payload),
                    next_sequence=sequence,
                    generation=generation,
                    position=position,
                    has_lost_state=bool(flags & Flag.FIRST),
                )
                return [m.InboundMessage(resume)]
            case FrameType.PING:
                return [m.InboundMessage(m.Ping(payload=payload))]
            case _:
                raise _fatal("bad_frame", f"type {kind}")

    def decode_audio(self, frame: bytes | str) -> tuple[bytes, int | None, bool] | None:
        """Return PCM, number and whether it was sent before, of a valid frame of audio.

        Returns:
            None for every other frame, which goes to `decode`: audio comes thirty times a second.

        """
        if not isinstance(frame, bytes) or frame[:1] != _AUDIO_IN or len(frame) % 2:
            return None
        if not HEADER.size < len(frame) <= HEADER.size + MAX_PAYLOAD_BYTES:
            return None
        _kind, flags, _generation, sequence, _position, _time_ms = HEADER.unpack_from(frame)
        return frame[HEADER.size :], sequence, bool(flags & _RESENT)

    # --- To the client

    def encode(self, outbound: m.OutboundMessage, *, time_ms: int) -> list[bytes | str]:
        """Return the frame with a message, or none if this wire does not send such messages."""
        message = outbound.message
        if isinstance(message, m.SpeechChunk):
            return [_audio_frame(message, outbound, time_ms)]
        if isinstance(message, m.ServiceEvent):
            return []
        kind, flags = FrameType.EVENT, Flag.RESENT if outbound.is_resent else Flag.NONE
        generation, sequence, position = 0, outbound.sequence or 0, 0
        match message:
            case m.Flush():
                kind, payload, generation = FrameType.FLUSH, b"", message.generation
            case m.Pong():
                kind, payload = FrameType.PONG, message.payload
            case m.ServerAcknowledgement():
                kind, payload = FrameType.ACK, b""
                sequence, position = message.sequence, message.position
            case m.CallResumed():
                kind, payload = FrameType.RESUME, _json(_resumed_event(message))
                generation, position = message.generation, message.position
                sequence = message.next_sequence
            case _:
                payload = _json(server_event(message))
        header = HEADER.pack(
            kind,
            flags,
            generation % _UINT16,
            sequence % _UINT32,
            position % _UINT32,
            time_ms % _UINT32,
        )
        return [header + payload]


def _audio_frame(message: m.SpeechChunk, outbound: m.OutboundMessage, time_ms: int) -> bytes:
    flags = (
        (_FIRST if message.is_first else 0)
        | (_LAST if message.is_last else 0)
        | (_RESENT if outbound.is_resent else 0)
    )
    header = HEADER.pack(
        _AUDIO_OUT,
        flags,
        message.generation % _UINT16,
        (outbound.sequence or 0) % _UINT32,
        message.position % _UINT32,
        time_ms % _UINT32,
    )
    return header + message.pcm


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


# --- Parsing


def _fatal(code: str, detail: str) -> m.WireError:
    """Return the error for a frame after which the connection is closed."""
    return m.WireError(code, detail, close_code=CloseCode.POLICY_VIOLATION)


def _checked_frame(frame: bytes | str) -> bytes:
    if isinstance(frame, str):
        raise _fatal("bad_frame", "a text frame")
    if len(frame) < HEADER.size:
        raise _fatal("bad_frame", f"{len(frame)} bytes")
    if len(frame) > HEADER.size + MAX_PAYLOAD_BYTES:
        raise m.WireError(
            "frame_too_big", f"{len(frame)} bytes", close_code=CloseCode.MESSAGE_TOO_BIG
        )
    return frame


def _parse_audio(payload: bytes) -> m.CustomerAudio:
    if not payload:
        raise m.WireError("empty_audio", "no samples")
    if len(payload) % 2:
        raise m.WireError("odd_audio", f"{len(payload)} bytes of 16-bit samples")
    return m.CustomerAudio(pcm=payload)


def _parse_token(payload: bytes) -> str:
    if len(payload) > MAX_TOKEN_CHARACTERS or not payload.isascii():
        raise _fatal("bad_frame", f"a token of {len(payload)} bytes")
    return payload.decode("ascii")


def _parse_event(payload: bytes) -> m.ClientMessage:
    try:
        event = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _fatal("bad_event", "not JSON") from error
    if not isinstance(event, dict):
        raise _fatal("bad_event", "not a JSON object")
    match event.get("type"):
        case "start":
            return _parse_start(event)
        case "text":
            return m.parse_customer_text(event.get("text"))
        case "heard":
            return _parse_playback_started(event)
        case "end":
            return m.EndCall()
        case other:
            raise m.WireError("unknown_event", f"type {other!r:.40}")


def _parse_start(event: Mapping[str, Any]) -> m.StartCall:
    rate = event.get("inputSampleRateHz", pcm.INPUT_RATE_HZ)
    if rate not in pcm.SAMPLE_RATES_HZ:
        detail = f"inputSampleRateHz {rate!r:.40}, not {pcm.SAMPLE_RATES_HZ}"
        raise m.WireError("bad_event", detail)
    return m.StartCall(
        input_rate_hz=int(rate),
        ticket=_optional_text(event, "ticket", MAX_TOKEN_CHARACTERS) or "",
        voice=_optional_text(event, "voice", MAX_NAME_CHARACTERS),
        language=_optional_text(event, "language", MAX_NAME_CHARACTERS),
        greet=event.get("greet", True) is True,
    )


def _optional_text(event: Mapping[str, Any], name: str, max_characters: int) -> str | None:
    value = event.get(name)
    if value is not None and not (isinstance(value, str) and len(value) <= max_characters):
        raise m.WireError("bad_event", f"{name} is no text of at most {max_characters} characters")
    return value


def _parse_playback_started(event: Mapping[str, Any]) -> m.PlaybackStarted:
    position = event.get("position")
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < _UINT32:
        raise m.WireError("bad_event", f"position {position!r:.40}")
    after_ms, rtt_ms = event.get("afterMs"), event.get("rttMs")
    return m.PlaybackStarted(
        position=position,
        after_ms=_parse_milliseconds("afterMs", after_ms),
        rtt_ms=None if rtt_ms is None else _parse_milliseconds("rttMs", rtt_ms),
    )


def _parse_milliseconds(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 <= value <= MAX_MILLISECONDS:
        return float(value)
    raise m.WireError("bad_event", f"{name} {value!r:.40}")


# --- Server events

_EVENT_TYPES: Mapping[type, Mapping[str, str]] = {
    m.CallReady: {"type": "ready"},
    m.ReplyInterrupted: {"type": "interrupted"},
    m.AssistantAvailability: {"type": "assistant"},
    m.HandoverStarted: {"type": "moving"},
    m.CallWaiting: {"type": "waiting"},
    m.ToolStarted: {"type": "tool", "phase": "started"},
    m.ToolFinished: {"type": "tool", "phase": "finished"},
    m.TurnFinished: {"type": "turn", "phase": "finished"},
    m.CallError: {"type": "error"},
    m.CallEnded: {"type": "ended"},
}
"""What identifies an event; the fields of its message follow, see `_json_fields`."""

_JSON_NAMES = {
    "input_rate_hz": "inputSampleRateHz",
    "output_rate_hz": "outputSampleRateHz",
}


def server_event(message: m.ServerMessage) -> dict[str, Any]:
    """Return the JSON object of an EVENT frame with `message`."""
    if isinstance(message, m.Caption):
        return _caption_event(message.utterance)
    return {**_EVENT_TYPES[type(message)], **_json_fields(message)}


def _caption_event(utterance: Utterance) -> dict[str, Any]:
    return {
        "type": "caption",
        "role": utterance.speaker,
        "stage": "planned" if utterance.stage is Stage.PLANNED else "spoken",
        "turn": utterance.turn,
        "segment": utterance.segment,
        "text": utterance.text,
        "position": utterance.position,
        "interrupted": utterance.interrupted,
    }


def _resumed_event(resumed: m.CallResumed) -> dict[str, Any]:
    return {"type": "resumed", **_json_fields(resumed.ready), "restored": resumed.is_restored}


def _json_fields(message: Any) -> dict[str, Any]:
    """Return the fields of a message under their JSON names."""
    values = {}
    for field in fields(message):
        name = _JSON_NAMES.get(field.name) or camel_case(field.name)
        values[name] = _json_value(getattr(message, field.name))
    return values


def _json_value(value: object) -> object:
    if is_dataclass(value):
        return _json_fields(value)
    return round(value, 2) if isinstance(value, float) else value
