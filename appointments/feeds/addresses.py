"""The secret addresses of feeds.

An address contains a signature that only this site can make, of the professional and of a random text that is
stored with them. So the stored data alone gives nobody an address, and a new random text makes a new one.
"""

from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from appointments.schedules.domain import Professional
from common.site_address import site_url

_SALT = "appointments.feeds"


def feed_url(professional: Professional) -> str | None:
    """Return the whole address of a professional's feed; None if they have none."""
    if not professional.feed_nonce:
        return None
    return site_url() + reverse("feed", args=[professional.id, _signature(professional)])


def is_feed_signature(professional: Professional, signature: str) -> bool:
    """Whether this is the signature in the current address of the professional's feed."""
    return bool(professional.feed_nonce) and constant_time_compare(
        _signature(professional), signature
    )


def _signature(professional: Professional) -> str:
    signed = f"{professional.id}\n{professional.feed_nonce}"
    return salted_hmac(_SALT, signed, algorithm="sha256").hexdigest()[:40]
