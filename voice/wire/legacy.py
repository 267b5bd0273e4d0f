"""The earlier system's wire: Nova Sonic's own JSON events in text frames, no subprotocol.

Its clients (the React client of AWS's workshop and its kin) write a whole Nova Sonic session:
system prompt, tools, history, audio. The server runs its own prompt and tools, so of all that
only audio, typed text and the start and end of a session are heard; the rest is read past.
Towards the client every event of the service passes as it is, with a `timestamp`.

What those clients demand, and what this module therefore keeps to: every message has an `event`
object and a `timestamp`; assistant text begins with `{` only when it says "interrupted".
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from voice.wire import messages as m

MAX_FRAME_CHARACTERS = 262_144
MAX_NAME_CHARACTERS = 128
MAX_OPEN_TEXTS = 16
INPUT_RATES_HZ = (8_000, 16_000, 24_000)
TOO_BIG = 1009
_READ_PAST = frozenset({"sessionStart", "toolResult"})


class LegacyWire:
    """One connection's codec; it remembers the client's names and which content is which."""

    subprotocol: str | None = None
    counts = False

    def __init__(self) -> None:
        self._prompt_name: str | None = None
        self._typed: set[str] = set()
        self._started = False
        self._readers = {
            "promptStart": self._prompt_start,
            "contentStart": self._content_start,
            "textInput": self._text_input,
            "contentEnd": self._content_end,
            "promptEnd": self._end,
            "sessionEnd": self._end,
        }

    # Frames to messages

    def decode(self, frame: bytes | str) -> list[m.Heard]:
        """Return what one frame says; nothing where it is read past.

        Raises:
            WireError: the frame is malformed, too big or names an unknown event.

        """
        if len(frame) > MAX_FRAME_CHARACTERS:
            raise m.WireError("frame_too_big", f"{len(frame)} characters", close_code=TOO_BIG)
        return [m.Heard(word) for word in self._words(*_event(frame))]

    def _words(self, name: str, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        if name == "audioInput":
            return [_audio(body)]
        if name in _READ_PAST or name.startswith("APP_CUSTOM_"):
            return []
        try:
            read = self._readers[name]
        except KeyError:
            raise m.WireError("unknown_event", f"{name!r:.60}") from None
        return read(body)

    def _prompt_start(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        self._prompt_name = _name(body, "promptName")
        return []

    def _content_start(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        if body.get("type") == "AUDIO":
            self._started = True
            return [m.StartCall(input_rate_hz=_input_rate_hz(body), greet=False)]
        # Text before the audio is the client's own prompt and history: read past.
        if self._started and body.get("type") == "TEXT" and body.get("role") == "USER":
            if len(self._typed) >= MAX_OPEN_TEXTS:
                raise m.WireError("bad_event", f"more than {MAX_OPEN_TEXTS} texts are open")
            self._typed.add(_name(body, "contentName"))
        return []

    def _text_input(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        if _name(body, "contentName") not in self._typed:
            return []
        return [m.typed(body.get("content"))]

    def _content_end(self, body: Mapping[str, Any]) -> list[m.ClientMessage]:
        self._typed.discard(_name(body, "contentName"))
        return []

    def _end(self, _body: Mapping[str, Any]) -> list[m.ClientMessage]:
        """End the call once, at whichever of promptEnd and sessionEnd comes first."""
        if not self._started:
            return []
        self._started = False
        self._typed.clear()
        return [m.EndCall()]

    # Messages to frames

    def encode(self, sent: m.Numbered, *, time_ms: int) -> list[bytes | str]:
        """Return the frames that say a message: one, or none where this wire has no word for it."""
        message = sent.message
        match message:
            case m.ServiceEvent() | m.SpeechChunk(source=_) if message.source is not None:
                event = {name: self._renamed(body) for name, body in message.source.items()}
            case m.CallError():
                body = {"code": message.code, "message": message.message}
                event = {"serverError": {**body, "retryable": message.retryable}}
            case m.CallEnded():
                event = {"serverStatus": {"status": "ended", "reason": message.reason}}
            case _:
                return []
        return [json.dumps({"event": event, "timestamp": time_ms}, ensure_ascii=False)]

    def _renamed(self, body: Any) -> Any:
        """Put the client's name for the prompt where ours stands."""
        if not isinstance(body, Mapping):
            return {"value": body}
        renamed = dict(body)
        if self._prompt_name and "promptName" in renamed:
            renamed["promptName"] = self._prompt_name
        if renamed.get("role") == "ASSISTANT" and _alarms_the_client(renamed.get("content")):
            renamed["content"] = " " + renamed["content"]
        return renamed


def _alarms_the_client(content: object) -> bool:
    """Tell assistant text that the client would take for JSON and choke on."""
    if not isinstance(content, str) or not content.startswith("{"):
        return False
    try:
        return "interrupted" not in json.loads(content)
    except (ValueError, TypeError):
        return True


def _event(frame: bytes | str) -> tuple[str, Mapping[str, Any]]:
    """Return the one event of a frame: its name and its body."""
    try:
        message = json.loads(frame)
        if isinstance(message, dict) and isinstance(message.get("body"), str):
            message = json.loads(message["body"])  # API Gateway's wrapping
    except (ValueError, RecursionError) as error:
        raise m.WireError("bad_event", "not JSON") from error
    event = message.get("event") if isinstance(message, dict) else None
    if not isinstance(event, dict) or len(event) != 1:
        raise m.WireError("bad_event", 'not {"event": {"<name>": {…}}}')
    ((name, body),) = event.items()
    if not isinstance(body, dict):
        raise m.WireError("bad_event", f"{name!r:.60} is not an object")
    return name, body


def _name(body: Mapping[str, Any], key: str) -> str:
    """Return a name the client chose, which it will hear again."""
    name = str(body.get(key, ""))
    if len(name) > MAX_NAME_CHARACTERS or not m.is_sendable(name):
        raise m.WireError("bad_event", f"{key} of {len(name)} characters, or not Unicode")
    return name


def _audio(body: Mapping[str, Any]) -> m.CustomerAudio:
    content = body.get("content")
    try:
        pcm = base64.b64decode(content if isinstance(content, str) else "?", validate=True)
    except (binascii.Error, ValueError) as error:
        raise m.WireError("bad_event", "audioInput content is not base64") from error
    if len(pcm) % 2:
        raise m.WireError("odd_audio", f"{len(pcm)} bytes of 16-bit samples")
    return m.CustomerAudio(pcm=pcm)


def _input_rate_hz(body: Mapping[str, Any]) -> int:
    configuration = body.get("audioInputConfiguration")
    rate = configuration.get("sampleRateHertz") if isinstance(configuration, dict) else None
    if rate is None:
        return 16_000
    if rate not in INPUT_RATES_HZ:
        raise m.WireError("bad_event", f"sampleRateHertz {rate!r:.40}, not {INPUT_RATES_HZ}")
    return int(rate)
