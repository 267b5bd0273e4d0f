"""What the assistant is told: reviewed documents, one a language.

The owner's text carries over word for word; `system_prompt` joins its lines into one text and
adds what no document can know, today's date, without which "tomorrow" means nothing.
"""

from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format

LANGUAGES = ("es",)


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
