"""Reads the scripted scenarios of pipecat's evals as scenes.

    name: orders
    scenarios:
      - name: status
        turns:
          - user: "Where is order 2?"
            expect:
              - event: function_call
                name: look_up_order
                args: {order_id: "2"}
              - event: response
                text_contains: on its way

`user` becomes `say`, or `interrupt` if the turn has `send_after` an event of the bot. Expected function calls become
`tools`, `text_contains` and `text_excludes` of a response become `text` and `never`. Criteria for a judge (`eval`),
events of the pipeline and time limits have no equivalent and are left out. Scenarios in which a language model plays
the customer (`persona`), and turns of keys, recordings or pictures, are refused.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nova_sonic_simulator.scenes import ExpectedCall, Scene, SceneError, Step

RESPONSES = frozenset({"response", "llm_response", "tts_response"})
NOT_TEXT = ("dtmf", "audio", "image")


def load_pipecat_scenarios(path: Path) -> list[Scene]:
    """Return the scenarios of a file as scenes; their ids are `<file's name>/<scenario's name>`.

    Raises:
        SceneError: The file is malformed, or a scenario has no equivalent.

    """
    import yaml  # noqa: PLC0415 -- optional dependency

    class Loader(yaml.SafeLoader):
        """Reads included files as nothing: they hold voices and judges."""

    Loader.add_constructor("!include", lambda _loader, _node: None)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506 -- a SafeLoader
        defaults = {key: value for key, value in content.items() if key != "scenarios"}
        scenarios = content.get("scenarios") or [{}]
        return [_read_scenario(defaults, each) for each in scenarios]
    except (yaml.YAMLError, TypeError, KeyError, AttributeError, SceneError) as error:
        raise SceneError(f"{path}: {error!r}") from error


def _read_scenario(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> Scene:
    scenario = {**defaults, **own}
    name = defaults["name"] if own.get("name") is None else f"{defaults['name']}/{own['name']}"
    if "turns" not in scenario:
        raise SceneError(f"{name}: no turns; a language model would have to play the customer")
    steps = tuple(_read_turn(turn, name) for turn in scenario["turns"])
    return Scene(id=name, title=name, steps=steps)


def _read_turn(turn: Mapping[str, Any], name: str) -> Step:
    if any(kind in turn for kind in NOT_TEXT):
        raise SceneError(f"{name}: a turn of {', '.join(NOT_TEXT)} cannot be said")
    expected = turn.get("expect") or []
    text = _read_text(turn.get("user"))
    is_interruption = "send_after" in turn
    return Step(
        say=None if is_interruption else text,
        interrupt=text if is_interruption else None,
        tools=_read_calls(expected),
        texts=tuple(_read_texts(expected, "text_contains")),
        never=tuple(_read_texts(expected, "text_excludes")),
    )


def _read_text(user: Any) -> str | None:
    """Return what the user says; a list has texts and the pauses between them."""
    if isinstance(user, list):
        return " ".join(part for part in user if isinstance(part, str))
    return None if user is None else str(user)


def _read_calls(expected: list[Mapping[str, Any]]) -> tuple[ExpectedCall, ...] | None:
    """Return the expected calls; None if the turn does not mention any."""
    events = [each for each in expected if each["event"] == "function_call"]
    if not events:
        return None
    wanted = [each for each in events if not each.get("absent")]
    calls = [call for each in wanted for call in each.get("calls") or [each]]
    return tuple(
        ExpectedCall(name=call["name"], arguments=call.get("args") or {}) for call in calls
    )


def _read_texts(expected: list[Mapping[str, Any]], field: str) -> Iterator[str]:
    for each in expected:
        if each["event"] in RESPONSES and not each.get("absent") and each.get(field):
            yield str(each[field])
