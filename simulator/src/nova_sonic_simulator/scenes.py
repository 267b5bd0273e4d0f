"""Scenes: conversations as YAML, to replay against any system that talks to Nova Sonic.

A file holds a list of scenes. Each step is what the customer does and what has to follow:

    - id: cancel-order
      title: Cancels an order after one question
      steps:
        - say: quiero cancelar el pedido 2
          text: DNI
        - say: 12345678
          tools:
            - cancelarOrder: {orderId: "2"}
          text: cancelé
      end:
        orders: {"2": {status: cancelled}}

`say` is typed or spoken; `interrupt` is said over the reply; `wait` lets seconds pass; `fail` injects a
fault of the control port. `tools` are exactly the calls of the step, each a name or a name with some of its
arguments; `text` has to occur in the replies, and `never` must not. `end` is a state that the driver checks.
A driver plays scenes against one system; see `Driver`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

STEP_FIELDS = frozenset({"say", "interrupt", "wait", "fail", "tools", "text", "never"})
SCENE_FIELDS = frozenset({"id", "title", "steps", "end", "tags"})


class SceneError(Exception):
    """A scene file is malformed; the text names the file and the mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCall:
    """A tool call that has to happen; `arguments` are those that matter."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the customer does, and what has to follow."""

    say: str | None = None
    interrupt: str | None = None
    wait_s: float = 0.0
    fault: Mapping[str, Any] | None = None
    tools: tuple[ExpectedCall, ...] | None = None
    """Exactly these calls; None if the scene does not care."""
    texts: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One conversation."""

    id: str
    title: str
    steps: tuple[Step, ...]
    end: Mapping[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What followed a step: the tool calls, and the assistant's replies."""

    calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    replies: Sequence[str] = ()


class Driver(Protocol):
    """Plays the customer in one system."""

    async def say(self, text: str) -> Outcome:
        """Say something and return what followed, up to the end of the reply."""
        ...

    async def interrupt(self, text: str) -> Outcome:
        """Say something over the reply to the last step and return what followed."""
        ...

    async def wait(self, seconds: float) -> Outcome:
        """Let time pass and return what happened."""
        ...

    async def inject_fault(self, fault: Mapping[str, Any]) -> None:
        """Inject a fault of the control port."""
        ...

    async def differences(self, end: Mapping[str, Any]) -> list[str]:
        """Return how the state differs from the expected one."""
        ...


# Reading.


def load_scenes(path: Path) -> list[Scene]:
    """Return the scenes of a YAML file, or of all files of a folder.

    Raises:
        SceneError: A file is malformed.

    """
    import yaml  # noqa: PLC0415 -- optional dependency

    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    scenes: list[Scene] = []
    for file in files:
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            scenes += [parse_scene(scene) for scene in content]
        except (yaml.YAMLError, TypeError, KeyError, SceneError) as error:
            raise SceneError(f"{file}: {error}") from error
    ids = [scene.id for scene in scenes]
    if repeated := {each for each in ids if ids.count(each) > 1}:
        raise SceneError(f"{path}: repeated ids {sorted(repeated)}")
    return scenes


def parse_scene(content: Mapping[str, Any]) -> Scene:
    """Return a scene from its YAML; raises SceneError for unknown fields."""
    if unknown := content.keys() - SCENE_FIELDS:
        raise SceneError(f"scene {content.get('id')}: unknown {sorted(unknown)}")
    return Scene(
        id=str(content["id"]),
        title=str(content.get("title", content["id"])),
        steps=tuple(_parse_step(step) for step in content["steps"]),
        end=content.get("end") or {},
        tags=frozenset(content.get("tags") or ()),
    )


def _parse_step(content: str | Mapping[str, Any]) -> Step:
    if isinstance(content, str):
        return Step(say=content)
    if unknown := content.keys() - STEP_FIELDS:
        raise SceneError(f"step {dict(content)}: unknown {sorted(unknown)}")
    tools = content.get("tools")
    return Step(
        say=None if content.get("say") is None else str(content["say"]),
        interrupt=content.get("interrupt"),
        wait_s=float(content.get("wait", 0)),
        fault=content.get("fail"),
        tools=None if tools is None else tuple(_parse_call(call) for call in tools),
        texts=_texts(content.get("text")),
        never=_texts(content.get("never")),
    )


def _parse_call(content: str | Mapping[str, Any]) -> ExpectedCall:
    if isinstance(content, str):
        return ExpectedCall(name=content)
    ((name, arguments),) = content.items()
    return ExpectedCall(name=name, arguments=arguments or {})


def _texts(content: Any) -> tuple[str, ...]:
    if content is None:
        return ()
    return (str(content),) if not isinstance(content, list) else tuple(map(str, content))


# Playing.


async def play(scene: Scene, driver: Driver) -> list[str]:
    """Play a scene and return what went wrong, in words; nothing if all went well."""
    problems: list[str] = []
    for number, step in enumerate(scene.steps, start=1):
        outcome = await _perform(step, driver)
        problems += [f"step {number}: {each}" for each in _check(step, outcome)]
    if scene.end:
        problems += [f"end: {each}" for each in await driver.differences(scene.end)]
    return problems


async def _perform(step: Step, driver: Driver) -> Outcome:
    if step.fault is not None:
        await driver.inject_fault(step.fault)
    if step.interrupt is not None:
        return await driver.interrupt(step.interrupt)
    if step.say is not None:
        return await driver.say(step.say)
    return await driver.wait(step.wait_s)


def _check(step: Step, outcome: Outcome) -> Iterator[str]:
    if step.tools is not None:
        yield from _check_calls(step.tools, outcome.calls)
    replies = fold(" ".join(outcome.replies))
    for text in step.texts:
        if not _occurs(text, replies):
            yield f"expected «{text}» in «{' '.join(outcome.replies)}»"
    for text in step.never:
        if _occurs(text, replies):
            yield f"did not expect «{text}» in «{' '.join(outcome.replies)}»"


def _check_calls(
    expected: Sequence[ExpectedCall], calls: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[str]:
    names = [name for name, _ in calls]
    if [call.name for call in expected] != names:
        yield f"expected the calls {[call.name for call in expected]}, got {names}"
        return
    for call, (name, arguments) in zip(expected, calls, strict=True):
        for argument, value in call.arguments.items():
            if not _is_equal(value, arguments.get(argument)):
                found = arguments.get(argument)
                yield f"expected {name} with {argument}={value!r}, got {found!r}"


def _is_equal(expected: Any, found: Any) -> bool:
    """Return whether two arguments are equal; texts are compared without case and accents."""
    if isinstance(expected, str) and isinstance(found, str):
        return fold(expected) == fold(found) or _is_pattern_match(expected, found)
    return bool(expected == found)


def _is_pattern_match(expected: str, found: str) -> bool:
    return expected.startswith("~") and re.search(expected[1:], found) is not None


def _occurs(text: str, replies: str) -> bool:
    if text.startswith("~"):
        return re.search(fold(text[1:]), replies) is not None
    return fold(text) in replies


def fold(text: str) -> str:
    """Return `text` in lower case without accents."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).casefold()
