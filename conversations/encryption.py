"""What must not be read where it is stored: the memory, sealed; a secret and arguments, as hashes."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

from common.encryption import fernet
from conversations.domain import RestoreData
from conversations.restore_data import pack, unpack

MEMORY = "conversations.memory"
ARGUMENTS = "conversations.arguments"


def sealed(memory: RestoreData) -> str:
    """Return the memory as it may be stored."""
    return fernet(MEMORY).encrypt(pack(memory)).decode()


def unsealed(text: str | None) -> RestoreData | None:
    """Return the memory; None if there is none, or it was sealed with another secret than today's."""
    if text is None:
        return None
    try:
        return unpack(fernet(MEMORY).decrypt(text.encode()))
    except InvalidToken:
        return None


def digest(secret: str) -> str:
    """Return the hash by which a secret, which is long and random, is known again."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret_of(secret: str, known: str) -> bool:
    """Whether `known` is the digest of this secret."""
    return hmac.compare_digest(digest(secret), known)


def arguments_hash(*, name: str, arguments: Mapping[str, Any]) -> str:
    """Return the same text for the same tool and arguments; without the server's secret it tells nothing."""
    canonical = json.dumps([name, arguments], sort_keys=True, ensure_ascii=False, default=str)
    secret = settings.SECRET_KEY
    return salted_hmac(ARGUMENTS, canonical, secret=secret, algorithm="sha256").hexdigest()
