"""Parser of the service's payloads: payloads in, output events out.

The service describes a content once, when it opens, and afterwards sends only its `contentId`. The
meaning of a `textOutput` (transcript, planned or spoken text) depends on the content, so the parser
remembers the open contents. Events of a content that was never announced are accepted if they carry
enough themselves; otherwise they become `Unknown`, which is counted and never fatal: AWS adds
events without notice. Only a payload that cannot be parsed raises RemoteProtocolError.

The service reports an *interruption* in up to three ways, in this order: the AUDIO content ends with
INTERRUPTED (some models), a text of the assistant is the object `{"interrupted": true}`, and the
content of that text ends with INTERRUPTED. The first one becomes the `BargeIn`; the others are
ignored until a new content begins. Only the structure counts, never the customer's speech: a USER
text that looks like the object is a transcript.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from voice.sonic import codec
from voice.sonic.codec import AudioPattern, Json
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
    OutputEvent,
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

type _Parser = Callable[[Json, Json], tuple[OutputEvent, ...]]


@dataclass(frozen=True, slots=True)
class _OpenContent:
    role: Role
    stage: GenerationStage | None


class OutputEventParser:
    """Parses the payloads of one session, in the order they were received."""

    def __init__(self) -> None:
        #: How many events of each unknown name were received.
        self.unknown: Counter[str] = Counter()
        # The open contents, by contentId.
        self._open: dict[str, _OpenContent] = {}
        # Pattern of the current content's audio payloads.
        self._pattern: AudioPattern | None = None
        # Whether the current interruption has been reported.
        self._interrupted = False
        # Ids of all tool uses so far: none may run twice.
        self._tool_use_ids: set[str] = set()
        self._parsers: Mapping[str, _Parser] = {
            "completionStart": self._completion_start,
            "userSpeechEnd": self._user_speech_end,
            "contentStart": self._content_start,
            "textOutput": self._text_output,
            "audioOutput": self._audio_output,
            "toolUse": self._tool_use,
            "contentEnd": self._content_end,
            "usageEvent": self._usage,
            "completionEnd": self._completion_end,
        }

    def match_audio(self, payload: bytes) -> tuple[str, bytes] | None:
        """Return content id and samples of an `audioOutput` like the one before; None for others."""
        pattern = self._pattern
        audio = pattern.match(payload) if pattern is not None else None
        return None if pattern is None or audio is None else (pattern.content_id, audio[1])

    def parse(self, payload: bytes) -> tuple[OutputEvent, ...]:
        """Return the events in `payload`. Raises RemoteProtocolError."""
        audio = self._pattern.match(payload) if self._pattern else None
        if self._pattern and audio:
            return (_audio_event(self._pattern, *audio),)
        name, source = codec.decode(payload)
        if name not in self._parsers:
            return self._unknown(name, source)
        events = self._parsers[name](source, codec.require_object(source, name))
        if name == "audioOutput":
            self._pattern = AudioPattern.learn(payload, source)
        return events

    # Private methods, one per event of the service.

    def _completion_start(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        return (CompletionStart(completion_id=_optional(body, "completionId"), source=source),)

    def _user_speech_end(self, source: Json, _body: Json) -> tuple[OutputEvent, ...]:
        return (UserSpeechEnd(source=source),)

    def _content_start(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        content_id = codec.require_text(body, "contentId")
        kind = _enum_member(ContentKind, body.get("type"))
        role = _role(kind, body)
        if kind is None or role is None:
            return self._unknown("contentStart", source)
        stage = _stage(body)
        self._open[content_id] = _OpenContent(role, stage)
        self._reset_interruption(kind, role, stage)
        started = ContentStarted(
            content_id=content_id,
            kind=kind,
            role=role,
            stage=stage,
            completion_id=_optional(body, "completionId"),
            source=source,
        )
        return (started,)

    def _text_output(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        content_id, text = (
            codec.require_text(body, "contentId"),
            codec.require_text(body, "content"),
        )
        opened = self._open.get(content_id)
        role = opened.role if opened else _enum_member(Role, body.get("role"))
        if role is Role.USER:
            return (UserText(content_id=content_id, text=text, source=source),)
        if _is_interruption(text):
            return self._barge_in(content_id, source)
        match opened.stage if opened else None:
            case GenerationStage.SPECULATIVE:
                return (PlannedText(content_id=content_id, text=text, source=source),)
            case GenerationStage.FINAL:
                return (SpokenText(content_id=content_id, text=text, source=source),)
            case None:  # planned or spoken: must not be guessed
                return self._unknown("textOutput", source)

    def _audio_output(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        content_id = codec.require_text(body, "contentId")
        pcm = codec.decode_pcm(codec.require_text(body, "content"))
        return (AudioOutput(content_id=content_id, pcm=pcm, source=source),)

    def _tool_use(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        tool_use_id = codec.require_text(body, "toolUseId")
        if tool_use_id in self._tool_use_ids:
            raise RemoteProtocolError(f"tool use {tool_use_id!r} came twice")
        use = ToolUse(
            content_id=codec.require_text(body, "contentId"),
            tool_use_id=tool_use_id,
            name=codec.require_text(body, "toolName"),
            content=_unwrap_arguments(codec.require_text(body, "content")),
            source=source,
        )
        self._tool_use_ids.add(tool_use_id)
        return (use,)

    def _content_end(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        content_id = codec.require_text(body, "contentId")
        kind = _enum_member(ContentKind, body.get("type"))
        if kind is None:
            return self._unknown("contentEnd", source)
        opened = self._open.pop(content_id, None)
        stop_reason = _optional(body, "stopReason")
        ended = ContentEnded(
            content_id=content_id,
            kind=kind,
            role=opened.role if opened else None,
            stage=opened.stage if opened else None,
            stop_reason=_enum_member(StopReason, stop_reason) or stop_reason,
            source=source,
        )
        if stop_reason == StopReason.INTERRUPTED:
            return (*self._barge_in(content_id, source), ended)
        return (ended,)

    def _usage(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        try:
            total = body["details"]["total"]
            report = UsageReport(
                input_speech_tokens=int(total["input"]["speechTokens"]),
                input_text_tokens=int(total["input"]["textTokens"]),
                output_speech_tokens=int(total["output"]["speechTokens"]),
                output_text_tokens=int(total["output"]["textTokens"]),
                source=source,
            )
        except (KeyError, TypeError, ValueError):  # a bad usage report must not end a call
            return self._unknown("usageEvent", source)
        return (report,)

    def _completion_end(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        stop_reason = _optional(body, "stopReason")
        return (
            CompletionEnd(
                stop_reason=_enum_member(StopReason, stop_reason) or stop_reason, source=source
            ),
        )

    # Private methods for what several of them need.

    def _unknown(self, name: str, source: Json) -> tuple[OutputEvent, ...]:
        self.unknown[name] += 1
        return (Unknown(name=name, source=source),)

    def _barge_in(self, content_id: str, source: Json) -> tuple[OutputEvent, ...]:
        if self._interrupted:
            return ()
        self._interrupted = True
        return (BargeIn(content_id=content_id, source=source),)

    def _reset_interruption(
        self, kind: ContentKind, role: Role, stage: GenerationStage | None
    ) -> None:
        """Report the next interruption again, once a new content has begun.

        A FINAL text of the assistant does not count: the interruption itself is reported in one.
        """
        is_assistant_text = kind is ContentKind.TEXT and role is Role.ASSISTANT
        if not (is_assistant_text and stage is not GenerationStage.SPECULATIVE):
            self._interrupted = False


def _audio_event(pattern: AudioPattern, base64_text: bytes, pcm: bytes) -> AudioOutput:
    source = pattern.source_with(base64_text)
    return AudioOutput(content_id=pattern.content_id, pcm=pcm, source=source)


def _optional(body: Json, field: str) -> str:
    value = body.get(field)
    return value if isinstance(value, str) else ""


def _enum_member[E: StrEnum](members: type[E], value: object) -> E | None:
    return members(value) if isinstance(value, str) and value in members else None


def _role(kind: ContentKind | None, body: Json) -> Role | None:
    """Return a content's role. Audio and tool uses always come from the same side."""
    if kind is ContentKind.AUDIO:
        return Role.ASSISTANT
    if kind is ContentKind.TOOL:
        return Role.TOOL
    return _enum_member(Role, body.get("role"))


def _stage(body: Json) -> GenerationStage | None:
    fields = codec.parse_object(body.get("additionalModelFields")) or {}
    return _enum_member(GenerationStage, fields.get("generationStage"))


def _is_interruption(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    value = codec.parse_object(text)
    return value is not None and value.get("interrupted") is True


def _unwrap_arguments(content: str) -> str:
    """Decode arguments that were encoded as JSON twice; return all others unchanged."""
    inner = codec.parse_value(content)
    if isinstance(inner, str) and codec.parse_object(inner) is not None:
        return inner
    return content
