"""Lets a test say what the assistant says and asks, where the rules would never come to it.

Theory. A script is for words the customer says. Where they occur, side by side in any spelling of
theirs, the script's sentences and tools take the place of what the rules would answer, to the
letter and without the marker of their end. Everything else, results of tools too, goes to the conversation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nova_sonic_simulator.dialogue.directives import parse_directive
from nova_sonic_simulator.dialogue.manager import DialogueManager
from nova_sonic_simulator.dialogue.nlu.tokens import fold
from nova_sonic_simulator.dialogue.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is answered to whoever says `when`."""

    when: str
    reply: Reply


class Scripts:
    """All scripts of the service; of those that fit, the newest counts. Thread-safe."""

    def __init__(self) -> None:
        self._scripts: tuple[tuple[Sequence[str], Reply], ...] = ()

    def add(self, script: Script) -> None:
        """Let the script hold from now on."""
        self._scripts = ((words_in(script.when), script.reply), *self._scripts)

    def clear(self) -> None:
        """Forget all of them."""
        self._scripts = ()

    def reply_to(self, text: str) -> Reply | None:
        """Return the reply to what the customer said, if a script has one."""
        scripts = self._scripts
        said = words_in(text) if scripts and parse_directive(text) is None else ()
        return next((reply for when, reply in scripts if _occurs(when, said)), None)


class ScriptedDialogue:
    """A conversation that follows the scripts where they fit."""

    def __init__(self, conversation: DialogueManager, scripts: Scripts) -> None:
        self._conversation = conversation
        self._scripts = scripts

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Be where a conversation was after these turns, each a role and a text."""
        self._conversation.restore(turns, now=now)

    def respond(self, text: str, *, now: datetime) -> Reply:
        """Answer what the customer said."""
        reply = self._scripts.reply_to(text)
        return self._conversation.respond(text, now=now) if reply is None else reply

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Answer words that were coded in the audio."""
        reply = self._scripts.reply_to(" ".join(words))
        return self._conversation.respond_to_numbers(words, now=now) if reply is None else reply

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: dict[str, Any], now: datetime
    ) -> Reply:
        """Answer from a tool's result."""
        return self._conversation.handle_tool_result(
            tool_use_id=tool_use_id, name=name, result=result, now=now
        )

    def handle_interruption(self) -> None:
        """Note that the customer spoke over the last reply."""
        self._conversation.handle_interruption()


def words_in(text: str) -> Sequence[str]:
    """Return the words of a text, as they are compared."""
    return re.findall(r"\w+", fold(text))


def _occurs(wanted: Sequence[str], said: Sequence[str]) -> bool:
    starts = range(len(said) - len(wanted) + 1)
    return any(said[start : start + len(wanted)] == wanted for start in starts)
