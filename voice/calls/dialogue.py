"""What customer and assistant say to each other, whichever session carries it.

    customer ──hear, read──► microphone, words ──► session      question open, until answered
    customer ◄── replies, captions, tools ◄────── session

When the call moves to another session, that one is told the conversation so far; what it must hear
again is played again (speech that no session has confirmed), asked again (words nobody has
answered) or told again (results nobody has said). Each of the three happens once.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from voice import metrics, pcm
from voice.calls.downlink import Downlink
from voice.calls.history import Message, shaped
from voice.calls.inbound_audio import Chunk, InboundAudio
from voice.calls.latency import TurnTimer
from voice.calls.options import CallOptions, CallSettings
from voice.calls.replies import Replies
from voice.calls.session import Session
from voice.calls.tool_calls import ToolCall
from voice.calls.tool_executor import ToolExecutor
from voice.calls.transcript import Transcript, event_without_marker
from voice.calls.turn import InjectedTexts, OpenTurn, in_customers_words
from voice.calls.usage import TokenUsage
from voice.calls.voice_activity import VoiceActivityTracker
from voice.sonic import events as sonic
from voice.wire import messages as m

logger = logging.getLogger(__name__)

MAX_UNANSWERED_TEXTS = 8
SIGNS = (sonic.UserText, sonic.BargeIn, sonic.PlannedText, sonic.ToolUse)
"""What shows that a session hears."""


class Dialogue:
    """One conversation. Nothing here waits."""

    def __init__(
        self,
        options: CallOptions,
        settings: CallSettings,
        downlink: Downlink,
        *,
        transcript: Transcript,
    ) -> None:
        self.transcript = transcript
        self.downlink = downlink
        self.timer = TurnTimer()
        self.replies = Replies(downlink, transcript, self.timer)
        self.question = OpenTurn()
        self.speech = VoiceActivityTracker(
            options.input_rate_hz, shortest_pause_ms=settings.shortest_pause_ms
        )
        self.usage = TokenUsage()
        self.last_audio = 0.0
        self.last_word = 0.0
        """When one of both was last heard or read."""
        self.sounds_until = 0.0
        """Until when what was handed over sounds, for clients that do not tell."""
        self._options = options
        self._family = settings.family
        self.wall_clock: Callable[[], datetime] = settings.now
        self._directions = settings.directions(options.language)
        self._microphone = InboundAudio(options.input_rate_hz)
        self._echoes = InjectedTexts()
        self._session: Session | None = None
        self._signed_at = 0.0
        self.open_since = 0
        """The turn in which the question began that is open, or was the last one."""
        self._unanswered_texts = 0

    @property
    def no_sign_since(self) -> float | None:
        """Since when something waits for a sign of the session; None while nothing does.

        A session can't be deaf before it heard anything, nor when it has just shown that it hears.
        """
        waits = (self.speech.waits_since, self.question.no_sign_since)
        oldest = min((each for each in waits if each is not None), default=None)
        if oldest is None or self._session is None:
            return None
        return max(oldest, self._signed_at)

    @property
    def owes_answer(self) -> bool:
        """Whether an answer has not all come, or not all been handed to the client."""
        return self.question.is_open or self.downlink.waiting_samples > 0

    @property
    def microphone_position(self) -> int:
        """How many samples of the customer's audio have come, silence that was fed included."""
        return self._microphone.position

    def use_tool_executor(self, tool_executor: ToolExecutor) -> None:
        """Take the tool_executor on which tools are run."""
        self._tool_executor = tool_executor

    def count_drops(self) -> None:
        """Count the audio that was dropped since this was last done."""
        up_s = self._microphone.forget_dropped() / self._options.input_rate_hz
        down_s = self.downlink.forget_dropped() / pcm.OUTPUT_RATE_HZ
        metrics.AUDIO_DROPPED_SECONDS.labels("up").inc(up_s)
        metrics.AUDIO_DROPPED_SECONDS.labels("down").inc(down_s)

    def begin(self, *, now: float, owes_since: int | None = None) -> None:
        """Begin; what was asked in a turn, in a call that goes on, may still want an answer.

        Where the customer has not said a word, what they are owed is the greeting.
        """
        self.last_audio = self.last_word = now
        if owes_since is not None:
            self.open_since = owes_since
            direction = "" if self.transcript.has_customer_spoken else self._directions.greeting
            self.question.asked(at=now, direction=direction)

    def end(self) -> None:
        """Let go of the customer's audio: it may take long until Python collects what is over."""
        self._microphone.forget()

    # The customer

    def hear(self, chunk: bytes) -> None:
        """Take a chunk of the customer's microphone."""
        self.last_audio = _now()
        self._listen(chunk, self.last_audio)
        if self.speech.is_speaking:
            self.last_word = self.last_audio

    def feed_silence(self, duration_ms: float) -> None:
        """Play silence to the session: the service wants audio without a pause."""
        if self._session is not None:
            self._listen(pcm.silence(duration_ms, self._options.input_rate_hz), _now())

    def read(self, text: str) -> bool:
        """Take what the customer typed; return False where too many texts wait for an answer."""
        if self._unanswered_texts >= MAX_UNANSWERED_TEXTS:
            return False
        self.last_word = _now()
        words = in_customers_words(text)
        self._note_words(sonic.UserText(content_id="", text=words))
        if self._family.accepts_text:
            self._unanswered_texts += 1
            self._ask(words, arrived=self.last_word)
        return True

    def _ask(self, words: str, *, arrived: float) -> None:
        self._note_opening()
        self.question.asked(at=arrived, reply_coming=self.replies.is_coming)
        turn = self.transcript.turn
        self._say(
            words, sent=lambda: self.timer.words_sent(turn=turn, arrived=arrived, sent=_now())
        )

    def delivered(self, chunk: m.SpeechChunk) -> None:
        """Note that a chunk was handed to the client's socket."""
        now = _now()
        sounds_s = pcm.duration_ms(len(chunk.pcm), pcm.OUTPUT_RATE_HZ) / 1000
        self.sounds_until = max(now, self.sounds_until) + sounds_s
        latency = self.timer.audio_delivered(at=now, turn=chunk.turn, position=chunk.position)
        if latency is not None:
            metrics.observe_turn(latency)
            self.transcript.timed(chunk.turn, latency_ms=latency.first_audio_ms, heard_ms=None)

    def heard(self, word: m.PlaybackStarted) -> None:
        """Note that the customer hears a reply now."""
        if (reply := self.timer.heard(word)) is not None:
            metrics.TURN_SECONDS.labels("heard").observe(reply.heard_ms / 1000)
            self.transcript.timed(reply.turn, latency_ms=None, heard_ms=reply.heard_ms)

    # The sessions

    def move_to(self, session: Session) -> None:
        """Tell a session the conversation so far, and what it must hear, answer or say again."""
        self._session, self._signed_at = session, _now()
        self._lose_reply()
        for caption in self.transcript.moved():
            self.downlink.put(caption)
        self._echoes.forget()
        before, again = self._so_far()
        history = shaped(before, self._family.history)
        if (unconfirmed := self.speech.unconfirmed_since) is not None:
            self._microphone.rewind(unconfirmed)
            self.speech.moved(at=self._signed_at)
        session.listen(history, self._microphone, chunk_sent=self._chunk_sent)
        if again:
            self._say(" ".join(message.text for message in again))
        elif self.question.direction:
            self._direct(self.question.direction)
        elif self.question.is_open:
            self._tool_executor.tell_again(since=self.open_since)
        self._tool_executor.tell_results()
        if not self._family.accepts_text:
            self.question.drop()
        elif self.question.is_open:
            self.question.asked(at=self._signed_at, direction=self.question.direction)

    def lose_session(self) -> None:
        """Let the rest of a broken reply be unheard: the next session gives it anew."""
        self._session = None
        self._lose_reply()

    def _lose_reply(self) -> None:
        """Let the rest of a reply be unheard that has not all come; it is still owed."""
        if self.replies.is_coming:
            self.question.reopened()
        self.replies.lose(now=_now())

    def note(self, session: Session, event: sonic.OutputEvent, received: float) -> None:
        """Take what a session says; of one that is no longer current, only what it used."""
        if isinstance(event, sonic.UsageReport):
            self.usage.note(session, event)
        if session is not self._session:
            return
        if not (isinstance(event, sonic.UserText) and self._echoes.is_one(event.text)):
            self._note_words(event)
            self._react(session, event, received)
        self._pass_on(event)

    def _so_far(self) -> tuple[list[Message], list[Message]]:
        """Return what is history, and the customer's last words where they must be asked again.

        An answer that broke off is no history: it is given anew. Words that tools were run for are not
        asked again, since the results are told.
        """
        said = self.transcript.said()
        if self.question.direction or not self.question.is_open:
            return said, []
        end = _end_of_last_words(said)
        begin = _begin_of_last_words(said, end)
        if self._tool_executor.runs.since(self.open_since) or not self._family.accepts_text:
            return said[:end], []
        return said[:begin], said[begin:end]

    # What is said in the customer's place

    def greet(self) -> None:
        """Let the assistant speak first."""
        self._ask_for(self._directions.greeting)

    def ask_for_patience(self) -> None:
        """Let the assistant say that it takes a moment."""
        self._direct(self._directions.wait)

    def say_goodbye(self, reason: m.EndReason) -> None:
        """Let the assistant say goodbye."""
        directions = self._directions
        self._ask_for(directions.idle if reason is m.EndReason.IDLE else directions.limit)

    def tell(self, run: ToolCall) -> None:
        """Tell the current session a result that it did not ask for, if there is a session."""
        takes_it = self._session is not None and self._family.accepts_text
        if takes_it and run.answer is not None:
            run.is_told = True
            self._direct(self._directions.tool_result(run.name, run.answer.content))

    def result_came(self, *, at: float) -> None:
        """Note that a tool's result is there: the answer that needs it is due."""
        self.last_word = at
        self.timer.tool_finished(at=at)
        self.question.result_given(at=at, reply_coming=self.replies.is_coming)

    def _ask_for(self, direction: str) -> None:
        """Direct the assistant to something that is asked for again where it is not said."""
        if self._family.accepts_text:
            self._direct(direction)
            reply_coming = self.replies.is_coming
            self.question.asked(at=_now(), reply_coming=reply_coming, direction=direction)

    def _direct(self, direction: str) -> None:
        if self._family.accepts_text:
            self._say(direction)

    def _say(self, text: str, *, sent: Callable[[], None] | None = None) -> None:
        if self._session is not None:
            self._echoes.expect(text)
            self._session.say(text, sent=sent)

    # Events of the service

    def _react(self, session: Session, event: sonic.OutputEvent, received: float) -> None:
        if isinstance(event, SIGNS):
            self._signed_at = received
        match event:
            case sonic.AudioOutput():
                self.question.sign()
                self.replies.speak(event, received)
            case sonic.PlannedText():
                self.question.sign()
                self.replies.planned()
                self._unanswered_texts = 0
            case sonic.UserText():
                self._recognised(received)
            case sonic.BargeIn():
                self._interrupted(received)
            case sonic.ToolUse():
                self._note_opening()
                self.question.reopened()
                self.replies.pause()
                turn, since = self.transcript.turn, self.open_since
                self._tool_executor.asked(session, event, turn=turn, since=since)
            case sonic.ContentStarted() | sonic.ContentEnded():
                self._audio_block(event)
            case _:
                _log_if_unknown(session, event)

    def _recognised(self, received: float) -> None:
        ended_at = self.speech.confirmed(at=received)
        self.timer.words_recognised(turn=self.transcript.turn, at=received, ended_at=ended_at)
        self._note_opening()
        self.question.asked(at=received, reply_coming=self.replies.is_coming)
        self.last_word = received

    def _interrupted(self, received: float) -> None:
        before = self.replies.interruptions
        self.replies.interrupt(now=received)
        metrics.INTERRUPTIONS.inc(self.replies.interruptions - before)
        self.sounds_until = received
        self._reply_ended()

    def _audio_block(self, event: sonic.ContentStarted | sonic.ContentEnded) -> None:
        match event:
            case sonic.ContentStarted(kind=sonic.ContentKind.AUDIO):
                self.replies.begin(event)
            case sonic.ContentEnded(kind=sonic.ContentKind.AUDIO):
                self.replies.end_segment()
                if is_end_of_reply(event):
                    self._reply_ended()
                    self.replies.end_turn(is_answer=not self.question.is_open)
            case _:
                pass

    def _note_opening(self) -> None:
        if self.question.direction or not self.question.is_open:
            self.open_since = self.transcript.turn

    def _reply_ended(self) -> None:
        tool_runs = self._tool_executor.runs.running_since is not None
        self.question.reply_ended(tool_runs=tool_runs)
        if not self.question.is_open:
            self._tool_executor.runs.forget_earlier()
        if self.question.no_sign_since is not None and not tool_runs:
            self.open_since = self.transcript.turn  # what was asked before is answered

    def _note_words(self, event: sonic.OutputEvent) -> None:
        position, now = self.replies.position, self.wall_clock()
        caption = self.transcript.note(event, position=position, now=now)
        if caption is not None:
            self.downlink.put(caption)

    def _pass_on(self, event: sonic.OutputEvent) -> None:
        """Give the service's own event to clients of the earlier system; audio went as speech."""
        if not isinstance(event, sonic.AudioOutput):
            self.downlink.put(m.ServiceEvent(source=event_without_marker(event.source)))

    def _chunk_sent(self, chunk: Chunk) -> None:
        self.timer.chunk_sent(waited_s=_now() - chunk.arrived)

    def _listen(self, chunk: bytes, arrived: float) -> None:
        came = self._microphone.put(chunk, arrived=arrived)
        self.speech.hear(chunk, position=came.position, arrived=arrived)
        if self._session is not None:
            self._session.wake()


def _end_of_last_words(said: list[Message]) -> int:
    """Return how many messages there are up to the customer's last one."""
    end = len(said)
    while end and said[end - 1].role is not sonic.Role.USER:
        end -= 1
    return end


def _begin_of_last_words(said: list[Message], end: int) -> int:
    """Return where the customer's messages begin that end there."""
    begin = end
    while begin and said[begin - 1].role is sonic.Role.USER:
        begin -= 1
    return begin


def _log_if_unknown(session: Session, event: sonic.OutputEvent) -> None:
    if isinstance(event, sonic.Unknown):
        metrics.UNKNOWN_EVENTS.inc()
        if session.unknown_events[event.name] == 1:
            logger.warning("unknown event from the service", extra={"event_name": event.name})


def is_end_of_reply(event: sonic.OutputEvent) -> bool:
    """Whether the audio of a reply has all come."""
    match event:
        case sonic.ContentEnded(kind=sonic.ContentKind.AUDIO):
            return event.stop_reason == sonic.StopReason.END_TURN
        case _:
            return False


def _now() -> float:
    return asyncio.get_running_loop().time()
