"""The assistant's replies on their way: positions, generations, first and last, and what was heard."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from voice.calls.downlink import Downlink
from voice.calls.latency import TurnTimer
from voice.calls.replies import SETTLE_S, Replies
from voice.calls.transcript import SAMPLES_A_CHARACTER, Transcript
from voice.sonic.events import AudioOutput, ContentKind, ContentStarted, PlannedText, Role, UserText
from voice.wire.messages import (
    Caption,
    ClientAcknowledgement,
    Flush,
    ReplyInterrupted,
    ServerMessage,
    SpeechChunk,
)

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TEN = "uno dos tres cuatro cinco seis siete ocho nueve diez"
LENGTH = SAMPLES_A_CHARACTER * len(TEN)


class Speaker:
    """Speaks as the service does, to a client that takes all it may at once."""

    def __init__(self, *, counts: bool = True, window: int = 10 * LENGTH) -> None:
        self.downlink = Downlink(window_samples=window if counts else None)
        self.transcript = Transcript()
        self.replies = Replies(self.downlink, self.transcript, TurnTimer())
        self.got: list[ServerMessage] = []

    def hear(self, text: str) -> None:
        self.transcript.note(UserText(content_id="u", text=text), position=0, now=NOW)

    def plan(self, text: str) -> None:
        self.replies.planned()
        event = PlannedText(content_id="p", text=text)
        self.transcript.note(event, position=self.replies.position, now=NOW)

    def open(self, content: str = "a") -> None:
        self.replies.begin(
            ContentStarted(
                content_id=content,
                kind=ContentKind.AUDIO,
                role=Role.ASSISTANT,
                stage=None,
                completion_id="",
            )
        )

    def speak(self, samples: int, content: str = "a") -> None:
        self.replies.speak(AudioOutput(content_id=content, pcm=bytes(2 * samples)), 0.0)

    def say(self, text: str = TEN, content: str = "a") -> None:
        self.plan(text)
        self.open(content)
        self.speak(SAMPLES_A_CHARACTER * len(text), content)
        self.replies.end_segment()

    def take(self) -> list[ServerMessage]:
        before = len(self.got)
        while (one := self.downlink.next()) is not None:
            self.got.append(one.message)
        return self.got[before:]

    def acknowledge(self, position: int, *, generation: int | None = None) -> None:
        newest = self.replies.generation if generation is None else generation
        played = ClientAcknowledgement(
            sequence=10_000, generation=newest % 2**16, position=position
        )
        self.replies.acknowledge(played)

    @property
    def texts(self) -> list[str]:
        return [said.text for said in self.transcript.utterances()]


def marks(messages: list[ServerMessage]) -> list[tuple[int, int, bool, bool, int]]:
    return [
        (chunk.generation, chunk.position, chunk.is_first, chunk.is_last, chunk.turn)
        for chunk in messages
        if isinstance(chunk, SpeechChunk)
    ]


class TestSpeak:
    def test_a_reply_has_a_first_chunk_and_an_empty_last_one(self) -> None:
        speaker = Speaker()
        speaker.hear("Hola")
        for samples in (10, 20):
            speaker.speak(samples)
        coming = [speaker.replies.is_coming]
        speaker.replies.end_turn()
        assert [*coming, speaker.replies.is_coming] == [True, False]
        assert marks(speaker.take()) == [
            (0, 0, True, False, 1),
            (0, 10, False, False, 1),
            (0, 30, False, True, 1),
        ]

    def test_the_next_reply_begins_where_this_one_ended(self) -> None:
        speaker = Speaker()
        speaker.speak(10)
        speaker.replies.end_turn()
        speaker.speak(10)
        assert marks(speaker.take())[2] == (0, 10, True, False, 0)

    def test_a_reply_belongs_to_the_turn_it_was_begun_in(self) -> None:
        speaker = Speaker()
        speaker.hear("Hola")
        speaker.plan("Uno.")
        speaker.hear("Chau")
        speaker.speak(10)
        assert marks(speaker.take())[0][-1] == 1

    def test_a_turn_without_audio_has_no_last_chunk(self) -> None:
        speaker = Speaker()
        speaker.replies.end_turn()
        speaker.plan("Uno.")
        speaker.replies.end_turn()
        assert speaker.take() == []


class TestInterrupt:
    def test_the_notice_comes_before_all_that_follows_and_nothing_stale_after_it(self) -> None:
        speaker = Speaker()
        speaker.hear("Hola")
        speaker.open()
        speaker.speak(10)
        speaker.replies.interrupt(now=1.0)
        speaker.speak(20)
        speaker.open("b")
        speaker.speak(30, "b")
        assert speaker.take() == [
            Flush(generation=1),
            ReplyInterrupted(turn=1, generation=1),
            SpeechChunk(generation=1, position=10, pcm=bytes(60), is_first=True, turn=1),
        ]
        assert speaker.replies.interruptions == 1

    def test_where_all_was_heard_nothing_is_cut(self) -> None:
        speaker = Speaker()
        speaker.say()
        speaker.replies.end_turn()
        speaker.take()
        speaker.acknowledge(LENGTH)
        speaker.replies.interrupt(now=1.0)
        assert speaker.take() == [
            Caption(utterance=replace(speaker.transcript.utterances()[0], text=TEN))
        ]
        assert (speaker.replies.interruptions, speaker.replies.generation) == (0, 0)

    def test_one_sample_unheard_is_enough(self) -> None:
        speaker = Speaker()
        speaker.say()
        speaker.replies.end_turn()
        speaker.take()
        speaker.acknowledge(LENGTH - 1)
        speaker.replies.interrupt(now=1.0)
        assert speaker.replies.interruptions == 1

    def test_a_reply_that_is_only_planned_is_cut_too(self) -> None:
        speaker = Speaker()
        speaker.plan(TEN)
        speaker.replies.interrupt(now=1.0)
        assert speaker.replies.interruptions == 1

    def test_a_client_that_does_not_tell_is_always_told(self) -> None:
        speaker = Speaker(counts=False)
        speaker.say()
        speaker.take()
        speaker.replies.interrupt(now=1.0)
        assert speaker.take() == [Flush(generation=1), ReplyInterrupted(turn=0, generation=1)]


class TestHeard:
    def interrupted(self) -> Speaker:
        speaker = Speaker()
        speaker.say()
        speaker.take()
        speaker.replies.interrupt(now=1.0)
        speaker.take()
        return speaker

    def test_the_clients_word_on_the_new_generation_settles_it(self) -> None:
        speaker = self.interrupted()
        speaker.acknowledge(LENGTH // 2, generation=0)
        assert speaker.texts == []
        speaker.acknowledge(LENGTH // 2)
        assert speaker.texts == ["uno dos tres cuatro cinco"]
        (caption,) = speaker.take()
        assert isinstance(caption, Caption)
        assert caption.utterance.text == "uno dos tres cuatro cinco"

    def test_it_is_settled_once(self) -> None:
        speaker = self.interrupted()
        speaker.acknowledge(LENGTH // 2)
        speaker.take()
        speaker.acknowledge(LENGTH)
        assert speaker.take() == []

    @pytest.mark.parametrize(("late_s", "texts"), [(-0.001, []), (0.0, ["uno dos tres"])])
    def test_a_client_that_says_no_more_is_waited_for_a_while(
        self, late_s: float, texts: list[str]
    ) -> None:
        speaker = self.interrupted()
        speaker.acknowledge(LENGTH * 31 // 100, generation=0)
        speaker.replies.settle_when_due(now=1.0 + SETTLE_S + late_s)
        assert speaker.texts == texts

    def test_nothing_is_due_where_nothing_was_cut(self) -> None:
        speaker = Speaker()
        speaker.say()
        speaker.replies.settle_when_due(now=100.0)
        assert speaker.texts == []

    def test_a_generation_goes_round_after_65535(self) -> None:
        speaker = Speaker()
        speaker.replies.go_on(generation=2**16 - 1, position=0)
        speaker.say()
        speaker.take()
        speaker.replies.interrupt(now=1.0)
        speaker.acknowledge(LENGTH // 2)
        assert speaker.texts == ["uno dos tres cuatro cinco"]

    def test_the_end_cuts_what_is_not_heard(self) -> None:
        speaker = Speaker()
        speaker.say("Uno.")
        speaker.say(content="b")
        speaker.take()
        speaker.acknowledge(SAMPLES_A_CHARACTER * 4 + LENGTH // 2)
        speaker.replies.settle()
        assert speaker.texts == ["Uno.", "uno dos tres cuatro cinco"]

    def test_the_end_says_nothing_of_what_a_client_heard_that_does_not_tell(self) -> None:
        speaker = Speaker(counts=False)
        speaker.say()
        speaker.take()
        speaker.transcript.moved()
        speaker.replies.settle()
        assert speaker.texts == [TEN]


class TestLose:
    def test_a_reply_that_is_coming_is_cut_and_no_interruption_of_the_customers(self) -> None:
        speaker = Speaker()
        speaker.speak(10)
        speaker.take()
        speaker.replies.lose(now=1.0)
        assert speaker.take() == [Flush(generation=1), ReplyInterrupted(turn=0, generation=1)]
        assert speaker.replies.interruptions == 0
        assert not speaker.replies.is_coming

    def test_one_that_has_come_is_heard_to_its_end(self) -> None:
        speaker = Speaker()
        speaker.say()
        speaker.replies.end_turn()
        speaker.replies.lose(now=1.0)
        assert len(marks(speaker.take())) == 2


def test_a_call_from_another_server_goes_on_behind_what_its_client_has() -> None:
    speaker = Speaker()
    speaker.replies.go_on(generation=4, position=700)
    speaker.speak(10)
    assert marks(speaker.take()) == [(4, 700, True, False, 0)]
