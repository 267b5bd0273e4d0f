"""Paging cursors as they leave the house: sealed, so that they reveal nothing and can't be altered.

A cursor is encrypted and authenticated (Fernet: AES-128-CBC and HMAC-SHA256) with a key made from
the server's secret. Inside, it is bound to what it goes on with: another path or other filters don't
open it. It is good for a day.
"""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

from common.errors import InvalidCursorError

GOOD_FOR = timedelta(days=1)
LONGEST = 4096


def seal(cursor: str, *, scope: str, now: datetime) -> str:
    """Return the cursor as a client may hold it: letters that fit into an address."""
    plain = json.dumps([_digest(scope), cursor]).encode()
    return _fernet(settings.SECRET_KEY).encrypt_at_time(plain, int(now.timestamp())).decode()


def unseal(sealed: str, *, scope: str, now: datetime) -> str:
    """Return the cursor that `seal` was given.

    Raises:
        InvalidCursorError: it is forged, altered, too old, or belongs to another list.

    """
    if len(sealed) > LONGEST or not sealed.isascii():
        raise InvalidCursorError
    ttl_s, at_s = int(GOOD_FOR.total_seconds()), int(now.timestamp())
    try:
        plain = _fernet(settings.SECRET_KEY).decrypt_at_time(sealed.encode(), ttl_s, at_s)
    except InvalidToken as error:
        raise InvalidCursorError from error
    digest, cursor = json.loads(plain)
    if digest != _digest(scope):
        raise InvalidCursorError
    return str(cursor)


@cache
def _fernet(secret: str) -> Fernet:
    key = salted_hmac("common.cursors", "key", secret=secret, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _digest(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()
