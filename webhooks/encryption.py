"""Encrypt the secrets of endpoints before they are stored."""

from cryptography.fernet import InvalidToken

from common.encryption import fernet

# It is stored: another text makes the stored secrets unreadable.
PURPOSE = "webhooks.secret"


def encrypt_secret(secret: str) -> str:
    """Return the secret as encrypted text."""
    return fernet(PURPOSE).encrypt(secret.encode()).decode()


def decrypt_secret(encrypted: str) -> str | None:
    """Return the secret; None if `SECRET_KEY` has changed since it was encrypted."""
    try:
        return fernet(PURPOSE).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        return None
