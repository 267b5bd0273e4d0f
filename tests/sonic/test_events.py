"""Constructors of input events refuse values that the service would refuse."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from voice.sonic.errors import LocalProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
    EndpointingSensitivity,
    PromptStart,
    Role,
    SessionStart,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
    ToolSpec,
    UserText,
)

pytestmark = pytest.mark.pure

NAMES = {"prompt_name": "p", "content_name": "c"}


def session_start(**fields: Any) -> SessionStart:
    return SessionStart(**{"max_tokens": 1, "top_p": 0.5, "temperature": 0.5, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 1},
        {"top_p": 0.0},
        {"top_p": 1.0},
        {"temperature": 0.0},
        {"temperature": 1.0},
        {"endpointing_sensitivity": EndpointingSensitivity.LOW},
    ],
)
def test_session_start_accepts_limits(fields: dict[str, Any]) -> None:
    session_start(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 0},
        {"top_p": -0.01},
        {"top_p": 1.01},
        {"temperature": -0.01},
        {"temperature": 1.01},
        {"temperature": float("nan")},
    ],
)
def test_session_start_refuses_values_beyond_limits(fields: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        session_start(**fields)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
def test_service_sample_rate_is_accepted(rate_hz: int) -> None:
    AudioContentStart(**NAMES, input_rate_hz=rate_hz)
    PromptStart(prompt_name="p", voice_id="carlos", output_rate_hz=rate_hz)


@pytest.mark.parametrize("rate_hz", [0, 7_999, 44_100, 48_000])
def test_other_sample_rate_is_refused(rate_hz: int) -> None:
    with pytest.raises(LocalProtocolError):
        AudioContentStart(**NAMES, input_rate_hz=rate_hz)
    with pytest.raises(LocalProtocolError):
        PromptStart(prompt_name="p", voice_id="carlos", output_rate_hz=rate_hz)


@pytest.mark.parametrize("pcm", [b"", b"\x00", b"\x00" * 13])
def test_audio_input_requires_whole_samples(pcm: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        AudioInput(**NAMES, pcm=pcm)


@pytest.mark.parametrize("content", ["", "hola", "[1]", '"text"', "1", "null", "{"])
def test_tool_result_requires_json_object(content: str) -> None:
    with pytest.raises(LocalProtocolError):
        ToolResult(**NAMES, content=content)
    ToolResult(**NAMES, content='{"result": 1}')


@pytest.mark.parametrize("schema", ["", "{", "[]"])
def test_tool_schema_requires_json_object(schema: str) -> None:
    with pytest.raises(LocalProtocolError):
        ToolSpec(name="consultarOrder", description="", input_schema=schema)


def test_text_content_refuses_tool_role() -> None:
    for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT):
        TextContentStart(**NAMES, role=role, interactive=False)
    with pytest.raises(LocalProtocolError):
        TextContentStart(**NAMES, role=Role.TOOL, interactive=False)


def test_interactive_text_requires_user_role() -> None:
    TextContentStart(**NAMES, role=Role.USER, interactive=True)
    for role in (Role.SYSTEM, Role.ASSISTANT):
        with pytest.raises(LocalProtocolError):
            TextContentStart(**NAMES, role=role, interactive=True)


UNNAMED: dict[str, tuple[type, dict[str, Any]]] = {
    "prompt": (PromptStart, {"prompt_name": "", "voice_id": "carlos", "output_rate_hz": 24_000}),
    "voice": (PromptStart, {"prompt_name": "p", "voice_id": "", "output_rate_hz": 24_000}),
    "its prompt": (ContentEnd, {"prompt_name": "", "content_name": "c"}),
    "content": (ContentEnd, {"prompt_name": "p", "content_name": ""}),
    "tool use": (ToolContentStart, {**NAMES, "tool_use_id": ""}),
    "text": (TextInput, {**NAMES, "content": ""}),
    "tool": (ToolSpec, {"name": "", "description": "", "input_schema": "{}"}),
}


@pytest.mark.parametrize("what", UNNAMED)
def test_empty_name_is_refused(what: str) -> None:
    kind, fields = UNNAMED[what]
    with pytest.raises(LocalProtocolError):
        kind(**fields)


def test_event_comparison_ignores_source() -> None:
    said = UserText(content_id="c", text="hola", source={"textOutput": {}})
    assert said == UserText(content_id="c", text="hola")
    assert "textOutput" not in repr(said)
    with pytest.raises(FrozenInstanceError):
        said.text = "chau"  # type: ignore[misc]  # that it cannot be done is what is tested
