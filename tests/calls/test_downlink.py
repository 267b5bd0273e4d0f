"""What is on its way to the client: order, window, bound, numbers, and what comes again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.downlink import MAX_KEPT_EVENTS, Downlink
from voice.wire.messages import (
    CallEnded,
    ClientAcknowledgement,
    EndReason,
    Flush,
    OutboundMessage,
    ResumeCall,
    ServerMessage,
    ServiceEvent,
    SpeechChunk,
    ToolStarted,
)

pytestmark = pytest.mark.pure

WINDOW = 100
ENDED = CallEnded(reason=EndReason.CLIENT)


def downlink(*, window: int | None = WINDOW, bound: int = 1_000) -> Downlink:
    return Downlink(window_samples=window, max_samples=bound)


def speech(position: int, samples: int, *, generation: int = 0, last: bool = False) -> SpeechChunk:
    return SpeechChunk(
        generation=generation, position=position, pcm=bytes(2 * samples), is_last=last, turn=1
    )


def event(number: int) -> ToolStarted:
    return ToolStarted(tool_use_id=str(number), name="look")


def put(link: Downlink, *messages: ServerMessage) -> None:
    for message in messages:
        link.put(message)


def sent(link: Downlink) -> list[ServerMessage]:
    """Take all that may be sent now."""
    return [one.message for one in taken(link)]


def taken(link: Downlink) -> list[OutboundMessage]:
    found = []
    while (one := link.next()) is not None:
        found.append(one)
    return found


def numbers(ones: Iterable[OutboundMessage]) -> list[int | None]:
    return [one.sequence for one in ones]


def played(*, sequence: int = 0, generation: int = 0, position: int = 0) -> ClientAcknowledgement:
    return ClientAcknowledgement(sequence=sequence, generation=generation, position=position)


def back(
    *, wanted: int = 0, generation: int = 0, position: int = 0, forgot: bool = False
) -> ResumeCall:
    return ResumeCall(
        token="t",
        next_sequence=wanted,
        generation=generation,
        position=position,
        has_lost_state=forgot,
    )


class TestOrder:
    def test_messages_leave_as_they_came(self) -> None:
        link = downlink()
        messages: list[ServerMessage] = [
            event(1), speech(0, 10), event(2), speech(10, 10), ENDED,
        ]  # fmt: skip
        put(link, *messages)
        assert sent(link) == messages
        assert link.next() is None

    def test_nothing_leaves_where_nothing_waits(self) -> None:
        assert downlink().next() is None

    def test_events_of_the_service_are_for_clients_that_do_not_count(self) -> None:
        source = ServiceEvent(source={"usageEvent": {}})
        counting, earlier = downlink(), downlink(window=None)
        for link in (counting, earlier):
            put(link, source)
        assert (sent(counting), sent(earlier)) == ([], [source])


class TestWindow:
    def test_audio_fills_it_and_no_more(self) -> None:
        link = downlink()
        put(link, speech(0, 60), speech(60, 40), speech(100, 1))
        assert sent(link) == [speech(0, 60), speech(60, 40)]
        link.acknowledge(played(position=1))
        assert sent(link) == [speech(100, 1)]

    def test_a_chunk_that_would_pass_its_edge_waits_whole(self) -> None:
        link = downlink()
        put(link, speech(0, 60), speech(60, 41))
        assert sent(link) == [speech(0, 60)]
        link.acknowledge(played(position=1))
        assert sent(link) == [speech(60, 41)]

    def test_a_chunk_larger_than_it_goes_alone(self) -> None:
        link = downlink()
        put(link, speech(0, 10), speech(10, WINDOW + 1))
        assert sent(link) == [speech(0, 10)]
        link.acknowledge(played(position=9))
        assert sent(link) == []
        link.acknowledge(played(position=10))
        assert sent(link) == [speech(10, WINDOW + 1)]

    def test_control_passes_waiting_audio_and_the_end_does_not(self) -> None:
        link = downlink()
        put(link, speech(0, 100), speech(100, 50), event(1), ENDED)
        assert sent(link) == [speech(0, 100), event(1)]
        link.acknowledge(played(position=50))
        assert sent(link) == [speech(100, 50), ENDED]

    def test_audio_never_passes_audio(self) -> None:
        link = downlink()
        put(link, speech(0, 90), speech(90, 50), speech(140, 5, last=True))
        assert sent(link) == [speech(0, 90)]

    def test_a_client_that_acknowledges_nothing_gets_the_first_window(self) -> None:
        link = downlink()
        put(link, *(speech(at, 10) for at in range(0, 500, 10)), event(1))
        assert sent(link) == [*(speech(at, 10) for at in range(0, 100, 10)), event(1)]
        assert not link.is_heard_out

    def test_what_was_never_sent_can_not_have_been_heard(self) -> None:
        link = downlink()
        put(link, speech(0, 100), speech(100, 100))
        sent(link)
        link.acknowledge(played(position=2**31))
        assert link.heard == 100

    def test_hearing_goes_forward_only(self) -> None:
        link = downlink()
        put(link, speech(0, 100))
        sent(link)
        link.acknowledge(played(position=80))
        link.acknowledge(played(position=20))
        assert link.heard == 80

    def test_there_is_none_for_a_client_that_does_not_count(self) -> None:
        link = downlink(window=None)
        put(link, *(speech(at, 100) for at in range(0, 900, 100)), ENDED)
        ones = taken(link)
        assert len(ones) == 10
        assert set(numbers(ones)) == {None}
        assert (link.counts, link.kept_samples, link.is_heard_out) == (False, 0, True)


class TestHeardOut:
    def test_when_the_customer_has_heard_the_last_sample(self) -> None:
        link = downlink()
        said = [link.is_heard_out]
        put(link, speech(0, 10))
        said.append(link.is_heard_out)
        sent(link)
        for position in (9, 10):
            link.acknowledge(played(position=position))
            said.append(link.is_heard_out)
        assert said == [True, False, False, True]


class TestFlush:
    def test_all_audio_is_dropped_before_its_notice_and_nothing_else(self) -> None:
        link = downlink()
        put(link, speech(0, 90), event(1), speech(90, 50), event(2), speech(140, 0, last=True))
        assert sent(link) == [speech(0, 90), event(1), event(2)]
        put(link, event(3))
        assert link.flush(generation=1, position=140) == 50
        put(link, speech(140, 5, generation=1))
        assert sent(link) == [event(3), Flush(generation=1), speech(140, 5, generation=1)]
        assert link.generation == 1

    def test_it_settles_what_was_sent(self) -> None:
        link = downlink()
        put(link, speech(0, 100))
        sent(link)
        link.flush(generation=1, position=100)
        assert link.is_heard_out
        assert link.kept_samples == 0
        put(link, speech(100, 100, generation=1), speech(200, 1, generation=1))
        assert sent(link)[1:] == [speech(100, 100, generation=1)]

    def test_dropped_audio_gives_no_more_room_than_a_window(self) -> None:
        link = downlink()
        put(link, *(speech(at, 100) for at in range(0, 900, 100)))
        sent(link)
        link.flush(generation=1, position=900)
        put(link, *(speech(at, 100, generation=1) for at in (900, 1000)))
        assert sent(link)[1:] == [speech(900, 100, generation=1)]

    def test_no_stale_audio_comes_again_over_another_connection(self) -> None:
        link = downlink()
        put(link, speech(0, 50), event(1), speech(50, 50))
        sent(link)
        link.flush(generation=1, position=100)
        put(link, speech(100, 10, generation=1))
        link.resume(back(wanted=0))
        again = taken(link)
        assert [one.message for one in again] == [
            event(1),
            Flush(generation=1),
            speech(100, 10, generation=1),
        ]

    def test_a_flush_that_was_sent_is_kept_like_any_event(self) -> None:
        link = downlink()
        link.flush(generation=1, position=0)
        assert numbers(taken(link)) == [0]
        link.resume(back(wanted=0))
        assert taken(link) == [OutboundMessage(Flush(generation=1), 0, is_resent=True)]


class TestDrop:
    def test_waiting_audio_goes_and_nothing_else(self) -> None:
        link = downlink()
        put(link, speech(0, 100), speech(100, 50), event(1), ENDED)
        assert sent(link) == [speech(0, 100), event(1)]
        assert link.drop_audio() == 50
        assert (link.waiting_samples, link.kept_samples) == (0, 100)
        assert sent(link) == [ENDED]


class TestBound:
    def test_audio_fills_it_and_what_comes_on_top_is_dropped_and_counted(self) -> None:
        link = downlink(window=10, bound=30)
        put(
            link,
            speech(0, 15),
            speech(15, 15),
            speech(30, 1),
            event(1),
            speech(31, 0, last=True),
        )
        assert link.waiting_samples == 30
        assert link.dropped_samples == 1
        link.acknowledge(played())
        assert sent(link) == [speech(0, 15), event(1)]

    def test_what_is_sent_makes_room(self) -> None:
        link = downlink(bound=30)
        put(link, speech(0, 30))
        sent(link)
        put(link, speech(30, 30))
        assert link.dropped_samples == 0

    def test_events_wait_for_their_arrival_up_to_a_number(self) -> None:
        link = downlink()
        put(link, *(event(number) for number in range(MAX_KEPT_EVENTS)))
        sent(link)
        link.resume(back(wanted=0))
        assert len(sent(link)) == MAX_KEPT_EVENTS
        put(link, event(-1))
        sent(link)
        link.resume(back(wanted=0))
        again = taken(link)
        assert numbers(again) == list(range(1, MAX_KEPT_EVENTS + 1))

    def test_events_behind_audio_nobody_acknowledges_are_bounded_too(self) -> None:
        link = downlink()
        put(link, speech(0, WINDOW))
        put(link, *(event(number) for number in range(MAX_KEPT_EVENTS + 3)))
        sent(link)
        link.resume(back(wanted=0))
        assert numbers(taken(link)) == [0, *range(4, MAX_KEPT_EVENTS + 4)]


class TestNumbers:
    def test_all_that_counts_is_numbered_from_0_as_it_leaves(self) -> None:
        link = downlink(window=10)
        put(link, speech(0, 10), speech(10, 10), event(1))
        assert [(one.message, one.sequence) for one in taken(link)] == [
            (speech(0, 10), 0),
            (event(1), 1),
        ]
        link.acknowledge(played(sequence=1, position=10))
        assert numbers(taken(link)) == [2]

    def test_a_call_from_another_server_goes_on_where_its_client_is(self) -> None:
        link = downlink()
        link.go_on(back(wanted=7, generation=3, position=500), position=700)
        put(link, event(1), speech(700, WINDOW, generation=3), speech(800, 1, generation=3))
        assert numbers(taken(link)) == [7, 8]
        assert (link.heard, link.generation) == (500, 3)
        assert not link.is_heard_out
        link.acknowledge(played(sequence=8, position=701))
        assert numbers(taken(link)) == [9]


class TestArrival:
    def test_events_are_kept_until_received(self) -> None:
        link = downlink()
        put(link, event(0), event(1), event(2))
        sent(link)
        link.acknowledge(played(sequence=1))
        link.resume(back(wanted=0))
        assert numbers(taken(link)) == [2]

    def test_audio_is_kept_until_heard(self) -> None:
        link = downlink()
        put(link, speech(0, 10), speech(10, 10))
        sent(link)
        link.acknowledge(played(sequence=1, position=9))
        assert link.kept_samples == 20
        link.acknowledge(played(sequence=1, position=10))
        assert link.kept_samples == 10

    def test_audio_that_was_heard_before_it_was_received_is_nonsense_and_kept(self) -> None:
        link = downlink()
        put(link, speech(0, 10), speech(10, 10))
        sent(link)
        link.acknowledge(played(sequence=0, position=20))
        assert link.kept_samples == 10


class TestResume:
    def test_what_the_client_lacks_comes_again_with_its_numbers_before_all_else(self) -> None:
        link = downlink()
        put(link, event(0), speech(0, 50), event(2), speech(50, 50))
        sent(link)
        put(link, event(4))
        link.resume(back(wanted=1))
        again = taken(link)
        assert numbers(again) == [1, 2, 3, 4]
        assert [one.is_resent for one in again] == [True, True, True, False]

    def test_what_it_has_stays_kept_until_it_says_so(self) -> None:
        link = downlink()
        put(link, event(0), speech(0, 50))
        sent(link)
        link.resume(back(wanted=2, position=10))
        assert taken(link) == []
        assert link.kept_samples == 50
        link.resume(back(wanted=0, position=10))
        assert numbers(taken(link)) == [0, 1]

    def test_its_position_is_an_acknowledgement(self) -> None:
        link = downlink()
        put(link, speech(0, WINDOW), speech(WINDOW, 10))
        sent(link)
        link.resume(back(wanted=1, position=10))
        assert numbers(taken(link)) == [1]
        assert link.heard == 10

    def test_several_in_a_row(self) -> None:
        link = downlink()
        put(link, *(event(number) for number in range(4)))
        sent(link)
        link.resume(back(wanted=1))
        assert link.next() == OutboundMessage(event(1), 1, is_resent=True)
        link.resume(back(wanted=1))
        assert link.next() == OutboundMessage(event(1), 1, is_resent=True)
        link.resume(back(wanted=2))
        assert numbers(taken(link)) == [2, 3]

    def test_one_that_remembers_nothing_gets_the_audio_it_has_not_heard_and_no_event(self) -> None:
        link = downlink()
        put(link, event(0), speech(0, 40), speech(40, 40), event(3))
        sent(link)
        link.acknowledge(played(sequence=3, position=20))
        link.resume(back(forgot=True, position=40))
        assert taken(link) == [OutboundMessage(speech(40, 40), 2, is_resent=True)]
        link.resume(back(forgot=True, position=0))
        assert numbers(taken(link)) == [2]

    def test_one_that_remembers_nothing_can_not_unhear(self) -> None:
        link = downlink()
        put(link, speech(0, 40))
        sent(link)
        link.acknowledge(played(position=30))
        link.resume(back(forgot=True))
        assert link.heard == 30
        assert numbers(taken(link)) == [0]

    def test_the_audio_that_comes_again_counts_as_waiting(self) -> None:
        link = downlink()
        put(link, speech(0, 40), speech(40, 40))
        sent(link)
        link.resume(back(wanted=1))
        assert link.waiting_samples == 40
        sent(link)
        assert link.waiting_samples == 0


# A whole life of a link


@dataclass
class Peer:
    """A client as the rules make it, on lines that lose what is under way."""

    link: Downlink
    received: int = -1
    heard: int = 0
    buffered: int = 0
    generation: int = 0
    events: list[str] = field(default_factory=list)
    audio: list[SpeechChunk] = field(default_factory=list)

    def take(self, one: OutboundMessage) -> None:
        assert one.sequence is not None
        assert one.sequence > self.received, "a step back"
        self.received = one.sequence
        match one.message:
            case SpeechChunk():
                assert one.message.generation == self.link.generation, "stale audio"
                if one.message.position > self.buffered:
                    self.heard = max(self.heard, one.message.position)
                self.buffered = one.message.position + len(one.message.pcm) // 2
                self.audio.append(one.message)
            case Flush():
                self.generation = one.message.generation
                self.buffered = self.heard
            case ToolStarted():
                self.events.append(one.message.tool_use_id)
            case _:
                pass

    def acknowledge(self) -> None:
        self.link.acknowledge(
            played(sequence=max(0, self.received), generation=self.generation, position=self.heard)
        )

    def come_back(self) -> None:
        self.link.resume(
            back(wanted=self.received + 1, generation=self.generation, position=self.heard)
        )


type Act = tuple[str, int]

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.just(0)),
        st.tuples(st.just("audio"), st.integers(1, 60)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("next"), st.integers(1, 5)),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("hear"), st.integers(1, 120)),
        st.tuples(st.just("acknowledge"), st.just(0)),
    ),
    max_size=60,
)


class Life:
    """Plays acts on a link, and checks its laws at each."""

    def __init__(self) -> None:
        self.link = downlink(bound=10_000)
        self.peer = Peer(self.link)
        self.position = self.flushed = 0
        self.put_events: list[str] = []

    def play(self, acts: Sequence[Act]) -> None:
        for name, amount in acts:
            getattr(self, name)(amount)
            assert self.link.waiting_samples >= 0

    def event(self, _: int) -> None:
        self.put_events.append(str(len(self.put_events)))
        self.link.put(ToolStarted(tool_use_id=self.put_events[-1], name="look"))

    def audio(self, samples: int) -> None:
        self.link.put(speech(self.position, samples, generation=self.link.generation))
        self.position += samples

    def flush(self, _: int) -> None:
        self.link.flush(generation=self.link.generation + 1, position=self.position)
        self.flushed = self.position

    def next(self, count: int) -> None:
        for _ in range(count):
            if (one := self.link.next()) is None:
                return
            if isinstance(one.message, SpeechChunk):
                ahead = one.message.position + len(one.message.pcm) // 2
                assert ahead - max(self.link.heard, self.flushed) <= WINDOW
            self.peer.take(one)

    def lose(self, count: int) -> None:
        """Hand out frames that never arrive; then the client comes back."""
        for _ in range(count):
            self.link.next()
        self.peer.come_back()

    def hear(self, samples: int) -> None:
        self.peer.heard = min(self.peer.buffered, self.peer.heard + samples)

    def acknowledge(self, _: int) -> None:
        self.peer.acknowledge()

    def end(self) -> None:
        """Let the client take, hear and acknowledge all there is."""
        self.next(1_000)
        while self.link.waiting_samples or self.peer.heard < self.peer.buffered:
            self.hear(1_000)
            self.acknowledge(0)
            self.next(1_000)
        self.acknowledge(0)


@given(ACTS)
def test_whatever_happens_every_event_arrives_once_and_the_newest_audio_whole(
    acts: list[Act],
) -> None:
    life = Life()
    life.play(acts)
    life.end()
    assert life.peer.events == life.put_events
    newest = [chunk for chunk in life.peer.audio if chunk.generation == life.link.generation]
    at = life.flushed
    for chunk in newest:
        assert chunk.position == at, "a gap in the audio, or audio twice"
        at += len(chunk.pcm) // 2
    assert at == life.position
    assert life.link.is_heard_out
    assert life.link.kept_samples == 0


@given(ACTS, ACTS)
def test_one_that_forgets_hears_what_it_has_not_heard_once(
    before: list[Act], after: list[Act]
) -> None:
    life = Life()
    life.play(before)
    life.acknowledge(0)
    heard = max(life.link.heard, life.flushed)
    life.peer = Peer(life.link, heard=life.peer.heard, buffered=life.peer.heard)
    life.link.resume(back(forgot=True, position=life.peer.heard))
    life.play(after)
    life.end()
    newest = [chunk for chunk in life.peer.audio if chunk.generation == life.link.generation]
    positions = [chunk.position for chunk in newest]
    assert positions == sorted(set(positions))
    if newest:
        assert newest[0].position <= max(heard, life.flushed)
        assert newest[-1].position + len(newest[-1].pcm) // 2 == life.position
