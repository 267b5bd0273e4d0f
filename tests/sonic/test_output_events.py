"""Payloads of the service parse to events; only an invalid payload is an error."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sonic import service
from voice.sonic.errors import RemoteProtocolError
from voice.sonic.events import (
    AudioOutput,
    BargeIn,
    CompletionEnd,
    CompletionStart,
    ContentEnded,
    ContentKind,
    ContentStarted,
    GenerationStage,
    PlannedText,
    Role,
    SpokenText,
    StopReason,
    ToolUse,
    Unknown,
    UsageReport,
    UserSpeechEnd,
    UserText,
)
from voice.sonic.output_events import OutputEventParser

pytestmark = pytest.mark.pure

INTERRUPTED_TEXT = '{ "interrupted" : true }'


def parse_all(*payloads: bytes) -> list[Any]:
    parser = OutputEventParser()
    return [event for payload in payloads for event in parser.parse(payload)]


def kinds(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_plain_turn_parses_to_events() -> None:
    events = parse_all(
        service.completion_start(),
        service.text_start("u", "USER"),
        service.text("u", "hola"),
        service.content_end("u", "TEXT"),
        service.text_start("a", "ASSISTANT", "SPECULATIVE"),
        service.text("a", "Buenas."),
        service.content_end("a", "TEXT"),
        service.audio_start("v"),
        service.audio("v", b"\x01\x02"),
        service.audio("v", b"\x03\x04"),
        service.content_end("v", "AUDIO", "END_TURN"),
        service.text_start("f", "ASSISTANT", "FINAL"),
        service.text("f", "Buenas."),
        service.content_end("f", "TEXT", "END_TURN"),
        service.completion_end(),
    )

    def started(
        content_id: str, kind: ContentKind, role: Role, stage: GenerationStage | None
    ) -> ContentStarted:
        return ContentStarted(
            content_id=content_id, kind=kind, role=role, stage=stage, completion_id="k-1"
        )

    def ended(
        content_id: str,
        kind: ContentKind,
        role: Role,
        stage: GenerationStage | None,
        stop_reason: StopReason,
    ) -> ContentEnded:
        return ContentEnded(
            content_id=content_id, kind=kind, role=role, stage=stage, stop_reason=stop_reason
        )

    text, audio = ContentKind.TEXT, ContentKind.AUDIO
    final, planned = GenerationStage.FINAL, GenerationStage.SPECULATIVE
    assert events == [
        CompletionStart(completion_id="k-1"),
        started("u", text, Role.USER, final),
        UserText(content_id="u", text="hola"),
        ended("u", text, Role.USER, final, StopReason.PARTIAL_TURN),
        started("a", text, Role.ASSISTANT, planned),
        PlannedText(content_id="a", text="Buenas."),
        ended("a", text, Role.ASSISTANT, planned, StopReason.PARTIAL_TURN),
        started("v", audio, Role.ASSISTANT, None),
        AudioOutput(content_id="v", pcm=b"\x01\x02"),
        AudioOutput(content_id="v", pcm=b"\x03\x04"),
        ended("v", audio, Role.ASSISTANT, None, StopReason.END_TURN),
        started("f", text, Role.ASSISTANT, final),
        SpokenText(content_id="f", text="Buenas."),
        ended("f", text, Role.ASSISTANT, final, StopReason.END_TURN),
        CompletionEnd(stop_reason=StopReason.END_TURN),
    ]


def test_event_source_equals_service_json() -> None:
    payloads = [
        service.text_start("u", "USER"),
        service.text("u", "hola"),
        service.audio("v", b"\x01\x02"),
        service.audio("v", b"\x03\x04"),
        service.payload("novelty", a=[1]),
    ]
    assert [event.source for event in parse_all(*payloads)] == [
        json.loads(payload)["event"] for payload in payloads
    ]


# Tools.


def test_tool_use_carries_arguments_as_text() -> None:
    (_, use, ended) = parse_all(
        service.tool_start("t"),
        service.tool_use("t", "u-1", '{"orderId":"1"}'),
        service.content_end("t", "TOOL", "TOOL_USE"),
    )
    assert use == ToolUse(
        content_id="t", tool_use_id="u-1", name="consultarOrder", content='{"orderId":"1"}'
    )
    assert ended.stop_reason is StopReason.TOOL_USE


@pytest.mark.parametrize(
    ("content", "given"),
    [
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        ('"\\"{}\\""', '"\\"{}\\""'),  # one layer only
        ('"text"', '"text"'),
        ('"[1]"', '"[1]"'),
        ("not json", "not json"),
        ("", ""),
        ("[1]", "[1]"),
    ],
)
def test_doubly_encoded_arguments_are_unwrapped_once(content: str, given: str) -> None:
    (use,) = parse_all(service.tool_use("t", "u-1", content))
    assert use.content == given


def test_repeated_tool_use_raises_remote_error() -> None:
    with pytest.raises(RemoteProtocolError):
        parse_all(service.tool_use("t", "u-1", "{}"), service.tool_use("t", "u-1", "{}"))


# Interruption.


@pytest.mark.parametrize(
    "text",
    [
        INTERRUPTED_TEXT,
        '{"interrupted":true}',
        ' {"interrupted": true} ',
        '{"interrupted": true, "x": 1}',
    ],
)
def test_interruption_is_reported_once(text: str) -> None:
    events = parse_all(
        service.text_start("i", "ASSISTANT"),
        service.text("i", text),
        service.content_end("i", "TEXT", "INTERRUPTED"),
    )
    assert kinds(events) == ["ContentStarted", "BargeIn", "ContentEnded"]
    assert events[1] == BargeIn(content_id="i")


def test_text_end_alone_reports_interruption() -> None:
    events = parse_all(
        service.text_start("f", "ASSISTANT"),
        service.text("f", "Su pedido está"),
        service.content_end("f", "TEXT", "INTERRUPTED"),
    )
    assert kinds(events) == ["ContentStarted", "SpokenText", "BargeIn", "ContentEnded"]


def test_interruption_by_audio_end_is_reported_once() -> None:
    events = parse_all(
        service.audio_start("v"),
        service.content_end("v", "AUDIO", "INTERRUPTED"),
        service.text_start("i", "ASSISTANT"),
        service.text("i", INTERRUPTED_TEXT),
        service.content_end("i", "TEXT", "INTERRUPTED"),
    )
    assert kinds(events).count("BargeIn") == 1
    assert kinds(events)[1:3] == ["BargeIn", "ContentEnded"]


def test_each_interruption_is_reported() -> None:
    one = [
        service.audio_start("v"),
        service.text_start("i", "ASSISTANT"),
        service.text("i", INTERRUPTED_TEXT),
        service.content_end("i", "TEXT", "INTERRUPTED"),
    ]
    assert kinds(parse_all(*one, *one)).count("BargeIn") == 2


@pytest.mark.parametrize(
    "text",
    [
        "interrupted : true",
        'Dijo { "interrupted" : true }',
        '{"interrupted": false}',
        '{"interrupted": "true"}',
        '{"interrupted": 1}',
        '[{"interrupted": true}]',
        '{"interrupted": true',
        "{",
    ],
)
def test_text_about_interruption_stays_text(text: str) -> None:
    events = parse_all(service.text_start("a", "ASSISTANT"), service.text("a", text))
    assert events[1:] == [SpokenText(content_id="a", text=text)]


def test_user_text_never_reports_interruption() -> None:
    events = parse_all(service.text_start("u", "USER"), service.text("u", INTERRUPTED_TEXT))
    assert events[1:] == [UserText(content_id="u", text=INTERRUPTED_TEXT)]


# Unknown and odd events.


def test_unknown_event_is_returned_and_counted() -> None:
    parser = OutputEventParser()
    for _ in range(2):
        assert parser.parse(service.payload("newEvent", at=1)) == (Unknown(name="newEvent"),)
    assert parser.unknown == {"newEvent": 2}


def test_user_speech_end_needs_no_fields() -> None:
    assert parse_all(service.payload("userSpeechEnd"), service.payload("userSpeechEnd", at=1)) == [
        UserSpeechEnd(),
        UserSpeechEnd(),
    ]


def test_unknown_event_accepts_any_body() -> None:
    assert parse_all(b'{"event": {"novelty": null}}') == [Unknown(name="novelty")]


def test_content_of_unknown_type_is_unknown() -> None:
    body = {"contentId": "x", "type": "VIDEO", "role": "ASSISTANT"}
    events = parse_all(
        service.payload("contentStart", **body), service.content_end("x", "VIDEO", "END_TURN")
    )
    assert events == [Unknown(name="contentStart"), Unknown(name="contentEnd")]


def test_unknown_stop_reason_is_passed_on() -> None:
    (ended,) = parse_all(service.content_end("a", "AUDIO", "MAX_TOKENS"))
    assert ended.stop_reason == "MAX_TOKENS"


def test_assistant_text_without_stage_is_unknown() -> None:
    events = parse_all(
        service.text_start("a", "ASSISTANT", None),
        service.text("a", "hola"),
        service.text("never opened", "hola", role="ASSISTANT"),
        service.text("never opened", "hola"),
    )
    assert kinds(events) == ["ContentStarted", "Unknown", "Unknown", "Unknown"]


def test_unannounced_content_with_role_is_parsed() -> None:
    events = parse_all(
        service.text("u", "hola", role="USER"),
        service.audio("v", b"\x01\x02"),
        service.tool_use("t", "u-1", "{}"),
        service.content_end("v", "AUDIO", "END_TURN"),
        service.text("i", INTERRUPTED_TEXT),
    )
    assert kinds(events) == ["UserText", "AudioOutput", "ToolUse", "ContentEnded", "BargeIn"]
    assert events[3].role is None


@pytest.mark.parametrize("fields", ["not json", "[]", '{"generationStage": 7}', 7, None])
def test_invalid_model_fields_leave_stage_unknown(fields: object) -> None:
    start = service.payload(
        "contentStart", contentId="a", type="TEXT", role="ASSISTANT", additionalModelFields=fields
    )
    (started,) = parse_all(start)
    assert started.stage is None


def test_usage_report_contains_totals() -> None:
    (report,) = parse_all(
        service.usage(
            input={"speechTokens": 1, "textTokens": 2}, output={"speechTokens": 3, "textTokens": 4}
        )
    )
    assert report == UsageReport(
        input_speech_tokens=1,
        input_text_tokens=2,
        output_speech_tokens=3,
        output_text_tokens=4,
    )


@pytest.mark.parametrize("total", [{}, {"input": 1, "output": 2}, {"input": {}, "output": {}}])
def test_invalid_usage_event_is_unknown(total: dict[str, Any]) -> None:
    assert parse_all(service.usage(**total)) == [Unknown(name="usageEvent")]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"event": {"textOutput": null}}',
        b'{"event": {"textOutput": []}}',
        service.payload("textOutput", content="hola"),
        service.payload("textOutput", contentId="a"),
        service.payload("textOutput", contentId="a", content=7),
        service.payload("contentStart", type="TEXT", role="USER"),
        service.payload("contentEnd", type="TEXT"),
        service.payload("audioOutput", contentId="v", content="!"),
        service.payload("audioOutput", contentId="v"),
        service.payload("toolUse", contentId="t", toolUseId="u", toolName="x"),
        service.payload("toolUse", contentId="t", toolName="x", content="{}"),
        service.payload("toolUse", contentId="t", toolUseId="u", content={}, toolName="x"),
    ],
)
def test_known_event_without_required_field_is_refused(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_all(payload)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_payload_is_an_event_or_a_remote_error(payload: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse_all(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = ["contentStart", "textOutput", "audioOutput", "toolUse", "contentEnd", "usageEvent"]
FIELDS = ["contentId", "content", "type", "role", "stopReason", "toolUseId", "toolName", "details"]


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_event_body_is_an_event_or_a_remote_error(name: str, body: dict[str, object]) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse_all(json.dumps({"event": {name: body}}).encode())


def test_audio_payload_is_matched_only_after_one_of_its_kind() -> None:
    parser = OutputEventParser()
    assert parser.match_audio(service.audio("a", b"\1\0")) is None
    for payload in (service.completion_start(), service.audio_start("a")):
        parser.parse(payload)
    parser.parse(service.audio("a", b"\1\0"))
    assert parser.match_audio(service.audio("a", b"\2\0")) == ("a", b"\2\0")
    assert parser.match_audio(service.completion_end()) is None
