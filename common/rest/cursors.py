"""Paging cursors as they leave the house: sealed, so that they reveal nothing and can't be altered.

Inside, a sealed cursor is bound to what it goes on with: another path or other filters don't open it.
It is good for a day.
"""

import hashlib
import json
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken

from common.encryption import fernet
from common.errors import InvalidCursorError

PURPOSE = "common.cursors"
GOOD_FOR = timedelta(days=1)
LONGEST = 4096


def encrypt(cursor: str, *, scope: str, now: datetime) -> str:
    """Return the cursor as a client may hold it: letters that fit into an address."""
    plain = json.dumps([_digest(scope), cursor]).encode()
    return fernet(PURPOSE).encrypt_at_time(plain, int(now.timestamp())).decode()


def decrypt(sealed: str, *, scope: str, now: datetime) -> str:
    """Return the cursor that `seal` was given.

    Raises:
        InvalidCursorError: it is forged, altered, too old, or belongs to another list.

    """
    if len(sealed) > LONGEST or not sealed.isascii():
        raise InvalidCursorError
    ttl_s, at_s = int(GOOD_FOR.total_seconds()), int(now.timestamp())
    try:
        plain = fernet(PURPOSE).decrypt_at_time(sealed.encode(), ttl_s, at_s)
    except InvalidToken as error:
        raise InvalidCursorError from error
    digest, cursor = json.loads(plain)
    if digest != _digest(scope):
        raise InvalidCursorError
    return str(cursor)


def _digest(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()
