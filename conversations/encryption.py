"""Encrypt checkpoints, and hash resume secrets and tool arguments, before they are stored."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

from common.encryption import fernet
from conversations.checkpoint import deserialize, serialize
from conversations.domain import CallCheckpoint

# These two are stored: another text makes what is encrypted or hashed with them unreadable.
CHECKPOINT_PURPOSE = "conversations.memory"
ARGUMENTS_SALT = "conversations.arguments"


def encrypt_checkpoint(checkpoint: CallCheckpoint) -> str:
    """Return the checkpoint as encrypted text."""
    return fernet(CHECKPOINT_PURPOSE).encrypt(serialize(checkpoint)).decode()


def decrypt_checkpoint(encrypted: str | None) -> CallCheckpoint | None:
    """Return the checkpoint; None if there is none, or if `SECRET_KEY` has changed since."""
    if encrypted is None:
        return None
    try:
        return deserialize(fernet(CHECKPOINT_PURPOSE).decrypt(encrypted.encode()))
    except InvalidToken:
        return None


def secret_hash(secret: str) -> str:
    """Return the hash under which a resume secret is stored; the secret is long and random."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret_valid(secret: str, stored_hash: str) -> bool:
    """Whether `stored_hash` is the hash of `secret`, compared in constant time."""
    return hmac.compare_digest(secret_hash(secret), stored_hash)


def arguments_hash(*, name: str, arguments: Mapping[str, Any]) -> str:
    """Return a hash that is equal for the same tool and arguments, keyed with `SECRET_KEY`."""
    canonical = json.dumps([name, arguments], sort_keys=True, ensure_ascii=False, default=str)
    secret = settings.SECRET_KEY
    return salted_hmac(ARGUMENTS_SALT, canonical, secret=secret, algorithm="sha256").hexdigest()
