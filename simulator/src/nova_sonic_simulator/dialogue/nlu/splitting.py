"""Splits an utterance with two intents: "cancelá el pedido 2 y decime cómo está el 1"."""

import re

from nova_sonic_simulator.dialogue.nlu.intents import (
    find_operation,
    find_subject,
    has_explicit_operation,
    negated_operations,
)
from nova_sonic_simulator.dialogue.nlu.numbers import with_figures
from nova_sonic_simulator.dialogue.nlu.tokens import Kind, Token, tokenize
from nova_sonic_simulator.dialogue.slots import Operation

_JOINT = re.compile(
    r"(?:[.;!]\s+|,?\s+y\s+(?:también|tambien|además|ademas|después|despues|luego|de paso)?,?\s*"
    r"|,\s+(?:también|tambien|además|ademas|después|despues|luego)\s+)",
    re.IGNORECASE,
)
_ANOTHER_NUMBER = re.compile(
    r"(?:el|la|del|de la|al)\s+(?:pedido|cita|turno)?\s*\d+\W*", re.IGNORECASE
)
_NUMBERED = re.compile(r"^(.*\b(?:pedido|cita|turno)s?\b\D{0,12})\d+", re.IGNORECASE)


def split_intents(text: str) -> list[str]:
    """Return the parts of `text` that have an intent of their own; one part if there is only one."""
    parts: list[str] = []
    rest = text
    start = 0
    for joint in _JOINT.finditer(text):
        before, after = text[start : joint.start()], text[joint.end() :]
        if _has_intent(before) and _begins_intent(after):
            parts.append(before)
            start, rest = joint.end(), after
        elif _has_intent(before) and _ANOTHER_NUMBER.fullmatch(_clause(after)):
            number = re.sub(r"\D", "", _clause(after))
            same = _NUMBERED.match(before)
            if same and number:
                parts.append(before)
                rest, start = f"{same[1]}{number}{after[len(_clause(after)) :]}", len(text)
                break
    return [*parts, rest]


def _clause(text: str) -> str:
    """Return the text up to the first joint or comma."""
    return re.split(r"[,;]|\s+(?:con|para|a nombre)\b", text, maxsplit=1)[0]


def _tokens(text: str) -> list[Token]:
    return with_figures(tokenize(text))


def _has_intent(text: str) -> bool:
    tokens = _tokens(text)
    operation = find_operation(tokens)
    if operation is None or (operation in negated_operations(tokens)):
        return False
    return has_explicit_operation(tokens) or find_subject(tokens) is not None


def _begins_intent(text: str) -> bool:
    """Return whether the text starts with an intent, in its first clause."""
    tokens = _tokens(_clause(text))
    if has_explicit_operation(tokens):
        return True
    operation = find_operation(tokens)
    if operation is None:
        return False
    has_number = any(token.kind is Kind.NUMBER for token in tokens)
    is_look_up = operation is Operation.LOOK_UP
    return find_subject(tokens) is not None or (is_look_up and has_number)
