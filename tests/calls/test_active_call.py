"""A call in the registry: its token, its connections, and the frames of its client."""

from datetime import UTC, datetime

import pytest

from tests.calls.harness import make_call
from tests.calls.sonic_service import SonicService
from voice.calls.active_call import ActiveCall
from voice.calls.uplink import Uplink
from voice.wire import messages as m

pytestmark = pytest.mark.pure


class FakeConnection:
    """Lists what it is asked to do."""

    def __init__(self) -> None:
        self.orders: list[str] = []

    def superseded(self) -> None:
        self.orders.append("superseded")

    def redirect(self) -> None:
        self.orders.append("redirect")


def active_call() -> ActiveCall:
    return ActiveCall(call=make_call(SonicService()), address="192.0.2.1", uplink=Uplink())


def text(content: str, sequence: int, *, is_resent: bool = False) -> m.InboundMessage:
    return m.InboundMessage(m.CustomerText(text=content), sequence, is_resent)


def said(active: ActiveCall) -> list[str]:
    return [utterance.text for utterance in active.call.state.transcript.utterances()]


class TestConnections:
    async def test_connection_replaces_the_one_before(self) -> None:
        active, first, second = active_call(), FakeConnection(), FakeConnection()
        active.attach(first)
        active.attach(second)
        assert (first.orders, second.orders) == (["superseded"], [])
        assert not active.detach(first)
        assert active.connection is second
        assert active.detach(second)
        assert active.connection is None

    async def test_snapshot_says_when_the_customer_left_until_they_return(self) -> None:
        active, left_at = active_call(), datetime(2099, 11, 23, tzinfo=UTC)
        active.attach(FakeConnection())
        assert active.snapshot().left_at is None
        active.record_left_at(left_at)
        assert active.snapshot().left_at == left_at
        active.attach(FakeConnection())
        assert active.snapshot().left_at is None

    @pytest.mark.parametrize(
        ("token", "is_its"),
        [("call-1.secret", True), ("call-1.x", False), ("", False), ("ñ", False)],
    )
    async def test_call_belongs_to_whoever_has_its_token(self, token: str, is_its: bool) -> None:
        assert active_call().is_of(token) is is_its


class TestReceive:
    async def test_text_sent_again_is_received_once(self) -> None:
        active = active_call()
        active.receive(text("Uno", 0))
        active.receive(text("Uno", 0, is_resent=True))
        active.receive(text("Dos", 1, is_resent=True))
        assert said(active) == ["Uno", "Dos"]

    async def test_frame_that_steps_back_is_refused_and_changes_nothing(self) -> None:
        active = active_call()
        active.receive(text("Uno", 3))
        with pytest.raises(m.WireError):
            active.receive(text("Dos", 3))
        assert said(active) == ["Uno"]

    async def test_audio_is_received(self) -> None:
        active = active_call()
        active.receive(m.InboundMessage(m.CustomerAudio(pcm=bytes(640)), 0))
        assert active.call.inbound.position == 320

    async def test_acknowledgement_has_no_number(self) -> None:
        active = active_call()
        played = m.ClientAcknowledgement(sequence=0, generation=0, position=0)
        active.receive(m.InboundMessage(played))
        assert active.uplink.next_sequence == 0

    async def test_start_of_a_call_within_a_call_is_ignored(self) -> None:
        active = active_call()
        active.receive(m.InboundMessage(m.StartCall(), 0))
        assert (said(active), active.uplink.next_sequence) == ([], 1)


class TestAnswers:
    async def test_resumed_message_says_where_both_sides_continue(self) -> None:
        active = active_call()
        active.receive(text("Uno", 0))
        resume = m.ResumeCall(token="t", next_sequence=0, generation=0, position=500)
        resumed = active.resumed_message(resume)
        assert (resumed.next_sequence, resumed.generation, resumed.position) == (1, 0, 500)
        assert resumed.ready.resume_token == "call-1.secret"
        assert not resumed.is_restored

    async def test_received_frames_are_acknowledged_if_nothing_is_stored(self) -> None:
        active = active_call()
        assert active.acknowledgement() is None
        active.receive(text("Uno", 0))
        assert active.acknowledgement() == m.ServerAcknowledgement(sequence=0, position=0)
        assert active.acknowledgement() is None

    async def test_speech_is_acknowledged_once_it_is_transcribed(self) -> None:
        active = active_call()
        chunks = [bytes(6_000), bytes(10_000), b"\x00\x10" * 3_200]
        for number, chunk in enumerate(chunks):
            active.receive(m.InboundMessage(m.CustomerAudio(pcm=chunk), number))
        acknowledged = active.acknowledgement()
        assert acknowledged == m.ServerAcknowledgement(sequence=0, position=8_000 + 3_200)


class TestSnapshot:
    async def test_snapshot_has_what_another_server_needs(self) -> None:
        active = active_call()
        active.receive(text("Uno", 0))
        active.receive(m.InboundMessage(m.CustomerAudio(pcm=b"\x00\x10" * 3_200), 1))
        snapshot = active.snapshot()
        assert snapshot.received_to == 2
        assert snapshot.state == {
            "wanted": 1,  # the speech, which is not transcribed
            "words": 2,
            "sent": 0,
            "owes": 1,
            "directed": 0,
            "greets": 0,
            "openSince": 1,
            "livedS": 0,
            "inputRateHz": 16_000,
        }
        assert snapshot.is_answer_due
