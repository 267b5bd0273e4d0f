"""The texts the model gets: one system prompt per language and family, one set of directives per language.

The owner's prompt stands word for word in `es.md` and goes to every family without a document of its own.
`es.second-part.md` follows it. `es.nova-2-5-sonic.md` says the same as both by AWS's prompting guide for Nova 2.5
Sonic (`make lint` checks it). Both get the facts of the business from the settings; a line whose fact is unknown is
left out. Both get the current time and the dates of the next two weeks: a model reads dates more reliably than it
computes them.

A directive is text that the server sends to the model during a call, in the user role: Nova Sonic has no
other input for it. Directives stand in square brackets, and no caption or transcript shows them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format

from voice.prompts.business import Business
from voice.prompts.personas import Persona, persona_of

LANGUAGES = ("es",)
DAYS_LISTED = 14
_DIRECTIVE = re.compile(r"^## (\w+)\n(.+)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_OWNERS_PERSONA = "Eres Carlos, el asistente virtual"


@cache
def load_prompt(language: str, family: str) -> str:
    """Return the document of a family of the model, or the owner's prompt, joined into one line."""
    if _has_own_prompt(language, family):
        return _load_document(f"{language}.{family}.md").strip()
    return _join_lines(_load_document(f"{language}.md"))


def build_system_prompt(
    *,
    language: str,
    family: str,
    voice: str,
    business: Business,
    now: datetime,
    time_zone: ZoneInfo,
) -> str:
    """Return the whole system prompt of a call that starts at `now` and is spoken by `voice`."""
    local = now.astimezone(time_zone)
    prompt, persona = load_prompt(language, family), persona_of(voice, business.personas)
    with translation.override(language):
        values = business.prompt_values() | {
            "today": date_format(local, r"l j \d\e F \d\e Y"),
            "time": f"{local:%H:%M}",
            "dates": _dates(local),
            "example_date": f"{local:%Y-%m-%d}T15:00:00",
        }
    if _has_own_prompt(language, family):
        return _fill_lines(prompt, persona, values)
    second_part = _fill_lines(_load_document(f"{language}.second-part.md"), persona, values)
    return f"{_as_persona(prompt, persona)} {_join_lines(second_part)}"


def _has_own_prompt(language: str, family: str) -> bool:
    return (files(__name__) / f"{language}.{family}.md").is_file()


@cache
def _load_document(name: str) -> str:
    return (files(__name__) / name).read_text(encoding="utf-8")


def _join_lines(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def _dates(local: datetime) -> str:
    """Return today and the days after it with their dates: "hoy lunes 2026-11-30; mañana martes …"."""
    names = ("hoy ", "mañana ", *[""] * DAYS_LISTED)
    days = (local + timedelta(days=number) for number in range(DAYS_LISTED))
    return "; ".join(
        f"{name}{date_format(day, 'l')} {day:%Y-%m-%d}"
        for name, day in zip(names, days, strict=False)
    )


def _as_persona(prompt: str, persona: Persona) -> str:
    """Return the owner's prompt as it is for Carlos; for another voice only the first sentence changes."""
    introduction = f"Eres {persona.name}, {persona.article} asistente virtual"
    return prompt.replace(_OWNERS_PERSONA, introduction)


def _fill_lines(text: str, persona: Persona, values: Mapping[str, str]) -> str:
    """Return the text with its values, without the lines that lack one."""
    unknown = {name for name, value in values.items() if not value}
    lines = [line for line in text.splitlines() if unknown.isdisjoint(_PLACEHOLDER.findall(line))]
    return _fill("\n".join(lines), persona, values)


def _fill(text: str, persona: Persona, values: Mapping[str, str]) -> str:
    """Return the text with the persona and the values; other placeholders, and braces in a value, stay."""
    filled = {"name": persona.name, "article": persona.article, **values}
    return _PLACEHOLDER.sub(lambda match: filled.get(match[1], match[0]), text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directives:
    """The directives of one language, ready to send.

    Attributes:
        greeting: Greet the customer.
        wait: Say that a tool takes a while.
        idle: Sign off, because the customer is silent.
        limit: Sign off, because the call reached its time limit.
        budget: Sign off, because the minutes that customers may call are used up.
        result: Say the result of a tool; a template, see `tool_result`.

    """

    greeting: str
    wait: str
    idle: str
    limit: str
    budget: str
    result: str

    def tool_result(self, tool: str, content: Mapping[str, Any]) -> str:
        """Return the directive with a tool result, for a session that didn't call the tool."""
        text = json.dumps(content, ensure_ascii=False)
        return self.result.replace("{tool}", tool).replace("{result}", text)


def load_directives(*, language: str, voice: str, business: Business) -> Directives:
    """Return the directives of a language, as the persona of a voice says them."""
    directives = directive_texts(language)
    persona, values = persona_of(voice, business.personas), {"business": business.name}
    return Directives(**{name: _fill(body, persona, values) for name, body in directives.items()})


@cache
def directive_texts(language: str) -> Mapping[str, str]:
    """Return the directives of a language by name, as the document has them."""
    return dict(_DIRECTIVE.findall(_load_document(f"{language}.directives.md")))
