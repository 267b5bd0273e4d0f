"""Parses input events from JSON, field by field.

From the page "Input events" of the Nova 2 user guide. Unknown fields are rejected, as the service does
since it tightened its validation (livekit/agents#6200); fields that clients omit in practice (the role
of an audio block, a tool configuration without tools) are optional. The shape is checked first; then
the event is built without further checks.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from nova_sonic_simulator.protocol.errors import (
    INVALID_INPUT,
    TOOL_RESULT,
    UNPARSABLE,
    RefusedError,
)
from nova_sonic_simulator.protocol.input_events import (
    AudioInput,
    AudioStart,
    ContentEnd,
    InputEvent,
    PromptEnd,
    PromptStart,
    SessionEnd,
    SessionStart,
    TextInput,
    TextStart,
    ToolDeclaration,
    ToolResult,
    ToolStart,
)
from nova_sonic_simulator.protocol.schema import (
    any_flag,
    any_name,
    any_text,
    list_of,
    number,
    object_with,
    one_of,
    refuse,
    strict_json,
)


def parse_event(payload: bytes) -> InputEvent:
    """Parse one event from a chunk's JSON; raises RefusedError with the service's text."""
    event = strict_json(payload, UNPARSABLE)
    if not isinstance(event, dict) or set(event) != {"event"}:
        refuse(INVALID_INPUT, "not an object with the one key `event`")
    body = event["event"]
    if not isinstance(body, dict) or len(body) != 1:
        refuse(INVALID_INPUT, "`event` is not an object with one key")
    ((name, fields),) = body.items()
    if name not in _PARSERS:
        refuse(INVALID_INPUT, f"unknown event {name[:40]!r}")
    return _PARSERS[name](fields)


def _schema_text(value: Any) -> None:
    """Accept JSON inside a string; the service rejects an object with this text."""
    if not isinstance(value, str):
        refuse(UNPARSABLE, "inputSchema.json is not a string")
    if not isinstance(strict_json(value, INVALID_INPUT), dict):
        refuse(INVALID_INPUT, "inputSchema.json is not an object in a string")


def _tool_choice(value: Any) -> None:
    shapes = {
        "auto": object_with({}),
        "any": object_with({}),
        "tool": object_with({"name": any_name}),
    }
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= shapes.keys():
        refuse(INVALID_INPUT, "not a tool choice")
    for choice, inner in value.items():
        shapes[choice](inner)


_PLAIN_TEXT = object_with({"mediaType": one_of("text/plain")})
_RATE_HZ = one_of(8000, 16000, 24000)
_AUDIO = {
    "mediaType": one_of("audio/lpcm"),
    "sampleRateHertz": _RATE_HZ,
    "sampleSizeBits": one_of(16),
    "channelCount": one_of(1),
}
_AUDIO_EXTRAS = {"audioType": one_of("SPEECH"), "encoding": one_of("base64")}
_BLOCK = {"promptName": any_name, "contentName": any_name}
_TOOL_SPEC = object_with(
    {"name": any_name, "inputSchema": object_with({"json": _schema_text})},
    {"description": any_text},
)

_SESSION_START = object_with(
    {},
    {
        "inferenceConfiguration": object_with(
            {},
            {
                "maxTokens": number(1, float("inf"), whole=True),
                "topP": number(0, 1),
                "temperature": number(0, 1),
            },
        ),
        "turnDetectionConfiguration": object_with(
            {"endpointingSensitivity": one_of("HIGH", "MEDIUM", "LOW")}
        ),
    },
)
_PROMPT_START = object_with(
    {
        "promptName": any_name,
        "audioOutputConfiguration": object_with({**_AUDIO, "voiceId": any_name}, _AUDIO_EXTRAS),
    },
    {
        "textOutputConfiguration": _PLAIN_TEXT,
        "toolUseOutputConfiguration": object_with({"mediaType": one_of("application/json")}),
        "toolConfiguration": object_with(
            {},
            {"toolChoice": _tool_choice, "tools": list_of(object_with({"toolSpec": _TOOL_SPEC}))},
        ),
    },
)
_TEXT_START = object_with(
    {
        **_BLOCK,
        "type": one_of("TEXT"),
        "role": one_of("SYSTEM", "USER", "ASSISTANT", "SYSTEM_SPEECH"),
        "textInputConfiguration": _PLAIN_TEXT,
    },
    {"interactive": any_flag},
)
_AUDIO_START = object_with(
    {
        **_BLOCK,
        "type": one_of("AUDIO"),
        "audioInputConfiguration": object_with(_AUDIO, _AUDIO_EXTRAS),
    },
    # AWS's own early samples omit the role.
    {"interactive": any_flag, "role": one_of("USER")},
)
_TOOL_START = object_with(
    {
        **_BLOCK,
        "type": one_of("TOOL"),
        "role": one_of("TOOL"),
        "toolResultInputConfiguration": object_with(
            {
                "toolUseId": any_name,
                "type": one_of("TEXT"),
                "textInputConfiguration": _PLAIN_TEXT,
            }
        ),
    },
    {"interactive": any_flag},
)
_CONTENT = object_with({**_BLOCK, "content": any_text})
_CONTENT_END = object_with(_BLOCK)
_PROMPT_END = object_with({"promptName": any_name})
_NOTHING = object_with({})


def _parse_session_start(fields: Any) -> SessionStart:
    _SESSION_START(fields)
    detection = fields.get("turnDetectionConfiguration", {})
    return SessionStart(sensitivity=detection.get("endpointingSensitivity"))


def _parse_prompt_start(fields: Any) -> PromptStart:
    _PROMPT_START(fields)
    tools = fields.get("toolConfiguration", {}).get("tools", [])
    audio = fields["audioOutputConfiguration"]
    return PromptStart(
        prompt_name=fields["promptName"],
        voice_id=audio["voiceId"],
        rate_hz=audio["sampleRateHertz"],
        tools=tuple(_tool(tool["toolSpec"]) for tool in tools),
    )


def _tool(spec: Mapping[str, Any]) -> ToolDeclaration:
    schema = strict_json(spec["inputSchema"]["json"], INVALID_INPUT)
    return ToolDeclaration(
        name=spec["name"], description=spec.get("description", ""), schema=schema
    )


def _parse_content_start(fields: Any) -> TextStart | AudioStart | ToolStart:
    kind = fields.get("type") if isinstance(fields, dict) else None
    if not isinstance(kind, str) or kind not in _START_PARSERS:
        refuse(INVALID_INPUT, "contentStart of no known type")
    return _START_PARSERS[kind](fields)


def _parse_text_start(fields: Any) -> TextStart:
    _TEXT_START(fields)
    return TextStart(
        **_names(fields), role=fields["role"], interactive=fields.get("interactive", False)
    )


def _parse_audio_start(fields: Any) -> AudioStart:
    _AUDIO_START(fields)
    return AudioStart(
        **_names(fields), rate_hz=fields["audioInputConfiguration"]["sampleRateHertz"]
    )


def _parse_tool_start(fields: Any) -> ToolStart:
    try:
        _TOOL_START(fields)
    except RefusedError as refused:
        # The service answers any mistake in a tool block with this text.
        raise RefusedError(TOOL_RESULT, refused.reason) from refused
    return ToolStart(
        **_names(fields), tool_use_id=fields["toolResultInputConfiguration"]["toolUseId"]
    )


_START_PARSERS: Mapping[str, Callable[[Any], TextStart | AudioStart | ToolStart]] = {
    "TEXT": _parse_text_start,
    "AUDIO": _parse_audio_start,
    "TOOL": _parse_tool_start,
}


def _parse_text_input(fields: Any) -> TextInput:
    _CONTENT(fields)
    return TextInput(**_names(fields), content=fields["content"])


def _parse_audio_input(fields: Any) -> AudioInput:
    _CONTENT(fields)
    try:
        pcm = base64.b64decode(fields["content"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(INVALID_INPUT, "audio that isn't base64") from error
    if len(pcm) % 2:
        refuse(INVALID_INPUT, "audio of half a sample")
    return AudioInput(**_names(fields), pcm=pcm)


def _parse_tool_result(fields: Any) -> ToolResult:
    _CONTENT(fields)
    result = strict_json(fields["content"], TOOL_RESULT)
    if not isinstance(result, dict):
        refuse(TOOL_RESULT, "the result is no JSON object")
    return ToolResult(**_names(fields), result=result)


def _parse_content_end(fields: Any) -> ContentEnd:
    _CONTENT_END(fields)
    return ContentEnd(**_names(fields))


def _parse_prompt_end(fields: Any) -> PromptEnd:
    _PROMPT_END(fields)
    return PromptEnd(prompt_name=fields["promptName"])


def _parse_session_end(fields: Any) -> SessionEnd:
    _NOTHING(fields)
    return SessionEnd()


def _names(fields: Mapping[str, str]) -> dict[str, str]:
    return {"prompt_name": fields["promptName"], "content_name": fields["contentName"]}


_PARSERS: Mapping[str, Callable[[Any], InputEvent]] = {
    "sessionStart": _parse_session_start,
    "promptStart": _parse_prompt_start,
    "contentStart": _parse_content_start,
    "textInput": _parse_text_input,
    "audioInput": _parse_audio_input,
    "toolResult": _parse_tool_result,
    "contentEnd": _parse_content_end,
    "promptEnd": _parse_prompt_end,
    "sessionEnd": _parse_session_end,
    "connectionEnd": _parse_session_end,
}
