"""Schedules the output events of replies: which event is sent when.

From the page "Output events" and public reports on event order (README.md). For each sentence: the
planned text, then its audio. When all audio of a reply has been sent, the final text of each sentence
follows at the moment it has been played to its end. An interrupted sentence has final text only for the
words played before. Tool uses are sent in their place between sentences.

One queue of items, at most one open block. `due_events(now)` returns what may be sent by now and
`next_at_s` returns when to call it again, so a whole reply can be tested without waiting. Audio is sent
in chunks, SPEED_UP times faster than real time.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nova_sonic_simulator.protocol.output_events import (
    AudioBlock,
    OutputEvent,
    OutputEvents,
    StopReason,
    TokenCounts,
    speech_tokens,
    text_tokens,
)
from nova_sonic_simulator.session.playback import Playback

CHUNK_SAMPLES = 1024
SAMPLE_BYTES = 2
SPEED_UP = 5


@dataclass(slots=True, kw_only=True, eq=False)
class Sentence:
    """A sentence from planning to playback."""

    text: str
    reply: int
    stop: StopReason
    may_interleave: bool = False
    """Whether it may be spoken while the model waits for a tool."""
    pcm: bytes | None = None
    starts_s: float = 0.0
    ends_s: float = 0.0
    dropped: bool = False

    def text_played_by(self, now_s: float, rate_hz: int) -> str:
        """Return the words played by now, assuming that all words have the same length."""
        words = self.text.split()
        share = (now_s - self.starts_s) / (self.seconds(rate_hz) or 1.0)
        return " ".join(words[: int(max(0.0, min(1.0, share)) * len(words))])

    def seconds(self, rate_hz: int) -> float:
        """Return the duration of the audio."""
        return len(self.pcm or b"") / SAMPLE_BYTES / rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A tool use; its arguments are any JSON."""

    tool_use_id: str
    name: str
    arguments: Any


class Playout:
    """Schedules the replies of one prompt; `on_tool_use` is called for each tool use that is sent."""

    def __init__(
        self, events: OutputEvents, *, rate_hz: int, on_tool_use: Callable[[ToolUse], None]
    ) -> None:
        self._events = events
        self._rate_hz = rate_hz
        self._on_tool_use = on_tool_use
        self._playback = Playback()
        self._queue: deque[Sentence | ToolUse] = deque()
        # Sent, without final text yet, in playing order.
        self._unfinished: deque[Sentence] = deque()
        self._block: AudioBlock | None = None
        self._sent_bytes = 0
        self._next_chunk_s = 0.0
        self._replies = 0
        self._delay_s = 0.0
        self._resumes_s = float("-inf")
        self.is_paused = False
        """While the customer speaks, nothing new is started."""
        self.is_waiting_for_tools = False
        """While the model waits for a tool, only sentences that may interleave are started."""

    def enqueue_reply(
        self,
        sentences: Sequence[str],
        tool_uses: Sequence[ToolUse],
        *,
        may_interleave: bool = False,
    ) -> list[Sentence]:
        """Queue a reply; return its sentences, whose audio has to be synthesized."""
        self._replies += 1
        spoken: list[Sentence] = []
        for text in sentences:
            last = len(spoken) + 1 == len(sentences) and not tool_uses
            stop: StopReason = "END_TURN" if last else "PARTIAL_TURN"
            spoken.append(
                Sentence(text=text, reply=self._replies, stop=stop, may_interleave=may_interleave)
            )
        self._queue += [*spoken, *tool_uses]
        return spoken

    def delay_next(self, seconds: float) -> None:
        """Start nothing new until so many seconds after the next call of `due_events`."""
        self._delay_s = seconds

    def is_audible(self, now_s: float) -> bool:
        """Return whether the assistant is audible, or about to be."""
        return self._block is not None or self._playback.is_playing(now_s)

    def due_events(self, now_s: float) -> list[OutputEvent]:
        """Return the events to send by now, at most one chunk of audio."""
        if self._delay_s:
            self._resumes_s, self._delay_s = now_s + self._delay_s, 0.0
        out = self._finals(now_s)
        if self._block is None:
            out += self._start_next(now_s)
        elif now_s >= self._next_chunk_s:
            out += self._send_chunk(self._block, now_s)
        return out

    @property
    def next_at_s(self) -> float | None:
        """Return when `due_events` has more; None while that depends on others."""
        if self._block is not None:
            return self._next_chunk_s
        moments = [self._unfinished[0].ends_s] if self._may_finalise else []
        startable = self._startable
        if startable is not None and _is_ready(startable):
            moments.append(max(self._next_chunk_s, self._resumes_s))
        return min(moments, default=None)

    def interrupt(self, now_s: float) -> list[OutputEvent]:
        """Stop because the customer speaks; tool uses in the queue remain."""
        started = [*self._unfinished, *self._being_sent]
        out = self.stop()
        for sentence in started:
            if played := sentence.text_played_by(now_s, self._rate_hz):
                out += self._events.text("ASSISTANT", "FINAL", played, "PARTIAL_TURN")
        return out + self._events.interrupted()

    def stop(self) -> list[OutputEvent]:
        """Close the open block and drop all queued sentences."""
        out = [] if self._block is None else [self._block.end("END_TURN")]
        self._block = None
        for item in self._queue:
            if isinstance(item, Sentence):
                item.dropped = True
        self._queue = deque(item for item in self._queue if isinstance(item, ToolUse))
        self._unfinished.clear()
        self._playback.stop()
        return out

    @property
    def _being_sent(self) -> list[Sentence]:
        first = self._queue[0] if self._block is not None else None
        return [first] if isinstance(first, Sentence) else []

    @property
    def _may_finalise(self) -> bool:
        """Return whether final texts may be sent: outside blocks and after the reply's audio."""
        if self._block is not None or not self._unfinished:
            return False
        following = self._queue[0] if self._queue else None
        return not (
            isinstance(following, Sentence) and following.reply == self._unfinished[0].reply
        )

    @property
    def _startable(self) -> Sentence | ToolUse | None:
        """Return the item that may be started next."""
        if self.is_paused or not self._queue:
            return None
        first = self._queue[0]
        if not self.is_waiting_for_tools or isinstance(first, ToolUse):
            return first
        sentences = (item for item in self._queue if isinstance(item, Sentence))
        return next((sentence for sentence in sentences if sentence.may_interleave), None)

    def _finals(self, now_s: float) -> list[OutputEvent]:
        out: list[OutputEvent] = []
        while self._may_finalise and self._unfinished[0].ends_s <= now_s:
            sentence = self._unfinished.popleft()
            out += self._events.text("ASSISTANT", "FINAL", sentence.text, sentence.stop)
        return out

    def _start_next(self, now_s: float) -> list[OutputEvent]:
        """Start the next sentence that has audio; send the tool uses before it."""
        out: list[OutputEvent] = []
        if now_s < self._resumes_s:
            return out
        while isinstance(tool_use := self._startable, ToolUse):
            self._queue.popleft()
            out += self._events.tool_use(tool_use.tool_use_id, tool_use.name, tool_use.arguments)
            self._on_tool_use(tool_use)
        sentence = tool_use
        if sentence is None or not _is_ready(sentence) or now_s < self._next_chunk_s:
            return out
        self._queue.remove(sentence)
        self._queue.appendleft(sentence)
        block = self._block = self._events.audio_block()
        self._sent_bytes = 0
        out += self._events.text("ASSISTANT", "SPECULATIVE", sentence.text, "PARTIAL_TURN")
        return [*out, block.start(), *self._send_chunk(block, now_s)]

    def _send_chunk(self, block: AudioBlock, now_s: float) -> list[OutputEvent]:
        """Send the next chunk of the open block, and its end after the last one."""
        sentence = self._queue[0]
        assert isinstance(sentence, Sentence)
        pcm = sentence.pcm or b""
        first = self._sent_bytes == 0
        chunk = pcm[self._sent_bytes : self._sent_bytes + CHUNK_SAMPLES * SAMPLE_BYTES]
        self._sent_bytes += len(chunk)
        seconds = len(chunk) / SAMPLE_BYTES / self._rate_hz
        starts_s, sentence.ends_s = self._playback.add(seconds, now_s=now_s)
        if first:
            sentence.starts_s = starts_s
        self._next_chunk_s = now_s + seconds / SPEED_UP
        out = [block.chunk(chunk)] if chunk else []
        if self._sent_bytes < len(pcm):
            return out
        return out + self._finish(block, sentence)

    def _finish(self, block: AudioBlock, sentence: Sentence) -> list[OutputEvent]:
        self._queue.popleft()
        self._unfinished.append(sentence)
        self._block = None
        used = TokenCounts(
            speech_out=speech_tokens(sentence.seconds(self._rate_hz)),
            text_out=text_tokens(sentence.text),
        )
        return [block.end(sentence.stop), self._events.usage(used)]


def _is_ready(item: Sentence | ToolUse) -> bool:
    return isinstance(item, ToolUse) or item.pcm is not None
