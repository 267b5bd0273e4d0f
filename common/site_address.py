"""The public address of the site, for messages and for links that people copy."""

from django.conf import settings


def has_site_url() -> bool:
    """Whether links lead to the site from elsewhere, too: `SITE_URL` is set."""
    return bool(settings.SITE_URL)


def site_url() -> str:
    """Return scheme and host of the site; without `SITE_URL`, those of this machine."""
    return str(settings.SITE_URL) or f"http://localhost:{settings.WS_PORT}"
