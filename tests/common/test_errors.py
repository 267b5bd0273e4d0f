"""The base class of the domain errors."""

from decimal import Decimal

import pytest

from common.errors import DomainError, StaleVersionError

pytestmark = pytest.mark.pure


def test_error_as_text_is_its_code_without_data() -> None:
    class PriceError(DomainError):
        code = "price"
        http_status = 422
        text = "It costs %(price)s."

    error = PriceError(price=Decimal("5.00"), customer="Juan Pérez")

    assert error.message == "It costs 5.00."
    assert str(error) == "price"
    assert error.data == {"price": Decimal("5.00"), "customer": "Juan Pérez"}


def test_derived_error_keeps_its_base_classes() -> None:
    assert (StaleVersionError.http_status, StaleVersionError.code) == (409, "stale_version")
