"""Scripts: fixed replies for tests, where the rules would never produce them.

If the words of a script occur in what the customer said, side by side, its sentences and tool calls
replace the reply of the rules, literally and without end marker. Everything else, including tool results,
goes to the dialogue manager.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from nova_sonic_simulator.dialogue.directives import parse_directive
from nova_sonic_simulator.dialogue.nlu.tokens import fold
from nova_sonic_simulator.dialogue.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The reply to an utterance that contains `when`."""

    when: str
    reply: Reply


class Scripts:
    """All scripts of the service; the newest that matches wins. Thread-safe."""

    def __init__(self) -> None:
        self._scripts: tuple[tuple[Sequence[str], Reply], ...] = ()

    def add(self, script: Script) -> None:
        """Add a script."""
        self._scripts = ((words_in(script.when), script.reply), *self._scripts)

    def clear(self) -> None:
        """Remove all scripts."""
        self._scripts = ()

    def reply_to(self, text: str) -> Reply | None:
        """Return the scripted reply to an utterance, if any."""
        scripts = self._scripts
        said = words_in(text) if scripts and parse_directive(text) is None else ()
        return next((reply for when, reply in scripts if _occurs(when, said)), None)


class Dialogue(Protocol):
    """A dialogue with one customer."""

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Restore the state after these turns, each a role and a text."""
        ...

    def respond(self, text: str, *, now: datetime, is_typed: bool = False) -> Reply:
        """Respond to what the customer said."""
        ...

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Respond to numbers that were coded in the audio."""
        ...

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: datetime
    ) -> Reply:
        """Respond to a tool's result."""
        ...

    def handle_interruption(self) -> None:
        """Handle that the customer interrupted the reply."""
        ...


class ScriptedDialogue:
    """A dialogue that applies scripts first."""

    def __init__(self, conversation: Dialogue, scripts: Scripts) -> None:
        self._conversation = conversation
        self._scripts = scripts

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Restore the state after these turns, each a role and a text."""
        self._conversation.restore(turns, now=now)

    def respond(self, text: str, *, now: datetime, is_typed: bool = False) -> Reply:
        """Respond to what the customer said."""
        reply = self._scripts.reply_to(text)
        return (
            self._conversation.respond(text, now=now, is_typed=is_typed) if reply is None else reply
        )

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Respond to numbers coded in the audio."""
        reply = self._scripts.reply_to(" ".join(words))
        return self._conversation.respond_to_numbers(words, now=now) if reply is None else reply

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: datetime
    ) -> Reply:
        """Respond to a tool's result."""
        return self._conversation.handle_tool_result(
            tool_use_id=tool_use_id, name=name, result=result, now=now
        )

    def handle_interruption(self) -> None:
        """Handle a barge-in."""
        self._conversation.handle_interruption()


def words_in(text: str) -> Sequence[str]:
    """Return the words of a text in the form in which they are compared."""
    return re.findall(r"\w+", fold(text))


def _occurs(wanted: Sequence[str], said: Sequence[str]) -> bool:
    starts = range(len(said) - len(wanted) + 1)
    return any(said[start : start + len(wanted)] == wanted for start in starts)
