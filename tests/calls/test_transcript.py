"""Captions out of the service's events, and what was really said: turns, segments, plans, cuts."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.domain import Speaker, Utterance
from voice.calls.history import Message
from voice.calls.transcript import (
    SAMPLES_A_CHARACTER,
    SHORTEST_SHARE,
    Transcript,
    event_without_marker,
    without_marker,
)
from voice.sonic.events import OutputEvent, PlannedText, Role, SpokenText, ToolUse, UserText
from voice.wire.messages import Caption

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TOOL = ToolUse(content_id="t", tool_use_id="1", name="n", content="{}")
TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"


def heard(text: str) -> UserText:
    return UserText(content_id="u", text=text)


def planned(text: str) -> PlannedText:
    return PlannedText(content_id="p", text=text)


def spoken(text: str) -> SpokenText:
    return SpokenText(content_id="s", text=text)


class Talk:
    """A transcript, and the audio of what is planned in it: a hundred samples a character."""

    def __init__(self, transcript: Transcript | None = None) -> None:
        self.transcript = transcript or Transcript()
        self.position = 0

    def note(self, *events: OutputEvent) -> list[Caption | None]:
        return [self.transcript.note(event, position=self.position, now=NOW) for event in events]

    def say(self, text: str, *, samples: int | None = None) -> None:
        """Plan a segment and let its audio come."""
        self.note(planned(text))
        self.position += self.length(text) if samples is None else samples
        self.transcript.audio_ended(position=self.position)

    def length(self, text: str) -> int:
        return SAMPLES_A_CHARACTER * len(text)

    @property
    def texts(self) -> list[str]:
        return [said.text for said in self.transcript.utterances()]

    @property
    def cut(self) -> list[bool]:
        return [said.interrupted for said in self.transcript.utterances()]


def short(caption: Caption | None) -> tuple[str, str, int, int, str] | None:
    if caption is None:
        return None
    said = caption.utterance
    return said.speaker.value, said.stage.value, said.turn, said.segment, said.text


class TestCaptions:
    def test_a_turn_holds_the_customers_words_and_the_answer(self) -> None:
        captions = Talk().note(
            heard("Hola"),
            planned("¡Hola!"),
            planned("¿Qué tal?"),
            spoken("¡Hola!"),
            spoken("¿Qué tal?"),
        )
        assert [short(caption) for caption in captions] == [
            ("user", "spoken", 1, 1, "Hola"),
            ("assistant", "planned", 1, 2, "¡Hola!"),
            ("assistant", "planned", 1, 3, "¿Qué tal?"),
            ("assistant", "spoken", 1, 2, "¡Hola!"),
            ("assistant", "spoken", 1, 3, "¿Qué tal?"),
        ]

    def test_words_that_come_in_pieces_stay_in_one_turn(self) -> None:
        captions = Talk().note(heard("Quiero"), heard("un pedido"))
        assert short(captions[1]) == ("user", "spoken", 1, 2, "un pedido")

    @pytest.mark.parametrize("answer", [planned("Sí."), TOOL])
    def test_an_answer_or_a_tool_ends_the_customers_turn(self, answer: OutputEvent) -> None:
        captions = Talk().note(heard("Uno"), answer, heard("Dos"))
        assert short(captions[2]) == ("user", "spoken", 2, 1, "Dos")

    def test_the_assistant_may_speak_first(self) -> None:
        talk = Talk()
        assert short(talk.note(planned("Hola"))[0]) == ("assistant", "planned", 0, 1, "Hola")
        assert short(talk.note(heard("Hola"))[0]) == ("user", "spoken", 1, 1, "Hola")

    def test_a_segments_position_is_where_its_audio_begins(self) -> None:
        talk = Talk()
        talk.position = 100
        talk.note(planned("Uno."))
        talk.position = 900
        assert talk.note(spoken("Uno.")) == [
            Caption(
                utterance=Utterance(
                    turn=0,
                    segment=1,
                    speaker=Speaker.ASSISTANT,
                    text="Uno.",
                    at=NOW,
                    position=100,
                )
            )
        ]

    def test_what_was_never_planned_gets_a_segment_of_its_own(self) -> None:
        captions = Talk().note(heard("Hola"), spoken("¡Hola!"), heard("Chau"))
        assert short(captions[1]) == ("assistant", "spoken", 1, 2, "¡Hola!")
        assert short(captions[2]) == ("user", "spoken", 2, 1, "Chau")

    @pytest.mark.parametrize("event", [heard(" [FINAL]"), planned(" [FINAL] "), spoken("[FINAL]")])
    def test_a_block_that_is_only_the_marker_is_no_caption(self, event: OutputEvent) -> None:
        assert Talk().note(event) == [None]

    def test_all_there_is_can_be_shown_again(self) -> None:
        talk = Talk()
        talk.note(heard("Hola"), planned("Uno."), spoken("Uno."), planned("Dos."))
        assert [short(caption) for caption in talk.transcript.captions()] == [
            ("user", "spoken", 1, 1, "Hola"),
            ("assistant", "spoken", 1, 2, "Uno."),
            ("assistant", "planned", 1, 3, "Dos."),
        ]


class TestMarker:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("Listo. [FINAL]", "Listo."),
            ("[FINAL]", ""),
            ("Uno [FINAL] dos", "Uno dos"),
            ("La final es hoy", "La final es hoy"),
        ],
    )
    def test_it_is_never_shown(self, text: str, shown: str) -> None:
        assert without_marker(text) == shown

    def test_it_is_taken_out_of_the_services_own_event(self) -> None:
        event = {"textOutput": {"contentId": "1", "content": "Listo. [FINAL]"}}
        assert event_without_marker(event) == {
            "textOutput": {"contentId": "1", "content": "Listo."}
        }

    @pytest.mark.parametrize("event", [{"usageEvent": {}}, {"textOutput": {"content": "Listo."}}])
    def test_any_other_event_passes_as_it_is(self, event: dict[str, dict[str, str]]) -> None:
        assert event_without_marker(event) is event


class TestSettled:
    """A client that tells what it heard: what was interrupted is cut there."""

    @pytest.mark.parametrize(
        ("share", "text"), [(0.0, ""), (0.31, "uno dos tres"), (0.999, TEN.removesuffix(" diez"))]
    )
    def test_what_was_heard_in_part_is_cut_there_by_words(self, share: float, text: str) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.transcript.interrupt(will_settle=True)
        captions = talk.transcript.settle_interrupted(heard=int(share * talk.position))
        assert talk.texts == [text] * bool(text)
        assert [caption.utterance.text for caption in captions] == [text] * bool(text)
        assert all(talk.cut)

    def test_what_was_heard_to_its_end_stands(self) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=talk.position)
        assert (talk.texts, talk.cut) == ([TEN], [False])

    def test_each_segment_is_cut_for_itself(self) -> None:
        talk = Talk()
        for text in ("Uno.", TEN, "Tres."):
            talk.say(text)
        talk.transcript.interrupt(will_settle=True)
        heard_to = talk.length("Uno.") + talk.length(TEN) // 2
        captions = talk.transcript.settle_interrupted(heard=heard_to)
        half = "uno dos tres cuatro cinco"
        assert [short(caption) for caption in captions] == [
            ("assistant", "spoken", 0, 1, "Uno."),
            ("assistant", "spoken", 0, 2, half),
        ]
        assert (talk.texts, talk.cut) == (["Uno.", half], [False, True])

    def test_a_segment_whose_audio_has_not_all_come_is_cut_by_what_it_would_take(self) -> None:
        talk = Talk()
        talk.note(planned(TEN))
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=talk.length(TEN) * 3 // 10 + 1)
        assert talk.texts == ["uno dos tres"]

    def test_audio_that_ends_too_soon_for_its_words_was_cut_off(self) -> None:
        """The service closes the block of a segment that it interrupts like one that is whole."""
        for share, text in ((SHORTEST_SHARE - 0.01, "uno dos tres cuatro cinco"), (0.61, TEN)):
            talk = Talk()
            talk.say(TEN, samples=int(share * talk.length(TEN)))
            talk.transcript.interrupt(will_settle=True)
            talk.transcript.settle_interrupted(heard=talk.position)
            assert talk.texts == [text]

    def test_only_the_newest_segment_can_have_been_cut_off(self) -> None:
        talk = Talk()
        talk.say(TEN, samples=10)
        talk.say("Dos.")
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=10)
        assert talk.texts == [TEN]

    def test_audio_that_ends_after_the_interruption_says_nothing_of_what_was_cut(self) -> None:
        talk = Talk()
        talk.note(planned(TEN))
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.audio_ended(position=10)
        talk.transcript.settle_interrupted(heard=10)
        assert talk.texts == []

    def test_the_services_word_is_overruled_where_it_cut_too_soon_or_too_late(self) -> None:
        for service, heard_share, text in (("uno dos", 1.0, TEN), (TEN, 0.21, "uno dos")):
            talk = Talk()
            talk.say(TEN)
            talk.note(spoken(service))
            talk.transcript.interrupt(will_settle=True)
            talk.transcript.settle_interrupted(heard=int(heard_share * talk.position))
            assert talk.texts == [text]

    def test_a_spoken_text_that_differs_from_the_plan_stands(self) -> None:
        talk = Talk()
        talk.say("Son 3 pedidos.")
        talk.note(spoken("Son tres pedidos."))
        talk.transcript.settle(heard=talk.position)
        assert talk.texts == ["Son tres pedidos."]

    def test_what_is_planned_after_the_interruption_is_not_cut(self) -> None:
        talk = Talk()
        talk.say("Uno.")
        talk.transcript.interrupt(will_settle=True)
        talk.note(heard("Pará"), planned("Paro."))
        captions = talk.transcript.settle_interrupted(heard=0)
        assert captions == []
        assert short(talk.note(spoken("Paro."))[0]) == ("assistant", "spoken", 1, 2, "Paro.")
        assert talk.texts == ["Pará", "Paro."]

    def test_the_customers_next_words_do_not_forget_what_will_be_settled(self) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.transcript.interrupt(will_settle=True)
        talk.note(heard("Pará"))
        talk.transcript.settle_interrupted(heard=talk.position // 2)
        assert talk.texts == ["uno dos tres cuatro cinco", "Pará"]

    def test_several_interruptions_are_settled_together(self) -> None:
        talk = Talk()
        talk.say("Uno.")
        talk.transcript.interrupt(will_settle=True)
        talk.say("Dos.")
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=talk.position)
        assert talk.texts == ["Uno.", "Dos."]

    def test_what_is_settled_stays(self) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=talk.position // 2)
        before = talk.texts
        talk.transcript.interrupt(will_settle=True)
        assert talk.transcript.settle(heard=talk.position) == []
        assert talk.texts == before

    @pytest.mark.parametrize("late", [TEN, "uno dos", "uno dos tres cuatro cinco"])
    def test_what_the_service_says_of_it_later_changes_nothing(self, late: str) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=talk.position // 2)
        assert talk.note(spoken(late)) == [None]
        talk.note(heard("Pará"))
        assert talk.note(spoken(late), planned("Paro."), spoken(late))[::2] == [None, None]
        assert short(talk.note(spoken("Paro."))[0]) == ("assistant", "spoken", 1, 2, "Paro.")

    def test_another_word_for_what_is_settled_is_late_too(self) -> None:
        talk = Talk()
        talk.say("Son 3 pedidos.")
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=talk.position // 2)
        assert talk.note(spoken("Son tres")) == [None]

    def test_the_same_answer_said_again_is_not_late(self) -> None:
        talk = Talk()
        talk.say("Sí.")
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=0)
        talk.note(heard("¿Sí?"), planned("Sí."))
        assert short(talk.note(spoken("Sí."))[0]) == ("assistant", "spoken", 1, 2, "Sí.")

    def test_at_the_end_all_is_settled(self) -> None:
        talk = Talk()
        talk.note(heard("Hola"))
        for text in ("Uno.", TEN):
            talk.say(text)
        talk.note(planned("Nunca."))
        talk.transcript.settle(heard=talk.length("Uno.") + talk.length(TEN) // 2)
        assert talk.texts == ["Hola", "Uno.", "uno dos tres cuatro cinco"]


class TestUnsettled:
    """A client that does not tell: the service's word stands."""

    def test_what_was_spoken_still_finds_its_plan(self) -> None:
        talk = Talk()
        talk.note(heard("Hola"), planned(TEN), planned("Dos."))
        talk.transcript.interrupt(will_settle=False)
        (caption,) = talk.note(spoken("uno dos"))
        assert short(caption) == ("assistant", "spoken", 1, 2, "uno dos")
        assert talk.cut == [False, True]

    def test_a_part_of_a_plan_was_cut_though_the_interruption_is_told_later(self) -> None:
        talk = Talk()
        talk.note(planned(TEN), spoken("uno dos"))
        assert talk.cut == [True]

    def test_what_was_never_spoken_is_forgotten_when_the_customer_goes_on(self) -> None:
        talk = Talk()
        talk.note(heard("Hola"), planned("Nunca dicho."))
        talk.transcript.interrupt(will_settle=False)
        captions = talk.note(heard("Pará"), planned("Paro."), spoken("Paro."))
        assert short(captions[2]) == ("assistant", "spoken", 2, 2, "Paro.")
        assert talk.texts == ["Hola", "Pará", "Paro."]
        assert [said.text for said in talk.transcript.changes()] == talk.texts


class TestMoved:
    def test_what_has_all_come_is_said(self) -> None:
        talk = Talk()
        talk.say("Uno.")
        shown = talk.transcript.moved()
        assert [short(caption) for caption in shown] == [("assistant", "spoken", 0, 1, "Uno.")]
        captions = talk.note(planned("Dos."), spoken("Dos."))
        assert [short(caption) for caption in captions][1] == (
            "assistant", "spoken", 0, 2, "Dos.",
        )  # fmt: skip
        assert talk.texts == ["Uno.", "Dos."]

    def test_what_was_interrupted_is_still_settled(self) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.moved()
        assert talk.texts == []
        talk.transcript.settle_interrupted(heard=talk.position // 2)
        assert talk.texts == ["uno dos tres cuatro cinco"]


class TestSaid:
    def test_it_holds_what_is_sure_to_be_said_and_no_mere_plan(self) -> None:
        talk = Talk()
        talk.note(heard("Hola"))
        talk.say("Uno.")
        talk.note(planned("Dos."))
        assert talk.transcript.said() == [
            Message(Role.USER, "Hola"),
            Message(Role.ASSISTANT, "Uno."),
        ]

    def test_changes_are_told_once_and_only_what_is_final(self) -> None:
        talk = Talk()
        told = []
        for events in ([heard("Hola"), planned("Uno.")], [], [spoken("Uno.")], []):
            talk.note(*events)
            has_changes = talk.transcript.has_changes
            told.append([said.text for said in talk.transcript.changes()])
            assert has_changes is bool(told[-1])
        assert told == [["Hola"], [], ["Uno."], []]

    def test_what_was_told_and_is_cut_later_is_told_again(self) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.note(spoken(TEN))
        talk.transcript.changes()
        talk.transcript.interrupt(will_settle=True)
        talk.transcript.settle_interrupted(heard=talk.position // 2)
        (said,) = talk.transcript.changes()
        assert (said.text, said.interrupted) == ("uno dos tres cuatro cinco", True)

    def test_what_was_told_and_heard_by_nobody_is_told_again_without_words(self) -> None:
        talk = Talk()
        talk.say(TEN)
        talk.note(spoken(TEN))
        talk.transcript.changes()
        talk.transcript.settle(heard=0)
        assert [said.text for said in talk.transcript.changes()] == [""]
        assert talk.texts == []

    def test_times_stand_at_the_first_segment_of_an_answer(self) -> None:
        talk = Talk()
        talk.note(heard("Hola"), planned("Uno."), spoken("Uno."), planned("Dos."), spoken("Dos."))
        talk.transcript.timed(1, latency_ms=300.0, heard_ms=None)
        talk.transcript.timed(1, latency_ms=None, heard_ms=420.0)
        times = [
            (said.latency_ms, said.playback_latency_ms) for said in talk.transcript.utterances()
        ]
        assert times == [(None, None), (300.0, 420.0), (None, None)]

    def test_times_of_a_turn_without_an_answer_are_left_out(self) -> None:
        talk = Talk()
        talk.note(heard("Hola"))
        talk.transcript.changes()
        talk.transcript.timed(1, latency_ms=300.0, heard_ms=None)
        assert not talk.transcript.has_changes


class TestRestored:
    def restored(self, *said: tuple[int, int, Speaker, str]) -> Talk:
        return Talk(
            Transcript.restored(
                Utterance(turn=turn, segment=segment, speaker=speaker, text=text, at=NOW)
                for turn, segment, speaker, text in said
            )
        )

    def test_it_goes_on_with_the_next_turn(self) -> None:
        talk = self.restored((1, 1, Speaker.USER, "Hola"), (1, 2, Speaker.ASSISTANT, "¡Hola!"))
        assert short(talk.note(heard("Y ahora"))[0]) == ("user", "spoken", 2, 1, "Y ahora")
        assert talk.texts == ["Hola", "¡Hola!", "Y ahora"]

    def test_an_answer_that_was_missing_joins_its_turn(self) -> None:
        talk = self.restored((0, 1, Speaker.ASSISTANT, "¡Hola!"), (1, 1, Speaker.USER, "Hola"))
        assert talk.transcript.awaits_answer
        assert short(talk.note(planned("Sí."))[0]) == ("assistant", "planned", 1, 2, "Sí.")

    def test_what_was_answered_awaits_none(self) -> None:
        assert not self.restored((0, 1, Speaker.ASSISTANT, "¡Hola!")).transcript.awaits_answer
        assert not Transcript().awaits_answer
        assert not Transcript.restored([]).awaits_answer

    def test_nothing_of_it_is_new_or_can_be_unheard(self) -> None:
        talk = self.restored((1, 1, Speaker.USER, "Hola"), (1, 2, Speaker.ASSISTANT, "¡Hola!"))
        assert not talk.transcript.has_changes
        talk.transcript.interrupt(will_settle=True)
        assert talk.transcript.settle(heard=0) == []
        assert talk.texts == ["Hola", "¡Hola!"]
        assert [caption.utterance.position for caption in talk.transcript.captions()] == [0, 0]


class Life:
    """Plays acts on a transcript and keeps what it tells, as a store would."""

    def __init__(self) -> None:
        self.talk = Talk()
        self.kept: dict[tuple[int, int], str] = {}
        self.plans: list[str] = []
        self.number = 0

    def play(self, act: str, place: int) -> None:
        self.number += 1
        getattr(self, act)(place)
        for said in self.talk.transcript.changes():
            self.kept[said.turn, said.segment] = said.text

    def hear(self, _: int) -> None:
        self.talk.note(heard(f"palabra {self.number}"))

    def plan(self, _: int) -> None:
        self.plans.append(f"frase número {self.number}")
        self.talk.note(planned(self.plans[-1]))

    def audio(self, samples: int) -> None:
        self.talk.position += samples
        self.talk.transcript.audio_ended(position=self.talk.position)

    def speak(self, _: int) -> None:
        if self.plans:
            self.talk.note(spoken(self.plans.pop(0)))

    def interrupt(self, _: int) -> None:
        self.talk.transcript.interrupt(will_settle=True)

    def settle(self, place: int) -> None:
        heard_to = min(place, self.talk.position)
        self.talk.transcript.settle_interrupted(heard=heard_to)

    def move(self, _: int) -> None:
        self.talk.transcript.moved()

    def end(self, _: int) -> None:
        self.talk.transcript.settle(heard=self.talk.position)


ACTS = st.sampled_from(["hear", "plan", "audio", "speak", "interrupt", "settle", "move"])


@given(st.lists(st.tuples(ACTS, st.integers(0, 100_000)), max_size=40))
def test_whatever_comes_what_is_kept_is_what_was_said(acts: Sequence[tuple[str, int]]) -> None:
    life = Life()
    for act, place in [*acts, ("end", 0)]:
        life.play(act, place)
    kept = [life.kept[place] for place in sorted(life.kept) if life.kept[place]]
    assert kept == life.talk.texts
    words = [text for text in life.talk.texts if text.startswith("palabra")]
    assert len(words) == sum(act == "hear" for act, _ in acts)
