"""How a session of Nova 2.5 differs from one of Nova 2, and what options imitate."""

from typing import Any

import pytest

from nova_sonic_simulator.dialogue import Reply, ToolCall
from support.events import answer, opening, typed
from support.harness import (
    CALL,
    INTERRUPTED,
    SILENT_CALL,
    TWO,
    V2,
    V25,
    World,
    final,
    planned,
    user,
)

pytestmark = pytest.mark.pure

RESULT = '{"status": "en camino"}'
ANSWER = "El pedido está en camino."
BOTH = Reply(
    tool_calls=(
        ToolCall(name="consultarOrder", arguments={}),
        ToolCall(name="cancelarOrder", arguments={}),
    )
)


def open_session(model: str, script: dict[str, Reply] | None = None, **options: Any) -> World:
    world = World(model, script or {}, **options)
    world.send(*opening(tools=("consultarOrder", "cancelarOrder")))
    return world


def tool_use_ids(world: World) -> list[str]:
    return [fields["toolUseId"] for fields in world.fields("toolUse")]


@pytest.mark.parametrize("model", [V2, V25])
def test_user_speech_end_is_sent_by_nova_2_5_only(model: str) -> None:
    world = open_session(model)
    world.speak(0.5)
    world.be_silent(1.0)
    sent = world.take_sent()
    assert ("userSpeechEnd" in sent) is (model == V25)
    if model == V25:
        assert sent[:3] == ["completionStart", "userSpeechEnd", "USER FINAL"]


def test_typed_text_has_no_user_speech_end() -> None:
    world = open_session(V25)
    world.send(*typed("t", "hola"))
    assert "userSpeechEnd" not in world.take_sent()


def test_nova_2_speaks_while_a_tool_runs() -> None:
    world = open_session(V2, {"pedido": SILENT_CALL})
    world.send(*typed("t1", "pedido"))
    world.take_sent()
    world.speak(0.5)
    world.be_silent(1.0)
    world.pass_time(10)
    assert world.take_sent() == [*user("hola"), *planned("Dijiste hola."), *final("Dijiste hola.")]


def test_nova_2_5_is_silent_until_the_tool_has_answered() -> None:
    world = open_session(V25, {"pedido": SILENT_CALL})
    world.send(*typed("t1", "pedido"))
    (use,) = tool_use_ids(world)
    world.take_sent()
    world.speak(0.5)
    world.be_silent(1.0)
    world.pass_time(10)
    assert world.take_sent() == ["userSpeechEnd", *user("hola")]
    world.send(*answer("r", use, RESULT))
    world.pass_time(20)
    assert [text for text in world.take_sent() if text.startswith("«")] == [
        "«Dijiste hola.»",
        f"«{ANSWER}»",
        "«Dijiste hola.»",
        f"«{ANSWER}»",
    ]


def test_nova_2_5_does_not_speak_within_a_chain_of_tools() -> None:
    world = open_session(V25, {"los dos": BOTH})
    world.send(*typed("t1", "los dos"))
    first, second = tool_use_ids(world)
    world.send(*answer("r1", first, RESULT))
    world.pass_time(10)
    assert f"«{ANSWER}»" not in world.take_sent()
    world.send(*answer("r2", second, RESULT))
    world.pass_time(20)
    assert world.take_sent().count(f"«{ANSWER}»") == 4


def test_nova_2_5_answers_imperative_text_while_a_tool_runs() -> None:
    nudge = "[Decile al cliente sólo esto: «Un momento.»]"
    world = open_session(V25, {"pedido": SILENT_CALL, nudge: Reply(sentences=("Un momento.",))})
    world.send(*typed("t1", "pedido"))
    world.take_sent()
    world.send(*typed("t2", nudge))
    world.pass_time(5)
    assert world.take_sent() == [*user(nudge), *planned("Un momento."), *final("Un momento.")]


def test_nova_2_5_gives_no_turn_to_a_text_that_describes() -> None:
    world = open_session(V25, {"hola": TWO})
    world.send(*typed("t1", "hola"))
    world.pass_time(0.5)
    world.take_sent()
    note = "[El cliente está esperando.]"
    world.send(*typed("t2", note))
    world.pass_time(10)
    sent = world.take_sent()
    assert INTERRUPTED[1] in sent
    assert sent[-3:] == user(note)


def test_nova_2_5_sends_a_tool_use_behind_its_sentence() -> None:
    world = open_session(V25, {"pedido": CALL})
    world.send(*typed("t1", "pedido"))
    world.pass_time(5)
    assert len(tool_use_ids(world)) == 1


def test_response_delay_separates_transcript_and_tool_use() -> None:
    world = open_session(V2, {"pedido": SILENT_CALL}, response_delay_s=0.3)
    world.send(*typed("t1", "pedido"))
    assert world.take_sent() == ["completionStart", *user("pedido")]
    world.pass_time(0.29)
    assert world.take_sent() == []
    world.pass_time(0.02)
    assert world.take_sent()[:1] == ["start TOOL"]


def test_empty_typed_transcript_option_hides_the_text() -> None:
    world = open_session(V2, empty_typed_transcript=True)
    world.send(*typed("t1", "hola"))
    world.pass_time(10)
    assert world.take_sent() == [
        "completionStart",
        *user(""),
        *planned("Dijiste hola."),
        *final("Dijiste hola."),
    ]
