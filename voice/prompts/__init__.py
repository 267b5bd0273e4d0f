"""The texts the model gets: one system prompt and one set of directives per language.

The owner's prompt stands word for word in `es.md`; `build_system_prompt` joins its lines and adds the
current date, without which the model can't understand "tomorrow". A directive is text that the server
sends to the model during a call, in the user role: Nova Sonic has no other input for it. Directives
stand in square brackets, and no caption or transcript shows them.
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
_DIRECTIVE = re.compile(r"^## (\w+)\n(.+)$", re.MULTILINE)


@cache
def load_prompt(language: str) -> str:
    """Return the owner's prompt in `language`, joined into one line."""
    text = (files(__name__) / f"{language}.md").read_text(encoding="utf-8")
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def build_system_prompt(*, language: str, now: datetime, time_zone: ZoneInfo) -> str:
    """Return the whole system prompt of a call that starts at `now`."""
    local = now.astimezone(time_zone)
    with translation.override(language):
        today = date_format(local, r"l j \d\e F \d\e Y")
    return (
        f"{load_prompt(language)} Hoy es {today} y son las {local:%H:%M}. "
        f"Escribe las fechas de las herramientas así: {local:%Y-%m-%d}T15:00:00."
    )


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
def load_directives(*, language: str, business: str) -> Directives:
    """Return the directives of a language, with the name of the business."""
    text = (files(__name__) / f"{language}.directives.md").read_text(encoding="utf-8")
    directives = dict(_DIRECTIVE.findall(text))
    return Directives(
        **{name: body.replace("{business}", business) for name, body in directives.items()}
    )
