"""Reads what the client tells the assistant in the middle of a call: directives in square brackets.

A client can have the model speak first, fill a silence, or learn of a result that came on another
session, by typing to it (Nova 2 user guide, "Cross-modal input"). A person would not take such a text for the
customer's words, and neither does this dialogue: what stands in «» is to be said as it is; the result of
a tool is to be answered as if the tool had answered; any other note is taken silently.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_QUOTED = re.compile(r"«([^»]*)»")
_RESULT = re.compile(r"\bresultado de (\w+): *(?=\{)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """What is to be done: say `sentences`, or answer from the `result` of `tool`, or neither."""

    sentences: tuple[str, ...] = ()
    tool: str = ""
    result: Mapping[str, Any] | None = None


def parse_directive(text: str) -> Directive | None:
    """Return the directive that the text is, or None if the customer wrote it."""
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
