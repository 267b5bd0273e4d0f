"""A client's frames: which are news, and which of them it need not keep any more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.calls.uplink import MAX_KEPT, Uplink
from voice.wire.messages import (
    CustomerAudio,
    CustomerText,
    InboundMessage,
    ServerAcknowledgement,
    WireError,
)

pytestmark = pytest.mark.pure

AUDIO = CustomerAudio(pcm=bytes(4))
WORDS = CustomerText(text="Hola")


def audio(sequence: int, *, resent: bool = False) -> InboundMessage:
    return InboundMessage(AUDIO, sequence, resent)


def words(sequence: int, *, resent: bool = False) -> InboundMessage:
    return InboundMessage(WORDS, sequence, resent)


class TestAccept:
    def test_frames_in_order_are_news(self) -> None:
        uplink = Uplink()
        assert [uplink.accept(words(number)) for number in range(3)] == [True] * 3
        assert uplink.wanted == 3

    def test_a_gap_is_the_clients_own_drop(self) -> None:
        uplink = Uplink()
        assert uplink.accept(words(5))
        assert uplink.wanted == 6

    def test_a_frame_that_comes_again_is_no_news(self) -> None:
        uplink = Uplink()
        uplink.accept(words(0))
        assert not uplink.accept(words(0, resent=True))
        assert uplink.wanted == 1

    def test_a_frame_that_was_lost_and_comes_again_is_news(self) -> None:
        uplink = Uplink()
        uplink.accept(words(0))
        assert uplink.accept(words(1, resent=True))

    def test_a_step_back_is_a_fault_and_changes_nothing(self) -> None:
        uplink = Uplink()
        uplink.accept(words(3))
        with pytest.raises(WireError) as refused:
            uplink.accept(words(3))
        assert (refused.value.code, refused.value.close_code) == ("out_of_order", 1008)
        assert uplink.wanted == 4

    def test_what_a_wire_does_not_count_is_always_news(self) -> None:
        uplink = Uplink()
        assert uplink.accept(InboundMessage(WORDS))
        assert uplink.wanted == 0

    def test_the_number_after_the_last_one_is_0(self) -> None:
        uplink = Uplink(wanted=2**32 - 1)
        assert uplink.accept(words(2**32 - 1))
        assert uplink.accept(words(0))
        with pytest.raises(WireError):
            uplink.accept(words(2**32 - 1))

    def test_words_that_are_stored_are_no_news_but_speech_between_them_is(self) -> None:
        uplink = Uplink(wanted=3, words=6)
        assert uplink.words == 6
        news = [
            uplink.accept(audio(3, resent=True), position=0, samples=2),
            uplink.accept(words(4, resent=True)),
            uplink.accept(audio(5, resent=True), position=2, samples=2),
            uplink.accept(words(6, resent=True)),
        ]
        assert news == [True, False, True, True]
        assert (uplink.wanted, uplink.words) == (7, 7)


class TestSafe:
    def test_words_once_they_are_stored(self) -> None:
        uplink = Uplink()
        for number in range(3):
            uplink.accept(words(number))
        assert uplink.safe(words=0, speech=None) is None
        assert uplink.safe(words=2, speech=None) == ServerAcknowledgement(sequence=1, position=0)
        assert uplink.safe(words=3, speech=None) == ServerAcknowledgement(sequence=2, position=0)

    def test_speech_once_the_service_has_confirmed_it(self) -> None:
        uplink = Uplink()
        for number in range(3):
            uplink.accept(audio(number), position=10 * number, samples=10)
        assert uplink.safe(words=0, speech=9) is None
        assert uplink.safe(words=0, speech=10) == ServerAcknowledgement(sequence=0, position=30)
        assert uplink.safe(words=0, speech=29) == ServerAcknowledgement(sequence=1, position=30)
        assert uplink.safe(words=0, speech=None) == ServerAcknowledgement(sequence=2, position=30)

    def test_what_stands_behind_something_unsafe_is_not_told(self) -> None:
        uplink = Uplink()
        uplink.accept(words(0))
        uplink.accept(audio(1), position=0, samples=10)
        assert uplink.safe(words=0, speech=None) is None
        assert uplink.safe(words=1, speech=None) == ServerAcknowledgement(sequence=1, position=10)

    def test_it_is_told_once(self) -> None:
        uplink = Uplink()
        uplink.accept(audio(0), position=0, samples=10)
        assert uplink.safe(words=0, speech=None) is not None
        assert uplink.safe(words=0, speech=None) is None

    def test_nothing_is_told_before_anything_came(self) -> None:
        assert Uplink().safe(words=0, speech=None) is None

    def test_so_many_are_remembered_and_older_ones_are_taken_for_safe(self) -> None:
        uplink = Uplink()
        for number in range(MAX_KEPT):
            uplink.accept(words(number))
        assert uplink.safe(words=0, speech=None) is None
        uplink.accept(words(MAX_KEPT))
        assert uplink.safe(words=0, speech=None) == ServerAcknowledgement(sequence=0, position=0)

    def test_a_call_from_another_server_tells_its_client_what_is_stored(self) -> None:
        uplink = Uplink(wanted=9)
        assert uplink.safe(words=9, speech=None) == ServerAcknowledgement(sequence=8, position=0)


@given(
    st.lists(st.integers(0, 40), max_size=60),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=10),
)
def test_what_is_told_goes_forward_and_never_past_what_came(
    sequences: list[int], moments: list[tuple[int, int]]
) -> None:
    uplink, came, told = Uplink(), -1, -1
    for sequence in sequences:
        if uplink.accept(audio(sequence, resent=True), position=10 * sequence, samples=10):
            assert sequence > came
            came = sequence
        stored, speech = moments.pop() if moments else (0, None)
        if (received := uplink.safe(words=stored, speech=speech)) is not None:
            assert told < received.sequence <= came
            told = received.sequence


class TestFirstUnsafe:
    """What a server wants again that goes on with the call of one that died."""

    def spoken(self) -> Uplink:
        """Return the frames of two chunks of speech, words, and one more chunk."""
        uplink = Uplink()
        uplink.accept(audio(0), position=0, samples=2)
        uplink.accept(audio(1), position=2, samples=2)
        uplink.accept(words(2))
        uplink.accept(audio(3), position=4, samples=2)
        return uplink

    @pytest.mark.parametrize(
        ("stored", "speech", "first"),
        [(4, None, 4), (2, None, 2), (4, 0, 0), (4, 2, 1), (4, 4, 3), (2, 4, 2)],
    )
    def test_it_is_speech_not_transcribed_or_words_not_stored(
        self, stored: int, speech: int | None, first: int
    ) -> None:
        assert self.spoken().first_unsafe(words=stored, speech=speech) == first

    def test_asking_settles_nothing(self) -> None:
        uplink = self.spoken()
        uplink.first_unsafe(words=4, speech=None)
        assert uplink.safe(words=2, speech=None) == ServerAcknowledgement(sequence=1, position=6)
