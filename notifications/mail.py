"""What a renderer makes of a message: subject, text, HTML and attachments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import MIMEPart
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.module_loading import import_string

from notifications.domain import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFile:
    """A calendar file (RFC 5545) that a mail has as an attachment; `method` is that of RFC 5546."""

    name: str
    method: str
    data: bytes

    def to_part(self) -> MIMEPart:
        """Return the attachment, with its method as mail programs expect it (RFC 6047)."""
        part = MIMEPart()
        part.set_content(
            self.data,
            maintype="text",
            subtype="calendar",
            params={"method": self.method, "charset": "utf-8"},
            disposition="attachment",
            filename=self.name,
        )
        return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The content of an e-mail."""

    subject: str
    text: str
    html: str
    attachments: tuple[CalendarFile, ...] = ()


@dataclass(frozen=True, slots=True)
class MailLink:
    """A link in a mail, as a sentence that says what it does: `Cancelar el turno`."""

    label: str
    url: str


type Renderer = Callable[[Message, datetime], Mail | None]
"""Returns the mail of a message at the current time; None if what it says is no longer true."""


def signature() -> Mapping[str, str]:
    """Return name, address and phone number of the business, as they stand below each mail."""
    function: Callable[[], Mapping[str, str]] = import_string(settings.EMAIL_SIGNATURE)
    return function()


def render_templates(
    name: str, context: Mapping[str, Any], *, attachments: tuple[CalendarFile, ...] = ()
) -> Mail:
    """Return the mail of the templates `name`.subject.txt, `name`.txt and `name`.html."""
    values = {"signature": signature(), **context}
    subject = " ".join(render_to_string(f"{name}.subject.txt", values).split())
    return Mail(
        subject=subject,
        text=render_to_string(f"{name}.txt", values).strip() + "\n",
        html=render_to_string(f"{name}.html", values),
        attachments=attachments,
    )
