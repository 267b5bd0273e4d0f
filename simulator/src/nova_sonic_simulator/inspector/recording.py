"""Records sessions as scenes, for `scenes.load_scenes` to replay.

A step begins with each utterance of the customer. Its tools are those that were called before the next one,
its texts what the assistant said. An utterance that cut the reply off becomes `interrupt`.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nova_sonic_simulator.inspector.journal import Entry

INTERRUPTED = re.compile(r'\{\s*"interrupted"\s*:\s*true\s*\}')
MARKER = re.compile(r"\s*\[[A-Z_]+\]$")
"""What a system prompt may ask for at the end of each reply; clients remove it."""
REPLYING = frozenset({"toolUse", "textOutput", "contentEnd"})
PAUSE_S = 5.0
"""A customer who is silent for longer waited on purpose."""


@dataclass(slots=True, kw_only=True)
class _Step:
    text: str
    starts_s: float
    interrupts: bool
    tools: list[str | dict[str, Any]] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    ends_s: float = 0.0


class SceneRecorder:
    """Writes a file for each session that ends: `FOLDER/<name>-<stream>.yaml`."""

    def __init__(self, folder: Path, *, name: str) -> None:
        self._folder = folder
        self._name = name
        self._entries: dict[str, list[Entry]] = {}

    def receive(self, entry: Entry) -> None:
        """Receive an entry of the journal."""
        session, kind = entry["session"], entry["kind"]
        if kind == "out":
            self._entries.setdefault(session, []).append(entry)
        elif kind == "closed":
            scene_id = f"{self._name}-{session}"
            scene = scene_of(self._entries.pop(session, []), scene_id=scene_id)
            if scene is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / f"{scene_id}.yaml").write_text(scene, encoding="utf-8")


def scene_of(entries: Iterable[Entry], *, scene_id: str) -> str | None:
    """Return the YAML of one session's scene; None if the customer said nothing."""
    reader = _Reader()
    for entry in entries:
        reader.read_entry(entry)
    steps = reader.steps
    if not steps:
        return None
    lines = [f"- id: {scene_id}", f"  title: {_quoted(steps[0].text)}", "  steps:"]
    for before, step in zip([None, *steps[:-1]], steps, strict=True):
        if before is not None and not step.interrupts:
            waited_s = step.starts_s - before.ends_s
            if waited_s > PAUSE_S:
                lines.append(f"    - wait: {waited_s:.0f}")
        lines += _step_lines(step)
    return "\n".join(lines) + "\n"


class _Reader:
    """Reads the entries of one session, one after the other."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self._was_interrupted = False
        self._speaker = ""
        self._is_planned = False

    def read_entry(self, entry: Entry) -> None:
        if entry["kind"] != "out":
            return
        match entry["event"]:
            case "contentStart":
                self._speaker = str(entry.get("role"))
                self._is_planned = "SPECULATIVE" in str(entry.get("additionalModelFields"))
            case "textOutput":
                self._read_text(str(entry.get("content", "")), entry["t"])
            case "toolUse" if self.steps:
                self.steps[-1].tools.append(_call(entry))
            case _:
                pass
        if self.steps and self._speaker != "USER" and entry["event"] in REPLYING:
            self.steps[-1].ends_s = entry["t"]

    def _read_text(self, text: str, now_s: float) -> None:
        if INTERRUPTED.fullmatch(text.strip()):
            self._was_interrupted = True
        elif self._speaker == "USER" and _is_of_customer(text):
            step = _Step(text=text, starts_s=now_s, interrupts=self._was_interrupted)
            self.steps.append(step)
            self._was_interrupted = False
        elif self._is_planned and self.steps:
            self.steps[-1].replies.append(MARKER.sub("", text))


def _is_of_customer(text: str) -> bool:
    """Return whether a USER text is the customer's and no directive of the client."""
    return bool(text.strip()) and not text.strip().startswith("[")


def _call(entry: Entry) -> str | dict[str, Any]:
    """Return the tool's name, with the arguments if there are any."""
    name = str(entry["toolName"])
    try:
        arguments = json.loads(str(entry.get("content")))
    except ValueError:
        return name
    return {name: arguments} if arguments and isinstance(arguments, dict) else name


def _step_lines(step: _Step) -> Sequence[str]:
    verb = "interrupt" if step.interrupts else "say"
    lines = [f"    - {verb}: {_quoted(step.text)}"]
    lines.append(f"      tools: {_quoted(step.tools)}")
    if step.replies:
        lines.append(f"      text: {_quoted(step.replies)}")
    return lines


def _quoted(value: Any) -> str:
    """Return JSON, which is YAML, too."""
    return json.dumps(value, ensure_ascii=False)
