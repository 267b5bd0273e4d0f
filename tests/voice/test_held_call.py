"""A call as the switchboard holds it: whose it is, which line carries it, what its client says."""

import pytest

from tests.calls.conversation import a_call
from tests.calls.service import Service
from voice.calls.active_call import ActiveCall
from voice.wire import messages as m

pytestmark = pytest.mark.pure


class Line:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def superseded(self) -> None:
        self.told.append("superseded")

    def redirect(self) -> None:
        self.told.append("redirect")


def active_call() -> ActiveCall:
    return ActiveCall(call=a_call(Service()), address="192.0.2.1")


def words(text: str, sequence: int, *, resent: bool = False) -> m.InboundMessage:
    return m.InboundMessage(m.CustomerText(text=text), sequence, resent)


def said(call: ActiveCall) -> list[str]:
    return [utterance.text for utterance in call.call.dialogue.transcript.utterances()]


class TestLines:
    def test_one_carries_the_call_and_the_one_before_is_told(self) -> None:
        call, first, second = active_call(), Line(), Line()
        call.attach(first)
        call.attach(second)
        assert (first.told, second.told) == (["superseded"], [])
        assert not call.detach(first)
        assert call.connection is second
        assert call.detach(second)
        assert call.connection is None

    @pytest.mark.parametrize(
        ("token", "is_its"),
        [("call-1.secret", True), ("call-1.x", False), ("", False), ("ñ", False)],
    )
    def test_it_belongs_to_whoever_has_its_token(self, token: str, is_its: bool) -> None:
        assert active_call().is_of(token) is is_its


class TestTake:
    async def test_words_are_read_once_however_often_they_come(self) -> None:
        call = active_call()
        call.receive(words("Uno", 0))
        call.receive(words("Uno", 0, resent=True))
        call.receive(words("Dos", 1, resent=True))
        assert said(call) == ["Uno", "Dos"]

    async def test_a_step_back_is_refused_and_changes_nothing(self) -> None:
        call = active_call()
        call.receive(words("Uno", 3))
        with pytest.raises(m.WireError):
            call.receive(words("Dos", 3))
        assert said(call) == ["Uno"]

    async def test_audio_is_heard(self) -> None:
        call = active_call()
        call.receive(m.InboundMessage(m.CustomerAudio(pcm=bytes(640)), 0))
        assert call.call.dialogue.microphone_position == 320

    async def test_acknowledgements_count_nothing(self) -> None:
        call = active_call()
        call.receive(
            m.InboundMessage(m.ClientAcknowledgement(sequence=0, generation=0, position=0))
        )
        assert call.uplink.wanted == 0

    async def test_what_begins_a_call_begins_no_other_one(self) -> None:
        call = active_call()
        call.receive(m.InboundMessage(m.StartCall(), 0))
        assert (said(call), call.uplink.wanted) == ([], 1)


class TestResumed:
    async def test_it_says_where_both_sides_go_on(self) -> None:
        call = active_call()
        call.receive(words("Uno", 0))
        resume = m.ResumeCall(token="t", next_sequence=0, generation=0, position=500)
        resumed = call.resumed_message(resume)
        assert (resumed.next_sequence, resumed.generation, resumed.position) == (1, 0, 500)
        assert resumed.ready.resume_token == "call-1.secret"
        assert not resumed.is_restored

    async def test_the_client_need_not_keep_what_has_arrived_where_nothing_is_stored(self) -> None:
        call = active_call()
        assert call.acknowledgement() is None
        call.receive(words("Uno", 0))
        assert call.acknowledgement() == m.ServerAcknowledgement(sequence=0, position=0)
        assert call.acknowledgement() is None

    async def test_it_keeps_speech_until_the_service_has_confirmed_it(self) -> None:
        call = active_call()
        chunks = [bytes(6_000), bytes(10_000), b"\x00\x10" * 3_200]
        for number, chunk in enumerate(chunks):
            call.receive(m.InboundMessage(m.CustomerAudio(pcm=chunk), number))
        assert call.acknowledgement() == m.ServerAcknowledgement(sequence=0, position=8_000 + 3_200)
