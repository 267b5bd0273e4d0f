"""One Nova Sonic session: what the client sent goes in, what the service answers comes out.

Written from AWS's Nova 2 user guide (output events, turn taking, cross-modal input, asynchronous
tools). No I/O, no thread and no clock of its own: moments are passed in, and whatever is slow
(hearing, thinking, speaking) is handed out as a job whose result is handed back.

Theory. Three parts under one roof: the rules say whether an input may come, the deadlines whether
the session may go on, the mouth what is said when. The session carries what the customer said to
the mind, and the mind's reply to the mouth. While the customer speaks, and until it is known what
they said, the mouth begins nothing new; if they speak while the assistant can be heard, that is a
barge-in. While a tool runs, everything goes on. An exception, once there is one, is the last word.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, assert_never

from nova_sonic_simulator.dialogue import Reply
from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import RefusedError
from nova_sonic_simulator.protocol.families import Family
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
    Tokens,
    speech_tokens,
    text_tokens,
)
from nova_sonic_simulator.protocol.rules import SessionRules
from nova_sonic_simulator.session.jobs import (
    Hear,
    Interrupted,
    Job,
    Mind,
    Remember,
    Speak,
    ToolAnswered,
    Transcribe,
)
from nova_sonic_simulator.session.limits import Deadlines
from nova_sonic_simulator.session.playout import SAMPLE_BYTES, Mouth, ToolUse
from nova_sonic_simulator.session.records import SessionRecord
from nova_sonic_simulator.speech.endpointing import (
    Endpointing,
    Found,
    SpeechEnded,
    SpeechStarted,
    WordCut,
    WordHeard,
    WordsEnded,
)
from nova_sonic_simulator.speech.resampling import HEARING_RATE_HZ

LISTEN_BYTES = 8192
SILENCE_MS = {"HIGH": 1500, "MEDIUM": 1750, "LOW": 2000}
"""How long a pause ends a turn, by endpointing sensitivity (AWS's page on turn taking)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every session of this service is given."""

    open_mind: Callable[[frozenset[str]], Mind]
    """Begins a conversation that may call these tools."""
    open_endpointing: Callable[[int], Endpointing] | None
    """Begins to listen for turns that end after so many ms of silence; None where nobody hears."""
    open_resampler: Callable[[int], Callable[[bytes], bytes]]
    """Begins to bring PCM of this rate to 16 kHz."""
    new_id: Callable[[], str]
    deaf_during_tools: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompt:
    """What exists between promptStart and promptEnd."""

    events: OutputEvents
    mouth: Mouth
    mind: Mind
    rate_hz: int


class Session:
    """One session of one model, begun at `now_s` on the clock all its moments are told on."""

    def __init__(
        self,
        family: Family,
        surroundings: Surroundings,
        *,
        now_s: float,
        record: SessionRecord | None = None,
    ) -> None:
        """`record` is where the session writes down what it received."""
        self.failure: Failure | None = None
        """Why the service ended the session, if it did."""
        self.ended = False
        self._record = record or SessionRecord()
        self._deaf = False
        self._family = family
        self._surroundings = surroundings
        self._rules = SessionRules(family, deaf_during_tools=surroundings.deaf_during_tools)
        self._deadlines = Deadlines(now_s)
        self._silence_ms = SILENCE_MS["MEDIUM"]
        self._prompt: _Prompt | None = None
        self._endpointing: Endpointing | None = None
        self._resample: Callable[[bytes], bytes] | None = None
        # Audio that was received and not yet listened to.
        self._unheard = bytearray()
        self._customer_speaks = False
        self._transcriptions = 0
        # Open blocks of the past, of typed text and of tool results, by contentName.
        self._past: dict[str, tuple[str, list[str]]] = {}
        self._typed: dict[str, list[str]] = {}
        self._results: dict[str, ToolAnswered | ToolStart] = {}
        self._tool_names: dict[str, str] = {}
        self._completion_started = False
        self._out: list[OutputEvent] = []
        self._jobs: list[Job] = []

    # What comes from the client.

    def receive_payload(self, payload: bytes, *, now_s: float) -> None:
        """Take one event of the client; a refused one ends the session."""
        if self.ended:
            return
        try:
            self._take(self._rules.receive(payload), now_s)
        except RefusedError as refused:
            self.fail(refused.failure)
            raise

    def receive_eof(self) -> None:
        """Note that the client will send no more; not every client says goodbye before."""
        self._end()

    def fail(self, failure: Failure) -> None:
        """End the session with an exception."""
        if not self.ended:
            self.failure = failure
            self.ended = True

    def abandon(self) -> None:
        """End the session without another word."""
        self.ended = True

    def deafen(self) -> None:
        """Go on taking what comes, and answer none of it any more."""
        self._deaf = True

    def listen(self, *, now_s: float) -> bool:
        """Listen to the next piece of the audio received; return whether more of it waits.

        To be called until it returns False before the next event is taken. Listening costs time,
        and one chunk may hold half a minute of audio: other sessions get their turn in between.
        """
        piece = bytes(self._unheard[:LISTEN_BYTES])
        del self._unheard[:LISTEN_BYTES]
        if piece and self._endpointing is not None and not self.ended and not self._deaf:
            for found in self._endpointing.feed(piece):
                self._take_turn(found, now_s)
        return bool(self._unheard)

    # What goes to the client.

    def events_to_send(self, *, now_s: float) -> list[OutputEvent]:
        """Return what may go out by now, and forget it."""
        if not self.ended and (passed := self._deadlines.passed(now_s)):
            self.fail(passed)
        if self._prompt is not None and not self.ended:
            self._emit(self._prompt.mouth.due(now_s))
        events, self._out = self._out, []
        return events

    @property
    def next_at_s(self) -> float:
        """When `events_to_send` has something again, if nothing comes in before."""
        spoken_at_s = self._prompt.mouth.next_at_s if self._prompt else None
        deadline_s = self._deadlines.next_at_s
        return deadline_s if spoken_at_s is None else min(deadline_s, spoken_at_s)

    # What others do.

    def jobs_to_do(self) -> list[Job]:
        """Return the jobs that have come up, and forget them."""
        jobs, self._jobs = self._jobs, []
        return jobs

    @property
    def waiting_events(self) -> int:
        """How many events wait to go out."""
        return len(self._out)

    def job_done(self, job: Job, result: Any) -> None:
        """Take a job's result: text of Transcribe, a Reply of Hear and ToolAnswered, PCM of Speak."""
        match job:
            case Transcribe():
                self._transcriptions -= 1
                self._hold()
                seconds = len(job.pcm) / SAMPLE_BYTES / HEARING_RATE_HZ
                self._customer_said(result, heard_s=seconds)
            case Hear() | ToolAnswered():
                self._reply(result)
            case Speak():
                job.sentence.pcm = result
            case Remember() | Interrupted():
                pass
            case _:
                assert_never(job)

    # Inputs.

    def _take(self, event: InputEvent, now_s: float) -> None:
        match event:
            case SessionStart():
                self._silence_ms = SILENCE_MS.get(event.sensitivity or "", self._silence_ms)
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

    def _start_prompt(self, start: PromptStart) -> None:
        new_id = self._surroundings.new_id
        events = OutputEvents(
            session_id=new_id(),
            prompt_name=start.prompt_name,
            rate_hz=start.rate_hz,
            new_id=new_id,
        )
        self._record.voice = start.voice_id
        self._prompt = _Prompt(
            events=events,
            mouth=Mouth(events, rate_hz=start.rate_hz, asked=self._tool_asked),
            mind=self._surroundings.open_mind(frozenset(start.tools)),
            rate_hz=start.rate_hz,
        )

    def _open_block(self, start: TextStart | AudioStart | ToolStart) -> None:
        match start:
            case TextStart():
                # Text before the audio is the past; only text beside the audio is spoken to.
                if self._rules.audio_begun:
                    self._typed[start.content_name] = []
                elif start.role in ("USER", "ASSISTANT"):
                    self._past[start.content_name] = (start.role, [])
            case AudioStart():
                self._hand_over_past()
                self._open_microphone(start.rate_hz)
            case ToolStart():
                self._results[start.content_name] = start

    def _hand_over_past(self) -> None:
        if self._prompt is not None and self._record.history:
            turns = tuple(self._record.history)
            self._jobs.append(Remember(mind=self._prompt.mind, turns=turns))

    def _open_microphone(self, rate_hz: int) -> None:
        if self._surroundings.open_endpointing is not None:
            self._endpointing = self._surroundings.open_endpointing(self._silence_ms)
        if rate_hz != HEARING_RATE_HZ:
            self._resample = self._surroundings.open_resampler(rate_hz)

    def _fill_block(self, event: TextInput | AudioInput | ToolResult, now_s: float) -> None:
        match event:
            case TextInput():
                self._fill_text(event, now_s)
            case AudioInput():
                self._record.audio_bytes += len(event.pcm)
                if event.pcm:
                    self._deadlines.heard(now_s)
                    self._unheard += self._resample(event.pcm) if self._resample else event.pcm
            case ToolResult():
                self._take_result(event)

    def _fill_text(self, event: TextInput, now_s: float) -> None:
        if event.content_name in self._typed:
            self._typed[event.content_name].append(event.content)
            if self._family.answers_text:
                self._deadlines.heard(now_s)
        elif event.content_name in self._past:
            self._past[event.content_name][1].append(event.content)

    def _take_result(self, event: ToolResult) -> None:
        start = self._results[event.content_name]
        assert self._prompt is not None
        told = {"toolUseId": start.tool_use_id, "result": dict(event.result)}
        self._record.tool_results.append(told)
        self._results[event.content_name] = ToolAnswered(
            mind=self._prompt.mind,
            tool_use_id=start.tool_use_id,
            name=self._tool_names.pop(start.tool_use_id, ""),
            result=event.result,
        )

    def _close_block(self, content_name: str, now_s: float) -> None:
        if content_name in self._typed:
            self._customer_typed("".join(self._typed.pop(content_name)), now_s)
        elif content_name in self._past:
            role, texts = self._past.pop(content_name)
            self._record.history.append((role, "".join(texts)))
        elif content_name in self._results:
            self._tool_answered(self._results.pop(content_name))
        elif self._rules.audio_begun:
            # The microphone closed: nothing but silence can follow what was said last.
            self._unheard += bytes(2 * self._silence_ms * HEARING_RATE_HZ // 1000 * SAMPLE_BYTES)

    # The customer.

    def _take_turn(self, found: Found, now_s: float) -> None:
        match found:
            case SpeechStarted():
                self._customer_speaks = True
                self._barge_in(now_s)
            case SpeechEnded():
                self._customer_speaks = False
                self._transcriptions += 1
                self._jobs.append(Transcribe(pcm=found.pcm))
            case WordsEnded():
                self._customer_speaks = False
                seconds = found.samples / HEARING_RATE_HZ
                self._customer_said(" ".join(found.words), heard_s=seconds, coded=True)
            case WordHeard():
                self._record.words.append(found.word)
            case WordCut():
                self._record.cut += 1
        self._hold()

    def _customer_typed(self, text: str, now_s: float) -> None:
        self._record.texts.append(text)
        if self._family.answers_text and not self._deaf:
            self._barge_in(now_s)
            self._customer_said(text)

    def _customer_said(self, text: str, *, heard_s: float = 0.0, coded: bool = False) -> None:
        """Tell the client what was understood, and let the mind answer it."""
        if self._prompt is None or not text.strip():
            return
        spent = Tokens(speech_in=speech_tokens(heard_s), text_in=text_tokens(text))
        self._emit(self._prompt.events.text("USER", "FINAL", text, "PARTIAL_TURN"))
        self._emit([self._prompt.events.usage(spent)])
        self._jobs.append(Hear(mind=self._prompt.mind, text=text, coded=coded))

    def _barge_in(self, now_s: float) -> None:
        prompt = self._prompt
        if prompt is not None and prompt.mouth.is_audible(now_s):
            self._emit(prompt.mouth.interrupt(now_s))
            self._jobs.append(Interrupted(mind=prompt.mind))

    # The assistant.

    def _reply(self, reply: Reply) -> None:
        if self._prompt is None:
            return
        uses = [
            ToolUse(
                tool_use_id=self._surroundings.new_id(), name=call.name, arguments=call.arguments
            )
            for call in reply.tool_calls
        ]
        for sentence in self._prompt.mouth.say(reply.sentences, uses):
            self._jobs.append(Speak(sentence=sentence, rate_hz=self._prompt.rate_hz))

    def _tool_asked(self, use: ToolUse) -> None:
        self._rules.open_tool_use(use.tool_use_id)
        asked = {"toolUseId": use.tool_use_id, "name": use.name, "arguments": use.arguments}
        self._record.tool_uses.append(asked)
        self._tool_names[use.tool_use_id] = use.name
        self._hold()

    def _tool_answered(self, answered: ToolAnswered | ToolStart) -> None:
        assert isinstance(answered, ToolAnswered)
        if not self._deaf:
            self._jobs.append(answered)
        self._hold()

    def _hold(self) -> None:
        """Let the mouth begin nothing while the customer has the word, or the model waits."""
        if self._prompt is not None:
            waiting = self._family.waits_for_tools and bool(self._rules.open_tool_uses)
            self._prompt.mouth.held = self._customer_speaks or self._transcriptions > 0 or waiting

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
        self._emit(prompt.mouth.stop())
        if self._completion_started:
            self._emit([prompt.events.completion_end()])
        self._prompt = None
        self._unheard.clear()

    def _end(self) -> None:
        if not self.ended:
            self._end_prompt()
            self.ended = True
