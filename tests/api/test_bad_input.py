"""Invalid requests: each has the right status, names its field, and stores nothing."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

import appointments.services
import orders.services
from common import clock

pytestmark = [pytest.mark.store, pytest.mark.django_db]

ITEM = {"name": "Producto A", "quantity": 2, "price": 25.99}
ORDER = {"customerName": "Ana Gil", "customerEmail": "ana@email.com", "items": [ITEM]}
IN_A_WEEK = (clock.now() + timedelta(days=7)).strftime("%Y-%m-%dT15:00:00.000Z")  # noon there
APPOINTMENT = {
    "patientName": "Ana Gil",
    "patientEmail": "ana@email.com",
    "doctorName": "Dra. Gómez",
    "date": IN_A_WEEK,
    "duration": 30,
    "type": "routine",
}
HUGE = 10**30


def all_records() -> object:
    return (
        orders.services.list_orders(limit=500).items,
        appointments.services.list_appointments(limit=500).items,
    )


def send(rest: Client, method: str, path: str, body: object, **headers: str) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return rest.generic(method, path, text, content_type="application/json", headers=headers)


def error_of(response: Any, status: int) -> dict[str, Any]:
    body = response.json()
    assert (response.status_code, body["success"]) == (status, False), body
    error: dict[str, Any] = body["error"]
    assert error["message"]
    return error


BAD_ORDERS: list[tuple[dict[str, Any], int, str]] = [
    ({"customerName": None}, 400, "customerName"),
    ({"customerName": ""}, 400, "customerName"),
    ({"customerName": 5}, 400, "customerName"),
    ({"customerName": ["Ana"]}, 400, "customerName"),
    ({"customerName": "A" * 121}, 400, "customerName"),
    ({"customerName": "Ana\x00Gil"}, 400, "customerName"),
    ({"customerName": "123"}, 422, "customerName"),
    ({"customerEmail": "ana"}, 400, "customerEmail"),
    ({"customerEmail": "a@" + "b" * 254 + ".com"}, 400, "customerEmail"),
    ({"items": None}, 400, "items"),
    ({"items": []}, 400, "items"),
    ({"items": {}}, 400, "items"),
    ({"items": "x"}, 400, "items"),
    ({"items": [5]}, 400, "items"),
    ({"items": [ITEM] * 101}, 400, "items"),
    ({"items": [{**ITEM, "price": -0.01}]}, 400, "items"),
    ({"items": [{**ITEM, "price": 0.001}]}, 400, "items"),
    ({"items": [{**ITEM, "price": HUGE}]}, 400, "items"),
    ({"items": [{**ITEM, "price": True}]}, 400, "items"),
    ({"items": [{**ITEM, "quantity": 0}]}, 400, "items"),
    ({"items": [{**ITEM, "quantity": -1}]}, 400, "items"),
    ({"items": [{**ITEM, "quantity": 1.5}]}, 400, "items"),
    ({"items": [{**ITEM, "quantity": "2"}]}, 400, "items"),
    ({"items": [{**ITEM, "quantity": True}]}, 400, "items"),
    ({"items": [{**ITEM, "quantity": HUGE}]}, 400, "items"),
    ({"items": [{"name": "A", "quantity": 1}]}, 400, "items"),
    ({"items": [{**ITEM, "colour": "red"}]}, 400, "items"),
    ({"items": [{**ITEM, "id": "2"}, {**ITEM, "id": "2"}]}, 422, "items.1.id"),
    ({"items": [{**ITEM, "quantity": 10_000, "price": 9999999999.99}]}, 422, "total"),
    ({"items": [{**ITEM, "price": "2.00"}]}, 400, "items"),
    ({"items": [{**ITEM, "price": "٢"}]}, 400, "items"),
    ({"items": [{**ITEM, "price": "2e0"}]}, 400, "items"),
    ({"items": [{**ITEM, "price": ""}]}, 400, "items"),
    ({"items": [{**ITEM, "price": [2]}]}, 400, "items"),
    ({"total": "51.98"}, 400, "total"),
    ({"total": " "}, 400, "total"),
    ({"total": -1}, 400, "total"),
    ({"total": 51.99}, 422, "expected"),
    ({"dni": "12a"}, 400, "dni"),
    ({"dni": "1" * 16}, 400, "dni"),
    ({"dni": 12345678}, 400, "dni"),
    ({"dni": "******78"}, 400, "dni"),
    ({"status": "shipped"}, 400, "status"),
    ({"custmerName": "Ana"}, 400, "custmerName"),
]


def test_invalid_order_is_refused_by_field(rest: Client, subtests: pytest.Subtests) -> None:
    before = all_records()

    for change, status, field in BAD_ORDERS:
        with subtests.test(change=str(change)[:80]):
            error = error_of(send(rest, "POST", "/orders", {**ORDER, **change}), status)
            assert field in error["details"]
    assert all_records() == before


@pytest.mark.parametrize("field", list(ORDER))
def test_missing_fields_of_an_order_are_named(rest: Client, field: str) -> None:
    lacking = {name: value for name, value in ORDER.items() if name != field}

    for method, path in (("POST", "/orders"), ("PUT", "/orders/1")):
        assert list(error_of(send(rest, method, path, lacking), 400)["details"]) == [field]


BAD_APPOINTMENTS: list[tuple[dict[str, Any], int, str]] = [
    ({"patientName": False}, 400, "patientName"),
    ({"patientEmail": "no"}, 400, "patientEmail"),
    ({"doctorName": ""}, 400, "doctorName"),
    ({"doctorName": "Dr."}, 422, "doctors"),
    ({"date": "mañana"}, 400, "date"),
    ({"date": "2026-11-31T10:00:00Z"}, 400, "date"),
    ({"date": "2026-11-30T25:00:00Z"}, 400, "date"),
    ({"date": "2026-11-30T10:00:00"}, 400, "date"),
    ({"date": "0001-01-01T00:00:00+23:59"}, 400, "date"),
    ({"date": "9999-12-31T23:59:59-23:59"}, 400, "date"),
    ({"date": 1764500000}, 400, "date"),
    ({"date": "2020-01-01T15:00:00Z"}, 422, "startsAt"),
    ({"date": IN_A_WEEK.replace("T15", "T05")}, 422, "alternatives"),
    ({"duration": 4}, 400, "duration"),
    ({"duration": 481}, 400, "duration"),
    ({"duration": "30"}, 400, "duration"),
    ({"type": "surgery"}, 400, "type"),
    ({"type": None}, 400, "type"),
    ({"type": ["routine"]}, 400, "type"),
    ({"notes": "x" * 1001}, 400, "notes"),
    ({"status": "completed"}, 400, "status"),
]


def test_invalid_appointment_is_refused_by_field(rest: Client, subtests: pytest.Subtests) -> None:
    before = all_records()

    for change, status, field in BAD_APPOINTMENTS:
        with subtests.test(change=str(change)[:80]):
            error = error_of(send(rest, "POST", "/appointments", {**APPOINTMENT, **change}), status)
            assert field in error["details"]
    assert all_records() == before


BAD_CHANGES: list[tuple[str, dict[str, Any], int, str]] = [
    ("/orders/1", {"status": "lost"}, 400, "status"),
    ("/orders/1", {"status": "delivered"}, 409, "allowed"),
    ("/orders/4", {"status": "pending"}, 409, "allowed"),
    ("/orders/3", {"items": [ITEM]}, 409, "status"),
    ("/orders/1", {"trackingNumber": "T" * 41}, 400, "trackingNumber"),
    ("/orders/1", {"estimatedDelivery": "soon"}, 400, "estimatedDelivery"),
    ("/orders/1", {"updatedAt": "2020-01-01T00:00:00.000Z"}, 409, "currentVersion"),
    ("/orders/1", {"paid": True}, 400, "paid"),
    ("/orders/999", {"status": "processing"}, 404, "orderId"),
    ("/appointments/1", {"status": "done"}, 400, "status"),
    ("/appointments/4", {"status": "scheduled"}, 409, "allowed"),
    ("/appointments/5", {"date": IN_A_WEEK}, 409, "status"),
    ("/appointments/1", {"date": "2020-01-01T15:00:00Z"}, 422, "startsAt"),
    ("/appointments/1", {"doctorName": "."}, 422, "doctorName"),
    ("/appointments/1", {"updatedAt": "2020-01-01T00:00:00.000Z"}, 409, "currentVersion"),
    ("/appointments/999", {"notes": "x"}, 404, "appointmentId"),
]


def test_invalid_change_is_refused_by_field(rest: Client, subtests: pytest.Subtests) -> None:
    before = all_records()

    for path, change, status, field in BAD_CHANGES:
        with subtests.test(path=path, change=str(change)[:80]):
            error = error_of(send(rest, "PATCH", path, change), status)
            assert field in error["details"]
    assert all_records() == before


SENTENCES: list[tuple[str, str, dict[str, Any], str]] = [
    ("es", "/orders/1", {"status": "delivered"},
     "Un pedido en estado «pendiente» no puede pasar a «entregado»."),
    ("en", "/orders/1", {"status": "delivered"}, "An order that is pending can't become delivered."),
    ("es", "/appointments/4", {"status": "scheduled"},
     "Un turno en estado «atendido» no puede pasar a «agendado»."),
    ("es", "/orders/1", {"customerName": "123"}, "El valor de «cliente» no sirve."),
    ("es", "/appointments/1", {"patientName": "123"}, "El valor de «paciente» no sirve."),
    ("es", "/orders/1", {"items": [ITEM, {**ITEM, "id": "7"}, {**ITEM, "id": "7"}]},
     "El valor de «productos 3 número» no sirve."),
    ("en", "/orders/1", {"dni": "**9"}, "The value given for identity number can't be used."),
]  # fmt: skip


def test_error_messages_have_no_names_from_programs(
    rest: Client, subtests: pytest.Subtests
) -> None:
    for language, path, change, sentence in SENTENCES:
        with subtests.test(sentence):
            response = send(rest, "PATCH", path, change, accept_language=language)
            assert response.json()["error"]["message"] == sentence


BAD_BODIES: list[tuple[str | bytes, int, str]] = [
    ("", 400, "invalid"),
    ("{", 400, "parse_error"),
    ("null", 400, "invalid"),
    ("[]", 400, "invalid"),
    ('"x"', 400, "invalid"),
    ('{"total": NaN}', 400, "parse_error"),
    ('{"total": 1e999}', 400, "invalid"),
    ('{"total": ' + "9" * 5000 + "}", 400, "parse_error"),
    (b"\xff\xfe", 400, "parse_error"),
    ("[" * 200_000, 400, "parse_error"),
    (r'{"type": "\ud800"}', 400, "parse_error"),
    (r'{"status": "\udfff"}', 400, "parse_error"),
    (r'{"\ud800": 1}', 400, "parse_error"),
    (r'{"items": [{"name": "\ud83d \ude00"}]}', 400, "parse_error"),
    (r'{"items": [{"\ud800": 1}]}', 400, "parse_error"),
    (r'"\ud800"', 400, "parse_error"),
    ('{"notes": "' + "x" * 262_144 + '"}', 413, "body_too_large"),
]


def test_unparsable_body_is_a_client_error(rest: Client, subtests: pytest.Subtests) -> None:
    before = all_records()

    for body, status, code in BAD_BODIES:
        for path in ("/orders", "/appointments"):
            with subtests.test(path=path, body=repr(body)[:24]):
                assert error_of(send(rest, "POST", path, body), status)["code"] == code
    assert all_records() == before


def test_change_with_a_lone_surrogate_is_a_client_error(rest: Client) -> None:
    for path in ("/orders/1", "/appointments/1"):
        response = send(rest, "PATCH", path, {"status": "\ud800"})
        assert error_of(response, 400)["code"] == "parse_error"


def test_surrogate_pair_is_accepted(rest: Client) -> None:
    response = send(rest, "PATCH", "/orders/1", r'{"customerName": "Ana \ud83d\ude00"}')

    assert response.json()["data"]["customerName"] == "Ana 😀"


def test_lone_surrogate_in_form_items_is_error_of(rest: Client) -> None:
    form = {**ORDER, "items": r'[{"\ud800": 1}]'}

    assert error_of(rest.post("/orders", form), 400)["code"] == "parse_error"


ESCAPES = "raw_unicode_escape"  # Python's codec: it decodes "\\ud800" to a lone surrogate


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", '{"type": "x"}'),
        ("application/x-www-form-urlencoded", "type=x"),
        ("multipart/form-data; boundary=B", "--B--"),
    ],
)
@pytest.mark.parametrize("charset", [ESCAPES, "utf-16", "hex"])
def test_body_in_another_charset_is_error_of(
    rest: Client, media_type: str, body: str, charset: str
) -> None:
    content_type = f"{media_type}; charset={charset}"
    response = rest.generic("POST", "/appointments", body, content_type=content_type)

    assert error_of(response, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"'])
def test_body_may_name_utf_8_as_charset(rest: Client, charset: str) -> None:
    content_type = f"application/json; charset={charset}"
    response = rest.generic("POST", "/orders", json.dumps(ORDER), content_type=content_type)

    assert response.status_code == 201


def test_body_at_the_size_limit_is_accepted(rest: Client, settings: Settings) -> None:
    text = json.dumps(ORDER)
    settings.API_MAX_BODY_BYTES = len(text)

    assert send(rest, "POST", "/orders", text).status_code == 201
    assert error_of(send(rest, "POST", "/orders", text + " "), 413)["code"] == "body_too_large"


@pytest.mark.parametrize("total", ["51.98", "51,98", "$ 51,98", ""])
def test_form_accepts_an_amount_as_text(rest: Client, total: str) -> None:
    form = {**ORDER, "items": json.dumps([ITEM]), "total": total}
    coded = "application/x-www-form-urlencoded"

    for made in (rest.post("/orders", form), rest.post("/orders", urlencode(form), coded)):
        assert (made.status_code, made.json()["data"]["total"]) == (201, 51.98)


def test_form_over_the_size_limit_is_error_of(rest: Client, settings: Settings) -> None:
    settings.API_MAX_BODY_BYTES = 100

    assert error_of(rest.post("/orders", {"customerName": "A" * 200}), 413)
    form = "customerName=" + "A" * 200
    response = rest.post("/orders", form, content_type="application/x-www-form-urlencoded")
    assert error_of(response, 413)


def test_form_with_thousands_of_fields_is_error_of(rest: Client) -> None:
    form = "&".join(f"f{n}=1" for n in range(2000))

    response = rest.post("/orders", form, content_type="application/x-www-form-urlencoded")

    assert error_of(response, 400)["code"] == "parse_error"


BAD_QUERIES = [
    ("/orders?status=lost", "status"),
    ("/orders?createdFrom=yesterday", "createdFrom"),
    ("/orders?ordering=total", "ordering"),
    ("/orders?limit=501", "limit"),
    ("/orders?custmerEmail=a@b.co", "custmerEmail"),
    ("/orders?status=pending&status=shipped", "status"),
    ("/orders?limit=1&limit=1", "limit"),
    ("/appointments?dateTo=2026-02-30", "dateTo"),
    ("/appointments?date=2026-11-25&date=2026-11-26", "date"),
    ("/appointments?date=2026-11-25&dateFrom=2030-01-01", "dateFrom"),
    ("/appointments?date=2026-11-25&dateTo=2026-11-25", "dateTo"),
    ("/appointments?dateFrom=2026-11-26&dateTo=2026-11-25", "dateTo"),
    ("/orders?createdFrom=2026-11-26T00:00:00Z&createdTo=2026-11-25T23:59:59.999Z", "createdTo"),
    ("/orders?format=csv", "format"),
    ("/orders/1?format=xml", "format"),
    ("/appointments?format=CSV", "format"),
    ("/api/schema?format=csv", "format"),
    ("/appointments?doctorName=" + "x" * 121, "doctorName"),
    ("/appointments/availability", "doctorName"),
    ("/appointments/availability?doctorName=Sosa&date=hoy", "date"),
    ("/appointments/availability?doctorName=Sosa&date=2026-12-01&duration=4", "duration"),
]


def test_invalid_query_is_refused_by_parameter(rest: Client, subtests: pytest.Subtests) -> None:
    for path, field in BAD_QUERIES:
        with subtests.test(path=path[:60]):
            assert field in error_of(rest.get(path), 400)["details"]


@pytest.mark.parametrize(
    "path",
    [
        "/appointments?dateFrom=2026-11-25&dateTo=2026-11-25",
        "/orders?createdFrom=2026-11-25T00:00:00Z&createdTo=2026-11-25T00:00:00Z",
        "/orders?format=json",
        "/appointments?format=api",
        "/api/schema?format=json",
        "/api/schema?format=yaml",
    ],
)
def test_shortest_range_and_known_format_are_accepted(rest: Client, path: str) -> None:
    assert rest.get(path).status_code == 200


def test_empty_parameter_counts_as_missing(rest: Client) -> None:
    whole = rest.get("/orders?status=pending").json()

    for path in ("/orders?status=pending&status=", "/orders?status=&status=pending&ordering="):
        assert rest.get(path).json() == whole


@pytest.mark.parametrize("charset", [ESCAPES, "utf-16"])
def test_query_is_utf_8_whatever_the_content_type_says(rest: Client, charset: str) -> None:
    headers = {"content-type": f"text/plain; charset={charset}"}

    for path in (r"/orders?status=%5Cud800", r"/orders?%5Cud800=1"):
        assert error_of(rest.get(path, headers=headers), 400)["code"] == "invalid"
    for path in ("/orders?status=%ED%A0%80", "/orders?%ED%A0%80=1"):
        assert error_of(rest.get(path), 400)["code"] == "invalid"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("GET", "/orders/1/items", 404, "not_found"),
        ("PUT", "/orders", 405, "method_not_allowed"),
        ("POST", "/orders/1", 405, "method_not_allowed"),
        ("DELETE", "/appointments", 405, "method_not_allowed"),
        ("POST", "/appointments/availability", 405, "method_not_allowed"),
    ],
)
def test_unknown_path_or_method_responds_with_the_envelope(
    rest: Client, method: str, path: str, status: int, code: str
) -> None:
    response = send(rest, method, path, {}, accept="application/json")

    assert error_of(response, status)["code"] == code


@pytest.mark.parametrize(
    "path", ["/nothing/here", "/nothing/here/", "/orders/1/items", "/favicon.png"]
)
def test_unknown_path_is_an_html_page_for_browsers_only(rest: Client, path: str) -> None:
    browser = "text/html,application/xhtml+xml,*/*;q=0.8"

    for accept in ("*/*", "application/json", ""):
        assert error_of(rest.get(path, headers={"accept": accept}), 404)["code"] == "not_found"
    page = rest.get(path, headers={"accept": browser})
    assert (page.status_code, page["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "application/octet-stream"]
)
def test_unsupported_media_type_is_error_of(rest: Client, media_type: str) -> None:
    response = rest.generic("POST", "/orders", "x", content_type=media_type)

    assert error_of(response, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/orders/", "/orders"),
        ("/orders/?status=pending&limit=2", "/orders?status=pending&limit=2"),
        ("/orders//", "/orders"),
        ("/orders/1/", "/orders/1"),
        ("/orders/%C3%B1/", "/orders/%C3%B1"),
        ("/appointments/", "/appointments"),
        (
            "/appointments/availability/?date=2099-05-04",
            "/appointments/availability?date=2099-05-04",
        ),
        ("/api/schema/", "/api/schema"),
        ("/api/docs/", "/api/docs"),
        ("/voice/tickets/", "/voice/tickets"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_slash_at_the_end_is_redirected_with_the_method(
    rest: Client, method: str, path: str, target: str
) -> None:
    response = rest.generic(method, path)

    assert (response.status_code, response["Location"]) == (308, target)


def test_slash_at_the_end_redirects_to_no_other_host(rest: Client) -> None:
    response = rest.get("/", PATH_INFO="//www.example.com/orders/")

    assert error_of(response, 404)["code"] == "not_found"


def test_order_is_placed_through_the_redirect(rest: Client) -> None:
    placed = rest.post("/orders/", ORDER, content_type="application/json", follow=True)

    assert placed.status_code == 201
