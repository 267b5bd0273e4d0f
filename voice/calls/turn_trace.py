"""One trace for each turn of a call: from the customer's last words to the end of the reply.

    turn ┬─ model                 from the last words to the reply's first audio
         ├─ tool consultarOrder ─── DynamoDB GetItem
         └─ gateway               from the first audio to its sending

`model` and `gateway` are recorded when the first audio is sent, because only then is known where the time
went; their sum, with the tools, is the latency that is also measured as FirstAudio.
"""

import time
from contextlib import AbstractContextManager
from typing import Any

from common import tracing
from voice.wire.messages import TurnLatency


class TurnTrace:
    """The trace of a call's current turn."""

    def __init__(self, tracer: Any, call_id: str) -> None:
        self._tracer = tracer
        self._call_id = call_id
        self._turn = 0
        self._span: Any = None
        self._is_sent = self._is_complete = False
        """What has happened to the turn's reply."""

    def turn_reached(self, turn: int) -> None:
        """Begin the trace of a turn, unless it has begun."""
        if turn <= self._turn:
            return
        self.end()
        self._turn, self._is_sent, self._is_complete = turn, False, False
        attributes = {"call.id": self._call_id, "call.turn": turn}
        self._span = self._tracer.start_span(
            "turn", context=tracing.root_context(), attributes=attributes
        )

    def reply_sent(self, latency: TurnLatency) -> None:
        """Record where the time went until the first audio of the reply was sent."""
        if self._span is None:
            return
        now = time.time_ns()
        sent_after = int(latency.server_ms * 1e6)
        first_audio_at = now - sent_after
        began = now - int(latency.first_audio_ms * 1e6)
        self._record("model", began, first_audio_at)
        self._record("gateway", first_audio_at, now)
        for name in ("first_audio_ms", "model_ms", "tool_ms", "server_ms", "hearing_ms"):
            if (milliseconds := getattr(latency, name)) is not None:
                self._span.set_attribute(f"latency.{name}", milliseconds)
        self._is_sent = True
        if self._is_complete:
            self.end()

    def reply_completed(self) -> None:
        """Record that all of the reply was received; the turn ends when its first audio was sent."""
        self._is_complete = True
        if self._is_sent:
            self.end()

    def tool_call(self, name: str) -> AbstractContextManager[None]:
        """Return the span of a tool call; requests to DynamoDB within it are its children."""
        return tracing.span(f"tool {name}", parent=self._span)

    def end(self) -> None:
        """End the trace of the current turn."""
        if self._span is not None:
            self._span.end()
            self._span = None

    def _record(self, name: str, began: int, ended: int) -> None:
        child = self._tracer.start_span(
            name, context=tracing.under(self._span), start_time=min(began, ended)
        )
        child.end(end_time=ended)


def trace_of_call(call_id: str) -> TurnTrace | None:
    """Return the traces of a call's turns; None if there are no traces."""
    tracer = tracing.tracer()
    return None if tracer is None else TurnTrace(tracer, call_id)
