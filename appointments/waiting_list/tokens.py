"""The links of an offer, signed with Django's signing under a salt of their own."""

from dataclasses import dataclass

from django.core import signing
from django.urls import reverse

from appointments.links.tokens import MAX_TOKEN_LENGTH
from appointments.waiting_list.domain import WaitingEntry
from common.site_address import site_url

_SALT = "appointments.offers"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLink:
    """What the link of an offer says: the entry, when it was made, and the number of the offer."""

    entry_id: str
    created_ms: int
    number: int

    def is_of(self, entry: WaitingEntry) -> bool:
        """Whether it belongs to this entry, and not to one with the same id that ended long ago."""
        return (self.entry_id, self.created_ms) == (entry.id, _created_ms(entry))


def offer_path(entry: WaitingEntry) -> str:
    """Return the path of the page of an entry's last offer."""
    number = entry.offer.number if entry.offer else 0
    token = _signer().sign_object([entry.id, _created_ms(entry), number])
    return reverse("waiting-offer", args=[token])


def offer_url(entry: WaitingEntry) -> str:
    """Return the whole address of `offer_path`, for messages to patients."""
    return site_url() + offer_path(entry)


def parse_offer_link(token: str) -> OfferLink | None:
    """Return the link of a token; None if it isn't one that was signed here."""
    if len(token) > MAX_TOKEN_LENGTH:
        return None
    try:
        entry_id, created_ms, number = _signer().unsign_object(token)
    except (signing.BadSignature, ValueError):
        return None
    return OfferLink(entry_id=entry_id, created_ms=created_ms, number=number)


def _created_ms(entry: WaitingEntry) -> int:
    return round(entry.created_at.timestamp() * 1000)


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt=_SALT)
