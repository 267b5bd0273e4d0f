"""Sign events as Standard Webhooks says (https://www.standardwebhooks.com, specification 1.0).

The library `standardwebhooks` signs with one secret at a time, and ours needs five lines; its verification is what
the tests use as the receiver.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def format_secret(random_bytes: bytes) -> str:
    """Return a secret as staff copy it to the receiver: `whsec_` and base64."""
    return PREFIX + base64.b64encode(random_bytes).decode()


def signature_headers(
    webhook_id: str, body: str, secrets: Iterable[str], *, now: datetime
) -> Mapping[str, str]:
    """Return the headers that prove who sends the body, and when.

    Args:
        webhook_id: The event's id, the same in each attempt.
        body: The body as it is posted, in UTF-8.
        secrets: Each of these signs; a receiver accepts the body if it knows one.
        now: The time of the attempt; receivers refuse one that is minutes off.

    """
    timestamp = str(int(now.timestamp()))
    signed = f"{webhook_id}.{timestamp}.{body}".encode()
    signatures = [f"v1,{_signature(secret, signed)}" for secret in secrets]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
