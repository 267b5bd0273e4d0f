"""Authenticated encryption (Fernet: AES-128-CBC and HMAC-SHA256) with keys made from SECRET_KEY.

Each purpose has a key of its own, so text that was encrypted for one can't be used for another.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def fernet(purpose: str) -> Fernet:
    """Return the cipher for this purpose, e.g. "common.cursors"."""
    return _fernet(purpose, settings.SECRET_KEY)


@cache
def _fernet(purpose: str, secret: str) -> Fernet:
    key = salted_hmac(purpose, "key", secret=secret, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
