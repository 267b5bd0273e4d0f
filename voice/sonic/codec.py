"""Conversion between events and the service's JSON. The only module with camelCase and base64.

Audio payloads travel about thirty times a second and call in each direction, all others a few times
a minute. Audio therefore bypasses the JSON library both ways:

*Outgoing* (`encode`): the bytes before the base64 are the same for a whole session and are cached.

*Incoming* (`AudioPattern`): the first `audioOutput` of a content is parsed in full and split into
the bytes before and after its base64. A later payload with the same head and tail, and nothing but
base64 between them, is the same JSON with other audio, so it needs no parsing. Every other payload
is parsed in full; the two ways cannot give different results.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import pybase64

from voice.sonic.errors import LocalProtocolError, RemoteProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
    InputEvent,
    PromptEnd,
    PromptStart,
    SessionEnd,
    SessionStart,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
    ToolSpec,
)

type Json = Mapping[str, Any]

MAX_CHUNK_BYTES = 1_000_000
"""The largest payload the service accepts (botocore's model of bedrock-runtime, PartBody)."""

_LPCM = {"mediaType": "audio/lpcm", "sampleSizeBits": 16, "channelCount": 1}
_SPEECH = {"audioType": "SPEECH", "encoding": "base64"}
_PLAIN_TEXT = {"mediaType": "text/plain"}


def encode(event: InputEvent) -> bytes:
    """Return the payload of `event`. Raises LocalProtocolError if it is too long or not UTF-8."""
    payload = _audio_payload(event) if isinstance(event, AudioInput) else _payload(event)
    if len(payload) > MAX_CHUNK_BYTES:
        raise LocalProtocolError(f"payload of {len(payload)} bytes, over {MAX_CHUNK_BYTES}")
    return payload


AUDIO_TAIL = b'"}}}'
"""The bytes after the base64 of an `audioInput`."""


def _audio_payload(event: AudioInput) -> bytes:
    head = audio_head(event.prompt_name, event.content_name)
    return b"".join((head, pybase64.b64encode(event.pcm), AUDIO_TAIL))


@lru_cache(maxsize=1024)
def audio_head(prompt_name: str, content_name: str) -> bytes:
    """Return the bytes before the base64 of every `audioInput` of a content."""
    body = {"promptName": prompt_name, "contentName": content_name, "content": ""}
    return _to_bytes({"event": {"audioInput": body}}).removesuffix(AUDIO_TAIL)


def _payload(event: InputEvent) -> bytes:
    name, body_of = _SHAPES[type(event)]
    return _to_bytes({"event": {name: body_of(event)}})


def _to_bytes(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"text cannot be encoded as UTF-8: {error.reason}") from error


type _ContentEvent = (
    AudioContentStart | TextContentStart | ToolContentStart | TextInput | ToolResult | ContentEnd
)


def _names(event: _ContentEvent) -> dict[str, Any]:
    return {"promptName": event.prompt_name, "contentName": event.content_name}


def _session_start(event: SessionStart) -> Json:
    inference = {
        "maxTokens": event.max_tokens,
        "topP": event.top_p,
        "temperature": event.temperature,
    }
    if event.endpointing_sensitivity is None:
        return {"inferenceConfiguration": inference}
    # Must be nested, or the service refuses the session (LiveKit issue 6200).
    turns = {"endpointingSensitivity": event.endpointing_sensitivity.value}
    return {"inferenceConfiguration": inference, "turnDetectionConfiguration": turns}


def _prompt_start(event: PromptStart) -> Json:
    voice = {"sampleRateHertz": event.output_rate_hz, "voiceId": event.voice_id}
    body: dict[str, Any] = {
        "promptName": event.prompt_name,
        "textOutputConfiguration": _PLAIN_TEXT,
        "audioOutputConfiguration": _LPCM | voice | _SPEECH,
    }
    if event.tools:
        body["toolUseOutputConfiguration"] = {"mediaType": "application/json"}
        body["toolConfiguration"] = {"tools": [_tool_spec(tool) for tool in event.tools]}
    return body


def _tool_spec(tool: ToolSpec) -> Json:
    # The schema must stay a string: an object here ends the session with a vague error.
    schema = {"json": tool.input_schema}
    spec = {"name": tool.name, "description": tool.description, "inputSchema": schema}
    return {"toolSpec": spec}


def _audio_content_start(event: AudioContentStart) -> Json:
    audio = _LPCM | {"sampleRateHertz": event.input_rate_hz} | _SPEECH
    head = {"type": "AUDIO", "interactive": True, "role": "USER"}
    return _names(event) | head | {"audioInputConfiguration": audio}


def _text_content_start(event: TextContentStart) -> Json:
    head = {"type": "TEXT", "interactive": event.interactive, "role": event.role.value}
    return _names(event) | head | {"textInputConfiguration": _PLAIN_TEXT}


def _tool_content_start(event: ToolContentStart) -> Json:
    tool_use = {"toolUseId": event.tool_use_id, "type": "TEXT"}
    head = {"type": "TOOL", "interactive": False, "role": "TOOL"}
    result = {"toolResultInputConfiguration": tool_use | {"textInputConfiguration": _PLAIN_TEXT}}
    return _names(event) | head | result


def _content(event: TextInput | ToolResult) -> Json:
    return _names(event) | {"content": event.content}


def _prompt_end(event: PromptEnd) -> Json:
    return {"promptName": event.prompt_name}


def _session_end(_event: SessionEnd) -> Json:
    return {}


_SHAPES: Mapping[type, tuple[str, Callable[[Any], Json]]] = {
    SessionStart: ("sessionStart", _session_start),
    PromptStart: ("promptStart", _prompt_start),
    AudioContentStart: ("contentStart", _audio_content_start),
    TextContentStart: ("contentStart", _text_content_start),
    ToolContentStart: ("contentStart", _tool_content_start),
    TextInput: ("textInput", _content),
    ToolResult: ("toolResult", _content),
    ContentEnd: ("contentEnd", _names),
    PromptEnd: ("promptEnd", _prompt_end),
    SessionEnd: ("sessionEnd", _session_end),
}
"""Name of every input event but audio, and the function that makes its body."""


def decode(payload: bytes) -> tuple[str, Json]:
    """Return the name of an output event and the object under `"event"` (`{name: body}`).

    Raises:
        RemoteProtocolError: `payload` is not `{"event": {"<name>": …}}`.

    """
    try:
        value = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"payload is not JSON: {error}") from error
    event = value.get("event") if isinstance(value, dict) else None
    if not isinstance(event, dict) or not event:
        raise RemoteProtocolError("payload holds no event")
    return next(iter(event)), event


def require_object(source: Json, name: str) -> Json:
    """Return the object under `name`. Raises RemoteProtocolError if it is not an object."""
    body = source[name]
    if not isinstance(body, dict):
        raise RemoteProtocolError(f"{name} is not an object")
    return body


def require_text(body: Json, field: str) -> str:
    """Return the text in `field`. Raises RemoteProtocolError if it is not text."""
    value = body.get(field)
    if not isinstance(value, str):
        raise RemoteProtocolError(f"{field} is missing or not text")
    return value


def parse_object(text: object) -> Json | None:
    """Return the object whose JSON is `text`; None if `text` is anything else."""
    value = parse_value(text)
    return value if isinstance(value, dict) else None


def parse_value(text: object) -> object:
    """Return the value whose JSON is `text`; None if `text` is not JSON."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def decode_pcm(base64_text: str | bytes) -> bytes:
    """Return the samples in base64. Raises RemoteProtocolError if it is not strict base64."""
    try:
        pcm = pybase64.b64decode(base64_text, validate=True)
    except ValueError as error:
        raise RemoteProtocolError(f"audio is not base64: {error}") from error
    if len(pcm) % 2:
        raise RemoteProtocolError(f"{len(pcm)} bytes of audio are not whole samples")
    return pcm


@dataclass(frozen=True, slots=True)
class AudioPattern:
    """The bytes that all `audioOutput` payloads of one content have in common."""

    head: bytes
    tail: bytes
    source: Json
    content_id: str

    @classmethod
    def learn(cls, payload: bytes, source: Json) -> Self | None:
        """Return the pattern of a payload that was parsed to `source`.

        Returns:
            None if the payload cannot be split: other audio between head and tail must parse to
            the same object with other audio.

        """
        body = require_object(source, "audioOutput")
        audio = require_text(body, "content").encode()
        if not audio:
            return None
        head, _, tail = payload.partition(audio)
        other = {**source, "audioOutput": {**body, "content": "AAAA"}}
        try:
            if decode(head + b"AAAA" + tail)[1] != other:
                return None
        except RemoteProtocolError:
            return None
        return cls(head, tail, source, require_text(body, "contentId"))

    def match(self, payload: bytes) -> tuple[bytes, bytes] | None:
        """Return the base64 of `payload` and its samples; None if it does not match."""
        if not (payload.startswith(self.head) and payload.endswith(self.tail)):
            return None
        base64_text = payload[len(self.head) : -len(self.tail)]
        try:
            return base64_text, decode_pcm(base64_text)
        except RemoteProtocolError:  # an escaped character, or invalid: parse it in full
            return None

    def source_with(self, base64_text: bytes) -> Json:
        """Return the object under `"event"`, as parsing the payload would give it."""
        body = {**self.source["audioOutput"], "content": base64_text.decode("ascii")}
        return {**self.source, "audioOutput": body}
