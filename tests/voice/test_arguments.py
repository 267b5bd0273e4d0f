"""The arguments of the seven tools in the forms that models send them."""

import json
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments.domain import AppointmentKind
from voice.tools import appointments, orders
from voice.tools.registry import InvalidArgumentsError, Tool

pytestmark = pytest.mark.pure

BOOKING = {
    "patientName": "Ana Sosa",
    "patientEmail": "ana@email.com",
    "doctorName": "Dr. Sosa",
    "date": "2026-11-27T15:00:00",
}
ORDER = {"customerName": "Ana Sosa", "customerEmail": "ana@email.com"}
ITEM = {"name": "Producto A", "quantity": 2, "price": 25.99}
THREE_PM = datetime(2026, 11, 27, 15)  # noqa: DTZ001 -- as the model sends it

agendar = Tool.from_function(appointments.agendarTurno)
modificar = Tool.from_function(appointments.modificarTurno)
consultar = Tool.from_function(orders.consultarOrder)
crear = Tool.from_function(orders.crearOrder)


def parsed(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    return tool.parse_arguments(json.dumps(arguments))


def problems(tool: Tool, arguments: dict[str, Any]) -> set[str]:
    with pytest.raises(InvalidArgumentsError) as refused:
        parsed(tool, arguments)
    return set(refused.value.fields)


@pytest.mark.parametrize("nothing", [None, "", "  ", "null", "NONE", "N/A", "desconocido"])
def test_optional_argument_without_value_gets_its_default(nothing: str | None) -> None:
    booking = parsed(agendar, {**BOOKING, "duration": nothing, "type": nothing})
    assert (booking["duration"], booking["type"]) == (30, AppointmentKind.CONSULTATION)
    identity = parsed(consultar, {"orderId": "1", "dni": nothing, "customerName": nothing})
    assert (identity["dni"], identity["customerName"]) == (None, None)
    item = {**ITEM, "quantity": nothing}
    assert parsed(crear, {**ORDER, "items": [item], "total": nothing})["items"][0].quantity == 1


@pytest.mark.parametrize("nothing", [None, "", "null", "desconocida"])
def test_required_argument_without_value_is_named_as_missing(nothing: str | None) -> None:
    assert problems(agendar, {**BOOKING, "patientEmail": nothing}) == {"patientEmail"}
    assert problems(crear, {**ORDER, "items": [{**ITEM, "name": nothing}]}) == {"items.0.name"}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("consultation", "consultation"), ("Consultation", "consultation"), ("consulta", "consultation"),
        ("Consulta médica", "consultation"), ("consulta de control", "follow-up"),
        ("follow_up", "follow-up"), ("Follow-Up", "follow-up"), ("seguimiento", "follow-up"),
        ("urgencia", "emergency"), ("EMERGENCIA", "emergency"), ("es urgente", "emergency"),
        ("control de rutina", "routine"), ("chequeo", "routine"), ("routine checkup", "routine"),
    ],
)  # fmt: skip
def test_type_is_read_in_spanish_and_english(said: str, kind: str) -> None:
    assert parsed(agendar, {**BOOKING, "type": said})["type"] == kind


@pytest.mark.parametrize("said", ["dermatología", "urgencia o rutina", "7", ["consulta"]], ids=repr)
def test_type_that_names_no_single_kind_is_invalid(said: Any) -> None:
    assert problems(agendar, {**BOOKING, "type": said}) == {"type"}


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        (45, 45), ("45", 45), (45.0, 45), ("30 minutos", 30), ("30min", 30), ("treinta minutos", 30),
        ("media hora", 30), ("una hora", 60), ("1 hora", 60), ("1h", 60), ("2 horas", 120),
        ("una hora y media", 90), ("cuarto de hora", 15), ("1:30", 90), ("01:00:00", 60),
        ("PT45M", 45), ("PT1H", 60), ("cuarenta y cinco minutos", 45),
    ],
    ids=repr,
)  # fmt: skip
def test_duration_is_read_with_its_unit(said: Any, minutes: int) -> None:
    assert parsed(agendar, {**BOOKING, "duration": said})["duration"] == minutes


@pytest.mark.parametrize(
    "said", ["un rato", "30 segundos", "4", "481", 30.5, "-30", True, "30 30"], ids=repr
)
def test_duration_that_is_no_length_is_invalid(said: Any) -> None:
    assert problems(agendar, {**BOOKING, "duration": said}) == {"duration"}


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-27T15:00:00", "2026-11-27T15:00", "2026-11-27 15:00", "2026-11-27T15",
        "27/11/2026 15:00", "27-11-2026 15:00 hs", "2026/11/27 15:00", "20261127T150000",
        " 2026-11-27T15:00:00.000 ", "27/11/2026 a las 15", "2026-11-27t15:00:00",
    ],
)  # fmt: skip
def test_date_is_read_as_local_time(said: str) -> None:
    assert parsed(agendar, {**BOOKING, "date": said})["date"] == THREE_PM
    move = {"appointmentId": "1", "patientName": "Ana Sosa", "newDate": said}
    assert parsed(modificar, move)["newDate"] == THREE_PM


def test_date_with_offset_keeps_it() -> None:
    date = parsed(agendar, {**BOOKING, "date": "2026-11-27T15:00:00-03:00"})["date"]
    assert date == THREE_PM.replace(tzinfo=timezone(timedelta(hours=-3)))


@pytest.mark.parametrize(
    "said",
    ["20261225", 20261225, 1798243200, "1798243200", "2026-12-25", "mañana a las 10", "2026-13-01T10:00",
     "31/02/2026 10:00", "2026-11-27T25:00", "15:00", "T15:00", "2026-W48-5", ""],
    ids=repr,
)  # fmt: skip
def test_date_without_day_or_time_is_invalid_not_a_unix_time(said: Any) -> None:
    assert problems(agendar, {**BOOKING, "date": said}) == {"date"}


@pytest.mark.parametrize("number", ["1", 1, 1.0, "#1", " 1. "], ids=repr)
def test_order_number_of_any_type_is_text(number: Any) -> None:
    order_id = parsed(consultar, {"orderId": number})["orderId"]
    assert isinstance(order_id, str)
    assert order_id in {"1", "#1", "1."}


@pytest.mark.parametrize(
    "items",
    [
        [ITEM],
        json.dumps([ITEM]),
        json.dumps(ITEM),
        ITEM,
        [{"nombre": "Producto A", "cantidad": "2", "precio": "$ 25,99"}],
        [{"product_name": "Producto A", "qty": "dos", "unitPrice": "25.99"}],
        [{**ITEM, "sku": "A-1", "quantity": 2.0, "price": 25.990000000000002}],
    ],
    ids=repr,
)
def test_items_are_read_in_every_form(items: Any) -> None:
    (item,) = parsed(crear, {**ORDER, "items": items})["items"]
    assert (item.name, item.quantity, item.price) == ("Producto A", 2, Decimal("25.99"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": "gratis"}, "price"),
        ({"price": 25.999}, "price"),
        ({"price": "1,234"}, "price"),
        ({"price": -1}, "price"),
        ({"price": "-1"}, "price"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "-3"}, "quantity"),
        ({"quantity": "2,5"}, "quantity"),
        ({"quantity": "muchos"}, "quantity"),
        ({"quantity": 10_001}, "quantity"),
    ],
)
def test_invalid_item_is_named_by_its_path(changes: dict[str, Any], field: str) -> None:
    assert problems(crear, {**ORDER, "items": [ITEM, {**ITEM, **changes}]}) == {f"items.1.{field}"}


@pytest.mark.parametrize("items", ["[", "[]", [], [[]], 7], ids=repr)
def test_items_that_are_no_list_of_products_are_invalid(items: Any) -> None:
    (problem,) = problems(crear, {**ORDER, "items": items})
    assert problem.startswith("items")


@pytest.mark.parametrize(
    ("said", "total"),
    [(0.1 + 0.2, "0.30"), ("0.30000000000000004", "0.30"), (67.475, "67.48"), ("$ 1.234,56", "1234.56"), (51.98, "51.98"), (7, "7")],
    ids=repr,
)  # fmt: skip
def test_total_is_rounded_to_the_cent(said: Any, total: str) -> None:
    assert parsed(crear, {**ORDER, "items": [ITEM], "total": said})["total"] == Decimal(total)


@pytest.mark.parametrize(
    "said",
    ["mucho", -1, "-1", 1e13, 1e40, -1e40, 10**40, "9" * 40, f"{'9' * 40}.999", "1,234"],
    ids=repr,
)
def test_total_that_is_no_amount_is_invalid(said: Any) -> None:
    assert problems(crear, {**ORDER, "items": [ITEM], "total": said}) == {"total"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(
    values=st.dictionaries(
        st.sampled_from([*BOOKING, *ORDER, "items", "total", "duration", "type"]), JSON_VALUES
    )
)
def test_any_json_is_read_or_refused(values: dict[str, Any]) -> None:  # fmt: skip
    for tool, arguments in [
        (agendar, {**BOOKING, **values}),
        (crear, {**ORDER, "items": [ITEM], **values}),
    ]:
        with suppress(InvalidArgumentsError):
            parsed(tool, arguments)


@given(text=st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for tool in (agendar, crear, consultar, modificar):
        with pytest.raises(InvalidArgumentsError):
            tool.parse_arguments(text)
