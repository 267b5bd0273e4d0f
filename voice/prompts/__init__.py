"""The texts the model gets: one system prompt per language and family, one set of directives per language.

The owner's prompt stands word for word in `es.md` and goes to every family without a document of its own.
`es.nova-2-5-sonic.md` says the same by AWS's prompting guide for Nova 2.5 Sonic (`make lint` checks it). Both get
the current time and the dates of the next two weeks: a model reads dates more reliably than it computes them.

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

from voice.prompts.personas import Persona, persona_of

LANGUAGES = ("es",)
DAYS_LISTED = 14
_DIRECTIVE = re.compile(r"^## (\w+)\n(.+)$", re.MULTILINE)
_SECOND_PART = (
    "Para cancelar o cambiar una cita, pide también el DNI o las primeras letras del correo. "
    "Lee cada correo letra por letra y espera que el cliente lo confirme. Si una herramienta pide "
    "confirmación, di su texto y llámala otra vez después del sí del cliente."
)
"""What follows the owner's prompt, which stays word for word."""
_OWNERS_PERSONA = "Eres Carlos, el asistente virtual"


@cache
def load_prompt(language: str, family: str) -> str:
    """Return the document of a family of the model, or the owner's prompt, joined into one line."""
    own = files(__name__) / f"{language}.{family}.md"
    if own.is_file():
        return own.read_text(encoding="utf-8").strip()
    text = (files(__name__) / f"{language}.md").read_text(encoding="utf-8")
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def build_system_prompt(
    *, language: str, family: str, voice: str, business: str, now: datetime, time_zone: ZoneInfo
) -> str:
    """Return the whole system prompt of a call that starts at `now` and is spoken by `voice`."""
    local = now.astimezone(time_zone)
    prompt, persona = load_prompt(language, family), persona_of(voice)
    example_date = f"{local:%Y-%m-%d}T15:00:00"
    with translation.override(language):
        today = date_format(local, r"l j \d\e F \d\e Y")
        dates = _dates(local)
    if "{name}" in prompt:
        return _fill(
            prompt,
            persona,
            business=business,
            now=f"{today}, {local:%H:%M}",
            dates=dates,
            example_date=example_date,
        )
    return (
        f"{_as_persona(prompt, persona)} Hoy es {today} y son las {local:%H:%M}. "
        f"Las fechas de los próximos días: {dates}. "
        f"Escribe las fechas de las herramientas así: {example_date}. {_SECOND_PART}"
    )


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


def _fill(text: str, persona: Persona, **values: str) -> str:
    values |= {"name": persona.name, "article": persona.article}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Directives:
    """The directives of one language, ready to send.

    Attributes:
        greeting: Greet the customer.
        wait: Say that a tool takes a while.
        idle: Sign off, because the customer is silent.
        limit: Sign off, because the call reached its time limit.
        result: Say the result of a tool; a template, see `tool_result`.

    """

    greeting: str
    wait: str
    idle: str
    limit: str
    result: str

    def tool_result(self, tool: str, content: Mapping[str, Any]) -> str:
        """Return the directive with a tool result, for a session that didn't call the tool."""
        text = json.dumps(content, ensure_ascii=False)
        return self.result.replace("{tool}", tool).replace("{result}", text)


@cache
def load_directives(*, language: str, voice: str, business: str) -> Directives:
    """Return the directives of a language, as the persona of a voice says them."""
    text = (files(__name__) / f"{language}.directives.md").read_text(encoding="utf-8")
    directives = dict(_DIRECTIVE.findall(text))
    persona = persona_of(voice)
    return Directives(
        **{name: _fill(body, persona, business=business) for name, body in directives.items()}
    )
