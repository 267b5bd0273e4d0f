"""Hashes and expiry of an idempotent request."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from common.idempotency import idempotent_request

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_request_hash_ignores_the_order_of_keys() -> None:
    one = idempotent_request(token="t", request={"a": 1, "b": Decimal("2.50")}, now=NOW)

    assert idempotent_request(token="t", request={"b": Decimal("2.50"), "a": 1}, now=NOW) == one
    other = idempotent_request(token="t", request={"a": 1, "b": Decimal("2.51")}, now=NOW)
    assert other.token_hash == one.token_hash
    assert other.request_hash != one.request_hash


def test_idempotent_request_contains_the_token_only_hashed() -> None:
    assert "call-1" not in idempotent_request(token="call-1", request={}, now=NOW).token_hash


def test_idempotency_token_expires_after_a_week() -> None:
    assert idempotent_request(token="t", request={}, now=NOW).expires_at == NOW + timedelta(days=7)
