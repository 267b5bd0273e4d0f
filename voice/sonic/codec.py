"""Events as the service's JSON, and back. The only place with camelCase and base64.

Here it is hard: two of these payloads travel about thirty times a second and call, all
others a few times a minute. So audio goes round the JSON library both ways.

*Outgoing* (:func:`encode`): everything before the base64 is the same for a whole call and
is made once.

*Incoming* (:class:`AudioPattern`): the first ``audioOutput`` of a content is parsed in full
and cut into what stands before its base64 and what stands behind. A later payload with the
same head and tail, and nothing but base64 between, is the same JSON with other audio, so
there is nothing to parse. Anything else takes the long way; the two ways cannot disagree.
"""

import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

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
"""The largest payload the service takes (botocore's model of bedrock-runtime, PartBody)."""

_LPCM = {"mediaType": "audio/lpcm", "sampleSizeBits": 16, "channelCount": 1}
_SPEECH = {"audioType": "SPEECH", "encoding": "base64"}
_PLAIN_TEXT = {"mediaType": "text/plain"}


def encode(event: InputEvent) -> bytes:
    """Give the payload of ``event``. Raises LocalProtocolError if it cannot be sent."""
    payload = _audio_payload(event) if isinstance(event, AudioInput) else _payload(event)
    if len(payload) > MAX_CHUNK_BYTES:
        raise LocalProtocolError(f"payload of {len(payload)} bytes, over {MAX_CHUNK_BYTES}")
    return payload


def _audio_payload(event: AudioInput) -> bytes:
    head = _audio_head(event.prompt_name, event.content_name)
    return b"".join((head, binascii.b2a_base64(event.pcm, newline=False), b'"}}}'))


@lru_cache(maxsize=1024)
def _audio_head(prompt_name: str, content_name: str) -> bytes:
    body = {"promptName": prompt_name, "contentName": content_name, "content": ""}
    return _to_bytes({"event": {"audioInput": body}}).removesuffix(b'"}}}')


def _payload(event: InputEvent) -> bytes:
    name, body_of = _SHAPES[type(event)]
    return _to_bytes({"event": {name: body_of(event)}})


def _to_bytes(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"text cannot be written as UTF-8: {error.reason}") from error


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
    # Nested, or the service refuses the session (LiveKit issue 6200).
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
    # The schema stays a string: an object here ends the session with a vague error.
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
    answered = {"toolUseId": event.tool_use_id, "type": "TEXT"}
    head = {"type": "TOOL", "interactive": False, "role": "TOOL"}
    result = {"toolResultInputConfiguration": answered | {"textInputConfiguration": _PLAIN_TEXT}}
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
"""The service's name of every event but audio, and what it holds."""


def decode(payload: bytes) -> tuple[str, Json]:
    """Give the name of an output event, and the object it stands in (``{name: body}``).

    Raises RemoteProtocolError if ``payload`` is not ``{"event": {"<name>": …}}``.
    """
    try:
        value = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"payload is not JSON: {error}") from error
    event = value.get("event") if isinstance(value, dict) else None
    if not isinstance(event, dict) or not event:
        raise RemoteProtocolError("payload holds no event")
    return next(iter(event)), event


def body_of(source: Json, name: str) -> Json:
    """Give what stands under ``name``. Raises RemoteProtocolError unless it is an object."""
    body = source[name]
    if not isinstance(body, dict):
        raise RemoteProtocolError(f"{name} is not an object")
    return body


def text_of(body: Json, field: str) -> str:
    """Give a field that must hold text. Raises RemoteProtocolError."""
    value = body.get(field)
    if not isinstance(value, str):
        raise RemoteProtocolError(f"{field} is missing or not text")
    return value


def object_in(text: object) -> Json | None:
    """Give the object that ``text`` is the JSON of; None if it is anything else."""
    value = value_in(text)
    return value if isinstance(value, dict) else None


def value_in(text: object) -> object:
    """Give the value that ``text`` is the JSON of; None if it is not JSON."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def pcm_of(base64_text: str | bytes) -> bytes:
    """Give the samples behind base64. Raises RemoteProtocolError on other characters."""
    try:
        pcm = binascii.a2b_base64(base64_text, strict_mode=True)
    except ValueError as error:
        raise RemoteProtocolError(f"audio is not base64: {error}") from error
    if len(pcm) % 2:
        raise RemoteProtocolError(f"{len(pcm)} bytes of audio are not whole samples")
    return pcm


@dataclass(frozen=True, slots=True)
class AudioPattern:
    """What all ``audioOutput`` payloads of one content have in common."""

    head: bytes
    tail: bytes
    source: Json
    content_id: str

    @classmethod
    def of(cls, payload: bytes, source: Json) -> Self | None:
        """Learn the pattern from a payload and what it was parsed to.

        None where the payload cannot be cut cleanly: the proof is that other audio between
        the two parts parses to the same object with other audio.
        """
        body = body_of(source, "audioOutput")
        audio = text_of(body, "content").encode()
        if not audio:
            return None
        head, _, tail = payload.partition(audio)
        other = {**source, "audioOutput": {**body, "content": "AAAA"}}
        try:
            if decode(head + b"AAAA" + tail)[1] != other:
                return None
        except RemoteProtocolError:
            return None
        return cls(head, tail, source, text_of(body, "contentId"))

    def audio_in(self, payload: bytes) -> tuple[bytes, bytes] | None:
        """Give the base64 of ``payload`` and its samples; None unless it is of this pattern."""
        if not (payload.startswith(self.head) and payload.endswith(self.tail)):
            return None
        base64_text = payload[len(self.head) : -len(self.tail)]
        try:
            return base64_text, pcm_of(base64_text)
        except RemoteProtocolError:  # an escaped character, or worse: the long way will say
            return None

    def source_with(self, base64_text: bytes) -> Json:
        """Give the object under ``"event"``, as if the payload had been parsed."""
        body = {**self.source["audioOutput"], "content": base64_text.decode("ascii")}
        return {**self.source, "audioOutput": body}
