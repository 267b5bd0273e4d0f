"""Conditional changes (`ETag`, `If-Match`, `updatedAt`) and `Idempotency-Key`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

import appointments.services
import orders.services
from appointments.models import Appointment
from tests.api.test_bad_input import APPOINTMENT, IN_A_WEEK, ORDER, send

pytestmark = [pytest.mark.store, pytest.mark.django_db]

RECORDS = [("/orders/1", {"dni": "11222333"}), ("/appointments/1", {"notes": "Ayuno"})]


@pytest.mark.parametrize(("path", "change"), RECORDS, ids=["order", "appointment"])
def test_change_with_if_match_applies_once(rest: Client, path: str, change: dict[str, str]) -> None:
    read = rest.get(path)["ETag"]

    first = send(rest, "PATCH", path, change, if_match=read)
    second = send(rest, "PATCH", path, change, if_match=read)

    assert first.status_code == 200
    assert rest.get(path)["ETag"] == first["ETag"] != read
    assert second.status_code == 412
    assert second.json()["error"]["code"] == "stale_version"
    assert f'"{second.json()["error"]["details"]["currentVersion"]}"' == first["ETag"]


@pytest.mark.parametrize(("path", "change"), RECORDS, ids=["order", "appointment"])
def test_put_of_a_whole_record_is_conditional_on_its_version(
    rest: Client, path: str, change: dict[str, str]
) -> None:
    read = rest.get(path).json()["data"]

    assert send(rest, "PUT", path, {**read, **change}).status_code == 200
    late = send(rest, "PUT", path, {**read, **change})

    assert late.status_code == 409
    assert late.json()["error"]["code"] == "stale_version"


def test_null_as_version_is_that_of_a_record_without_one(rest: Client) -> None:
    """An appointment of the earlier system is read with `updatedAt: null`; whoever sends it back is late once."""
    row = Appointment.get(*Appointment.key("1"))
    row.update(actions=[Appointment.updated_at.remove()])
    read = rest.get("/appointments/1").json()["data"]
    assert read["updatedAt"] is None

    first = send(rest, "PATCH", "/appointments/1", {"notes": "Ayuno", "updatedAt": None})
    assert first.status_code == 200
    late = send(rest, "PATCH", "/appointments/1", {"notes": "Nada", "updatedAt": None})

    assert late.status_code == 409
    assert late.json()["error"]["code"] == "stale_version"


@pytest.mark.parametrize("header", ["*", None])
def test_change_without_version_applies_to_any_version(rest: Client, header: str | None) -> None:
    headers = {"if_match": header} if header else {}

    for _ in range(2):
        assert send(rest, "PATCH", "/orders/1", {"dni": "1"}, **headers).status_code == 200


OTHER_VERSION = '"2020-01-01T00:00:00.000Z"'


@pytest.mark.parametrize("path", ["/orders/1", "/appointments/1"])
@pytest.mark.parametrize(
    "header",
    ["", "x", '"x"', "W/{}", '"9999-99-99T99:99:99.999Z"', 'W/{}, "x"', "W/{}, W/{}", ",", "* ,"],
)
def test_if_match_without_a_version_of_ours_blames_nobody(
    rest: Client, path: str, header: str
) -> None:
    """A weak tag never matches a change (RFC 9110, section 13.1.1), and nobody changed the record."""
    read = rest.get(path)["ETag"]

    for method in ("PATCH", "PUT", "DELETE", "GET"):
        body = {} if method != "PUT" else rest.get(path).json()["data"]
        refused = send(rest, method, path, body, if_match=header.replace("{}", read))
        assert refused.status_code == 412
        assert refused.json()["error"]["code"] == "version_not_matched"
        assert "tra persona" not in refused.json()["error"]["message"]
    assert rest.get(path)["ETag"] == read


@pytest.mark.parametrize(("path", "change"), RECORDS, ids=["order", "appointment"])
@pytest.mark.parametrize(
    "header", ["{}", "{other}, {}", '"x" ,  {}', 'W/{other}, {},W/"x"', " {} "]
)
def test_if_match_with_the_version_in_its_list_matches(
    rest: Client, path: str, change: dict[str, str], header: str
) -> None:
    read = rest.get(path)["ETag"]
    if_match = header.replace("{other}", OTHER_VERSION).replace("{}", read)

    assert send(rest, "GET", path, "", if_match=if_match).status_code == 200
    assert send(rest, "PATCH", path, change, if_match=if_match).status_code == 200
    late = send(rest, "PATCH", path, change, if_match=if_match)
    assert (late.status_code, late.json()["error"]["code"]) == (412, "stale_version")


@pytest.mark.parametrize("path", ["/orders/1", "/appointments/1"])
def test_if_match_with_older_versions_names_the_current_one(rest: Client, path: str) -> None:
    read = rest.get(path)["ETag"]

    for method in ("PATCH", "DELETE", "GET"):
        refused = send(
            rest, method, path, {}, if_match=f'{OTHER_VERSION}, "2020-01-02T00:00:00.000Z"'
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (412, "stale_version")
        assert f'"{refused.json()["error"]["details"]["currentVersion"]}"' == read


# --- If-None-Match

KNOWN = ["{}", "W/{}", '"x", {}', 'W/"x",W/{}', "*"]


@pytest.mark.parametrize("path", ["/orders/1", "/appointments/1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("header", KNOWN)
def test_read_of_a_known_version_is_not_modified(
    rest: Client, path: str, method: str, header: str
) -> None:
    read = rest.get(path)["ETag"]

    response = send(rest, method, path, "", if_none_match=header.replace("{}", read))

    assert (response.status_code, response["ETag"], response.content) == (304, read, b"")
    assert "Accept" in response["Vary"]


@pytest.mark.parametrize("path", ["/orders/1", "/appointments/1"])
@pytest.mark.parametrize("header", ["", "x", '"x"', OTHER_VERSION, "W/" + OTHER_VERSION])
def test_read_of_another_version_returns_the_record(rest: Client, path: str, header: str) -> None:
    response = send(rest, "GET", path, "", if_none_match=header)

    assert response.status_code == 200
    assert response.json() == rest.get(path).json()


@pytest.mark.parametrize("path", ["/orders/1", "/appointments/1"])
@pytest.mark.parametrize("header", KNOWN)
def test_change_of_an_excluded_version_is_refused(rest: Client, path: str, header: str) -> None:
    read = rest.get(path)["ETag"]

    for method in ("PATCH", "DELETE"):
        refused = send(rest, method, path, {}, if_none_match=header.replace("{}", read))
        assert refused.status_code == 412
        assert refused.json()["error"]["code"] == "version_not_matched"
    assert rest.get(path)["ETag"] == read


@pytest.mark.parametrize(("path", "change"), RECORDS, ids=["order", "appointment"])
def test_change_of_a_version_that_is_not_excluded_applies(
    rest: Client, path: str, change: dict[str, str]
) -> None:
    assert send(rest, "PATCH", path, change, if_none_match=OTHER_VERSION).status_code == 200


def test_unknown_record_is_not_found_whatever_the_condition(rest: Client) -> None:
    for headers in ({"if_match": "*"}, {"if_match": OTHER_VERSION}, {"if_none_match": "*"}):
        for method in ("GET", "PATCH", "DELETE"):
            assert send(rest, method, "/orders/999999", {}, **headers).status_code == 404


def test_schema_is_not_modified_for_who_has_it(client: Client) -> None:
    first = client.get("/api/schema")

    again = client.get("/api/schema", headers={"if-none-match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


# --- Requests that change nothing, and cancellations

SELDOM_CHANGED = ("/orders/1", "/orders/3", "/appointments/1", "/appointments/5")


@pytest.mark.parametrize("path", SELDOM_CHANGED)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_put_without_changes_makes_no_new_version(rest: Client, path: str, method: str) -> None:
    read = rest.get(path)

    for _ in range(2):
        response = send(rest, method, path, read.json()["data"], if_match=read["ETag"])
        assert (response.status_code, response["ETag"]) == (200, read["ETag"])
        assert response.json()["data"] == read.json()["data"]


@pytest.mark.parametrize("path", SELDOM_CHANGED)
def test_empty_patch_makes_no_new_version(rest: Client, path: str) -> None:
    read = rest.get(path)

    response = send(rest, "PATCH", path, {})
    assert (response.status_code, response["ETag"]) == (200, read["ETag"])


CANCELLED = {"status": "cancelled"}
CANCELLATIONS = [
    ("/orders/1", "order_already_cancelled"),
    ("/appointments/1", "appointment_already_cancelled"),
]


@pytest.mark.parametrize(("path", "code"), CANCELLATIONS, ids=["order", "appointment"])
def test_cancellation_with_if_match_applies_once(rest: Client, path: str, code: str) -> None:
    read = rest.get(path)["ETag"]

    first = send(rest, "PATCH", path, CANCELLED, if_match=read)
    assert (first.status_code, first.json()["data"]["status"]) == (200, "cancelled")
    assert first["ETag"] == rest.get(path)["ETag"] != read
    late = send(rest, "PATCH", path, CANCELLED, if_match=read)
    again = send(rest, "PATCH", path, CANCELLED, if_match=first["ETag"])
    assert (late.status_code, late.json()["error"]["code"]) == (412, "stale_version")
    assert (again.status_code, again.json()["error"]["code"]) == (409, code)
    assert rest.get(path)["ETag"] == first["ETag"]


@pytest.mark.parametrize(("path", "code"), CANCELLATIONS, ids=["order", "appointment"])
def test_cancellation_with_unchanged_fields_is_a_cancellation(
    rest: Client, path: str, code: str
) -> None:
    """The unchanged version, the id and a masked number do not count as changes."""
    first = send(rest, "PATCH", path, CANCELLED)
    more = {"updatedAt": first.json()["data"]["updatedAt"], "id": path.rpartition("/")[2]}
    if "order" in path:
        more["dni"] = "******78"

    again = send(rest, "PATCH", path, {**CANCELLED, **more})
    assert (again.status_code, again.json()["error"]["code"]) == (409, code)


@pytest.mark.parametrize(
    ("path", "code"),
    [("/orders/3", "order_not_cancellable"), ("/appointments/4", "appointment_closed")],
)
def test_impossible_cancellation_fails_before_other_changes(
    rest: Client, path: str, code: str
) -> None:
    before = rest.get(path)
    name = "customerName" if "order" in path else "patientName"

    for change in (CANCELLED, {**CANCELLED, name: "Otra Persona"}):
        response = send(rest, "PATCH", path, change)
        assert (response.status_code, response.json()["error"]["code"]) == (409, code)
    assert rest.get(path).json() == before.json()


def test_rescheduling_with_if_match_applies_once(rest: Client) -> None:
    path = "/appointments/1"
    read = rest.get(path)["ETag"]

    first = send(rest, "PATCH", path, {"date": IN_A_WEEK}, if_match=read)
    assert (first.status_code, first.json()["data"]["date"]) == (200, IN_A_WEEK)
    late = send(rest, "PATCH", path, {"date": IN_A_WEEK}, if_match=read)
    again = send(rest, "PATCH", path, {"date": IN_A_WEEK}, if_match=first["ETag"])
    assert (late.status_code, late.json()["error"]["code"]) == (412, "stale_version")
    assert (again.status_code, again["ETag"]) == (200, first["ETag"])


@pytest.mark.parametrize("path", ["/orders/1", "/appointments/1"])
def test_deleted_record_is_not_found(rest: Client, path: str) -> None:
    stale = send(rest, "DELETE", path, "", if_match='"2020-01-01T00:00:00.000Z"')
    assert stale.status_code == 412

    deleted = send(rest, "DELETE", path, "", if_match=rest.get(path)["ETag"])

    assert deleted.status_code == 200
    assert deleted.json()["data"] is None
    assert rest.get(path).status_code == 404
    assert send(rest, "DELETE", path, "").status_code == 404


def test_deleted_appointment_frees_its_time(rest: Client) -> None:
    booked = send(rest, "POST", "/appointments", APPOINTMENT).json()["data"]
    taken = send(rest, "POST", "/appointments", APPOINTMENT)
    assert taken.status_code == 409
    assert taken.json()["error"]["code"] == "slot_taken"
    assert taken.json()["error"]["details"]["alternatives"]

    send(rest, "DELETE", f"/appointments/{booked['id']}", "")

    assert send(rest, "POST", "/appointments", APPOINTMENT).status_code == 201


def test_moved_appointment_frees_its_time_at_the_old_doctor(rest: Client) -> None:
    booked = send(rest, "POST", "/appointments", APPOINTMENT).json()["data"]
    other = {"doctorName": "Dr. Sosa"}

    moved = send(rest, "PATCH", f"/appointments/{booked['id']}", other)

    assert moved.json()["data"]["doctorName"] == "Dr. Sosa"
    patient = {"patientName": "Luis Paz"}
    assert send(rest, "POST", "/appointments", {**APPOINTMENT, **patient}).status_code == 201
    again = send(rest, "POST", "/appointments", {**APPOINTMENT, **patient, **other})
    assert again.json()["error"]["code"] == "slot_taken"


# --- Idempotency-Key

type Count = Callable[[], int]
CREATIONS: list[tuple[str, dict[str, Any], dict[str, Any], Count]] = [
    (
        "/orders",
        ORDER,
        {"customerName": "Otra"},
        lambda: len(orders.services.list_orders().items),
    ),
    ("/orders", ORDER, {"total": 51.98}, lambda: len(orders.services.list_orders().items)),
    ("/orders", ORDER, {"total": 3}, lambda: len(orders.services.list_orders().items)),
    (
        "/appointments",
        APPOINTMENT,
        {"patientName": "Otra"},
        lambda: len(appointments.services.list_appointments().items),
    ),
]


@pytest.mark.parametrize(
    ("path", "body", "change", "count"),
    CREATIONS,
    ids=["order", "total", "wrong total", "appointment"],
)
def test_same_idempotency_key_creates_one_record(
    rest: Client, path: str, body: dict[str, Any], change: dict[str, Any], count: Count
) -> None:
    before = count()

    first, again = (send(rest, "POST", path, body, idempotency_key="k-1") for _ in range(2))
    other = send(rest, "POST", path, {**body, **change}, idempotency_key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_conflict"
    assert count() == before + 1


def test_requests_without_a_key_create_a_record_each(rest: Client) -> None:
    ids = {send(rest, "POST", "/orders", ORDER).json()["data"]["id"] for _ in range(2)}

    assert len(ids) == 2


def test_idempotency_key_belongs_to_its_user(
    rest: Client, staff_with: Callable[..., Client]
) -> None:
    first = send(rest, "POST", "/orders", ORDER, idempotency_key="k").json()["data"]
    other = staff_with("add_order")

    second = send(other, "POST", "/orders", ORDER, idempotency_key="k").json()["data"]

    assert first["id"] != second["id"]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
def test_invalid_idempotency_key_is_named(rest: Client, key: str) -> None:
    response = send(rest, "POST", "/orders", ORDER, idempotency_key=key)

    assert response.status_code == 400
    assert list(response.json()["error"]["details"]) == ["Idempotency-Key"]


def test_longest_idempotency_key_is_accepted(rest: Client) -> None:
    assert send(rest, "POST", "/orders", ORDER, idempotency_key="x" * 255).status_code == 201


def test_browsable_api_form_places_an_order(rest: Client) -> None:
    items = json.dumps(ORDER["items"])
    form = {**ORDER, "items": items, "total": "", "dni": ""}

    response = rest.post("/orders", form, headers={"accept": "text/html"})

    assert response.status_code == 201
    assert "Producto A" in response.content.decode()


def test_browsable_api_form_keeps_invalid_values(rest: Client) -> None:
    form = {**ORDER, "customerEmail": "nobody", "items": "[{"}

    page = rest.post("/orders", form, headers={"accept": "text/html"})

    assert page.status_code == 400
    assert 'value="nobody"' in page.content.decode()
    assert ">[{</textarea>" in page.content.decode()


def test_browsable_api_form_shows_the_items_of_an_order(rest: Client) -> None:
    page = rest.get("/orders/1", headers={"accept": "text/html"}).content.decode()

    assert "&quot;name&quot;: &quot;Producto A&quot;" in page
    assert 'name="customerName"' in page
