"""A client's frames: which are new, and which of them it need not keep any longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.uplink import MAX_UNSAFE, Uplink
from voice.wire.messages import (
    ClientMessage,
    CustomerText,
    EndCall,
    InboundMessage,
    PlaybackStarted,
    ServerAcknowledgement,
    StartCall,
    WireError,
)

pytestmark = pytest.mark.pure

TEXT = CustomerText(text="Hola")


def text(sequence: int, *, resent: bool = False) -> InboundMessage:
    return InboundMessage(TEXT, sequence, resent)


class TestAccept:
    def test_frames_in_order_are_new(self) -> None:
        uplink = Uplink()
        assert [uplink.accept(text(number)) for number in range(3)] == [True] * 3
        assert uplink.next_sequence == 3

    def test_frame_after_a_gap_is_new(self) -> None:
        uplink = Uplink()
        assert uplink.accept(text(5))
        assert uplink.next_sequence == 6

    def test_frame_sent_again_is_not_new(self) -> None:
        uplink = Uplink()
        uplink.accept(text(0))
        assert not uplink.accept(text(0, resent=True))
        assert uplink.next_sequence == 1

    def test_lost_frame_sent_again_is_new(self) -> None:
        uplink = Uplink()
        uplink.accept(text(0))
        assert uplink.accept(text(1, resent=True))

    def test_frame_that_steps_back_is_an_error_and_changes_nothing(self) -> None:
        uplink = Uplink()
        uplink.accept(text(3))
        with pytest.raises(WireError) as refused:
            uplink.accept(text(3))
        assert (refused.value.code, refused.value.close_code) == ("out_of_order", 1008)
        assert uplink.next_sequence == 4

    def test_frame_without_number_is_new(self) -> None:
        uplink = Uplink()
        assert uplink.accept(InboundMessage(TEXT))
        assert uplink.next_sequence == 0

    def test_number_after_the_last_one_is_zero(self) -> None:
        uplink = Uplink(next_sequence=2**32 - 1)
        assert uplink.accept(text(2**32 - 1))
        assert uplink.accept(text(0))
        with pytest.raises(WireError):
            uplink.accept(text(2**32 - 1))

    def test_stored_text_sent_again_is_not_new_but_audio_is(self) -> None:
        uplink = Uplink(next_sequence=3, next_text=6)
        assert uplink.next_text == 6
        news = [
            uplink.accept_audio(3, position=0, samples=2, is_resent=True),
            uplink.accept(text(4, resent=True)),
            uplink.accept_audio(5, position=2, samples=2, is_resent=True),
            uplink.accept(text(6, resent=True)),
        ]
        assert news == [True, False, True, True]
        assert (uplink.next_sequence, uplink.next_text) == (7, 7)


class TestSafe:
    def test_text_is_acknowledged_once_stored(self) -> None:
        uplink = Uplink()
        for number in range(3):
            uplink.accept(text(number))
        assert uplink.acknowledgement(stored_to=0, audio_from=None) is None
        assert uplink.acknowledgement(stored_to=2, audio_from=None) == ServerAcknowledgement(
            sequence=1, position=0
        )
        assert uplink.acknowledgement(stored_to=3, audio_from=None) == ServerAcknowledgement(
            sequence=2, position=0
        )

    def test_audio_is_acknowledged_once_transcribed(self) -> None:
        uplink = Uplink()
        for number in range(3):
            uplink.accept_audio(number, position=10 * number, samples=10, is_resent=False)
        assert uplink.acknowledgement(stored_to=0, audio_from=9) is None
        assert uplink.acknowledgement(stored_to=0, audio_from=10) == ServerAcknowledgement(
            sequence=0, position=30
        )
        assert uplink.acknowledgement(stored_to=0, audio_from=29) == ServerAcknowledgement(
            sequence=1, position=30
        )
        assert uplink.acknowledgement(stored_to=0, audio_from=None) == ServerAcknowledgement(
            sequence=2, position=30
        )

    def test_frame_behind_an_unsafe_one_is_not_acknowledged(self) -> None:
        uplink = Uplink()
        uplink.accept(text(0))
        uplink.accept_audio(1, position=0, samples=10, is_resent=False)
        assert uplink.acknowledgement(stored_to=0, audio_from=None) is None
        assert uplink.acknowledgement(stored_to=1, audio_from=None) == ServerAcknowledgement(
            sequence=1, position=10
        )

    def test_acknowledgement_is_returned_once(self) -> None:
        uplink = Uplink()
        uplink.accept_audio(0, position=0, samples=10, is_resent=False)
        assert uplink.acknowledgement(stored_to=0, audio_from=None) is not None
        assert uplink.acknowledgement(stored_to=0, audio_from=None) is None

    def test_nothing_received_is_not_acknowledged(self) -> None:
        assert Uplink().acknowledgement(stored_to=0, audio_from=None) is None

    def test_unsafe_frames_are_bounded(self) -> None:
        uplink = Uplink()
        for number in range(MAX_UNSAFE):
            uplink.accept(text(number))
        assert uplink.acknowledgement(stored_to=0, audio_from=None) is None
        uplink.accept(text(MAX_UNSAFE))
        assert uplink.unsafe_frames == MAX_UNSAFE
        assert uplink.acknowledgement(stored_to=0, audio_from=None) == ServerAcknowledgement(
            sequence=0, position=0
        )

    def test_restored_uplink_acknowledges_what_is_stored(self) -> None:
        uplink = Uplink(next_sequence=9)
        assert uplink.acknowledgement(stored_to=9, audio_from=None) == ServerAcknowledgement(
            sequence=8, position=0
        )


@pytest.mark.parametrize(
    "message",
    [StartCall(), PlaybackStarted(position=0, after_ms=1.0), EndCall()],
)
def test_frame_that_need_not_be_stored_is_acknowledged_at_once(message: ClientMessage) -> None:
    uplink = Uplink()
    uplink.accept(InboundMessage(message, 0))
    acknowledged = uplink.acknowledgement(stored_to=0, audio_from=None)
    assert acknowledged == ServerAcknowledgement(sequence=0, position=0)


@given(
    st.lists(st.integers(0, 40), max_size=60),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=10),
)
def test_acknowledgement_goes_forward_in_any_order(
    sequences: list[int], moments: list[tuple[int, int]]
) -> None:
    uplink, received_to, acknowledged = Uplink(), -1, -1
    for sequence in sequences:
        if uplink.accept_audio(sequence, position=10 * sequence, samples=10, is_resent=True):
            assert sequence > received_to
            received_to = sequence
        stored, speech = moments.pop() if moments else (0, None)
        if (received := uplink.acknowledgement(stored_to=stored, audio_from=speech)) is not None:
            assert acknowledged < received.sequence <= received_to
            acknowledged = received.sequence


class TestFirstUnsafe:
    """What a server wants again that goes on with the call of one that died."""

    def spoken(self) -> Uplink:
        """Return the frames of two chunks of speech, words, and one more chunk."""
        uplink = Uplink()
        uplink.accept_audio(0, position=0, samples=2, is_resent=False)
        uplink.accept_audio(1, position=2, samples=2, is_resent=False)
        uplink.accept(text(2))
        uplink.accept_audio(3, position=4, samples=2, is_resent=False)
        return uplink

    @pytest.mark.parametrize(
        ("stored", "speech", "first"),
        [(4, None, 4), (2, None, 2), (4, 0, 0), (4, 2, 1), (4, 4, 3), (2, 4, 2)],
    )
    def test_first_unsafe_frame_is_not_transcribed_or_not_stored(
        self, stored: int, speech: int | None, first: int
    ) -> None:
        assert self.spoken().first_unsafe(stored_to=stored, audio_from=speech) == first

    def test_first_unsafe_frame_changes_nothing(self) -> None:
        uplink = self.spoken()
        uplink.first_unsafe(stored_to=4, audio_from=None)
        assert uplink.acknowledgement(stored_to=2, audio_from=None) == ServerAcknowledgement(
            sequence=1, position=6
        )
