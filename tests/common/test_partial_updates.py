"""Updates of some fields of a record."""

from dataclasses import dataclass

import pytest

from common.partial_updates import UNSET, Unset, provided_fields

pytestmark = pytest.mark.pure


@dataclass(frozen=True, kw_only=True)
class Changes:
    name: str | Unset = UNSET
    dni: str | Unset | None = UNSET


def test_fields_that_are_not_provided_are_left_out() -> None:
    assert provided_fields(Changes()) == {}
    assert provided_fields(Changes(name="Ana")) == {"name": "Ana"}


def test_none_is_provided_and_clears_the_field() -> None:
    assert provided_fields(Changes(dni=None)) == {"dni": None}
