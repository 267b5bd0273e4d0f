"""Encrypt the paging cursors that clients get.

An encrypted cursor reveals nothing and can't be altered. It is bound to a scope, the path and the
filters of its list, and expires after a day.
"""

import hashlib
import json
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken

from common.encryption import fernet
from common.errors import InvalidCursorError

PURPOSE = "common.cursors"
LIFETIME = timedelta(days=1)
MAX_LENGTH = 4096


def encrypt_cursor(cursor: str, *, scope: str, now: datetime) -> str:
    """Return the cursor encrypted, as URL-safe text."""
    plain = json.dumps([_digest(scope), cursor]).encode()
    return fernet(PURPOSE).encrypt_at_time(plain, int(now.timestamp())).decode()


def decrypt_cursor(encrypted: str, *, scope: str, now: datetime) -> str:
    """Return the cursor that `encrypt_cursor` encrypted.

    Raises:
        InvalidCursorError: it is forged, altered, expired, or has another scope.

    """
    if len(encrypted) > MAX_LENGTH or not encrypted.isascii():
        raise InvalidCursorError
    ttl_s, now_s = int(LIFETIME.total_seconds()), int(now.timestamp())
    try:
        plain = fernet(PURPOSE).decrypt_at_time(encrypted.encode(), ttl_s, now_s)
    except InvalidToken as error:
        raise InvalidCursorError from error
    digest, cursor = json.loads(plain)
    if digest != _digest(scope):
        raise InvalidCursorError
    return str(cursor)


def _digest(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()
