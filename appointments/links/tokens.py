"""Links as text: signed with Django's signing, under a salt of their own."""

from datetime import UTC, datetime

from django.core import signing
from django.urls import reverse

from appointments.domain import Appointment
from appointments.links.domain import AppointmentLink, LinkAction
from common.site_address import site_url

MAX_TOKEN_LENGTH = 300
_SALT = "appointments.links"


def link_token(appointment: Appointment) -> str:
    """Return the token of the link to an appointment as it is now; safe in addresses."""
    link = AppointmentLink.to_appointment(appointment)
    content = [link.appointment_id, link.fingerprint, int(link.expires_at.timestamp())]
    return _signer().sign_object(content)


def parse_link(token: str) -> AppointmentLink | None:
    """Return the link of a token; None if it isn't one that was signed here."""
    if len(token) > MAX_TOKEN_LENGTH:
        return None
    try:
        appointment_id, fingerprint, expires_s = _signer().unsign_object(token)
    except (signing.BadSignature, ValueError):
        return None
    return AppointmentLink(
        appointment_id=appointment_id,
        fingerprint=fingerprint,
        expires_at=datetime.fromtimestamp(expires_s, UTC),
    )


def link_path(appointment: Appointment, action: LinkAction | None = None) -> str:
    """Return the path of an appointment's page, or of the page of one action."""
    token = link_token(appointment)
    if action is None:
        return reverse("appointment-link", args=[token])
    return reverse("appointment-link-action", args=[token, action.value])


def link_url(appointment: Appointment, action: LinkAction | None = None) -> str:
    """Return the whole address of `link_path`, for messages to patients."""
    return site_url() + link_path(appointment, action)


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt=_SALT)
