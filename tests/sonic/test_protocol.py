"""The protocol accepts the events that the service accepts, in whole blocks, and no others."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sonic import service
from tests.sonic.sessions import (
    AUDIO,
    AUDIO_CONTENT,
    AUDIO_START,
    PROMPT,
    START,
    protocol_in,
    receive_tool_use,
    send_result,
    send_text,
)
from voice.sonic.errors import LocalProtocolError, RemoteProtocolError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    ContentEnd,
    InputEvent,
    PromptEnd,
    Role,
    SessionEnd,
    TextContentStart,
    TextInput,
    ToolContentStart,
    ToolResult,
    ToolUse,
    Unknown,
)
from voice.sonic.protocol import MAX_TEXT_BYTES, SessionState, SonicProtocol, split_text

pytestmark = pytest.mark.pure


def names(protocol: SonicProtocol) -> list[str]:
    return [name for name, _ in service.decode_sent(protocol.payloads_to_send())]


def is_refused(protocol: SonicProtocol, event: InputEvent) -> bool:
    """Return whether the protocol refuses `event`; require that a refusal changes nothing."""
    before = (protocol.state, dict(protocol.open_tool_uses))
    try:
        protocol.send(event)
    except LocalProtocolError:
        assert (protocol.state, dict(protocol.open_tool_uses)) == before
        assert protocol.payloads_to_send() == []
        return True
    return False


# A whole session.


def test_session_payloads_are_in_service_order() -> None:
    protocol = SonicProtocol()
    protocol.send(START)
    protocol.send(PROMPT)
    send_text(protocol, "s", Role.SYSTEM)
    send_text(protocol, "h1", Role.USER)
    send_text(protocol, "h2", Role.ASSISTANT)
    protocol.send(AUDIO_START)
    protocol.send(AUDIO)
    send_text(protocol, "l", Role.USER, interactive=True)
    protocol.close()
    block = ["contentStart", "textInput", "contentEnd"]
    assert names(protocol) == [
        *["sessionStart", "promptStart", *block, *block, *block],
        *["contentStart", "audioInput", *block],
        *["contentEnd", "promptEnd", "sessionEnd"],
    ]


STEPS: dict[str, InputEvent] = {
    "sessionStart": START,
    "promptStart": PROMPT,
    "system": TextContentStart(
        prompt_name="p", content_name="x", role=Role.SYSTEM, interactive=False
    ),
    "history": TextContentStart(
        prompt_name="p", content_name="x", role=Role.USER, interactive=False
    ),
    "audioStart": AudioContentStart(prompt_name="p", content_name="x", input_rate_hz=16_000),
    "audio": AUDIO,
    "interactive": TextContentStart(
        prompt_name="p", content_name="x", role=Role.USER, interactive=True
    ),
    "audioEnd": ContentEnd(**AUDIO_CONTENT),
    "promptEnd": PromptEnd(prompt_name="p"),
    "sessionEnd": SessionEnd(),
}
ALLOWED: dict[SessionState, set[str]] = {
    SessionState.NEW: {"sessionStart"},
    SessionState.STARTED: {"promptStart"},
    SessionState.PROMPT_STARTED: {"system"},
    SessionState.SYSTEM_PROMPT_SENT: {"history", "audioStart"},
    SessionState.AUDIO_OPEN: {"audio", "interactive", "audioEnd"},
    SessionState.AUDIO_ENDED: {"promptEnd"},
    SessionState.PROMPT_ENDED: {"sessionEnd"},
    SessionState.ENDED: set(),
}


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("step", STEPS)
def test_state_allows_exactly_its_steps(state: SessionState, step: str) -> None:
    assert is_refused(protocol_in(state), STEPS[step]) is (step not in ALLOWED[state])


# Blocks.


@pytest.fixture
def audio_open() -> SonicProtocol:
    return protocol_in(SessionState.AUDIO_OPEN)


def test_open_text_block_refuses_other_events(audio_open: SonicProtocol) -> None:
    block = {"prompt_name": "p", "content_name": "b"}
    text = TextInput(**block, content="hola")
    end = ContentEnd(**block)
    audio_open.send(TextContentStart(**block, role=Role.USER, interactive=True))
    assert names(audio_open) == ["contentStart"]
    for event in (
        AUDIO,
        ContentEnd(**AUDIO_CONTENT),
        end,  # empty
        TextContentStart(prompt_name="p", content_name="b2", role=Role.USER, interactive=True),
        TextInput(prompt_name="p", content_name="mic", content="hola"),
        TextInput(prompt_name="q", content_name="b", content="hola"),
        ToolResult(**block, content="{}"),
        PromptEnd(prompt_name="p"),
        SessionEnd(),
    ):
        assert is_refused(audio_open, event)
    for event in (text, text, end, AUDIO):
        assert not is_refused(audio_open, event)


def test_tool_block_accepts_exactly_one_result(audio_open: SonicProtocol) -> None:
    receive_tool_use(audio_open)
    block = {"prompt_name": "p", "content_name": "b"}
    result, end = ToolResult(**block, content="{}"), ContentEnd(**block)
    audio_open.send(ToolContentStart(**block, tool_use_id="u-1"))
    assert names(audio_open) == ["contentStart"]
    for event in (end, TextInput(**block, content="hola"), AUDIO):
        assert is_refused(audio_open, event)
    assert not is_refused(audio_open, result)
    assert not audio_open.open_tool_uses
    audio_open.payloads_to_send()
    assert is_refused(audio_open, result)
    assert not is_refused(audio_open, end)


def test_used_content_name_is_refused(audio_open: SonicProtocol) -> None:
    send_text(audio_open, "b", Role.USER, interactive=True)
    audio_open.payloads_to_send()
    for name in ("b", "mic", "system"):
        with pytest.raises(LocalProtocolError):
            send_text(audio_open, name, Role.USER, interactive=True)
    assert audio_open.payloads_to_send() == []


def test_event_of_another_prompt_is_refused(audio_open: SonicProtocol) -> None:
    for event in (
        AudioInput(prompt_name="q", content_name="mic", pcm=b"\x01\x02"),
        AudioInput(prompt_name="p", content_name="other", pcm=b"\x01\x02"),
        ContentEnd(prompt_name="q", content_name="mic"),
        PromptEnd(prompt_name="q"),
        TextContentStart(prompt_name="q", content_name="b", role=Role.USER, interactive=True),
    ):
        assert is_refused(audio_open, event)


def test_content_event_outside_block_is_refused(audio_open: SonicProtocol) -> None:
    block = {"prompt_name": "p", "content_name": "b"}
    for event in (
        TextInput(**block, content="hola"),
        ToolResult(**block, content="{}"),
        ContentEnd(**block),
    ):
        assert is_refused(audio_open, event)


def test_second_system_prompt_is_refused() -> None:
    protocol = protocol_in(SessionState.SYSTEM_PROMPT_SENT)
    with pytest.raises(LocalProtocolError):
        send_text(protocol, "again", Role.SYSTEM)


def test_history_with_wrong_role_order_is_refused() -> None:
    protocol = protocol_in(SessionState.SYSTEM_PROMPT_SENT)
    with pytest.raises(LocalProtocolError):
        send_text(protocol, "a", Role.ASSISTANT)
    send_text(protocol, "b", Role.USER)
    with pytest.raises(LocalProtocolError):
        send_text(protocol, "c", Role.USER)
    send_text(protocol, "d", Role.ASSISTANT)
    with pytest.raises(LocalProtocolError):
        send_text(protocol, "e", Role.ASSISTANT)
    send_text(protocol, "f", Role.USER)


@pytest.mark.parametrize(
    ("size", "pieces"), [(1, 1), (MAX_TEXT_BYTES, 1), (MAX_TEXT_BYTES + 1, 2), (5_000, 5)]
)
def test_long_text_is_split_within_one_block(size: int, pieces: int) -> None:
    protocol = protocol_in(SessionState.PROMPT_STARTED)
    send_text(protocol, "s", Role.SYSTEM, "x" * size)
    start, *inputs, end = service.decode_sent(protocol.payloads_to_send())
    assert (start[0], end[0]) == ("contentStart", "contentEnd")
    assert [name for name, _ in inputs] == ["textInput"] * pieces
    assert "".join(body["content"] for _, body in inputs) == "x" * size


@given(st.text(), st.integers(min_value=4, max_value=40))
def test_split_text_loses_nothing_and_keeps_characters(text: str, limit_bytes: int) -> None:
    pieces = list(split_text(text, limit_bytes))
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= limit_bytes for piece in pieces)
    assert len(pieces) <= 1 + len(text.encode()) // (limit_bytes - 3)


@pytest.mark.parametrize("text", ["", "\ud800"])
def test_refused_text_block_changes_nothing(audio_open: SonicProtocol, text: str) -> None:
    with pytest.raises(LocalProtocolError):
        send_text(audio_open, "b", Role.USER, text, interactive=True)
    assert audio_open.payloads_to_send() == []
    send_text(audio_open, "b", Role.USER, interactive=True)


# Tool uses.


def test_tool_result_is_sent_whole_between_audio(audio_open: SonicProtocol) -> None:
    receive_tool_use(audio_open)
    audio_open.send(AUDIO)
    send_result(audio_open, "r")
    audio_open.send(AUDIO)
    sent = service.decode_sent(audio_open.payloads_to_send())
    assert [name for name, _ in sent] == [
        *["audioInput", "contentStart", "toolResult", "contentEnd", "audioInput"]
    ]
    assert sent[1][1]["toolResultInputConfiguration"]["toolUseId"] == "u-1"
    assert json.loads(sent[2][1]["content"]) == {"ok": True}


def test_tool_uses_accept_one_result_in_any_order(audio_open: SonicProtocol) -> None:
    for tool_use_id in ("u-1", "u-2", "u-3"):
        receive_tool_use(audio_open, tool_use_id)
    assert list(audio_open.open_tool_uses) == ["u-1", "u-2", "u-3"]
    assert audio_open.open_tool_uses["u-2"].name == "consultarOrder"
    send_result(audio_open, "a", "u-2")
    send_result(audio_open, "b", "u-1")
    assert list(audio_open.open_tool_uses) == ["u-3"]
    for tool_use_id in ("u-1", "u-2", "u-4"):
        with pytest.raises(LocalProtocolError):
            send_result(audio_open, "c", tool_use_id)


@pytest.mark.parametrize("result", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}])
def test_tool_result_that_is_not_json_changes_nothing(
    audio_open: SonicProtocol, result: dict[str, Any]
) -> None:
    receive_tool_use(audio_open)
    with pytest.raises(LocalProtocolError):
        audio_open.send_tool_result(content_name="r", tool_use_id="u-1", result=result)
    assert list(audio_open.open_tool_uses) == ["u-1"]
    assert audio_open.payloads_to_send() == []
    send_result(audio_open, "r")


def test_open_tool_uses_are_read_only(audio_open: SonicProtocol) -> None:
    view: Any = audio_open.open_tool_uses
    with pytest.raises(TypeError):
        view["u"] = ToolUse(content_id="c", tool_use_id="u", name="n", content="{}")


# Receiving.


def test_received_events_are_returned_once(audio_open: SonicProtocol) -> None:
    audio_open.receive_payload(service.completion_start())
    assert len(audio_open.events_received()) == 1
    assert audio_open.events_received() == []


def test_unknown_events_are_counted(audio_open: SonicProtocol) -> None:
    audio_open.receive_payload(service.payload("novelty"))
    assert audio_open.events_received() == [Unknown(name="novelty")]
    assert audio_open.unknown_events == {"novelty": 1}


def test_payload_after_an_invalid_one_is_parsed(
    audio_open: SonicProtocol,
) -> None:
    with pytest.raises(RemoteProtocolError):
        audio_open.receive_payload(b"hola")
    assert audio_open.events_received() == []
    receive_tool_use(audio_open)
    assert len(audio_open.events_received()) == 1


def test_eof_before_session_end_raises_remote_error(audio_open: SonicProtocol) -> None:
    with pytest.raises(RemoteProtocolError):
        audio_open.receive_eof()
    assert is_refused(audio_open, AUDIO)
    with pytest.raises(RemoteProtocolError):
        audio_open.receive_payload(service.completion_end())


def test_eof_after_session_end_is_accepted(audio_open: SonicProtocol) -> None:
    audio_open.close()
    audio_open.receive_payload(service.completion_end())
    audio_open.receive_eof()
    assert len(audio_open.events_received()) == 1


# Closing.


@pytest.mark.parametrize(
    ("state", "closing"),
    [
        (SessionState.NEW, []),
        (SessionState.STARTED, []),
        (SessionState.PROMPT_STARTED, []),
        (SessionState.SYSTEM_PROMPT_SENT, []),
        (SessionState.AUDIO_OPEN, ["contentEnd", "promptEnd", "sessionEnd"]),
        (SessionState.AUDIO_ENDED, ["promptEnd", "sessionEnd"]),
        (SessionState.PROMPT_ENDED, ["sessionEnd"]),
        (SessionState.ENDED, []),
    ],
)
def test_close_queues_the_closing_events_allowed_by_state(
    state: SessionState, closing: list[str]
) -> None:
    protocol = protocol_in(state)
    assert protocol.close() == ()
    assert names(protocol) == closing
    assert protocol.state is SessionState.ENDED
    assert is_refused(protocol, START)


def test_close_ends_an_open_block(audio_open: SonicProtocol) -> None:
    block = {"prompt_name": "p", "content_name": "b"}
    audio_open.send(TextContentStart(**block, role=Role.USER, interactive=True))
    audio_open.send(TextInput(**block, content="hola"))
    audio_open.payloads_to_send()
    audio_open.close()
    assert names(audio_open) == ["contentEnd", "contentEnd", "promptEnd", "sessionEnd"]


def test_close_within_an_empty_block_queues_nothing(audio_open: SonicProtocol) -> None:
    audio_open.send(
        TextContentStart(prompt_name="p", content_name="b", role=Role.USER, interactive=True)
    )
    audio_open.payloads_to_send()
    audio_open.close()
    assert names(audio_open) == []


def test_close_keeps_queued_payloads(audio_open: SonicProtocol) -> None:
    audio_open.send(AUDIO)
    audio_open.close()
    assert names(audio_open)[0] == "audioInput"


def test_close_returns_tool_uses_without_result_once(audio_open: SonicProtocol) -> None:
    for tool_use_id in ("u-1", "u-2", "u-3"):
        receive_tool_use(audio_open, tool_use_id)
    send_result(audio_open, "r", "u-2")
    assert audio_open.close() == ("u-1", "u-3")
    assert audio_open.close() == ()
    assert not audio_open.open_tool_uses


def test_tool_use_after_close_accepts_no_result(audio_open: SonicProtocol) -> None:
    audio_open.close()
    receive_tool_use(audio_open)
    assert len(audio_open.events_received()) == 1
    with pytest.raises(LocalProtocolError):
        send_result(audio_open, "r")


def test_audio_content_is_open_outside_blocks_only(audio_open: SonicProtocol) -> None:
    assert SonicProtocol().open_audio_content is None
    assert audio_open.open_audio_content == ("p", "mic")


def test_audio_like_the_one_before_is_matched_until_eof(audio_open: SonicProtocol) -> None:
    for payload in (service.completion_start(), service.audio_start("a")):
        audio_open.receive_payload(payload)
    assert audio_open.match_audio(service.audio("a", b"\1\0")) is None
    audio_open.receive_payload(service.audio("a", b"\1\0"))
    assert audio_open.match_audio(service.audio("a", b"\2\0")) == ("a", b"\2\0")
    assert audio_open.match_audio(service.completion_end()) is None
