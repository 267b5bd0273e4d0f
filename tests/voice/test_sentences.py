"""What customers are told is Spanish, all of it."""

from collections.abc import Iterator

import pytest
from django.utils import translation

import appointments.errors  # noqa: F401 -- their errors join the tree
import orders.errors  # noqa: F401
from common.errors import DomainError
from voice import customer_errors

pytestmark = pytest.mark.pure


def tree(error: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in error.__subclasses__():
        if not child.__module__.startswith("tests"):
            yield child
            yield from tree(child)


@pytest.mark.parametrize("error", list(tree(DomainError)), ids=lambda error: error.code)
def test_every_domain_error_has_its_sentence_in_spanish(error: type[DomainError]) -> None:
    with translation.override("en"):
        english = str(error.text)
    with translation.override("es"):
        assert str(error.text) != english


@pytest.mark.parametrize("code", [*customer_errors._TEXTS, "anything else"])
def test_every_error_of_a_call_is_told_in_spanish(code: str) -> None:
    text = customer_errors._TEXTS.get(code, customer_errors._OTHERWISE)
    with translation.override("en"):
        english = str(text)
    told = customer_errors.customer_error(code, retryable=False).message
    assert told
    assert told != english
