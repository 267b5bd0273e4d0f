"""Every error text for customers is translated into Spanish."""

from collections.abc import Iterator

import pytest
from django.utils import translation

import appointments.errors  # noqa: F401 -- so that their errors are defined
import orders.errors  # noqa: F401 -- as above
from common.errors import DomainError
from voice import customer_errors

pytestmark = pytest.mark.pure


def subclasses_of(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in error.__subclasses__():
        if not child.__module__.startswith("tests"):
            yield child
            yield from subclasses_of(child)


@pytest.mark.parametrize(
    "error", list(subclasses_of(DomainError)), ids=lambda error: error.__name__
)
def test_domain_error_has_a_spanish_text(error: type[DomainError]) -> None:
    with translation.override("en"):
        english = str(error.text)
    with translation.override("es"):
        assert str(error.text) != english


@pytest.mark.parametrize("code", [*customer_errors.ERROR_TEXTS, "anything else"])
def test_call_error_has_a_spanish_text(code: str) -> None:
    text = customer_errors.ERROR_TEXTS.get(code, customer_errors.DEFAULT_TEXT)
    with translation.override("en"):
        english = str(text)
    message = customer_errors.customer_error(code, retryable=False).message
    assert message
    assert message != english
