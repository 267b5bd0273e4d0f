"""The events of a client, written out as AWS's page shows them; nothing of ours makes them."""

import base64
import json
from typing import Any

PROMPT = "prompt-1"
MICROPHONE = "microphone"

type Event = dict[str, Any]


def raw(event: Event) -> bytes:
    """Return the chunk's JSON of one event."""
    return json.dumps({"event": event}).encode()


def session_start(**fields: Any) -> Event:
    inference = {"maxTokens": 1024, "topP": 0.9, "temperature": 0.7}
    return {"sessionStart": {"inferenceConfiguration": inference, **fields}}


def sensitivity(level: str) -> Event:
    return session_start(turnDetectionConfiguration={"endpointingSensitivity": level})


def prompt_start(
    *, voice: str = "carlos", rate_hz: int = 24000, tools: tuple[str, ...] = (), **fields: Any
) -> Event:
    audio = {
        "mediaType": "audio/lpcm",
        "sampleRateHertz": rate_hz,
        "sampleSizeBits": 16,
        "channelCount": 1,
        "voiceId": voice,
        "encoding": "base64",
        "audioType": "SPEECH",
    }
    return {
        "promptStart": {
            "promptName": PROMPT,
            "textOutputConfiguration": {"mediaType": "text/plain"},
            "audioOutputConfiguration": audio,
            **({"toolConfiguration": {"tools": [tool(name) for name in tools]}} if tools else {}),
            **fields,
        }
    }


def tool(name: str, schema: Any = '{"type":"object"}') -> Event:
    return {"toolSpec": {"name": name, "description": "x", "inputSchema": {"json": schema}}}


def text_start(name: str, role: str = "USER", *, interactive: bool = False) -> Event:
    return {
        "contentStart": {
            "promptName": PROMPT,
            "contentName": name,
            "type": "TEXT",
            "interactive": interactive,
            "role": role,
            "textInputConfiguration": {"mediaType": "text/plain"},
        }
    }


def audio_start(name: str = MICROPHONE, *, rate_hz: int = 16000, **fields: Any) -> Event:
    audio = {
        "mediaType": "audio/lpcm",
        "sampleRateHertz": rate_hz,
        "sampleSizeBits": 16,
        "channelCount": 1,
        "audioType": "SPEECH",
        "encoding": "base64",
    }
    return {
        "contentStart": {
            "promptName": PROMPT,
            "contentName": name,
            "type": "AUDIO",
            "interactive": True,
            "audioInputConfiguration": audio,
            **fields,
        }
    }


def tool_start(name: str, tool_use_id: str, **fields: Any) -> Event:
    result = {
        "toolUseId": tool_use_id,
        "type": "TEXT",
        "textInputConfiguration": {"mediaType": "text/plain"},
    }
    return {
        "contentStart": {
            "promptName": PROMPT,
            "contentName": name,
            "interactive": False,
            "type": "TOOL",
            "role": "TOOL",
            "toolResultInputConfiguration": result,
            **fields,
        }
    }


def _inside(event: str, name: str, content: str) -> Event:
    return {event: {"promptName": PROMPT, "contentName": name, "content": content}}


def text_input(name: str, content: str) -> Event:
    return _inside("textInput", name, content)


def audio_input(pcm: bytes = bytes(1024), name: str = MICROPHONE) -> Event:
    return _inside("audioInput", name, base64.b64encode(pcm).decode())


def tool_result(name: str, content: str) -> Event:
    return _inside("toolResult", name, content)


def content_end(name: str = MICROPHONE) -> Event:
    return {"contentEnd": {"promptName": PROMPT, "contentName": name}}


def prompt_end() -> Event:
    return {"promptEnd": {"promptName": PROMPT}}


def session_end() -> Event:
    return {"sessionEnd": {}}


def text(
    name: str, content: str = "Hola.", role: str = "USER", *, interactive: bool = False
) -> list[Event]:
    """Return a whole block of text."""
    start = text_start(name, role, interactive=interactive)
    return [start, text_input(name, content), content_end(name)]


def system(*, interactive: bool = False) -> list[Event]:
    return text("system", "Sos un asistente.", "SYSTEM", interactive=interactive)


def typed(name: str, content: str) -> list[Event]:
    """Return a customer's typed sentence."""
    return text(name, content, interactive=True)


def answer(name: str, tool_use_id: str, content: str = "{}") -> list[Event]:
    """Return a whole block with a tool's result."""
    return [tool_start(name, tool_use_id), tool_result(name, content), content_end(name)]


def opening(*, tools: tuple[str, ...] = ()) -> list[Event]:
    """Return everything up to and with the open microphone."""
    return [session_start(), prompt_start(tools=tools), *system(), audio_start()]


def closing() -> list[Event]:
    return [content_end(), prompt_end(), session_end()]


def changed(event: Event, path: str, value: Any) -> Event:
    """Return a copy of the event with the field at the dotted path set, or removed by `...`."""
    copy: Event = json.loads(json.dumps(event))
    *outer, last = path.split(".")
    inner: Any = copy
    for key in outer:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return copy
