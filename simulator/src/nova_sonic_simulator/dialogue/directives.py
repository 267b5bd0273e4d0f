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
