"""Sealing what leaves the house, or must not be read where it lies, with the server's secret.

Sealed is encrypted and authenticated (Fernet: AES-128-CBC and HMAC-SHA256). Each purpose has a key
of its own, made from the secret, so that what was sealed for one can't be passed off for another.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def fernet(purpose: str) -> Fernet:
    """Return what seals and unseals for this purpose."""
    return _fernet(purpose, settings.SECRET_KEY)


@cache
def _fernet(purpose: str, secret: str) -> Fernet:
    key = salted_hmac(purpose, "key", secret=secret, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
