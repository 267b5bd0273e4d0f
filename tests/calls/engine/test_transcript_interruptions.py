"""Interrupted answers: what of them counts as said."""

import pytest

from tests.calls.engine.conversation import (
    TEN,
    Conversation,
    customer,
    planned,
    short,
    spoken,
    unreported,
)
from voice.calls.engine.transcript import SHORTEST_SHARE

pytestmark = pytest.mark.pure


class TestReported:
    """A client that reports playback: an interrupted reply is cut at the playback position."""

    @pytest.mark.parametrize(
        ("share", "text"), [(0.0, ""), (0.31, "uno dos tres"), (0.999, TEN.removesuffix(" diez"))]
    )
    def test_segment_played_in_part_is_cut_there_by_words(self, share: float, text: str) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.transcript.interrupt()
        utterances = chat.transcript.resolve_interrupted(played_to=int(share * chat.position))
        assert chat.texts == [text] * bool(text)
        assert [said.text for said in utterances] == [text] * bool(text)
        assert all(chat.cut)

    def test_segment_played_to_its_end_is_not_cut(self) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=chat.position)
        assert (chat.texts, chat.cut) == ([TEN], [False])

    def test_each_segment_is_cut_by_itself(self) -> None:
        chat = Conversation()
        for text in ("Uno.", TEN, "Tres."):
            chat.play_segment(text)
        chat.transcript.interrupt()
        played_to = chat.length("Uno.") + chat.length(TEN) // 2
        utterances = chat.transcript.resolve_interrupted(played_to=played_to)
        half = "uno dos tres cuatro cinco"
        assert [short(utterance) for utterance in utterances] == [
            ("assistant", "delivered", 0, 1, "Uno."),
            ("assistant", "spoken", 0, 2, half),
        ]
        assert (chat.texts, chat.cut) == (["Uno.", half], [False, True])

    def test_segment_without_all_its_audio_is_cut_by_the_estimate(self) -> None:
        chat = Conversation()
        chat.add_steps(planned(TEN))
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=chat.length(TEN) * 3 // 10 + 1)
        assert chat.texts == ["uno dos tres"]

    def test_segment_with_too_little_audio_was_cut_off(self) -> None:
        """The service closes the block of a segment that it interrupts like one that is whole."""
        for share, text in ((SHORTEST_SHARE - 0.01, "uno dos tres cuatro cinco"), (0.61, TEN)):
            chat = Conversation()
            chat.play_segment(TEN, samples=int(share * chat.length(TEN)))
            chat.transcript.interrupt()
            chat.transcript.resolve_interrupted(played_to=chat.position)
            assert chat.texts == [text]

    def test_older_segment_with_little_audio_was_not_cut_off(self) -> None:
        chat = Conversation()
        chat.play_segment(TEN, samples=10)
        chat.play_segment("Dos.")
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=10)
        assert chat.texts == [TEN]

    def test_audio_that_ends_after_the_interruption_is_ignored(self) -> None:
        chat = Conversation()
        chat.add_steps(planned(TEN))
        chat.transcript.interrupt()
        chat.transcript.end_audio(position=10)
        chat.transcript.resolve_interrupted(played_to=10)
        assert chat.texts == []

    def test_confirmed_text_cut_at_the_wrong_place_is_corrected(self) -> None:
        for service, played_share, text in (("uno dos", 1.0, TEN), (TEN, 0.21, "uno dos")):
            chat = Conversation()
            chat.play_segment(TEN)
            chat.add_steps(spoken(service))
            chat.transcript.interrupt()
            chat.transcript.resolve_interrupted(played_to=int(played_share * chat.position))
            assert chat.texts == [text]

    def test_confirmed_text_that_differs_from_the_plan_is_kept(self) -> None:
        chat = Conversation()
        chat.play_segment("Son 3 pedidos.")
        chat.add_steps(spoken("Son tres pedidos."))
        chat.transcript.resolve_all(played_to=chat.position)
        assert chat.texts == ["Son tres pedidos."]

    def test_segment_planned_after_the_interruption_is_not_cut(self) -> None:
        chat = Conversation()
        chat.play_segment("Uno.")
        chat.transcript.interrupt()
        chat.add_steps(customer("Pará"), planned("Paro."))
        utterances = chat.transcript.resolve_interrupted(played_to=0)
        assert utterances == []
        assert short(chat.add_steps(spoken("Paro."))[0]) == ("assistant", "spoken", 1, 2, "Paro.")
        assert chat.texts == ["Pará", "Paro."]

    def test_interrupted_segment_stays_when_the_customer_speaks(self) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.transcript.interrupt()
        chat.add_steps(customer("Pará"))
        chat.transcript.resolve_interrupted(played_to=chat.position // 2)
        assert chat.texts == ["uno dos tres cuatro cinco", "Pará"]

    def test_several_interruptions_are_resolved_together(self) -> None:
        chat = Conversation()
        chat.play_segment("Uno.")
        chat.transcript.interrupt()
        chat.play_segment("Dos.")
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=chat.position)
        assert chat.texts == ["Uno.", "Dos."]

    def test_fixed_segment_does_not_change(self) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=chat.position // 2)
        before = chat.texts
        chat.transcript.interrupt()
        assert chat.transcript.resolve_all(played_to=chat.position) == []
        assert chat.texts == before

    @pytest.mark.parametrize("late", [TEN, "uno dos", "uno dos tres cuatro cinco"])
    def test_late_text_of_a_fixed_segment_is_ignored(self, late: str) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=chat.position // 2)
        assert chat.add_steps(spoken(late)) == [None]
        chat.add_steps(customer("Pará"))
        assert chat.add_steps(spoken(late), planned("Paro."), spoken(late))[::2] == [None, None]
        assert short(chat.add_steps(spoken("Paro."))[0]) == ("assistant", "spoken", 1, 2, "Paro.")

    def test_late_text_that_differs_from_the_plan_is_ignored(self) -> None:
        chat = Conversation()
        chat.play_segment("Son 3 pedidos.")
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=chat.position // 2)
        assert chat.add_steps(spoken("Son tres")) == [None]

    def test_same_answer_said_again_is_not_late(self) -> None:
        chat = Conversation()
        chat.play_segment("Sí.")
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=0)
        chat.add_steps(customer("¿Sí?"), planned("Sí."))
        assert short(chat.add_steps(spoken("Sí."))[0]) == ("assistant", "spoken", 1, 2, "Sí.")

    def test_everything_is_resolved_at_the_end(self) -> None:
        chat = Conversation()
        chat.add_steps(customer("Hola"))
        for text in ("Uno.", TEN):
            chat.play_segment(text)
        chat.add_steps(planned("Nunca."))
        chat.transcript.resolve_all(played_to=chat.length("Uno.") + chat.length(TEN) // 2)
        assert chat.texts == ["Hola", "Uno.", "uno dos tres cuatro cinco"]


class TestUnreported:
    """A client that does not report playback: the service's FINAL text stands."""

    def test_unreported_interruption_keeps_the_confirmed_text(self) -> None:
        chat = unreported()
        chat.add_steps(customer("Hola"), planned(TEN), planned("Dos."))
        chat.transcript.interrupt()
        (utterance,) = chat.add_steps(spoken("uno dos"))
        assert short(utterance) == ("assistant", "spoken", 1, 2, "uno dos")
        assert chat.cut == [False, True]

    def test_confirmed_part_of_a_plan_was_interrupted(self) -> None:
        chat = unreported()
        chat.add_steps(planned(TEN), spoken("uno dos"))
        assert chat.cut == [True]

    def test_unreported_plan_is_deleted_when_the_customer_speaks(self) -> None:
        chat = unreported()
        chat.add_steps(customer("Hola"), planned("Nunca dicho."))
        chat.transcript.interrupt()
        utterances = chat.add_steps(customer("Pará"), planned("Paro."), spoken("Paro."))
        assert short(utterances[2]) == ("assistant", "spoken", 2, 2, "Paro.")
        assert chat.texts == ["Hola", "Pará", "Paro."]
        assert [said.text for said in chat.transcript.take_changes()] == chat.texts

    def test_unreported_confirmed_part_stays_when_the_customer_speaks(self) -> None:
        chat = unreported()
        chat.add_steps(customer("Hola"), planned(TEN))
        chat.transcript.interrupt()
        chat.add_steps(spoken("uno dos"), customer("Pará"), planned("Paro."), spoken("Paro."))
        assert chat.texts == ["Hola", "uno dos", "Pará", "Paro."]

    def test_unreported_plan_that_was_not_cut_waits_for_its_text(self) -> None:
        chat = unreported()
        chat.add_steps(customer("Hola"), planned("Buenas."), customer("¿Hola?"), spoken("Buenas."))
        assert chat.texts == ["Hola", "Buenas.", "¿Hola?"]
