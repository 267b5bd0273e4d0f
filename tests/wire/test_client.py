"""The other side of the binary wire: a client's frames over a whole call, and what it hears."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.wire import messages as m
from voice.wire.binary import HEADER, BinaryWire, Flag, FrameType
from voice.wire.client import ClientCall, PlaybackPosition, again, read

pytestmark = pytest.mark.pure

RATE_HZ = 1_000
WIRE = BinaryWire()


def call() -> ClientCall:
    return ClientCall(output_rate_hz=RATE_HZ)


def frame(message: m.ServerMessage, sequence: int = 0, *, resent: bool = False) -> bytes:
    """Return what the server sends."""
    (data,) = WIRE.encode(m.Numbered(message, sequence, resent), time_ms=0)
    assert isinstance(data, bytes)
    return data


def speech(position: int, samples: int, *, generation: int = 0) -> m.SpeechChunk:
    return m.SpeechChunk(generation=generation, position=position, pcm=bytes(2 * samples))


def ready() -> m.CallReady:
    return m.CallReady(
        call_id="c",
        input_rate_hz=16_000,
        output_rate_hz=24_000,
        voice="carlos",
        language="es",
        resume_token="c.secret",
        resume_for_s=30,
        window_ms=3_000,
    )


def resumed(*, wanted: int) -> m.CallResumed:
    return m.CallResumed(ready=ready(), wanted=wanted, generation=7, position=0)


def sent(client: ClientCall) -> list[bytes]:
    """Return all that may be sent now."""
    return list(iter(client.next, None))


def heard(data: bytes) -> m.Heard:
    """Return what the server understands of a frame."""
    (word,) = WIRE.decode(data)
    return word


class TestFrames:
    def test_all_that_counts_is_numbered_from_0(self) -> None:
        client = call()
        client.event(type="start")
        client.audio(bytes(20))
        client.event(type="text", text="Hola")
        assert [heard(data) for data in sent(client)][1:] == [
            m.Heard(m.CustomerAudio(pcm=bytes(20)), 1),
            m.Heard(m.CustomerText(text="Hola"), 2),
        ]

    def test_audio_knows_its_place(self) -> None:
        client = call()
        for _ in range(3):
            client.audio(bytes(20))
        assert [HEADER.unpack_from(data)[4] for data in sent(client)] == [0, 10, 20]

    def test_what_is_outside_the_count_moves_nothing(self) -> None:
        client = call()
        assert heard(client.frames.ping(b"1")).word == m.Ping(payload=b"1")
        client.acknowledgement(0.0)
        assert client.frames.sequence == 0

    def test_an_acknowledgement_says_how_far_it_has_come(self) -> None:
        client = call()
        client.receive(frame(speech(0, 500), 4), now=0.0)
        assert heard(client.acknowledgement(0.2)).word == m.Played(
            sequence=4, generation=0, position=200
        )


class TestReceive:
    def test_a_frame_that_was_here_before_is_none(self) -> None:
        client = call()
        assert client.receive(frame(speech(0, 100), 3), now=0.0) is not None
        assert client.receive(frame(speech(0, 100), 3, resent=True), now=0.0) is None
        assert client.receive(frame(speech(0, 100), 2), now=0.0) is None
        assert client.received == 3

    def test_ready_brings_the_token(self) -> None:
        client = call()
        got = client.receive(frame(ready()), now=0.0)
        assert got is not None
        assert got.event["callId"] == "c"
        assert client.token == "c.secret"

    def test_a_flush_begins_a_new_generation_and_drops_what_was_not_played(self) -> None:
        client = call()
        client.receive(frame(speech(0, 500), 0), now=0.0)
        client.receive(frame(m.Flush(generation=1), 1), now=0.2)
        assert (client.generation, client.playhead.at(5.0)) == (1, 200)

    def test_stale_audio_is_not_played(self) -> None:
        client = call()
        client.receive(frame(m.Flush(generation=1), 0), now=0.0)
        client.receive(frame(speech(0, 500), 1), now=0.0)
        assert client.playhead.at(5.0) == 0
        client.receive(frame(speech(500, 100, generation=1), 2), now=0.0)
        assert client.playhead.at(5.0) == 600

    def test_pongs_and_events_are_handed_on(self) -> None:
        client = call()
        pong = client.receive(frame(m.Pong(payload=b"1")), now=0.0)
        ended = client.receive(frame(m.CallEnded(reason=m.EndReason.CLIENT), 0), now=0.0)
        assert pong is not None
        assert (pong.kind, pong.payload) == (FrameType.PONG, b"1")
        assert ended is not None
        assert ended.event == {"type": "ended", "reason": "client"}


class TestComingBack:
    def test_it_says_what_it_lacks_and_how_far_it_has_heard(self) -> None:
        client = call()
        client.receive(frame(ready(), 0), now=0.0)
        client.receive(frame(speech(0, 500), 1), now=0.0)
        assert heard(client.resume(0.3)).word == m.ResumeCall(
            token="c.secret", wanted=2, generation=0, position=300
        )

    def test_all_is_kept_until_the_server_has_it(self) -> None:
        client = call()
        client.event(type="start")
        client.audio(bytes(4))
        client.event(type="end")
        first = sent(client)
        assert client.missing(0) == [again(each) for each in first]
        assert client.missing(2) == [again(first[2])]
        client.receive(frame(m.Received(sequence=1, position=2)), now=0.0)
        assert client.missing(0) == [again(first[2])]

    def test_nothing_is_sent_while_no_connection_carries_the_call(self) -> None:
        client = call()
        client.event(type="start")
        first = sent(client)
        client.lost()
        client.audio(bytes(4))
        assert sent(client) == []
        client.resume(0.0)
        client.audio(bytes(6))
        assert sent(client) == []
        client.receive(frame(resumed(wanted=1)), now=0.0)
        client.event(type="end")
        assert [(heard(d).sequence, heard(d).resent) for d in sent(client)] == [
            (1, True), (2, True), (3, False),
        ]  # fmt: skip
        assert heard(first[0]).sequence == 0

    def test_what_the_server_lacks_goes_before_what_is_new(self) -> None:
        client = call()
        client.event(type="start")
        client.audio(bytes(4))
        sent(client)
        client.resume(0.0)
        client.receive(frame(resumed(wanted=0)), now=0.0)
        client.event(type="end")
        assert [heard(d).sequence for d in sent(client)] == [0, 1, 2]

    def test_a_page_that_was_loaded_anew_counts_on_from_where_the_server_is(self) -> None:
        before = call()
        before.receive(frame(ready(), 0), now=0.0)
        before.receive(frame(speech(0, 500), 1), now=0.0)
        before.event(type="start")
        client = before.forgetful(0.3)
        assert heard(client.resume(0.4)).word == m.ResumeCall(
            token="c.secret", wanted=0, generation=0, position=300, forgot=True
        )
        client.receive(frame(resumed(wanted=7)), now=0.5)
        client.event(type="end")
        assert [heard(d).sequence for d in sent(client)] == [7]

    def test_a_frame_sent_again_says_so_and_is_otherwise_the_same(self) -> None:
        client = call()
        client.audio(bytes(range(20)))
        (data,) = sent(client)
        once, twice = read(data), read(again(data))
        assert twice.flags == once.flags | Flag.RESENT
        assert (twice.sequence, twice.position, twice.payload) == (
            once.sequence, once.position, once.payload,
        )  # fmt: skip

    def test_the_servers_answer_brings_the_generation(self) -> None:
        client = call()
        got = client.receive(frame(resumed(wanted=3)), now=0.0)
        assert got is not None
        assert (got.sequence, got.event["type"], client.generation) == (3, "resumed", 7)

    def test_a_flush_that_comes_again_does_not_take_it_back(self) -> None:
        client = call()
        resumed = m.CallResumed(ready=ready(), wanted=3, generation=2, position=0)
        client.receive(frame(resumed), now=0.0)
        client.receive(frame(m.Flush(generation=1), 0, resent=True), now=0.0)
        client.receive(frame(m.Flush(generation=2), 1, resent=True), now=0.0)
        client.receive(frame(speech(0, 100, generation=2), 2), now=0.0)
        assert client.playhead.at(1.0) == 100

    def test_what_it_sends_it_can_be_read_again(self) -> None:
        client = call()
        client.event(type="text", text="¡Hola!")
        (data,) = sent(client)
        event = read(data)
        assert event.event == {"type": "text", "text": "¡Hola!"}
        assert json.loads(event.payload)["text"] == "¡Hola!"


class TestPlayhead:
    def test_it_plays_at_its_rate_and_stops_at_the_end(self) -> None:
        head = PlaybackPosition(RATE_HZ)
        head.add(position=0, samples=500, now=10.0)
        assert [head.at(now) for now in (10.0, 10.25, 10.5, 99.0)] == [0, 250, 500, 500]
        assert head.sounds_until == 10.5

    def test_what_comes_in_time_is_played_without_a_gap(self) -> None:
        head = PlaybackPosition(RATE_HZ)
        head.add(position=0, samples=500, now=0.0)
        head.add(position=500, samples=500, now=0.1)
        assert [head.at(now) for now in (0.4, 0.6, 1.0)] == [400, 600, 1_000]

    def test_what_comes_late_begins_when_it_comes(self) -> None:
        head = PlaybackPosition(RATE_HZ)
        head.add(position=0, samples=500, now=0.0)
        head.add(position=500, samples=500, now=2.0)
        assert [head.at(now) for now in (2.0, 2.25)] == [500, 750]

    def test_what_the_server_dropped_in_between_counts_as_heard_when_its_turn_comes(self) -> None:
        head = PlaybackPosition(RATE_HZ)
        head.add(position=0, samples=500, now=0.0)
        head.add(position=5_000, samples=500, now=0.0)
        assert [head.at(now) for now in (0.25, 0.5, 0.75, 1.0)] == [250, 5_000, 5_250, 5_500]

    def test_what_is_dropped_is_never_heard(self) -> None:
        head = PlaybackPosition(RATE_HZ)
        head.add(position=0, samples=500, now=0.0)
        head.drop(0.2)
        assert [head.at(now) for now in (0.2, 9.0)] == [200, 200]
        assert head.sounds_until == 0.2
        head.add(position=500, samples=100, now=0.3)
        assert [head.at(now) for now in (0.3, 0.35)] == [500, 550]

    def test_dropping_after_the_end_moves_nothing(self) -> None:
        head = PlaybackPosition(RATE_HZ)
        head.add(position=0, samples=500, now=0.0)
        head.drop(3.0)
        assert (head.at(3.0), head.sounds_until) == (500, 0.5)

    def test_at_first_it_stands_at_the_beginning(self) -> None:
        assert PlaybackPosition(RATE_HZ).at(123.0) == 0

    @given(
        st.lists(
            st.tuples(st.sampled_from(["add", "skip", "drop", "wait"]), st.integers(0, 500)),
            max_size=40,
        )
    )
    def test_it_only_goes_forward_and_never_past_what_it_was_given(
        self, acts: Sequence[tuple[str, int]]
    ) -> None:
        head, now, position, given_to, before = PlaybackPosition(RATE_HZ), 0.0, 0, 0, 0
        for act, amount in acts:
            if act == "add":
                head.add(position=position, samples=amount, now=now)
                position = given_to = position + amount
            elif act == "skip":
                position += amount
            elif act == "drop":
                head.drop(now)
            else:
                now += amount / RATE_HZ
            assert before <= head.at(now) <= given_to
            before = head.at(now)
