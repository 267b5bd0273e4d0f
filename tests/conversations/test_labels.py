"""Staff read words, never the name of a tool or the code of an error."""

import pytest

import appointments.errors
import orders.errors
from common.errors import DomainError
from conversations.labels import ERROR_LABELS, TOOL_LABELS, error_label, tool_label
from voice.tools import TOOLS

DOMAIN_ERRORS = [
    each
    for module in (orders.errors, appointments.errors)
    for each in vars(module).values()
    if isinstance(each, type)
    and issubclass(each, DomainError)
    and each.__module__ == module.__name__
]


@pytest.mark.parametrize("error", DOMAIN_ERRORS, ids=lambda each: each.__name__)
def test_each_error_of_the_business_has_a_label(error: type[DomainError]) -> None:
    assert error.code in ERROR_LABELS


def test_each_tool_has_a_label() -> None:
    assert {spec.name for spec in TOOLS.specs()} == set(TOOL_LABELS)


def test_unknown_codes_and_names_are_not_hidden_and_not_shown_raw() -> None:
    assert tool_label("consultarOrder") != "consultarOrder"
    assert tool_label("somethingElse") == "somethingElse"
    assert error_label("order_not_found") != "order_not_found"
    assert "_" not in error_label("some_new_code")
    assert error_label("") == ""
