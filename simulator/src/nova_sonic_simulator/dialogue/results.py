"""Sentences about a tool result of any JSON shape.

A result may have been wrapped by a framework (`{"result": …}`, `{"content": [{"text": …}]}`), may bring a
sentence of its own, may report a failure in several ways, or may be plain data. Only what is in the result
is said, at most `MAX_FACTS` facts. Nothing here raises.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nova_sonic_simulator.dialogue.setup import Language
from nova_sonic_simulator.dialogue.spanish import listed

WRAPPERS = ("result", "data", "value", "output", "response", "body", "content", "json")
SENTENCES = (
    "resultText",
    "say",
    "speak",
    "answer",
    "message",
    "text",
    "summary",
    "description",
    "spoken",
)
ERRORS = ("error", "errors", "errorMessage", "error_message", "exception", "reason")
FLAGS = ("ok", "success", "succeeded")
FAILED_STATUSES = ("error", "failed", "failure")
MAX_DEPTH = 6
MAX_FACTS = 4
MAX_ITEMS = 3
MAX_CHARACTERS = 300

_DONE = {"es": "Listo, ya está.", "en": "Done."}
_FAILED = {"es": "No pude hacerlo", "en": "I could not do that"}
_NOTHING = {"es": "No encontré nada.", "en": "I found nothing."}
_FOUND = {"es": "Encontré {count}", "en": "I found {count}"}
_YES_NO = {"es": ("sí", "no"), "en": ("yes", "no")}


def is_failure(result: Any) -> bool:
    """Return whether a result reports that the tool failed."""
    if not isinstance(result, Mapping):
        return False
    if any(result.get(flag) is False for flag in FLAGS):
        return True
    if any(result.get(flag) is True for flag in FLAGS):
        return False
    status = result.get("status")
    if isinstance(status, str) and status.casefold() in FAILED_STATUSES:
        return True
    return any(result.get(name) for name in ERRORS)


def spoken_sentence(result: Any) -> str | None:
    """Return the sentence that a result brings with it, if any."""
    if not isinstance(result, Mapping):
        return None
    for name in SENTENCES:
        sentence = result.get(name)
        if isinstance(sentence, str) and sentence.strip() and " " in sentence.strip():
            return _cut(sentence.strip())
    return None


def describe(result: Any, language: Language) -> tuple[str, ...]:
    """Return sentences about a result of any shape."""
    if is_failure(result):
        return (_failure(result, language),)
    content = unwrap(result)
    if is_failure(content):
        return (_failure(content, language),)
    sentence = spoken_sentence(content) or _sentence_of_record(content)
    if sentence is not None:
        return (_as_sentence(sentence),)
    if isinstance(content, Mapping):
        facts = list(_facts(content, language))[:MAX_FACTS]
        return (_as_sentence("; ".join(facts)),) if facts else (_DONE[language],)
    if isinstance(content, Sequence) and not isinstance(content, str):
        return (_list(content, language),)
    text = _scalar(content, language)
    return (_as_sentence(text),) if text else (_DONE[language],)


def _sentence_of_record(content: Any) -> str | None:
    """Return the sentence about what was done that the only record of a result brings with it."""
    records = (
        [each for each in content.values() if isinstance(each, Mapping)]
        if (isinstance(content, Mapping))
        else []
    )
    text = records[0].get("resultText") if len(records) == 1 else None
    return text if isinstance(text, str) else None


def unwrap(result: Any) -> Any:
    """Return the content inside the wrappers of frameworks, with JSON in strings parsed."""
    for _ in range(MAX_DEPTH):
        inner = _unwrap_once(result)
        if inner is result:
            break
        result = inner
    return result


def _unwrap_once(result: Any) -> Any:
    if isinstance(result, str):
        return _parsed(result)
    if isinstance(result, Sequence) and len(result) == 1:
        only = result[0]
        return only if isinstance(only, Mapping | str) else result
    if not isinstance(result, Mapping) or spoken_sentence(result) is not None:
        return result
    named = {name: value for name, value in result.items() if not _is_status(name, value)}
    if len(named) == 1:
        ((name, value),) = named.items()
        is_wrapper = name in WRAPPERS or (name in SENTENCES and isinstance(value, str))
        return value if is_wrapper else result
    return result


def _is_status(name: str, value: Any) -> bool:
    return name in FLAGS or (name in ("status", "type", "toolUseId") and isinstance(value, str))


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _failure(result: Any, language: Language) -> str:
    sentence = spoken_sentence(result)
    if sentence is not None:
        return _as_sentence(sentence)
    for name in ERRORS:
        reason = result.get(name) if isinstance(result, Mapping) else None
        if isinstance(reason, Mapping):
            reason = spoken_sentence(reason)
        if isinstance(reason, str) and " " in reason.strip():
            return _as_sentence(f"{_FAILED[language]}: {_cut(reason.strip())}")
    return _as_sentence(_FAILED[language])


def _facts(content: Mapping[str, Any], language: Language) -> Iterator[str]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _facts(value, language)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            parts = [part for item in value[:MAX_ITEMS] if (part := _item(item, language))]
            if parts:
                yield f"{humanise(name)}: {_joined(parts, language)}"
        elif name not in FLAGS and (text := _scalar(value, language)):
            yield f"{humanise(name)}: {text}"


def _list(items: Sequence[Any], language: Language) -> str:
    parts = [part for item in items[:MAX_ITEMS] if (part := _item(item, language))]
    if not parts:
        return _NOTHING[language]
    if len(items) <= MAX_ITEMS:
        return _as_sentence(_joined(parts, language))
    found = _FOUND[language].format(count=len(items))
    return _as_sentence(f"{found}: {_joined(parts, language)}")


def _item(item: Any, language: Language) -> str:
    if isinstance(item, Mapping):
        sentence = spoken_sentence(item)
        return sentence or ", ".join(list(_values(item, language))[:MAX_ITEMS])
    return _scalar(item, language)


def _values(item: Mapping[str, Any], language: Language) -> Iterator[str]:
    for value in item.values():
        if not isinstance(value, Mapping | Sequence) or isinstance(value, str):
            text = _scalar(value, language)
            if text:
                yield text


def _scalar(value: Any, language: Language) -> str:
    if isinstance(value, bool):
        return _YES_NO[language][0 if value else 1]
    if isinstance(value, int | float):
        return f"{value:g}" if abs(value) < 1e15 else ""
    if isinstance(value, str):
        return _cut(value.strip())
    return ""


def _joined(parts: list[str], language: Language) -> str:
    if language == "es":
        return listed(parts)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def humanise(name: str) -> str:
    """Return "estimated delivery" for `estimatedDelivery` and `estimated_delivery`."""
    spaced = re.sub(r"(?<=[a-z\d])(?=[A-Z])", " ", str(name))
    return " ".join(re.split(r"[\s_-]+", spaced)).strip().casefold()


def _as_sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _cut(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[:MAX_CHARACTERS].rsplit(" ", 1)[0] + "…"
