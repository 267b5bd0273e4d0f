"""Scenarios of pipecat's evals, read as scenes."""

from pathlib import Path

import pytest

from nova_sonic_simulator.pipecat_scenarios import load_pipecat_scenarios
from nova_sonic_simulator.scenes import ExpectedCall, SceneError

pytestmark = pytest.mark.pure

FILE = """
name: orders
user: !include user_audio.yaml
judge: {modality: text}
scenarios:
  - name: status
    turns:
      - user: "Where is order 2?"
        expect:
          - event: user_transcription
            text_contains: order
          - event: function_call
            name: look_up_order
            args: {order_id: "2"}
          - event: response
            text_contains: on its way
            text_excludes: sorry
            eval: "is polite"
      - user: ["And", 500, "order 3?"]
        send_after: {event: bot_started_speaking, delay_ms: 300}
        expect:
          - event: function_call
            calls: [{name: look_up_order}, {name: say_date, args: {zone: x}}]
      - user: "Thanks"
        expect:
          - event: function_call
            absent: true
      - expect:
          - event: response
"""


def load(tmp_path: Path, content: str) -> list[object]:
    file = tmp_path / "orders.yaml"
    file.write_text(content)
    return list(load_pipecat_scenarios(file))


def test_scripted_scenario_becomes_a_scene(tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(FILE)
    (scene,) = load_pipecat_scenarios(file)
    first, second, third, fourth = scene.steps
    assert scene.id == "orders/status"
    assert first.say == "Where is order 2?"
    assert first.tools == (ExpectedCall(name="look_up_order", arguments={"order_id": "2"}),)
    assert (first.texts, first.never) == (("on its way",), ("sorry",))
    assert (second.say, second.interrupt) == (None, "And order 3?")
    assert second.tools is not None
    assert [call.name for call in second.tools] == ["look_up_order", "say_date"]
    assert third.tools == ()
    assert (fourth.say, fourth.tools) == (None, None)


def test_keys_at_the_top_are_defaults_of_each_scenario(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: a\nturns: [{user: Hi}]\nscenarios: [{name: x}, {name: y}]")
    assert [scene.id for scene in load_pipecat_scenarios(file)] == ["a/x", "a/y"]
    file.write_text("name: a\nturns: [{user: Hi}]")
    assert [scene.id for scene in load_pipecat_scenarios(file)] == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        "name: a\nscenarios: [{name: x, persona: Jamie, goal: book}]",
        "name: a\nturns: [{dtmf: 12}]",
        "name: a\nturns: [{user: Hi, expect: [{name: no event}]}]",
        "- a list",
        "name: [",
    ],
)
def test_scenario_without_equivalent_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(SceneError, match=r"orders\.yaml"):
        load(tmp_path, content)
