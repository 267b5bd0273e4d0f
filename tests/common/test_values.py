"""Ids, errors, contact data and claims."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import translation

from common.contact import clean_email, clean_name
from common.errors import DomainError, InvalidFieldError, StaleVersionError
from common.field_labels import FIELD_LABELS, field_label
from common.idempotency import idempotent_request
from common.ids import is_id, opaque_id, speakable_id

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def test_a_speakable_id_has_six_digits_and_no_leading_zero() -> None:
    ids = {speakable_id() for _ in range(300)}

    assert all(len(i) == 6 and i.isdecimal() and i[0] != "0" for i in ids)
    assert len(ids) > 250


def test_opaque_ids_differ() -> None:
    assert opaque_id() != opaque_id()
    assert len(opaque_id()) == 32


@pytest.mark.parametrize("text", ["1", "482913", "b4a9-x_Y", "a" * 64])
def test_what_may_be_an_id(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "a" * 65, "1 2", "1#2", "ñ", "1\n", "١"])
def test_what_can_be_no_id(text: str) -> None:
    assert not is_id(text)


def test_an_error_says_its_code_and_keeps_names_out_of_logs() -> None:
    class PriceError(DomainError):
        code = "price"
        http_status = 422
        text = "It costs %(price)s."

    error = PriceError(price=Decimal("5.00"), customer="Juan Pérez")

    assert error.message == "It costs 5.00."
    assert str(error) == "price"
    assert error.data == {"price": Decimal("5.00"), "customer": "Juan Pérez"}


def test_a_derived_error_keeps_its_family() -> None:
    assert (StaleVersionError.http_status, StaleVersionError.code) == (409, "stale_version")


def test_a_name_is_tidied() -> None:
    assert clean_name("  Juan \n Pérez ", field="name") == "Juan Pérez"
    assert clean_name("a" * 120, field="name") == "a" * 120


@pytest.mark.parametrize("name", ["", "  ", "123", "a" * 121])
def test_what_is_no_name_is_refused_by_field(name: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        clean_name(name, field="patient_name")
    assert caught.value.data == {"field": "patient_name"}


def test_an_address_is_stored_in_small_letters() -> None:
    assert clean_email(" Juan.Perez@Email.com ", field="email") == "juan.perez@email.com"


@pytest.mark.parametrize("email", ["", "juan", "juan@", "a b@c.de", "juan@arroba punto com"])
def test_what_is_no_address_is_refused_by_field(email: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        clean_email(email, field="customer_email")
    assert caught.value.data == {"field": "customer_email"}


def test_a_claim_tells_requests_apart_but_not_by_the_order_of_words() -> None:
    one = idempotent_request(token="t", request={"a": 1, "b": Decimal("2.50")}, now=NOW)

    assert idempotent_request(token="t", request={"b": Decimal("2.50"), "a": 1}, now=NOW) == one
    other = idempotent_request(token="t", request={"a": 1, "b": Decimal("2.51")}, now=NOW)
    assert other.token_hash == one.token_hash
    assert other.request_hash != one.request_hash


def test_a_token_never_stands_in_the_table_in_clear() -> None:
    assert "call-1" not in idempotent_request(token="call-1", request={}, now=NOW).token_hash


def test_a_claim_is_remembered_for_a_week() -> None:
    assert idempotent_request(token="t", request={}, now=NOW).expires_at == NOW + timedelta(days=7)


def test_a_field_is_called_as_people_do_and_its_place_counts_from_one() -> None:
    with translation.override("es"):
        assert field_label("items.0.price") == "productos 1 precio unitario"
        assert field_label("starts_at_ms") == "valor"


RAISED = re.compile(
    r'InvalidFieldError\(field="(\w+)"|\bfield="(\w+)"\)|items\.\{position\}\.(\w+)'
)


def test_each_field_that_a_service_refuses_has_a_name_for_people() -> None:
    rooms = [path for room in ("orders", "appointments") for path in (ROOT / room).glob("*.py")]
    found = RAISED.findall("".join(path.read_text() for path in rooms))
    names = {name for each in found for name in each if name}

    assert {"customer_name", "dni", "price", "duration", "doctor_name"} <= names
    assert names <= FIELD_LABELS.keys()
