"""What was said: turns and segments, planned and confirmed texts, interruptions."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.domain import Speaker, Stage, Utterance
from tests.calls.engine.conversation import (
    NOW,
    TEN,
    TOOL,
    Conversation,
    Step,
    customer,
    planned,
    short,
    spoken,
)
from voice.calls.engine.transcript import (
    Transcript,
    source_without_marker,
    without_marker,
)

pytestmark = pytest.mark.pure


class TestCaptions:
    def test_turn_has_the_customers_utterance_and_the_answer(self) -> None:
        utterances = Conversation().add_steps(
            customer("Hola"),
            planned("¡Hola!"),
            planned("¿Qué tal?"),
            spoken("¡Hola!"),
            spoken("¿Qué tal?"),
        )
        assert [short(utterance) for utterance in utterances] == [
            ("user", "spoken", 1, 1, "Hola"),
            ("assistant", "planned", 1, 2, "¡Hola!"),
            ("assistant", "planned", 1, 3, "¿Qué tal?"),
            ("assistant", "spoken", 1, 2, "¡Hola!"),
            ("assistant", "spoken", 1, 3, "¿Qué tal?"),
        ]

    def test_customer_texts_in_a_row_stay_in_one_turn(self) -> None:
        utterances = Conversation().add_steps(customer("Quiero"), customer("un pedido"))
        assert short(utterances[1]) == ("user", "spoken", 1, 2, "un pedido")

    @pytest.mark.parametrize("answer", [planned("Sí."), TOOL])
    def test_answer_or_tool_call_ends_the_customers_turn(self, answer: Step) -> None:
        utterances = Conversation().add_steps(customer("Uno"), answer, customer("Dos"))
        assert short(utterances[2]) == ("user", "spoken", 2, 1, "Dos")

    def test_assistant_who_speaks_first_is_in_turn_zero(self) -> None:
        chat = Conversation()
        assert short(chat.add_steps(planned("Hola"))[0]) == ("assistant", "planned", 0, 1, "Hola")
        assert short(chat.add_steps(customer("Hola"))[0]) == ("user", "spoken", 1, 1, "Hola")

    def test_segment_position_is_where_its_audio_begins(self) -> None:
        chat = Conversation()
        chat.position = 100
        chat.add_steps(planned("Uno."))
        chat.position = 900
        assert chat.add_steps(spoken("Uno.")) == [
            Utterance(
                turn=0,
                segment=1,
                speaker=Speaker.ASSISTANT,
                text="Uno.",
                at=NOW,
                position=100,
            ),
        ]

    def test_unplanned_text_gets_a_segment_of_its_own(self) -> None:
        utterances = Conversation().add_steps(customer("Hola"), spoken("¡Hola!"), customer("Chau"))
        assert short(utterances[1]) == ("assistant", "spoken", 1, 2, "¡Hola!")
        assert short(utterances[2]) == ("user", "spoken", 2, 1, "Chau")

    @pytest.mark.parametrize(
        "event", [customer(" [FINAL]"), planned(" [FINAL] "), spoken("[FINAL]")]
    )
    def test_text_of_the_marker_alone_is_no_utterance(self, event: Step) -> None:
        assert Conversation().add_steps(event) == [None]

    def test_shown_are_confirmed_and_planned_texts(self) -> None:
        chat = Conversation()
        chat.add_steps(customer("Hola"), planned("Uno."), spoken("Uno."), planned("Dos."))
        assert [short(said) for said in chat.transcript.shown()] == [
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
    def test_marker_is_removed_from_a_text(self, text: str, shown: str) -> None:
        assert without_marker(text) == shown

    def test_marker_is_removed_from_the_services_event(self) -> None:
        event = {"textOutput": {"contentId": "1", "content": "Listo. [FINAL]"}}
        assert source_without_marker(event) == {
            "textOutput": {"contentId": "1", "content": "Listo."}
        }

    @pytest.mark.parametrize("event", [{"usageEvent": {}}, {"textOutput": {"content": "Listo."}}])
    def test_event_without_marker_is_unchanged(self, event: dict[str, dict[str, str]]) -> None:
        assert source_without_marker(event) is event


class TestDelivered:
    """A segment heard to its end, whose FINAL text has not come."""

    def stages(self, chat: Conversation) -> list[tuple[str, str]]:
        return [(said.text, said.stage) for said in chat.transcript.utterances()]

    def test_segment_played_to_its_end_counts_as_said_and_is_marked(self) -> None:
        chat = Conversation()
        for text in ("Uno.", "Dos."):
            chat.play_segment(text)
        (shown,) = chat.transcript.deliver(played_to=chat.length("Uno."))
        assert short(shown) == ("assistant", "delivered", 0, 1, "Uno.")
        assert self.stages(chat) == [("Uno.", Stage.DELIVERED)]

    def test_segment_whose_audio_has_not_all_come_is_not_delivered(self) -> None:
        chat = Conversation()
        chat.add_steps(planned("Uno."))
        assert chat.transcript.deliver(played_to=1_000_000) == []

    def test_segment_is_delivered_once(self) -> None:
        chat = Conversation()
        chat.play_segment("Uno.")
        assert len(chat.transcript.deliver(played_to=chat.position)) == 1
        assert chat.transcript.deliver(played_to=chat.position) == []

    def test_interrupted_segment_is_not_delivered(self) -> None:
        chat = Conversation()
        chat.play_segment("Uno.")
        chat.transcript.interrupt()
        assert chat.transcript.deliver(played_to=chat.position) == []

    def test_text_confirmed_later_replaces_it_and_takes_the_mark_away(self) -> None:
        chat = Conversation()
        chat.play_segment("Son 3.")
        chat.transcript.deliver(played_to=chat.position)
        chat.add_steps(spoken("Son tres."))
        assert self.stages(chat) == [("Son tres.", Stage.SPOKEN)]

    def test_text_of_a_later_segment_confirms_that_one(self) -> None:
        chat = Conversation()
        chat.play_segment("Uno.")
        chat.transcript.deliver(played_to=chat.position)
        chat.add_steps(customer("Y"), planned("Dos."), spoken("Dos."))
        assert self.stages(chat) == [
            ("Uno.", Stage.DELIVERED),
            ("Y", Stage.SPOKEN),
            ("Dos.", Stage.SPOKEN),
        ]

    def test_other_text_confirms_the_segment_that_waits_longest(self) -> None:
        chat = Conversation()
        chat.play_segment("Uno.")
        chat.transcript.deliver(played_to=chat.position)
        chat.add_steps(planned("Dos."), spoken("Un."))
        assert self.stages(chat) == [("Un.", Stage.SPOKEN)]


class TestChangedSession:
    def test_segment_of_the_last_session_counts_as_said(self) -> None:
        chat = Conversation()
        chat.play_segment("Uno.")
        shown = chat.transcript.change_session()
        assert [short(said) for said in shown] == [("assistant", "delivered", 0, 1, "Uno.")]
        utterances = chat.add_steps(planned("Dos."), spoken("Dos."))
        assert [short(utterance) for utterance in utterances][1] == (
            "assistant", "spoken", 0, 2, "Dos.",
        )  # fmt: skip
        assert chat.texts == ["Uno.", "Dos."]

    def test_interrupted_segment_of_the_last_session_is_resolved(self) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.transcript.interrupt()
        chat.transcript.change_session()
        assert chat.texts == []
        chat.transcript.resolve_interrupted(played_to=chat.position // 2)
        assert chat.texts == ["uno dos tres cuatro cinco"]


class TestSaid:
    def test_history_has_what_is_sure_to_be_said(self) -> None:
        chat = Conversation()
        chat.add_steps(customer("Hola"))
        chat.play_segment("Uno.")
        chat.add_steps(planned("Dos."))
        assert [said.text for said in chat.transcript.history()] == ["Hola", "Uno."]

    def test_changes_are_returned_once_and_final_only(self) -> None:
        chat = Conversation()
        taken = []
        for events in ([customer("Hola"), planned("Uno.")], [], [spoken("Uno.")], []):
            chat.add_steps(*events)
            has_changes = chat.transcript.has_changes
            taken.append([said.text for said in chat.transcript.take_changes()])
            assert has_changes is bool(taken[-1])
        assert taken == [["Hola"], [], ["Uno."], []]

    def test_utterance_cut_later_is_a_change_again(self) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.add_steps(spoken(TEN))
        chat.transcript.take_changes()
        chat.transcript.interrupt()
        chat.transcript.resolve_interrupted(played_to=chat.position // 2)
        (said,) = chat.transcript.take_changes()
        assert (said.text, said.interrupted) == ("uno dos tres cuatro cinco", True)

    def test_utterance_never_played_is_a_change_without_text(self) -> None:
        chat = Conversation()
        chat.play_segment(TEN)
        chat.add_steps(spoken(TEN))
        chat.transcript.take_changes()
        chat.transcript.resolve_all(played_to=0)
        assert [said.text for said in chat.transcript.take_changes()] == [""]
        assert chat.texts == []

    def test_latency_is_kept_with_the_first_segment(self) -> None:
        chat = Conversation()
        chat.add_steps(
            customer("Hola"), planned("Uno."), spoken("Uno."), planned("Dos."), spoken("Dos.")
        )
        chat.transcript.add_latency(1, latency_ms=300.0, playback_ms=None)
        chat.transcript.add_latency(1, latency_ms=None, playback_ms=420.0)
        times = [
            (said.latency_ms, said.playback_latency_ms) for said in chat.transcript.utterances()
        ]
        assert times == [(None, None), (300.0, 420.0), (None, None)]

    def test_latency_is_kept_with_the_answer_of_its_turn(self) -> None:
        chat = Conversation()
        chat.add_steps(customer("Hola"), planned("Buenas."), spoken("Buenas."))
        chat.add_steps(customer("¿Y?"), planned("Ya va."), spoken("Ya va."))
        chat.transcript.add_latency(2, latency_ms=300.0, playback_ms=None)
        latencies = [said.latency_ms for said in chat.transcript.utterances()]
        assert latencies == [None, None, None, 300.0]

    def test_latency_of_a_turn_without_answer_is_left_out(self) -> None:
        chat = Conversation()
        chat.add_steps(customer("Hola"))
        chat.transcript.take_changes()
        chat.transcript.add_latency(1, latency_ms=300.0, playback_ms=None)
        assert not chat.transcript.has_changes


class TestRestored:
    def restored(self, *said: tuple[int, int, Speaker, str]) -> Conversation:
        return Conversation(
            Transcript.restored(
                Utterance(turn=turn, segment=segment, speaker=speaker, text=text, at=NOW)
                for turn, segment, speaker, text in said
            )
        )

    def test_restored_transcript_continues_with_the_next_turn(self) -> None:
        chat = self.restored((1, 1, Speaker.USER, "Hola"), (1, 2, Speaker.ASSISTANT, "¡Hola!"))
        assert short(chat.add_steps(customer("Y ahora"))[0]) == ("user", "spoken", 2, 1, "Y ahora")
        assert chat.texts == ["Hola", "¡Hola!", "Y ahora"]

    def test_restored_transcript_adds_a_missing_answer_to_its_turn(self) -> None:
        chat = self.restored((0, 1, Speaker.ASSISTANT, "¡Hola!"), (1, 1, Speaker.USER, "Hola"))
        assert short(chat.add_steps(planned("Sí."))[0]) == ("assistant", "planned", 1, 2, "Sí.")

    def test_restored_utterances_do_not_change(self) -> None:
        chat = self.restored((1, 1, Speaker.USER, "Hola"), (1, 2, Speaker.ASSISTANT, "¡Hola!"))
        assert not chat.transcript.has_changes
        chat.transcript.interrupt()
        assert chat.transcript.resolve_all(played_to=0) == []
        assert chat.texts == ["Hola", "¡Hola!"]
        assert [said.position for said in chat.transcript.utterances()] == [0, 0]


class Scenario:
    """Plays steps on a transcript, and stores its changes."""

    def __init__(self) -> None:
        self.chat = Conversation()
        self.stored: dict[tuple[int, int], str] = {}
        self.plans: list[str] = []
        self.number = 0

    def play(self, step: str, place: int) -> None:
        self.number += 1
        getattr(self, step)(place)
        for said in self.chat.transcript.take_changes():
            self.stored[said.turn, said.segment] = said.text

    def add_customer_text(self, _: int) -> None:
        self.chat.add_steps(customer(f"palabra {self.number}"))

    def plan(self, _: int) -> None:
        self.plans.append(f"frase número {self.number}")
        self.chat.add_steps(planned(self.plans[-1]))

    def audio(self, samples: int) -> None:
        self.chat.position += samples
        self.chat.transcript.end_audio(position=self.chat.position)

    def speak(self, _: int) -> None:
        if self.plans:
            self.chat.add_steps(spoken(self.plans.pop(0)))

    def interrupt(self, _: int) -> None:
        self.chat.transcript.interrupt()

    def resolve(self, place: int) -> None:
        played_to = min(place, self.chat.position)
        self.chat.transcript.resolve_interrupted(played_to=played_to)

    def deliver(self, place: int) -> None:
        self.chat.transcript.deliver(played_to=min(place, self.chat.position))

    def move(self, _: int) -> None:
        self.chat.transcript.change_session()

    def end(self, _: int) -> None:
        self.chat.transcript.resolve_all(played_to=self.chat.position)


STEPS = st.sampled_from(
    ["add_customer_text", "plan", "audio", "speak", "interrupt", "resolve", "deliver", "move"]
)


@given(st.lists(st.tuples(STEPS, st.integers(0, 100_000)), max_size=40))
def test_stored_changes_are_what_was_said_in_any_order(steps: Sequence[tuple[str, int]]) -> None:
    scenario = Scenario()
    for step, place in [*steps, ("end", 0)]:
        scenario.play(step, place)
    stored = [scenario.stored[place] for place in sorted(scenario.stored) if scenario.stored[place]]
    assert stored == scenario.chat.texts
    customer_texts = [text for text in scenario.chat.texts if text.startswith("palabra")]
    assert len(customer_texts) == sum(step == "add_customer_text" for step, _ in steps)
