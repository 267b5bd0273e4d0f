"""A dialogue that knows nothing but the declared tools, in Spanish or English."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nova_sonic_simulator.dialogue.directives import parse_directive
from nova_sonic_simulator.dialogue.nlu.tokens import fold
from nova_sonic_simulator.dialogue.reply import Reply, ToolCall
from nova_sonic_simulator.dialogue.results import describe, humanise
from nova_sonic_simulator.dialogue.schema_tools import SchemaTask, match_tool
from nova_sonic_simulator.dialogue.setup import DialogueSetup, Language
from nova_sonic_simulator.dialogue.small_talk import describe_numbers
from nova_sonic_simulator.dialogue.spanish import listed

_PHRASES: Mapping[Language, Mapping[str, str]] = {
    "es": {
        "greeting": "¡Hola! ¿En qué te puedo ayudar?",
        "introduction": "¡Hola! Soy {who}. ¿En qué te puedo ayudar?",
        "thanks": "¡De nada! Cualquier otra cosa, decime.",
        "bye": "¡Chau! Que tengas un buen día.",
        "listening": "Decime, te escucho.",
        "tools": "No te entendí. Te puedo ayudar con: {tools}.",
        "nothing": "Te escuché decir «{text}», pero no tengo cómo ayudarte con eso.",
        "dropped": "Listo, lo dejamos ahí. ¿Necesitás algo más?",
    },
    "en": {
        "greeting": "Hello! How can I help you?",
        "introduction": "Hello! I am {who}. How can I help you?",
        "thanks": "You are welcome. Anything else?",
        "bye": "Goodbye! Have a nice day.",
        "listening": "Go ahead, I am listening.",
        "tools": "I did not understand. I can help you with: {tools}.",
        "nothing": "I heard you say “{text}”, but I have no way to help with that.",
        "dropped": "All right, never mind. Anything else?",
    },
}
_SMALL_TALK = (
    ("bye", r"chau|adios|hasta luego|nada mas|goodbye|bye"),
    ("thanks", r"gracias|thanks|thank you"),
    ("introduction", r"hola|buenas|buen dia|buenos dias|hello|hi|hey|good (?:morning|afternoon)"),
    ("dropped", r"deja(?:lo|la)?|olvidate|never mind|no importa"),
    ("listening", r"si|no|dale|ok|bueno|para|pará|espera|esperá|stop|wait|yes|basta"),
)
_YES = re.compile(
    r"\b(?:si|dale|ok|claro|correcto|exacto|perfecto|confirmo|confirmado|joya|mandale|de una|yes|sure|right)\b"
)
_NO = re.compile(r"\b(?:no|nope|deja(?:lo|la)?|cancela(?:lo|la)?)\b")
_NO_PLAIN_YES = re.compile(r"[?¿]|\b(?:pero|antes|espera|but|wait)\b")
MAX_QUOTED_CHARACTERS = 60
CONFIRMATION_NEEDED = "confirmation_needed"
"""The error code of a tool that proposes a change, with the words to say."""


class GeneralDialogue:
    """A dialogue with any set of tools. Pure: no I/O, no clock."""

    def __init__(self, setup: DialogueSetup) -> None:
        self._tools = setup.tools
        self._style = setup.style
        self._task: SchemaTask | None = None
        self._is_asking = False
        self._awaits_confirmation = False

    def restore(self, turns: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Ignore earlier turns: tools are called from what is said now."""

    def respond(self, text: str, *, now: datetime, is_typed: bool = False) -> Reply:
        """Respond to what the customer said or typed."""
        directive = parse_directive(text)
        if directive is not None:
            sentences = directive.sentences
            if directive.result is not None:
                sentences = describe(directive.result, self._style.language)
            return Reply(sentences=sentences)
        return (
            self.answer_confirmation(text, now=now, is_typed=is_typed)
            or self.call_tool(text, now=now, is_typed=is_typed)
            or self._small_talk(text)
        )

    def answer_confirmation(
        self, text: str, *, now: datetime, is_typed: bool = False
    ) -> Reply | None:
        """Return the reply to the answer if a tool asked for confirmation, else None.

        Yes calls the tool again with the same arguments, no drops it, and another value is a correction.
        """
        task = self._task
        if not self._awaits_confirmation or task is None:
            return None
        self._awaits_confirmation = False
        corrected = SchemaTask(tool=task.tool)
        corrected.fill(text, now=now, is_typed=is_typed, is_answer=False)
        plain = fold(text)
        if corrected.arguments:
            corrected.arguments = {**task.arguments, **corrected.arguments}
            return self._advance(corrected)
        if _NO.search(plain):
            self._task = None
            return self._final(_PHRASES[self._style.language]["dropped"])
        is_plain_yes = _YES.search(plain) and not _NO_PLAIN_YES.search(plain)
        return Reply(tool_calls=(task.call(),)) if is_plain_yes else None

    def call_tool(self, text: str, *, now: datetime, is_typed: bool = False) -> Reply | None:
        """Return the reply if the text asks for a tool or answers a question, else None."""
        tool = match_tool(text, self._tools)
        if tool is None and self._is_asking and self._task is not None:
            self._task.fill(text, now=now, is_typed=is_typed, is_answer=True)
            return self._advance(self._task)
        if tool is not None:
            task = SchemaTask(tool=tool)
            task.fill(text, now=now, is_typed=is_typed, is_answer=False)
            return self._advance(task)
        return self._follow_up(text, now, is_typed=is_typed)

    def begin(self, call: ToolCall) -> Reply:
        """Call a declared tool, or ask for an argument that it lacks."""
        tool = next(each for each in self._tools if each.name == call.name)
        return self._advance(SchemaTask(tool=tool, arguments=dict(call.arguments)))

    def respond_to_numbers(self, words: Sequence[str], *, now: datetime) -> Reply:
        """Respond to numbers coded in the audio."""
        del now
        return self._final(describe_numbers(words)) if words else Reply()

    def handle_tool_result(
        self, *, tool_use_id: str, name: str, result: Mapping[str, Any], now: datetime
    ) -> Reply:
        """Respond to a tool's result, from that result only."""
        del tool_use_id, now
        if self._task is not None and self._task.tool.name == name:
            self._awaits_confirmation = result.get("error") == CONFIRMATION_NEEDED
        return self._final(*describe(result, self._style.language))

    def handle_interruption(self) -> None:
        """Nothing depends on whether a reply was heard to its end."""

    def _follow_up(self, text: str, now: datetime, *, is_typed: bool) -> Reply | None:
        """Call the last tool again for "¿y en Rosario?"."""
        if self._task is None or self._is_asking:
            return None
        again = SchemaTask(tool=self._task.tool)
        again.fill(text, now=now, is_typed=is_typed, is_answer=False)
        if not again.arguments or again.arguments.items() <= self._task.arguments.items():
            return None
        again.arguments = {**self._task.arguments, **again.arguments}
        return self._advance(again)

    def _advance(self, task: SchemaTask) -> Reply:
        self._task = task
        self._is_asking = bool(task.missing)
        if self._is_asking:
            return self._final(task.question(self._style.language))
        return Reply(tool_calls=(task.call(),))

    def _small_talk(self, text: str) -> Reply:
        phrases, plain = _PHRASES[self._style.language], fold(text)
        kind = next((k for k, words in _SMALL_TALK if re.search(rf"\b(?:{words})\b", plain)), None)
        if kind == "introduction":
            who = self._style.introduction
            return self._final(phrases[kind].format(who=who) if who else phrases["greeting"])
        if kind is not None:
            self._is_asking = self._is_asking and kind != "dropped"
            return self._final(phrases[kind])
        if self._tools:
            names = [humanise(tool.name) for tool in self._tools[:4]]
            return self._final(phrases["tools"].format(tools=listed(names)))
        quoted = text.strip()[:MAX_QUOTED_CHARACTERS]
        return self._final(phrases["nothing"].format(text=quoted))

    def _final(self, *sentences: str) -> Reply:
        return Reply(sentences=self._style.finish(sentences))
