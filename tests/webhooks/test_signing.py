"""Signatures of events, verified by the library that receivers use. Pure."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.signing import SECRET_BYTES, format_secret, signature_headers

pytestmark = pytest.mark.pure

KEY = bytes(range(SECRET_BYTES))
SECRET, OTHER = format_secret(KEY), format_secret(KEY[::-1])
BODY = '{"type":"order.created","data":{"customerName":"Ñandú €"}}'


def test_signature_is_that_of_the_specification() -> None:
    now = datetime(2099, 11, 22, 15, 0, 0, 999_999, tzinfo=UTC)
    headers = signature_headers("msg_1", BODY, [SECRET], now=now)

    timestamp = int(datetime(2099, 11, 22, 15, 0, tzinfo=UTC).timestamp())
    digest = hmac.new(KEY, f"msg_1.{timestamp}.{BODY}".encode(), hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def test_receiver_with_either_secret_accepts_and_with_another_refuses() -> None:
    # The library compares with its own clock.
    headers = dict(signature_headers("msg_1", BODY, [SECRET, OTHER], now=datetime.now(UTC)))  # noqa: TID251 -- the same

    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(BODY, headers)["type"] == "order.created"
    for secret, body in ((format_secret(b"x" * 32), BODY), (SECRET, f"{BODY} ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


def test_receiver_refuses_an_old_attempt() -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, dict(signature_headers("msg_1", BODY, [SECRET], now=old)))


def test_secret_has_the_form_that_receivers_expect() -> None:
    assert SECRET == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
