"""What the assistant is told: reviewed documents, two a language.

The owner's text carries over word for word; `system_prompt` joins its lines into one text and
adds what no document can know, today's date, without which "tomorrow" means nothing. Directions are
what the server tells the assistant in the middle of a call, in the customer's place: the service has
no other way in. They stand in square brackets, and no caption or transcript shows them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format

LANGUAGES = ("es",)
_TITLE = re.compile(r"^## (\w+)\n(.+)$", re.MULTILINE)


@cache
def document(language: str) -> str:
    """Return the owner's text in `language`, joined into one line."""
    text = (files(__name__) / f"{language}.md").read_text(encoding="utf-8")
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def system_prompt(*, language: str, now: datetime, time_zone: ZoneInfo) -> str:
    """Return the whole system prompt of a call that begins at `now`."""
    local = now.astimezone(time_zone)
    with translation.override(language):
        today = date_format(local, r"l j \d\e F \d\e Y")
    return (
        f"{document(language)} Hoy es {today} y son las {local:%H:%M}. "
        f"Escribe las fechas de las herramientas así: {local:%Y-%m-%d}T15:00:00."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Directives:
    """The directions of one language, filled in."""

    greeting: str
    wait: str
    idle: str
    limit: str
    result: str
    """Still with its two gaps, see `result_of`."""

    def result_of(self, tool: str, result: Mapping[str, Any]) -> str:
        """Return what tells the assistant a result that it did not ask this session for."""
        said = json.dumps(result, ensure_ascii=False)
        return self.result.replace("{tool}", tool).replace("{result}", said)


@cache
def load_directives(*, language: str, business: str) -> Directives:
    """Return the directions of a language for a business of this name."""
    text = (files(__name__) / f"{language}.directions.md").read_text(encoding="utf-8")
    found = {title: body.replace("{business}", business) for title, body in _TITLE.findall(text)}
    return Directives(**found)
