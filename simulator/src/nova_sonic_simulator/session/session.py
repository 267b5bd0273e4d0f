"""One Nova Sonic session: input events in, output events out.

Written from AWS's Nova 2 user guide (output events, turn taking, cross-modal input, asynchronous tools).
No I/O, no threads, no clock: the time is a parameter, and slow work (recognition, dialogue, synthesis)
is returned as a job whose result is passed back.

Three parts: `rules` decides whether an input is valid, `limits` whether the session may continue,
`playout` what is sent when. The session passes the customer's utterances to the dialogue and its replies
to the playout. While the customer speaks, and until the transcript is known, the playout starts nothing
new; speech while the assistant is audible is a barge-in. A running tool stops nothing. Once there is a
failure, it is the final event.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from nova_sonic_simulator.dialogue import Dialogue, DialogueSetup, Reply, ToolSpec
from nova_sonic_simulator.dialogue.directives import opens_turn
from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import RefusedError
from nova_sonic_simulator.protocol.families import Family, Sensitivity
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
    ToolResult,
    ToolStart,
)
from nova_sonic_simulator.protocol.output_events import (
    OutputEvent,
    OutputEvents,
    TokenCounts,
    speech_tokens,
    text_tokens,
)
from nova_sonic_simulator.protocol.rules import SessionRules
from nova_sonic_simulator.session.jobs import (
    HandleInterruption,
    HandleToolResult,
    Job,
    Respond,
    RestoreHistory,
    Synthesize,
    Transcribe,
)
from nova_sonic_simulator.session.limits import SessionLimits
from nova_sonic_simulator.session.playout import SAMPLE_BYTES, Playout, ToolUse
from nova_sonic_simulator.session.records import SessionRecord
from nova_sonic_simulator.speech.endpointing import (
    CodedBurstDamaged,
    CodedNumberReceived,
    CodedTurnEnded,
    Endpointing,
    EndpointingEvent,
    SpeechEnded,
    SpeechStarted,
)
from nova_sonic_simulator.speech.resampling import HEARING_RATE_HZ

AUDIO_PIECE_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDependencies:
    """What every session of this service is given."""

    open_dialogue: Callable[[DialogueSetup], Dialogue]
    """Creates a dialogue for declared tools and a system prompt."""
    open_endpointing: Callable[[int], Endpointing] | None
    """Creates an endpointer for turns that end after so many ms of silence; None without recognition."""
    open_resampler: Callable[[int], Callable[[bytes], bytes]]
    """Creates a resampler from this rate to 16 kHz."""
    new_id: Callable[[], str]
    reject_audio_during_tools: bool = False
    turn_silence_ms: int | None = None
    """Silence that ends a turn; None for the family's."""
    response_delay_s: float = 0.0
    """Shortest time between the USER text and the first event of the reply."""
    empty_typed_transcript: bool = False
    """Whether typed text comes back as an empty USER text (pipecat PR 4042)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompt:
    """What exists between promptStart and promptEnd."""

    events: OutputEvents
    playout: Playout
    dialogue: Dialogue
    rate_hz: int
    tools: tuple[ToolSpec, ...]


class Session:
    """One session of one model."""

    def __init__(
        self,
        family: Family,
        dependencies: SessionDependencies,
        *,
        now_s: float,
        record: SessionRecord | None = None,
    ) -> None:
        """Create a session that begins at `now_s`; `record` collects what it receives."""
        self.failure: Failure | None = None
        """Why the service ended the session, if it did."""
        self.ended = False
        self._record = record or SessionRecord()
        self._is_unresponsive = False
        self._family = family
        self._dependencies = dependencies
        self._rules = SessionRules(
            family, reject_audio_during_tools=dependencies.reject_audio_during_tools
        )
        self._limits = SessionLimits(now_s)
        self._silence_ms = self._choose_silence("MEDIUM")
        self._prompt: _Prompt | None = None
        self._system_prompt_block = ""
        self._system_prompt = ""
        self._endpointing: Endpointing | None = None
        self._resample: Callable[[bytes], bytes] | None = None
        # Audio that has been received and not processed.
        self._pending_audio = bytearray()
        self._is_customer_speaking = False
        self._transcriptions = 0
        # Open history, text and tool result blocks, by contentName.
        self._history_blocks: dict[str, tuple[str, list[str]]] = {}
        self._text_blocks: dict[str, list[str]] = {}
        self._result_blocks: dict[str, HandleToolResult | ToolStart] = {}
        self._tool_names: dict[str, str] = {}
        self._completion_started = False
        self._out: list[OutputEvent] = []
        self._jobs: list[Job] = []

    # Input.

    def receive_payload(self, payload: bytes, *, now_s: float) -> None:
        """Handle one input event; a rejected one ends the session."""
        if self.ended:
            return
        try:
            self._handle_event(self._rules.receive(payload), now_s)
        except RefusedError as refused:
            self.fail(refused.failure)
            raise

    def receive_eof(self) -> None:
        """Handle the end of the input; not every client sends sessionEnd before."""
        self._end()

    def fail(self, failure: Failure) -> None:
        """End the session with an exception."""
        if not self.ended:
            self.failure = failure
            self.ended = True

    def end_silently(self) -> None:
        """End the session without a final event."""
        self.ended = True

    def stop_responding(self) -> None:
        """Accept further input and answer none of it."""
        self._is_unresponsive = True

    def process_audio(self, *, now_s: float) -> bool:
        """Process the next piece of received audio; return whether more is waiting.

        Call it until it returns False before the next event is handled. It takes time, and one chunk may
        hold half a minute of audio, so other sessions run in between.
        """
        piece = bytes(self._pending_audio[:AUDIO_PIECE_BYTES])
        del self._pending_audio[:AUDIO_PIECE_BYTES]
        if piece and self._endpointing is not None and not self.ended and not self._is_unresponsive:
            for found in self._endpointing.feed(piece):
                self._handle_endpointing_event(found, now_s)
        return bool(self._pending_audio)

    # Output.

    def pop_events(self, *, now_s: float) -> list[OutputEvent]:
        """Return and forget the events to send by now."""
        if not self.ended and (passed := self._limits.failure_at(now_s)):
            self.fail(passed)
        if self._prompt is not None and not self.ended:
            self._emit(self._prompt.playout.due_events(now_s))
        events, self._out = self._out, []
        return events

    @property
    def next_at_s(self) -> float:
        """Return when `pop_events` has more, if nothing arrives before."""
        spoken_at_s = self._prompt.playout.next_at_s if self._prompt else None
        deadline_s = self._limits.next_at_s
        return deadline_s if spoken_at_s is None else min(deadline_s, spoken_at_s)

    # Jobs.

    def pop_jobs(self) -> list[Job]:
        """Return and forget the new jobs."""
        jobs, self._jobs = self._jobs, []
        return jobs

    @property
    def pending_tool_uses(self) -> Sequence[str]:
        """Return the ids of the tool uses without a result."""
        return self._rules.pending_tool_uses

    @property
    def queued_events(self) -> int:
        """Return how many events wait to be sent."""
        return len(self._out)

    def complete_job(self, job: Job, result: Any) -> None:
        """Pass back a job's result: text, a Reply, or PCM."""
        match job:
            case Transcribe():
                self._transcriptions -= 1
                self._update_playout()
                seconds = len(job.pcm) / SAMPLE_BYTES / HEARING_RATE_HZ
                self._handle_speech(result, seconds=seconds)
            case Respond():
                self._enqueue_reply(result, is_answer_to_text=job.typed)
            case HandleToolResult():
                self._enqueue_reply(result)
            case Synthesize():
                job.sentence.pcm = result
            case RestoreHistory() | HandleInterruption():
                pass
            case _:
                assert_never(job)

    # Input events.

    def _handle_event(self, event: InputEvent, now_s: float) -> None:
        match event:
            case SessionStart():
                self._silence_ms = self._choose_silence(event.sensitivity or "MEDIUM")
            case PromptStart():
                self._start_prompt(event)
            case TextStart() | AudioStart() | ToolStart():
                self._open_block(event)
            case TextInput() | AudioInput() | ToolResult():
                self._fill_block(event, now_s)
            case ContentEnd():
                self._close_block(event.content_name, now_s)
            case PromptEnd():
                self._end_prompt()
            case SessionEnd():
                self._end()

    def _choose_silence(self, sensitivity: Sensitivity) -> int:
        return self._dependencies.turn_silence_ms or self._family.turn_silence_ms[sensitivity]

    def _start_prompt(self, start: PromptStart) -> None:
        new_id = self._dependencies.new_id
        events = OutputEvents(
            session_id=new_id(),
            prompt_name=start.prompt_name,
            rate_hz=start.rate_hz,
            new_id=new_id,
        )
        self._record.voice = start.voice_id
        tools = tuple(
            ToolSpec(name=tool.name, description=tool.description, schema=tool.schema)
            for tool in start.tools
        )
        self._prompt = _Prompt(
            events=events,
            playout=Playout(events, rate_hz=start.rate_hz, on_tool_use=self._register_tool_use),
            dialogue=self._dependencies.open_dialogue(DialogueSetup(tools=tools)),
            rate_hz=start.rate_hz,
            tools=tools,
        )

    def _open_block(self, start: TextStart | AudioStart | ToolStart) -> None:
        match start:
            case TextStart():
                # Text before the audio is chat history; only text beside the audio is answered.
                if self._rules.audio_started:
                    self._text_blocks[start.content_name] = []
                elif start.role in ("USER", "ASSISTANT"):
                    self._history_blocks[start.content_name] = (start.role, [])
                elif start.role == "SYSTEM":
                    self._system_prompt_block = start.content_name
            case AudioStart():
                self._apply_system_prompt()
                self._restore_history()
                self._open_microphone(start.rate_hz)
            case ToolStart():
                self._result_blocks[start.content_name] = start

    def _apply_system_prompt(self) -> None:
        if self._prompt is not None and self._system_prompt:
            setup = DialogueSetup(tools=self._prompt.tools, system_prompt=self._system_prompt)
            self._prompt = replace(self._prompt, dialogue=self._dependencies.open_dialogue(setup))

    def _restore_history(self) -> None:
        if self._prompt is not None and self._record.history:
            turns = tuple(self._record.history)
            self._jobs.append(RestoreHistory(dialogue=self._prompt.dialogue, turns=turns))

    def _open_microphone(self, rate_hz: int) -> None:
        if self._dependencies.open_endpointing is not None:
            self._endpointing = self._dependencies.open_endpointing(self._silence_ms)
        if rate_hz != HEARING_RATE_HZ:
            self._resample = self._dependencies.open_resampler(rate_hz)

    def _fill_block(self, event: TextInput | AudioInput | ToolResult, now_s: float) -> None:
        match event:
            case TextInput():
                self._fill_text(event, now_s)
            case AudioInput():
                self._record.audio_bytes += len(event.pcm)
                if event.pcm:
                    self._limits.extend_idle(now_s)
                    self._pending_audio += (
                        self._resample(event.pcm) if self._resample else event.pcm
                    )
            case ToolResult():
                self._store_tool_result(event)

    def _fill_text(self, event: TextInput, now_s: float) -> None:
        if event.content_name in self._text_blocks:
            self._text_blocks[event.content_name].append(event.content)
            if self._family.accepts_text_input:
                self._limits.extend_idle(now_s)
        elif event.content_name in self._history_blocks:
            self._history_blocks[event.content_name][1].append(event.content)
        elif event.content_name == self._system_prompt_block:
            self._system_prompt += event.content

    def _store_tool_result(self, event: ToolResult) -> None:
        start = self._result_blocks[event.content_name]
        assert self._prompt is not None
        received = {"toolUseId": start.tool_use_id, "result": dict(event.result)}
        self._record.tool_results.append(received)
        self._result_blocks[event.content_name] = HandleToolResult(
            dialogue=self._prompt.dialogue,
            tool_use_id=start.tool_use_id,
            name=self._tool_names.pop(start.tool_use_id, ""),
            result=event.result,
        )

    def _close_block(self, content_name: str, now_s: float) -> None:
        if content_name in self._text_blocks:
            self._handle_typed_text("".join(self._text_blocks.pop(content_name)), now_s)
        elif content_name in self._history_blocks:
            role, texts = self._history_blocks.pop(content_name)
            self._record.history.append((role, "".join(texts)))
        elif content_name in self._result_blocks:
            self._handle_tool_result(self._result_blocks.pop(content_name))
        elif self._rules.audio_started:
            # The audio block ended, so the last utterance ends too.
            self._pending_audio += bytes(
                2 * self._silence_ms * HEARING_RATE_HZ // 1000 * SAMPLE_BYTES
            )

    # The customer.

    def _handle_endpointing_event(self, found: EndpointingEvent, now_s: float) -> None:
        match found:
            case SpeechStarted():
                self._is_customer_speaking = True
                self._barge_in(now_s)
            case SpeechEnded():
                self._is_customer_speaking = False
                self._send_user_speech_end()
                self._transcriptions += 1
                self._jobs.append(Transcribe(pcm=found.pcm))
            case CodedTurnEnded():
                self._is_customer_speaking = False
                seconds = found.samples / HEARING_RATE_HZ
                self._send_user_speech_end()
                self._handle_speech(" ".join(found.numbers), seconds=seconds, coded=True)
            case CodedNumberReceived():
                self._record.numbers.append(found.number)
            case CodedBurstDamaged():
                self._record.damaged_bursts += 1
        self._update_playout()

    def _handle_typed_text(self, text: str, now_s: float) -> None:
        self._record.texts.append(text)
        prompt = self._prompt
        if (
            not self._family.accepts_text_input
            or self._is_unresponsive
            or prompt is None
            or not text.strip()
        ):
            return
        self._barge_in(now_s)
        transcript = "" if self._dependencies.empty_typed_transcript else text
        self._send_transcript(prompt, transcript, TokenCounts(text_in=text_tokens(text)))
        if not self._family.needs_imperative or opens_turn(text):
            self._jobs.append(Respond(dialogue=prompt.dialogue, text=text, typed=True))

    def _handle_speech(self, text: str, *, seconds: float, coded: bool = False) -> None:
        """Send the USER text and let the dialogue respond."""
        prompt = self._prompt
        if prompt is None or not text.strip():
            return
        used = TokenCounts(speech_in=speech_tokens(seconds), text_in=text_tokens(text))
        self._send_transcript(prompt, text, used)
        self._jobs.append(Respond(dialogue=prompt.dialogue, text=text, coded=coded))

    def _send_transcript(self, prompt: _Prompt, text: str, used: TokenCounts) -> None:
        self._emit(prompt.events.text("USER", "FINAL", text, "PARTIAL_TURN"))
        self._emit([prompt.events.usage(used)])
        prompt.playout.delay_next(self._dependencies.response_delay_s)

    def _send_user_speech_end(self) -> None:
        if self._family.sends_user_speech_end and self._prompt is not None:
            self._emit([self._prompt.events.user_speech_end()])

    def _barge_in(self, now_s: float) -> None:
        prompt = self._prompt
        if prompt is not None and prompt.playout.is_audible(now_s):
            self._emit(prompt.playout.interrupt(now_s))
            self._jobs.append(HandleInterruption(dialogue=prompt.dialogue))

    # The assistant.

    def _enqueue_reply(self, reply: Reply, *, is_answer_to_text: bool = False) -> None:
        if self._prompt is None:
            return
        uses = [
            ToolUse(
                tool_use_id=self._dependencies.new_id(), name=call.name, arguments=call.arguments
            )
            for call in reply.tool_calls
        ]
        for sentence in self._prompt.playout.enqueue_reply(
            reply.sentences, uses, may_interleave=is_answer_to_text
        ):
            self._jobs.append(Synthesize(sentence=sentence, rate_hz=self._prompt.rate_hz))

    def _register_tool_use(self, use: ToolUse) -> None:
        self._rules.register_tool_use(use.tool_use_id)
        asked = {"toolUseId": use.tool_use_id, "name": use.name, "arguments": use.arguments}
        self._record.tool_uses.append(asked)
        self._tool_names[use.tool_use_id] = use.name
        self._update_playout()

    def _handle_tool_result(self, answered: HandleToolResult | ToolStart) -> None:
        assert isinstance(answered, HandleToolResult)
        if not self._is_unresponsive:
            self._jobs.append(answered)
        self._update_playout()

    def _update_playout(self) -> None:
        """Pause the playout while the customer speaks, and wholly or partly while a tool runs."""
        if self._prompt is None:
            return
        playout = self._prompt.playout
        playout.is_paused = self._is_customer_speaking or self._transcriptions > 0
        is_waiting = bool(self._rules.pending_tool_uses)
        playout.is_waiting_for_tools = self._family.is_silent_during_tools and is_waiting

    def _emit(self, events: Iterable[OutputEvent]) -> None:
        for event in events:
            if not self._completion_started and self._prompt is not None:
                self._completion_started = True
                self._out.append(self._prompt.events.completion_start())
            self._out.append(event)

    def _end_prompt(self) -> None:
        prompt = self._prompt
        if prompt is None:
            return
        self._emit(prompt.playout.stop())
        if self._completion_started:
            self._emit([prompt.events.completion_end()])
        self._prompt = None
        self._pending_audio.clear()

    def _end(self) -> None:
        if not self.ended:
            self._end_prompt()
            self.ended = True
