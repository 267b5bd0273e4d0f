"""Django's mailer of the setting EMAIL_URL."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SMTP_BACKEND = "notifications.transport.SMTPBackend"
SES_BACKEND = "anymail.backends.amazon_ses.EmailBackend"
FOLDER_BACKEND = "notifications.mailbox.FolderBackend"
SMTP_TIMEOUT_S = 20
"""For each step of a mail. All steps together end within a worker's lease of ten minutes."""
PORTS = {"smtp": 587, "smtps": 465}


def mailer_config(url: str, region: str) -> dict[str, Any]:
    """Return the mailer of an address such as `smtp://user:password@host:587`.

    Args:
        url: `smtp://` with STARTTLS (`?tls=none`: without), `smtps://`, `ses:`, `file:` and a folder.
        region: The AWS region of Amazon SES.

    Raises:
        ValueError: the address is none of these. The message doesn't contain it, because of its password.

    """
    scheme, _, rest = url.partition(":")
    if scheme == "file" and rest and not rest.startswith("//"):
        return {"BACKEND": FOLDER_BACKEND, "OPTIONS": {"folder": str(Path(rest))}}
    if scheme == "ses" and not rest.strip("/"):
        # Without retries of its own: after a time-out it could send a mail twice.
        client = {"region_name": region, "config": {"retries": {"total_max_attempts": 1}}}
        return {"BACKEND": SES_BACKEND, "OPTIONS": {"client_params": client}}
    if scheme not in PORTS:
        raise ValueError("is no address like smtp://user:password@host:587, ses: or file:folder")
    return {"BACKEND": SMTP_BACKEND, "OPTIONS": _smtp_options(url)}


def _smtp_options(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    is_over_tls = parts.scheme == "smtps"
    has_tls = query.pop("tls", ["starttls"]) != ["none"]
    try:
        port = parts.port or PORTS[parts.scheme]
    except ValueError:
        port = 0
    if not parts.hostname or not port or query or parts.path.strip("/"):
        raise ValueError("is no address like smtp://user:password@host:587")
    if parts.password and not (is_over_tls or has_tls):
        raise ValueError("would send the password without TLS")
    return {
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": is_over_tls,
        "use_tls": has_tls and not is_over_tls,
        "timeout": SMTP_TIMEOUT_S,
    }
