"""Labels of fields, for people."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from common.field_labels import FIELD_LABELS, field_label

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]


def test_field_label_counts_list_items_from_one() -> None:
    with translation.override("es"):
        assert field_label("items.0.price") == "productos 1 precio unitario"
        assert field_label("starts_at_ms") == "valor"


RAISED = re.compile(
    r'InvalidFieldError\(field="(\w+)"|\bfield="(\w+)"\)|items\.\{position\}\.(\w+)'
)


def test_each_field_refused_by_a_service_has_a_label() -> None:
    modules = [path for name in ("orders", "appointments") for path in (ROOT / name).glob("*.py")]
    modules.append(ROOT / "common" / "contact.py")
    found = RAISED.findall("".join(path.read_text() for path in modules))
    names = {name for each in found for name in each if name}

    assert {"customer_name", "dni", "price", "duration", "doctor_name"} <= names
    assert names <= FIELD_LABELS.keys()
