"""The outbound queue and a client that keeps the rules, whatever happens and in whatever order."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calls.audio.outbound_queue import (
    WINDOW,
    enqueue,
    outbound,
    played,
    resume,
    speech,
)
from voice.calls.audio.outbound import OutboundQueue
from voice.wire.messages import Flush, OutboundMessage, SpeechChunk, ToolStarted

pytestmark = pytest.mark.pure


@dataclass
class Peer:
    """A client that keeps the rules, on connections that lose frames."""

    link: OutboundQueue
    received: int = -1
    played_to: int = 0
    buffered: int = 0
    generation: int = 0
    events: list[str] = field(default_factory=list)
    audio: list[SpeechChunk] = field(default_factory=list)

    def receive(self, one: OutboundMessage) -> None:
        assert one.sequence is not None
        assert one.sequence > self.received, "a step back"
        self.received = one.sequence
        match one.message:
            case SpeechChunk():
                assert one.message.generation == self.link.generation, "stale audio"
                if one.message.position > self.buffered:
                    self.played_to = max(self.played_to, one.message.position)
                self.buffered = one.message.position + len(one.message.pcm) // 2
                self.audio.append(one.message)
            case Flush():
                self.generation = one.message.generation
                self.buffered = self.played_to
            case ToolStarted():
                self.events.append(one.message.tool_use_id)
            case _:
                pass

    def acknowledge(self) -> None:
        self.link.acknowledge(
            played(
                sequence=max(0, self.received), generation=self.generation, position=self.played_to
            )
        )

    def resume(self) -> None:
        self.link.resume(
            resume(wanted=self.received + 1, generation=self.generation, position=self.played_to)
        )


type Step = tuple[str, int]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.just(0)),
        st.tuples(st.just("audio"), st.integers(1, 60)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("next"), st.integers(1, 5)),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("play_audio"), st.integers(1, 120)),
        st.tuples(st.just("acknowledge"), st.just(0)),
    ),
    max_size=60,
)


class Scenario:
    """Plays steps on a queue, and checks its rules after each."""

    def __init__(self) -> None:
        self.link = outbound(bound=10_000)
        self.peer = Peer(self.link)
        self.position = self.flushed = 0
        self.put_events: list[str] = []

    def play(self, steps: Sequence[Step]) -> None:
        for name, amount in steps:
            getattr(self, name)(amount)
            assert self.link.waiting_samples >= 0

    def event(self, _: int) -> None:
        self.put_events.append(str(len(self.put_events)))
        self.link.enqueue(ToolStarted(tool_use_id=self.put_events[-1], name="look"))

    def audio(self, samples: int) -> None:
        enqueue(self.link, speech(self.position, samples))
        self.position += samples

    def flush(self, _: int) -> None:
        self.link.flush(generation=self.link.generation + 1)
        self.flushed = self.position

    def next(self, count: int) -> None:
        for _ in range(count):
            if (one := self.link.next()) is None:
                return
            if isinstance(one.message, SpeechChunk):
                ahead = one.message.position + len(one.message.pcm) // 2
                assert ahead - max(self.link.played_to, self.flushed) <= WINDOW
            self.peer.receive(one)

    def lose(self, count: int) -> None:
        """Hand out frames that never arrive; then the client comes back."""
        for _ in range(count):
            self.link.next()
        self.peer.resume()

    def play_audio(self, samples: int) -> None:
        self.peer.played_to = min(self.peer.buffered, self.peer.played_to + samples)

    def acknowledge(self, _: int) -> None:
        self.peer.acknowledge()

    def end(self) -> None:
        """Let the client take, hear and acknowledge all there is."""
        self.next(1_000)
        while self.link.waiting_samples or self.peer.played_to < self.peer.buffered:
            self.play_audio(1_000)
            self.acknowledge(0)
            self.next(1_000)
        self.acknowledge(0)


@given(STEPS)
def test_messages_arrive_once_and_newest_audio_whole_in_any_order(
    steps: list[Step],
) -> None:
    scenario = Scenario()
    scenario.play(steps)
    scenario.end()
    assert scenario.peer.events == scenario.put_events
    newest = [
        chunk for chunk in scenario.peer.audio if chunk.generation == scenario.link.generation
    ]
    at = scenario.flushed
    for chunk in newest:
        assert chunk.position == at, "a gap in the audio, or audio twice"
        at += len(chunk.pcm) // 2
    assert at == scenario.position
    assert scenario.link.is_played_out
    assert scenario.link.retained_samples == 0


@given(STEPS, STEPS)
def test_reloaded_client_gets_unplayed_audio_once_in_any_order(
    before: list[Step], after: list[Step]
) -> None:
    scenario = Scenario()
    scenario.play(before)
    scenario.acknowledge(0)
    played = max(scenario.link.played_to, scenario.flushed)
    scenario.peer = Peer(
        scenario.link, played_to=scenario.peer.played_to, buffered=scenario.peer.played_to
    )
    scenario.link.resume(resume(has_lost_state=True, position=scenario.peer.played_to))
    scenario.play(after)
    scenario.end()
    newest = [
        chunk for chunk in scenario.peer.audio if chunk.generation == scenario.link.generation
    ]
    positions = [chunk.position for chunk in newest]
    assert positions == sorted(set(positions))
    if newest:
        assert newest[0].position <= max(played, scenario.flushed)
        assert newest[-1].position + len(newest[-1].pcm) // 2 == scenario.position
