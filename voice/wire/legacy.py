"""The legacy wire: Nova Sonic's JSON events in text frames, without a subprotocol.

Clients of the earlier system (AWS's workshop React client and derivatives) write a whole Nova Sonic
session: system prompt, tools, history, audio. This server has its own prompt and tools, so it uses
only the audio, the typed text and the start and end of the session, and ignores the rest. The
client receives every event of the service unchanged, with a `timestamp`.

These clients require that every message has an `event` object and a `timestamp`, and that an
assistant's text begins with `{` only if it is the JSON that reports an interruption.
"""

import json
from collections.abc import Mapping
from typing import Any

import pybase64

from voice import pcm
from voice.wire import messages as m
from voice.wire.binary import MAX_PAYLOAD_BYTES
from voice.wire.close_codes import CloseCode

MAX_FRAME_CHARACTERS = 262_144
MAX_NAME_CHARACTERS = 128
MAX_OPEN_TEXTS = 16
_IGNORED_EVENTS = frozenset({"sessionStart", "toolResult"})
_IGNORED_PREFIX = "APP_CUSTOM_"


_AUDIO_TAIL = '"}}}'


class LegacyWire:
    """Decode and encode the frames of one connection.

    It stores the client's prompt name, whether a call is active, and which contents carry typed
    text.
    """

    subprotocol: str | None = None
    is_resumable = False

    def __init__(self) -> None:
        self._prompt_name: str | None = None
        self._text_contents: set[str] = set()
        self._is_started = False
        # What is before and after the base64 in the client's `audioInput` messages.
        self._audio_parts = "", ""
        # The names in the service's `audioOutput` events, and the JSON before their base64.
        self._audio_names: Mapping[str, Any] | None = None
        self._audio_head = ""
        self._parsers = {
            "promptStart": self._parse_prompt_start,
            "contentStart": self._parse_content_start,
            "audioInput": self._parse_audio_input,
            "textInput": self._parse_text_input,
            "contentEnd": self._parse_content_end,
            "promptEnd": self._parse_end,
            "sessionEnd": self._parse_end,
        }

    # --- From the client

    def decode(self, frame: bytes | str) -> list[m.InboundMessage]:
        """Return the messages in a frame; none if the event is ignored.

        Raises:
            WireError: the frame is malformed or too big, or has an unknown event.

        """
        if len(frame) > MAX_FRAME_CHARACTERS:
            detail = f"{len(frame)} characters"
            raise m.WireError("frame_too_big", detail, close_code=CloseCode.MESSAGE_TOO_BIG)
        name, body = _parse_event(frame)
        if name in _IGNORED_EVENTS or name.startswith(_IGNORED_PREFIX):
            return []
        if name not in self._parsers:
            raise m.WireError("unknown_event", f"{name!r:.60}")
        messages = [m.InboundMessage(message) for message in self._parsers[name](body)]
        if name == "audioInput":
            self._learn_audio_parts(frame, body["content"])
        return messages

    def decode_audio(self, frame: bytes | str) -> tuple[bytes, int | None, bool] | None:
        """Return the PCM of an `audioInput` that is written like the one before.

        Clients write all of them alike, so nothing but the base64 differs: there is nothing to parse.

        Returns:
            PCM, no number and False; None for every other frame, which goes to `decode`.

        """
        head, tail = self._audio_parts
        if not head or not isinstance(frame, str) or len(frame) > MAX_FRAME_CHARACTERS:
            return None
        if not (frame.startswith(head) and frame.endswith(tail)):
            return None
        try:
            pcm = pybase64.b64decode(frame[len(head) : -len(tail)], validate=True)
        except ValueError:
            return None
        return None if len(pcm) % 2 or len(pcm) > MAX_PAYLOAD_BYTES else (pcm, None, False)

    def _learn_audio_parts(self, frame: bytes | str, content: str) -> None:
        """Remember what is before and after the base64 of an `audioInput`.

        What is between must be the only thing that differs: other base64 there gives the same event
        with other audio.
        """
        if not isinstance(frame, str):
            return
        head, _, tail = frame.partition(content)
        try:
            name, body = _parse_event(f"{head}AAAA{tail}")
        except m.WireError:
            return
        if name == "audioInput" and body.get("content") == "AAAA":
            self._audio_parts = head, tail

    def _parse_prompt_start(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        self._prompt_name = _parse_name(body, "promptName")
        return []

    def _parse_content_start(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        if body.get("type") == "AUDIO":
            self._is_started = True
            return [m.StartCall(input_rate_hz=_parse_input_rate_hz(body), greet=False)]
        # Text before the audio is the client's own prompt and history, which are ignored.
        if self._is_started and body.get("type") == "TEXT" and body.get("role") == "USER":
            if len(self._text_contents) >= MAX_OPEN_TEXTS:
                raise m.WireError("bad_event", f"more than {MAX_OPEN_TEXTS} texts are open")
            self._text_contents.add(_parse_name(body, "contentName"))
        return []

    def _parse_audio_input(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        content = body.get("content")
        try:
            pcm = pybase64.b64decode(content if isinstance(content, str) else "?", validate=True)
        except ValueError as error:
            raise m.WireError("bad_event", "audioInput content is not base64") from error
        if not pcm:
            raise m.WireError("empty_audio", "no samples")
        if len(pcm) > MAX_PAYLOAD_BYTES:
            detail = f"{len(pcm)} bytes of audio"
            raise m.WireError("frame_too_big", detail, close_code=CloseCode.MESSAGE_TOO_BIG)
        if len(pcm) % 2:
            raise m.WireError("odd_audio", f"{len(pcm)} bytes of 16-bit samples")
        return [m.CustomerAudio(pcm=pcm)]

    def _parse_text_input(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        if _parse_name(body, "contentName") not in self._text_contents:
            return []
        return [m.parse_customer_text(body.get("content"))]

    def _parse_content_end(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        self._text_contents.discard(_parse_name(body, "contentName"))
        return []

    def _parse_end(self, _body: Mapping[str, Any]) -> list[m.ClientMessage]:
        """End the call once, at whichever of promptEnd and sessionEnd comes first."""
        if not self._is_started:
            return []
        self._is_started = False
        self._text_contents.clear()
        return [m.EndCall()]

    # --- To the client

    def encode(self, outbound: m.OutboundMessage, *, time_ms: int) -> list[bytes | str]:
        """Return the frame with a message, or none if this wire does not send such messages."""
        message = outbound.message
        match message:
            case m.SpeechChunk():
                is_audio = message.source is not None and message.pcm
                return [self._audio_event(message, time_ms)] if is_audio else []
            case m.ServiceEvent():
                event = {name: self._adapted_body(body) for name, body in message.source.items()}
            case m.CallError():
                body = {"code": message.code, "message": message.message}
                event = {"serverError": {**body, "retryable": message.retryable}}
            case m.CallEnded():
                event = {"serverStatus": {"status": "ended", "reason": message.reason}}
            case _:
                return []
        return [json.dumps({"event": event, "timestamp": time_ms}, ensure_ascii=False)]

    def _audio_event(self, message: m.SpeechChunk, time_ms: int) -> str:
        """Return an `audioOutput` event; the JSON around its base64 is the same for a whole reply."""
        names = message.source
        if names is not None and names is not self._audio_names:
            body = {**self._adapted_body(names), "content": ""}
            text = json.dumps({"event": {"audioOutput": body}}, ensure_ascii=False)
            self._audio_names, self._audio_head = names, text.removesuffix(_AUDIO_TAIL)
        content = pybase64.b64encode_as_string(message.pcm)
        return f'{self._audio_head}{content}"}}}}, "timestamp": {time_ms}}}'

    def _adapted_body(self, body: Any) -> Any:
        """Return an event's body with the client's prompt name and text that it can show."""
        if not isinstance(body, Mapping):
            return {"value": body}
        adapted = dict(body)
        if self._prompt_name and "promptName" in adapted:
            adapted["promptName"] = self._prompt_name
        if adapted.get("role") == "ASSISTANT" and _breaks_client(adapted.get("content")):
            adapted["content"] = " " + adapted["content"]
        return adapted


def _breaks_client(content: object) -> bool:
    """Whether the client would fail on this text: it parses text that begins with `{` as JSON."""
    if not isinstance(content, str) or not content.startswith("{"):
        return False
    try:
        return "interrupted" not in json.loads(content)
    except (ValueError, TypeError):
        return True


# --- Parsing


def _parse_event(frame: bytes | str) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the body of the event in a frame."""
    try:
        message = json.loads(frame)
        if isinstance(message, dict) and isinstance(message.get("body"), str):
            message = json.loads(message["body"])  # as API Gateway wraps it
    except (ValueError, RecursionError) as error:
        raise m.WireError("bad_event", "not JSON") from error
    event = message.get("event") if isinstance(message, dict) else None
    if not isinstance(event, dict) or len(event) != 1:
        raise m.WireError("bad_event", 'not {"event": {"<name>": {…}}}')
    ((name, body),) = event.items()
    if not isinstance(body, dict):
        raise m.WireError("bad_event", f"{name!r:.60} is not an object")
    return name, body


def _parse_name(body: Mapping[str, Any], key: str) -> str:
    """Return a name that the client chose; it is sent back to the client."""
    name = str(body.get(key, ""))
    if len(name) > MAX_NAME_CHARACTERS or not m.is_encodable(name):
        raise m.WireError("bad_event", f"{key} of {len(name)} characters, or not Unicode")
    return name


def _parse_input_rate_hz(body: Mapping[str, Any]) -> int:
    configuration = body.get("audioInputConfiguration")
    rate = configuration.get("sampleRateHertz") if isinstance(configuration, dict) else None
    if rate is None:
        return pcm.INPUT_RATE_HZ
    if rate not in pcm.SAMPLE_RATES_HZ:
        detail = f"sampleRateHertz {rate!r:.40}, not {pcm.SAMPLE_RATES_HZ}"
        raise m.WireError("bad_event", detail)
    return int(rate)
