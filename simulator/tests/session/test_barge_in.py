"""The customer speaks while the assistant does: what was heard, what is dropped, what is kept."""

import pytest

from nova_sonic_simulator.session.jobs import Respond, Transcribe
from nova_sonic_simulator.testing.coded_audio import encode_number, encode_turn, silence
from support.events import typed
from support.harness import (
    CALL,
    INTERRUPTED,
    SENTENCE_S,
    TWO,
    final,
    open_world,
    planned,
    user,
)

pytestmark = pytest.mark.pure


def test_while_audio_is_still_being_sent() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(0.2)
    assert world.take_sent()[-1] == "audioOutput"
    world.speak(0.2)
    assert world.take_sent() == ["audioOutput", "end AUDIO END_TURN", *INTERRUPTED]
    assert world.dialogue.told == ["hola", "interrupted"]


def test_after_everything_was_sent_but_not_yet_played() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(1)
    assert world.take_sent()[-1] == "end AUDIO END_TURN"
    world.speak(0.2)
    assert world.take_sent() == [*final("Uno dos", "PARTIAL_TURN"), *INTERRUPTED]


def test_final_texts_contain_only_what_was_played() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(2.5)
    world.take_sent()
    world.speak(0.2)
    assert world.take_sent() == INTERRUPTED


def test_the_interrupting_words_are_a_turn_of_their_own() -> None:
    world = open_world(hola=TWO)
    world.speak()
    world.be_silent(2)
    world.speak(0.3)
    world.take_sent()
    world.be_silent(2)
    world.pass_time(5)
    assert world.take_sent() == [
        *user("basta"),
        *planned("Dijiste basta."),
        *final("Dijiste basta."),
    ]


def test_typed_words_interrupt_too() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(1)
    world.take_sent()
    world.send(*typed("t2", "basta"))
    assert world.take_sent()[:9] == [
        *final("Uno dos", "PARTIAL_TURN"),
        *INTERRUPTED,
        *user("basta"),
    ]


def test_nothing_is_interrupted_once_everything_was_played() -> None:
    world = open_world(hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(2 * SENTENCE_S + 0.01)
    world.take_sent()
    world.speak(0.2)
    assert world.take_sent() == []


def test_a_tool_not_yet_asked_for_is_asked_for_after_it() -> None:
    world = open_world(pedido=CALL)
    world.send(*typed("t1", "pedido"))
    world.pass_time(0.1)
    world.speak(0.2)
    assert world.fields("toolUse") == []
    world.be_silent(2)
    assert len(world.fields("toolUse")) == 1


def test_no_reply_starts_during_speech_or_its_recognition() -> None:
    world = open_world()
    world.postpone = lambda job: isinstance(job, Respond | Transcribe)
    world.send(*typed("t1", "tarde"))
    world.speak()
    (hear,) = world.postponed
    world.take_sent()
    world.do(hear)
    world.pass_time(0.5)
    assert world.take_sent() == []
    world.be_silent(2)
    _, transcribe = world.postponed
    world.pass_time(0.5)
    assert world.take_sent() == []
    world.do(transcribe)
    world.run_jobs()
    world.pass_time(1)
    assert world.take_sent() == [*user("hola"), *planned("Dijiste tarde.")]


def test_noise_without_words_is_no_turn() -> None:
    world = open_world(hola=TWO)
    world.transcripts = iter([" "])
    world.send(*typed("t1", "hola"))
    world.pass_time(1)
    world.speak(0.2)
    world.take_sent()
    world.be_silent(2)
    world.pass_time(10)
    assert world.take_sent() == []


def test_coded_words_interrupt_as_speech_does() -> None:
    world = open_world(coded=True, hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(1)
    world.take_sent()
    world.send_speech(encode_number(7)[:1024])
    assert world.take_sent() == [*final("Uno dos", "PARTIAL_TURN"), *INTERRUPTED]
    world.send_speech(encode_number(7)[1024:] + silence(1800))
    world.pass_time(5)
    assert world.take_sent() == [*user("7"), *planned("Escuché 1."), *final("Escuché 1.")]


def test_a_cut_word_interrupts_but_is_no_turn() -> None:
    world = open_world(coded=True, hola=TWO)
    world.send(*typed("t1", "hola"))
    world.pass_time(1)
    world.send_speech(encode_number(7)[:1024] + silence(1800))
    world.take_sent()
    world.send_speech(encode_turn(8))
    assert world.take_sent()[:3] == user("8")
    assert world.dialogue.told == ["hola", "interrupted", "words 8"]
