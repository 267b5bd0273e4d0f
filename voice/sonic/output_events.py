"""What the service says: payloads in, events out.

Here it is hard: the service names a block once, when it opens, and afterwards gives only
its ``contentId``. What a ``textOutput`` means (heard, planned, spoken) lies in the block,
so this room remembers the open ones. A block that was never announced is not an error as
long as its events explain themselves; where they do not, they become :class:`Unknown`,
which is counted and never fatal: AWS adds events without notice. Only a payload that
cannot be read at all raises RemoteProtocolError.

*Interruption* is told in up to three ways, in this order: the AUDIO content ends with
INTERRUPTED (some models), a text holds the object ``{"interrupted": true}``, and that text's
block ends with INTERRUPTED. The first to come makes the one :class:`BargeIn`; the others
are silent until somebody speaks again. It is read from structure only, and never from what
the customer says: a USER text that looks like the object is a transcript.
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
    UserText,
)

type _Reader = Callable[[Json, Json], tuple[OutputEvent, ...]]


@dataclass(frozen=True, slots=True)
class _OpenContent:
    role: Role
    stage: GenerationStage | None


class OutputEventReader:
    """Reads the payloads of one session, in the order they came."""

    def __init__(self) -> None:
        #: How often each event came that could not be placed, by its name.
        self.unknown: Counter[str] = Counter()
        # The blocks that are open, by contentId.
        self._open: dict[str, _OpenContent] = {}
        # What the audio payloads of the current block look like.
        self._pattern: AudioPattern | None = None
        # Whether the current interruption has been reported.
        self._interrupted = False
        # Ids of all tool uses so far: running one twice could do harm.
        self._tool_use_ids: set[str] = set()
        self._readers: Mapping[str, _Reader] = {
            "completionStart": self._completion_start,
            "contentStart": self._content_start,
            "textOutput": self._text_output,
            "audioOutput": self._audio_output,
            "toolUse": self._tool_use,
            "contentEnd": self._content_end,
            "usageEvent": self._usage,
            "completionEnd": self._completion_end,
        }

    def read(self, payload: bytes) -> tuple[OutputEvent, ...]:
        """Give what ``payload`` means. Raises RemoteProtocolError."""
        known = self._pattern.audio_in(payload) if self._pattern else None
        if self._pattern and known:
            return (_same_audio(self._pattern, *known),)
        name, source = codec.decode(payload)
        if name not in self._readers:
            return self._unknown(name, source)
        events = self._readers[name](source, codec.body_of(source, name))
        if name == "audioOutput":
            self._pattern = AudioPattern.of(payload, source)
        return events

    # Private methods, one per event of the service.

    def _completion_start(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        return (CompletionStart(completion_id=_optional(body, "completionId"), source=source),)

    def _content_start(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        content_id = codec.text_of(body, "contentId")
        kind = _member(ContentKind, body.get("type"))
        role = _role(kind, body)
        if kind is None or role is None:
            return self._unknown("contentStart", source)
        stage = _stage(body)
        self._open[content_id] = _OpenContent(role, stage)
        self._note_speaker(kind, role, stage)
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
        content_id, text = codec.text_of(body, "contentId"), codec.text_of(body, "content")
        opened = self._open.get(content_id)
        role = opened.role if opened else _member(Role, body.get("role"))
        if role is Role.USER:
            return (UserText(content_id=content_id, text=text, source=source),)
        if _is_interruption(text):
            return self._barge_in(content_id, source)
        match opened.stage if opened else None:
            case GenerationStage.SPECULATIVE:
                return (PlannedText(content_id=content_id, text=text, source=source),)
            case GenerationStage.FINAL:
                return (SpokenText(content_id=content_id, text=text, source=source),)
            case None:  # neither planned nor spoken may be guessed
                return self._unknown("textOutput", source)

    def _audio_output(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        content_id = codec.text_of(body, "contentId")
        pcm = codec.pcm_of(codec.text_of(body, "content"))
        return (AudioOutput(content_id=content_id, pcm=pcm, source=source),)

    def _tool_use(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        tool_use_id = codec.text_of(body, "toolUseId")
        if tool_use_id in self._tool_use_ids:
            raise RemoteProtocolError(f"tool use {tool_use_id!r} came twice")
        use = ToolUse(
            content_id=codec.text_of(body, "contentId"),
            tool_use_id=tool_use_id,
            name=codec.text_of(body, "toolName"),
            content=_peeled(codec.text_of(body, "content")),
            source=source,
        )
        self._tool_use_ids.add(tool_use_id)
        return (use,)

    def _content_end(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        content_id = codec.text_of(body, "contentId")
        kind = _member(ContentKind, body.get("type"))
        if kind is None:
            return self._unknown("contentEnd", source)
        opened = self._open.pop(content_id, None)
        stop_reason = _optional(body, "stopReason")
        ended = ContentEnded(
            content_id=content_id,
            kind=kind,
            role=opened.role if opened else None,
            stage=opened.stage if opened else None,
            stop_reason=_member(StopReason, stop_reason) or stop_reason,
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
        except (KeyError, TypeError, ValueError):  # no call is worth losing over a bill
            return self._unknown("usageEvent", source)
        return (report,)

    def _completion_end(self, source: Json, body: Json) -> tuple[OutputEvent, ...]:
        stop_reason = _optional(body, "stopReason")
        return (
            CompletionEnd(
                stop_reason=_member(StopReason, stop_reason) or stop_reason, source=source
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

    def _note_speaker(self, kind: ContentKind, role: Role, stage: GenerationStage | None) -> None:
        """Take an interruption as over once somebody says something new.

        A FINAL text of the assistant says nothing new: the notice itself comes in one.
        """
        notice = kind is ContentKind.TEXT and role is Role.ASSISTANT
        if not (notice and stage is not GenerationStage.SPECULATIVE):
            self._interrupted = False


def _same_audio(pattern: AudioPattern, base64_text: bytes, pcm: bytes) -> AudioOutput:
    source = pattern.source_with(base64_text)
    return AudioOutput(content_id=pattern.content_id, pcm=pcm, source=source)


def _optional(body: Json, field: str) -> str:
    value = body.get(field)
    return value if isinstance(value, str) else ""


def _member[E: StrEnum](words: type[E], value: object) -> E | None:
    return words(value) if isinstance(value, str) and value in words else None


def _role(kind: ContentKind | None, body: Json) -> Role | None:
    """Give a block's role. Audio and tool calls can only come from one side."""
    if kind is ContentKind.AUDIO:
        return Role.ASSISTANT
    if kind is ContentKind.TOOL:
        return Role.TOOL
    return _member(Role, body.get("role"))


def _stage(body: Json) -> GenerationStage | None:
    fields = codec.object_in(body.get("additionalModelFields")) or {}
    return _member(GenerationStage, fields.get("generationStage"))


def _is_interruption(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    value = codec.object_in(text)
    return value is not None and value.get("interrupted") is True


def _peeled(content: str) -> str:
    """Take one layer off arguments that were encoded twice; leave anything else alone."""
    inner = codec.value_in(content)
    if isinstance(inner, str) and codec.object_in(inner) is not None:
        return inner
    return content
