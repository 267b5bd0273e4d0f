"""`docs/data.md` lists what the models have, and `docs/api.md` the error codes."""

import re
from pathlib import Path

import pytest

from appointments import errors as appointment_errors
from appointments.models import Appointment
from common import errors as common_errors
from common.dynamodb.tables import Table
from common.errors import DomainError
from orders import errors as order_errors
from orders.models import Order

pytestmark = pytest.mark.pure

DOCS = Path(__file__).parents[2] / "docs"
DATA, API = (DOCS / "data.md").read_text(), (DOCS / "api.md").read_text()
ABSTRACT = {"conflict", "rule"}


@pytest.mark.parametrize("table", [Order, Appointment])
def test_data_page_lists_each_index_with_its_keys(table: type[Table]) -> None:
    for name in table.index_names():
        keys = ", ".join(f"`{key}`" for key in table.index_key_names(name).values())
        assert f"| `{name}` | {keys} |" in DATA


@pytest.mark.parametrize("table", [Order, Appointment])
def test_data_page_names_each_attribute(table: type[Table]) -> None:
    for attribute in table.get_attributes().values():
        assert f"`{attribute.attr_name}`" in DATA


def test_api_page_lists_each_error_code_under_its_status() -> None:
    for module in (common_errors, order_errors, appointment_errors):
        for error in vars(module).values():
            if isinstance(error, type) and issubclass(error, DomainError) and "code" in vars(error):
                row = re.search(rf"^\| [^|]*{error.http_status}[^|]*\|(.*)\|$", API, re.MULTILINE)
                assert row is not None
                assert error.code in ABSTRACT or f"`{error.code}`" in row[1]
