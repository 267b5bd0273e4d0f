"""The client side of the binary wire: numbering, playback, acknowledgement and resume."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.wire import messages as m
from voice.wire.binary import HEADER, BinaryWire, Flag, FrameType
from voice.wire.client import (
    ClientCall,
    PlaybackModel,
    mark_resent,
    parse_frame,
)

pytestmark = pytest.mark.pure

RATE_HZ = 1_000
HALF = bytes(50)
"""Audio of half the size that a client of `stores_little` stores."""
WIRE = BinaryWire()


def call() -> ClientCall:
    return ClientCall(output_rate_hz=RATE_HZ)


@pytest.fixture
def stores_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice.wire.client.MAX_STORED_AUDIO_BYTES", 2 * len(HALF))


def frame(message: m.ServerMessage, sequence: int = 0, *, is_resent: bool = False) -> bytes:
    """Return the frame in which the server sends a message."""
    (data,) = WIRE.encode(m.OutboundMessage(message, sequence, is_resent), time_ms=0)
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


def resumed(*, next_sequence: int) -> m.CallResumed:
    return m.CallResumed(ready=ready(), next_sequence=next_sequence, generation=7, position=0)


def sent(client: ClientCall) -> list[bytes]:
    """Return all frames that may be sent now."""
    return list(iter(client.next_frame, None))


def decoded(data: bytes) -> m.InboundMessage:
    """Return the message that the server decodes from a frame."""
    (message,) = WIRE.decode(data)
    return message


class TestFrames:
    def test_event_and_audio_frames_are_numbered_from_zero(self) -> None:
        client = call()
        client.queue_event(type="start")
        client.queue_audio(bytes(20))
        client.queue_event(type="text", text="Hola")
        assert [decoded(data) for data in sent(client)][1:] == [
            m.InboundMessage(m.CustomerAudio(pcm=bytes(20)), 1),
            m.InboundMessage(m.CustomerText(text="Hola"), 2),
        ]

    def test_audio_frame_has_the_position_of_its_first_sample(self) -> None:
        client = call()
        for _ in range(3):
            client.queue_audio(bytes(20))
        assert [HEADER.unpack_from(data)[4] for data in sent(client)] == [0, 10, 20]

    def test_ping_and_acknowledgement_have_no_number(self) -> None:
        client = call()
        assert decoded(client.frames.ping(b"1")).message == m.Ping(payload=b"1")
        client.acknowledgement(0.0)
        assert client.frames.sequence == 0

    def test_acknowledgement_has_last_sequence_and_playback_position(self) -> None:
        client = call()
        client.receive(frame(speech(0, 500), 4), now=0.0)
        assert decoded(client.acknowledgement(0.2)).message == m.ClientAcknowledgement(
            sequence=4, generation=0, position=200
        )


class TestReceive:
    def test_frame_received_before_is_dropped(self) -> None:
        client = call()
        assert client.receive(frame(speech(0, 100), 3), now=0.0) is not None
        assert client.receive(frame(speech(0, 100), 3, is_resent=True), now=0.0) is None
        assert client.receive(frame(speech(0, 100), 2), now=0.0) is None
        assert client.last_sequence == 3

    def test_ready_event_sets_the_token(self) -> None:
        client = call()
        got = client.receive(frame(ready()), now=0.0)
        assert got is not None
        assert got.event["callId"] == "c"
        assert client.token == "c.secret"

    def test_flush_starts_a_generation_and_discards_unplayed_audio(self) -> None:
        client = call()
        client.receive(frame(speech(0, 500), 0), now=0.0)
        client.receive(frame(m.Flush(generation=1), 1), now=0.2)
        assert (client.generation, client.playback.position_at(5.0)) == (1, 200)

    def test_audio_of_an_old_generation_is_not_played(self) -> None:
        client = call()
        client.receive(frame(m.Flush(generation=1), 0), now=0.0)
        client.receive(frame(speech(0, 500), 1), now=0.0)
        assert client.playback.position_at(5.0) == 0
        client.receive(frame(speech(500, 100, generation=1), 2), now=0.0)
        assert client.playback.position_at(5.0) == 600

    def test_pongs_and_events_are_returned(self) -> None:
        client = call()
        pong = client.receive(frame(m.Pong(payload=b"1")), now=0.0)
        ended = client.receive(frame(m.CallEnded(reason=m.EndReason.CLIENT), 0), now=0.0)
        assert pong is not None
        assert (pong.kind, pong.payload) == (FrameType.PONG, b"1")
        assert ended is not None
        assert ended.event == {"type": "ended", "reason": "client"}


class TestResume:
    def test_resume_has_next_sequence_and_playback_position(self) -> None:
        client = call()
        client.receive(frame(ready(), 0), now=0.0)
        client.receive(frame(speech(0, 500), 1), now=0.0)
        assert decoded(client.resume_frame(0.3)).message == m.ResumeCall(
            token="c.secret", next_sequence=2, generation=0, position=300
        )

    def test_frames_are_stored_until_acknowledged(self) -> None:
        client = call()
        client.queue_event(type="start")
        client.queue_audio(bytes(4))
        client.queue_event(type="end")
        first = sent(client)
        assert client.unacknowledged_frames(0) == [mark_resent(each) for each in first]
        assert client.unacknowledged_frames(2) == [mark_resent(first[2])]
        client.receive(frame(m.ServerAcknowledgement(sequence=1, position=2)), now=0.0)
        assert client.unacknowledged_frames(0) == [mark_resent(first[2])]

    @pytest.mark.usefixtures("stores_little")
    def test_stored_audio_is_bounded_and_events_stay(self) -> None:
        client = call()
        client.queue_event(type="start")
        for _ in range(3):
            client.queue_audio(HALF)
        client.queue_event(type="end")
        stored = [decoded(each).sequence for each in client.unacknowledged_frames(0)]
        assert stored == [0, 2, 3, 4]
        assert [decoded(each).sequence for each in sent(client)] == [0, 2, 3, 4]

    @pytest.mark.usefixtures("stores_little")
    def test_stored_audio_within_the_bound_is_complete(self) -> None:
        client = call()
        for _ in range(2):
            client.queue_audio(HALF)
        assert len(client.unacknowledged_frames(0)) == 2

    @pytest.mark.usefixtures("stores_little")
    def test_acknowledged_audio_leaves_the_store(self) -> None:
        client = call()
        for _ in range(2):
            client.queue_audio(HALF)
        client.receive(frame(m.ServerAcknowledgement(sequence=0, position=2)), now=0.0)
        client.queue_audio(HALF)
        stored = [decoded(each).sequence for each in client.unacknowledged_frames(0)]
        assert stored == [1, 2]

    @pytest.mark.usefixtures("stores_little")
    def test_audio_beyond_the_bound_is_not_resent(self) -> None:
        client = call()
        client.queue_event(type="start")
        sent(client)
        client.connection_lost()
        for _ in range(3):
            client.queue_audio(HALF)
        client.receive(frame(resumed(next_sequence=1)), now=0.0)
        assert [decoded(each).sequence for each in sent(client)] == [2, 3]

    def test_no_frame_is_sent_between_loss_and_resume(self) -> None:
        client = call()
        client.queue_event(type="start")
        first = sent(client)
        client.connection_lost()
        client.queue_audio(bytes(4))
        assert sent(client) == []
        client.resume_frame(0.0)
        client.queue_audio(bytes(6))
        assert sent(client) == []
        client.receive(frame(resumed(next_sequence=1)), now=0.0)
        client.queue_event(type="end")
        assert [(decoded(d).sequence, decoded(d).is_resent) for d in sent(client)] == [
            (1, True), (2, True), (3, False),
        ]  # fmt: skip
        assert decoded(first[0]).sequence == 0

    def test_resent_frames_go_before_new_ones(self) -> None:
        client = call()
        client.queue_event(type="start")
        client.queue_audio(bytes(4))
        sent(client)
        client.resume_frame(0.0)
        client.receive(frame(resumed(next_sequence=0)), now=0.0)
        client.queue_event(type="end")
        assert [decoded(d).sequence for d in sent(client)] == [0, 1, 2]

    def test_reloaded_page_continues_with_the_number_of_the_server(self) -> None:
        before = call()
        before.receive(frame(ready(), 0), now=0.0)
        before.receive(frame(speech(0, 500), 1), now=0.0)
        before.queue_event(type="start")
        client = before.after_page_reload(0.3)
        assert decoded(client.resume_frame(0.4)).message == m.ResumeCall(
            token="c.secret", next_sequence=0, generation=0, position=300, has_lost_state=True
        )
        client.receive(frame(resumed(next_sequence=7)), now=0.5)
        client.queue_event(type="end")
        assert [decoded(d).sequence for d in sent(client)] == [7]

    def test_event_that_refuses_a_resume_has_no_number(self) -> None:
        client = call()
        client.receive(frame(ready(), 0), now=0.0)
        client.connection_lost()
        waiting = m.CallWaiting(message="Esperá.", resume_after_ms=5000)
        got = client.receive(frame(waiting), now=0.0)
        assert got is not None
        assert got.event["type"] == "waiting"
        assert decoded(client.resume_frame(0.0)).message == m.ResumeCall(
            token="c.secret", next_sequence=1, generation=0, position=0
        )
        assert sent(client) == []

    def test_resent_frame_differs_only_in_its_flag(self) -> None:
        client = call()
        client.queue_audio(bytes(range(20)))
        (data,) = sent(client)
        once, twice = parse_frame(data), parse_frame(mark_resent(data))
        assert twice.flags == once.flags | Flag.RESENT
        assert (twice.sequence, twice.position, twice.payload) == (
            once.sequence, once.position, once.payload,
        )  # fmt: skip

    def test_resume_answer_sets_the_generation(self) -> None:
        client = call()
        got = client.receive(frame(resumed(next_sequence=3)), now=0.0)
        assert got is not None
        assert (got.sequence, got.event["type"], client.generation) == (3, "resumed", 7)

    def test_resent_flush_does_not_lower_the_generation(self) -> None:
        client = call()
        resumed = m.CallResumed(ready=ready(), next_sequence=3, generation=2, position=0)
        client.receive(frame(resumed), now=0.0)
        client.receive(frame(m.Flush(generation=1), 0, is_resent=True), now=0.0)
        client.receive(frame(m.Flush(generation=2), 1, is_resent=True), now=0.0)
        client.receive(frame(speech(0, 100, generation=2), 2), now=0.0)
        assert client.playback.position_at(1.0) == 100

    def test_sent_event_can_be_parsed(self) -> None:
        client = call()
        client.queue_event(type="text", text="¡Hola!")
        (data,) = sent(client)
        event = parse_frame(data)
        assert event.event == {"type": "text", "text": "¡Hola!"}
        assert json.loads(event.payload)["text"] == "¡Hola!"


class TestPlaybackModel:
    def test_position_advances_at_the_sample_rate_and_stops_at_the_end(self) -> None:
        playback = PlaybackModel(RATE_HZ)
        playback.add(position=0, samples=500, now=10.0)
        assert [playback.position_at(now) for now in (10.0, 10.25, 10.5, 99.0)] == [
            0,
            250,
            500,
            500,
        ]
        assert playback.ends_at == 10.5

    def test_chunk_in_time_is_played_without_a_gap(self) -> None:
        playback = PlaybackModel(RATE_HZ)
        playback.add(position=0, samples=500, now=0.0)
        playback.add(position=500, samples=500, now=0.1)
        assert [playback.position_at(now) for now in (0.4, 0.6, 1.0)] == [400, 600, 1_000]

    def test_late_chunk_is_played_on_arrival(self) -> None:
        playback = PlaybackModel(RATE_HZ)
        playback.add(position=0, samples=500, now=0.0)
        playback.add(position=500, samples=500, now=2.0)
        assert [playback.position_at(now) for now in (2.0, 2.25)] == [500, 750]

    def test_position_jumps_over_audio_that_the_server_discarded(self) -> None:
        playback = PlaybackModel(RATE_HZ)
        playback.add(position=0, samples=500, now=0.0)
        playback.add(position=5_000, samples=500, now=0.0)
        assert [playback.position_at(now) for now in (0.25, 0.5, 0.75, 1.0)] == [
            250,
            5_000,
            5_250,
            5_500,
        ]

    def test_flushed_audio_is_not_played(self) -> None:
        playback = PlaybackModel(RATE_HZ)
        playback.add(position=0, samples=500, now=0.0)
        playback.flush(0.2)
        assert [playback.position_at(now) for now in (0.2, 9.0)] == [200, 200]
        assert playback.ends_at == 0.2
        playback.add(position=500, samples=100, now=0.3)
        assert [playback.position_at(now) for now in (0.3, 0.35)] == [500, 550]

    def test_flush_after_the_end_changes_nothing(self) -> None:
        playback = PlaybackModel(RATE_HZ)
        playback.add(position=0, samples=500, now=0.0)
        playback.flush(3.0)
        assert (playback.position_at(3.0), playback.ends_at) == (500, 0.5)

    def test_position_is_zero_before_any_audio(self) -> None:
        assert PlaybackModel(RATE_HZ).position_at(123.0) == 0

    @given(
        st.lists(
            st.tuples(st.sampled_from(["add", "skip", "drop", "wait"]), st.integers(0, 500)),
            max_size=40,
        )
    )
    def test_position_never_goes_back_or_beyond_the_received_audio(
        self, actions: Sequence[tuple[str, int]]
    ) -> None:
        playback, now, position, received_to, before = PlaybackModel(RATE_HZ), 0.0, 0, 0, 0
        for action, amount in actions:
            if action == "add":
                playback.add(position=position, samples=amount, now=now)
                position = received_to = position + amount
            elif action == "skip":
                position += amount
            elif action == "drop":
                playback.flush(now)
            else:
                now += amount / RATE_HZ
            assert before <= playback.position_at(now) <= received_to
            before = playback.position_at(now)

    def test_position_before_the_first_chunk_is_its_start(self) -> None:
        playback = PlaybackModel(RATE_HZ)
        playback.add(position=700, samples=500, now=10.0)
        assert playback.position_at(5.0) == 700
