"""Directives: interactive text in square brackets, addressed to the assistant and not to the customer.

A client makes the model speak first, fill a silence, or use a result of an earlier session by sending
interactive text (Nova 2 user guide, "Cross-modal input"). Text in «» is spoken literally; a tool's result
is answered as if the tool had just returned it; any other directive gets no answer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Spanish imperatives: voseo ("decí"), with enclitics ("contáselo", "decile"), or these forms.
_IMPERATIVE = re.compile(r"\w+[áéí]|\w{3,}[aeiouáéí](?:me|te|se|le|les|lo|la|los|las)+")
_IMPERATIVES = frozenset(
    [
        "di",
        "saluda",
        "responde",
        "pregunta",
        "informa",
        "avisa",
        "pide",
        "cuenta",
        "confirma",
        "continúa",
        "espera",
        "tell",
        "say",
        "greet",
        "ask",
        "inform",
        "answer",
        "respond",
        "explain",
        "confirm",
        "continue",
        "apologize",
        "thank",
        "wish",
        "let",
    ]
)
_NO_IMPERATIVES = frozenset(
    ["está", "esté", "será", "habrá", "acá", "allá", "así", "aquí", "ahí", "sí", "mamá", "papá"]
)
_SENTENCE_START = re.compile(r"(?:^|[.:;!?\]}»]\s*)[¡¿\[]*(\w+)")

_QUOTED = re.compile(r"«([^»]*)»")
_RESULT = re.compile(r"\bresultado de (\w+): *(?=\{)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """What to do: say `sentences`, respond to the `result` of `tool`, or neither."""

    sentences: tuple[str, ...] = ()
    tool: str = ""
    result: Mapping[str, Any] | None = None


def parse_directive(text: str) -> Directive | None:
    """Return the directive in the text, or None if the text is the customer's."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    announced = _RESULT.search(text)
    result = _object_at(text, announced.end()) if announced else None
    if announced and result is not None:
        return Directive(tool=announced[1], result=result)
    quoted = (sentence.strip() for sentence in _QUOTED.findall(text))
    return Directive(sentences=tuple(filter(None, quoted)))


def _object_at(text: str, start: int) -> Mapping[str, Any] | None:
    try:
        value, _end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def opens_turn(text: str) -> bool:
    """Return whether 2.5 responds to the text: it is the customer's, or an imperative directive.

    A directive that only describes ("The caller is waiting") does not reliably produce speech (prompting
    guide of Nova 2.5 Sonic, appendix).
    """
    if parse_directive(text) is None:
        return True
    words = {word.casefold() for word in _SENTENCE_START.findall(text.strip()[1:-1])}
    return any(
        word in _IMPERATIVES or _IMPERATIVE.fullmatch(word) for word in words - _NO_IMPERATIVES
    )
