"""From the entries of a session to the scene that replays it."""

from typing import Any

import pytest
import yaml

from nova_sonic_simulator.inspector.journal import Entry
from nova_sonic_simulator.inspector.recording import scene_of
from nova_sonic_simulator.scenes import Scene, parse_scene

pytestmark = pytest.mark.pure


def text(role: str, content: str, *, at: float = 0.0, stage: str = "FINAL") -> list[Entry]:
    return [
        out(
            "contentStart", at, role=role, additionalModelFields=f'{{"generationStage":"{stage}"}}'
        ),
        out("textOutput", at, role=role, content=content),
    ]


def out(event: str, at: float = 0.0, **fields: Any) -> Entry:
    return {"kind": "out", "t": at, "event": event, **fields}


def tool_use(name: str, content: str) -> list[Entry]:
    return [out("toolUse", toolName=name, content=content)]


def planned(content: str, *, at: float = 0.0) -> list[Entry]:
    return text("ASSISTANT", content, at=at, stage="SPECULATIVE")


def read_scene(*entries: list[Entry]) -> Scene:
    scene = scene_of([each for some in entries for each in some], scene_id="recorded")
    assert scene is not None
    ((content,),) = [yaml.safe_load(scene)]
    return parse_scene(content)


def test_turn_becomes_a_step_with_tools_and_replies() -> None:
    scene = read_scene(
        text("USER", "El pedido 1: «mío»"),
        tool_use("consultarOrder", '{"orderId":"1"}'),
        planned("Está en camino. [FINAL]"),
        text("ASSISTANT", "Está en camino. [FINAL]"),
    )
    (step,) = scene.steps
    assert step.say == "El pedido 1: «mío»"
    assert step.tools is not None
    assert step.tools[0].arguments == {"orderId": "1"}
    assert step.texts == ("Está en camino.",)


def test_turn_without_tools_expects_none() -> None:
    (step,) = read_scene(text("USER", "Hola"), planned("¡Hola!")).steps
    assert step.tools == ()


def test_utterance_over_the_reply_becomes_an_interruption() -> None:
    scene = read_scene(
        text("USER", "Hola"),
        planned("¡Hola! ¿En qué…"),
        text("ASSISTANT", '{ "interrupted" : true }'),
        text("USER", "pará"),
    )
    assert [step.interrupt for step in scene.steps] == [None, "pará"]


def test_long_pause_becomes_a_wait() -> None:
    scene = read_scene(
        text("USER", "Hola"), planned("¡Hola!", at=1.0), text("USER", "¿Seguís ahí?", at=21.4)
    )
    assert [step.wait_s for step in scene.steps] == [0, 20, 0]


def test_directive_of_the_client_is_no_utterance() -> None:
    scene = read_scene(text("USER", "[Saludá al cliente]"), planned("¡Hola!"), text("USER", "Hola"))
    assert [step.say for step in scene.steps] == ["Hola"]


@pytest.mark.parametrize("content", ["{", "null", "5"])
def test_tool_use_with_odd_arguments_becomes_its_name(content: str) -> None:
    (step,) = read_scene(text("USER", "Hola"), tool_use("a", content)).steps
    assert step.tools is not None
    assert [call.name for call in step.tools] == ["a"]


def test_session_without_a_customer_is_no_scene() -> None:
    assert scene_of(planned("¡Hola!"), scene_id="recorded") is None
