"""Webhooks in the admin: endpoints with their secrets, the test event, and the log of deliveries."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, Permission
from django.test import Client
from pytest_django.fixtures import Settings

from appointments.domain import Appointment
from common import clock
from common.errors import StaleVersionError
from tests.admin.conftest import LogIn, errors, messages, open_form
from tests.appointments.factories import CLINIC, book
from tests.webhooks.factories import Receiver, add_endpoint, running_receiver
from webhooks import services
from webhooks.domain import MAX_ENDPOINTS, Delivery, Endpoint, EventType, PersonalData
from webhooks.sending import deliver_due

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

ENDPOINTS = "/admin/webhooks/webhookendpoint/"
DELIVERIES = "/admin/webhooks/webhookdelivery/"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_LOCAL_RECEIVERS = True
    with running_receiver() as receiver:
        yield receiver


def fill(client: Client, **changes: Any) -> Any:
    values = {"events": ["appointment.booked", "call.ended"], "is_active": "on"}
    return client.post(
        f"{ENDPOINTS}add/", {**open_form(client, f"{ENDPOINTS}add/"), **values, **changes}
    )


def the_endpoint() -> Endpoint:
    [endpoint] = services.list_endpoints()
    return endpoint


def the_delivery() -> Delivery:
    [delivery] = services.list_deliveries().items
    return delivery


def book_next_week() -> Appointment:
    now = clock.now()
    day = now.astimezone(CLINIC).date() + timedelta(days=7)
    return book("10:00", day, now=now)


def test_new_webhook_shows_its_secret_once(supervisor: Client, receiver: Receiver) -> None:
    page = fill(supervisor, url=receiver.url, description="Facturación").content.decode()

    [secret] = SECRET.findall(page)
    endpoint = the_endpoint()
    assert (endpoint.url, endpoint.description) == (receiver.url, "Facturación")
    assert endpoint.events == {EventType.APPOINTMENT_BOOKED, EventType.CALL_ENDED}
    assert endpoint.personal_data is PersonalData.NONE
    assert secret not in endpoint.encrypted_secret
    for url in (ENDPOINTS, f"{ENDPOINTS}{endpoint.id}/change/", DELIVERIES):
        assert not SECRET.search(supervisor.get(url).content.decode())


def test_form_refuses_addresses_that_are_not_public(supervisor: Client) -> None:
    refused = {
        "http://example.com/": "La dirección tiene que empezar con https://.",
        "https://127.0.0.1/": "La dirección no es la de un servidor público.",
        "https://169.254.169.254/latest/": "La dirección no es la de un servidor público.",
        "https://[::1]/": "La dirección no es la de un servidor público.",
        "https://user:x@127.0.0.1/": "La dirección no puede tener usuario ni contraseña.",
        "https://127.0.0.1:22/": "El puerto de la dirección tiene que ser 443 u 8443.",
        f"https://{'x' * 64}.example/": "No hay ningún servidor con ese nombre.",
        "nada": "La dirección tiene que empezar con https://.",
    }
    form = f"{ENDPOINTS}add/"
    values = {**open_form(supervisor, form), "events": ["call.ended"]}
    for url, text in refused.items():
        assert errors(supervisor.post(form, {**values, "url": url})) == {"url": [text]}
    assert errors(fill(supervisor, url="https://127.0.0.1/", events=[])).keys() == {"events"}
    assert services.list_endpoints() == []


def test_webhook_is_changed_stopped_and_deleted(supervisor: Client, receiver: Receiver) -> None:
    fill(supervisor, url=receiver.url)
    endpoint = the_endpoint()
    form = f"{ENDPOINTS}{endpoint.id}/change/"
    values = open_form(supervisor, form)
    assert values["events"] == ["appointment.booked", "call.ended"]

    del values["is_active"]
    supervisor.post(form, {**values, "events": ["order.created"], "personal_data": "masked"})

    changed = the_endpoint()
    assert changed.events == {EventType.ORDER_CREATED}
    assert (changed.is_active, changed.personal_data) == (False, PersonalData.MASKED)
    assert changed.encrypted_secret == endpoint.encrypted_secret
    assert "Inactivo" in supervisor.get(ENDPOINTS).content.decode()

    stale = supervisor.post(form, {**values, "events": ["call.ended"]})
    assert the_endpoint() == changed
    assert stale.status_code == 200
    page = supervisor.get(f"{ENDPOINTS}{endpoint.id}/delete/")
    version = page.context["object"].version
    supervisor.post(f"{ENDPOINTS}{endpoint.id}/delete/", {"post": "yes", "version": version})
    assert services.list_endpoints() == []


def test_there_are_ten_webhooks_at_most(supervisor: Client, receiver: Receiver) -> None:
    for number in range(MAX_ENDPOINTS):
        add_endpoint(receiver, endpoint_id=str(number))
    page = fill(supervisor, url=receiver.url)

    assert len(services.list_endpoints()) == MAX_ENDPOINTS
    assert errors(page) == {"__all__": ["Puede haber 10 webhooks como máximo."]}


def without(*codenames: str) -> None:
    """Take these permissions from the supervisors."""
    removed = Permission.objects.filter(codename__in=codenames)
    assert removed.count() == len(codenames)
    Group.objects.get(name="supervisor").permissions.remove(*removed)


NUMBERS_REFUSED = {"personal_data": ["Solo puede elegirlo quien puede ver DNI y teléfonos."]}
RECORDS_REFUSED = {
    "personal_data": ["Solo puede elegirlo quien puede ver los turnos o pedidos de esos eventos."]
}


def test_only_who_sees_numbers_may_send_them(supervisor: Client, receiver: Receiver) -> None:
    fill(supervisor, url=receiver.url, personal_data="full")
    book_next_week()
    delivery = f"{DELIVERIES}{quote(the_delivery().id)}/change/"
    assert "45678901" in supervisor.get(delivery).content.decode()
    without("view_dni")
    assert errors(fill(supervisor, url=receiver.url, personal_data="full")) == NUMBERS_REFUSED
    assert the_endpoint().personal_data is PersonalData.FULL

    page = supervisor.get(delivery).content.decode()
    assert "appointment.booked" in page
    assert "45678901" not in page  # the body has what the user may not view


def test_webhook_with_numbers_is_not_redirected_by_who_does_not_see_them(
    supervisor: Client, receiver: Receiver
) -> None:
    fill(supervisor, url=receiver.url, personal_data="full")
    stored = the_endpoint()
    without("view_phone")
    form = f"{ENDPOINTS}{stored.id}/change/"
    values = open_form(supervisor, form)
    more_events = [*values["events"], "appointment.moved"]
    for refused in ({"url": f"{receiver.url}&other=1"}, {"events": more_events}):
        assert errors(supervisor.post(form, {**values, **refused})) == NUMBERS_REFUSED
    assert the_endpoint() == stored

    supervisor.post(form, {**values, "description": "Facturación", "events": ["call.ended"]})
    values = open_form(supervisor, form)
    del values["is_active"]
    supervisor.post(form, values)  # it may be stopped, but not started again
    assert (the_endpoint().description, the_endpoint().is_active) == ("Facturación", False)
    values = {**open_form(supervisor, form), "is_active": "on"}
    assert errors(supervisor.post(form, values)) == NUMBERS_REFUSED
    supervisor.post(form, {**values, "url": f"{receiver.url}&other=1", "personal_data": "masked"})
    assert (the_endpoint().is_active, the_endpoint().personal_data) == (True, PersonalData.MASKED)


def test_only_who_sees_the_records_may_send_their_data(
    supervisor: Client, receiver: Receiver
) -> None:
    fill(supervisor, url=receiver.url, personal_data="masked")
    book_next_week()
    delivery = f"{DELIVERIES}{quote(the_delivery().id)}/change/"
    assert "ana@email.com" in supervisor.get(delivery).content.decode()
    without("view_appointment")

    assert "ana@email.com" not in supervisor.get(delivery).content.decode()
    both = {"url": receiver.url, "events": ["appointment.booked", "order.created"]}
    assert errors(fill(supervisor, **both, personal_data="masked")) == RECORDS_REFUSED
    assert len(services.list_endpoints()) == 1
    fill(supervisor, **both, personal_data="none")
    orders_and_calls = ["order.created", "call.ended"]
    fill(supervisor, url=receiver.url, events=orders_and_calls, personal_data="full")
    assert len(services.list_endpoints()) == 3


def test_who_may_only_view_webhooks_sees_the_page_without_changes(
    supervisor: Client, receiver: Receiver
) -> None:
    fill(supervisor, url=receiver.url)
    page = f"{ENDPOINTS}{the_endpoint().id}/"
    assert "renew-secret" in supervisor.get(f"{page}change/").content.decode()
    without("add_webhookendpoint", "change_webhookendpoint", "delete_webhookendpoint")

    answer = supervisor.get(f"{page}change/")
    assert answer.status_code == 200
    assert receiver.url.partition("?")[0] in answer.content.decode()
    assert "renew-secret" not in answer.content.decode()
    assert "send-test" not in answer.content.decode()
    assert supervisor.post(f"{page}renew-secret/").status_code == 403


def test_webhook_whose_name_leads_nowhere_can_be_stopped(
    supervisor: Client, receiver: Receiver, settings: Settings
) -> None:
    fill(supervisor, url=receiver.url)
    settings.WEBHOOK_LOCAL_RECEIVERS = False  # the address would be refused now
    form = f"{ENDPOINTS}{the_endpoint().id}/change/"
    values = open_form(supervisor, form)
    assert errors(supervisor.post(form, {**values, "url": f"{receiver.url}&x=1"})).keys() == {"url"}
    del values["is_active"]
    supervisor.post(form, {**values, "description": "Vieja"})

    assert (the_endpoint().is_active, the_endpoint().description) == (False, "Vieja")
    values = {**open_form(supervisor, form), "is_active": "on"}
    assert errors(supervisor.post(form, values)).keys() == {"url"}


def deliver_test(client: Client) -> Any:
    return client.post(f"{ENDPOINTS}{the_endpoint().id}/send-test/", follow=True)


def test_test_event_arrives_and_is_in_the_log(supervisor: Client, receiver: Receiver) -> None:
    fill(supervisor, url=receiver.url)
    asked = supervisor.get(f"{ENDPOINTS}{the_endpoint().id}/send-test/").content.decode()
    assert "webhook.test" in asked
    assert services.list_deliveries().items == []

    answer = deliver_test(supervisor)
    assert messages(answer) == ["El evento se envía en un momento."]
    history = supervisor.get(f"{ENDPOINTS}{the_endpoint().id}/history/").content.decode()
    assert "Evento de prueba enviado" in history
    assert "En espera" in answer.content.decode()
    deliver_due(clock.now)

    assert receiver.events() == ["webhook.test"]
    log = supervisor.get(f"{DELIVERIES}?endpoint_id={the_endpoint().id}&stage=delivered")
    assert [each.event for each in log.context["cl"].result_list] == ["webhook.test"]
    page = supervisor.get(f"{DELIVERIES}{quote(the_delivery().id)}/change/").content.decode()
    assert "HTTP 204" in page
    assert the_delivery().webhook_id in page


def test_inactive_webhook_gets_no_test(supervisor: Client, receiver: Receiver) -> None:
    fill(supervisor, url=receiver.url, is_active="")
    assert messages(deliver_test(supervisor)) == ["Ese webhook no está activo. Activalo primero."]
    assert services.list_deliveries().items == []


def test_renewed_secret_is_shown_once(supervisor: Client, receiver: Receiver) -> None:
    [first] = SECRET.findall(fill(supervisor, url=receiver.url).content.decode())
    url = f"{ENDPOINTS}{the_endpoint().id}/renew-secret/"
    assert not SECRET.search(supervisor.get(url).content.decode())
    assert not the_endpoint().previous_secrets
    confirmed = {"version": supervisor.get(url).context["record"].version}

    page = supervisor.post(url, confirmed).content.decode()

    [second] = SECRET.findall(page)
    assert first != second
    assert "El secreto anterior también firma durante 24 horas." in page
    assert len(the_endpoint().signing_secrets(clock.now())) == 2
    history = supervisor.get(f"{ENDPOINTS}{the_endpoint().id}/history/").content.decode()
    assert "Secreto renovado" in history

    renewed = the_endpoint()
    for repeated in (confirmed, {}, {"version": "x"}):  # the page with the secret is loaded again
        answer = supervisor.post(url, repeated, follow=True)
        assert messages(answer) == [str(StaleVersionError().message)]
        assert not SECRET.search(answer.content.decode())
    assert the_endpoint() == renewed
    supervisor.post(url, {"version": supervisor.get(url).context["record"].version})
    assert len(the_endpoint().signing_secrets(clock.now())) == 3


def test_failed_event_is_sent_again_from_the_log(supervisor: Client, receiver: Receiver) -> None:
    fill(supervisor, url=receiver.url)
    receiver.answer = lambda _request: 500
    booked = book_next_week()
    deliver_due(clock.now)
    listed = supervisor.get(f"{DELIVERIES}?q={booked.id}")
    assert "HTTP 500" in listed.content.decode()

    receiver.answer = lambda _request: 200
    action = {"action": "send_again", "_selected_action": [the_delivery().id]}
    answer = supervisor.post(DELIVERIES, action, follow=True)
    assert messages(answer) == ["Se vuelven a enviar: 1"]
    deliver_due(clock.now)

    assert receiver.events() == ["appointment.booked"] * 2
    assert len({each.headers["webhook-id"] for each in receiver.requests}) == 1
    exported = supervisor.post(
        DELIVERIES, {"action": "export_csv", "_selected_action": [the_delivery().id]}
    )
    assert booked.id in b"".join(exported).decode()


def test_start_page_names_webhooks_that_do_not_work(
    supervisor: Client, reception: Client, receiver: Receiver
) -> None:
    fill(supervisor, url=receiver.url)
    assert "no funciona" not in supervisor.get("/admin/").content.decode()
    receiver.answer = lambda _request: 410
    book_next_week()
    deliver_due(clock.now)

    page = supervisor.get("/admin/").content.decode()
    assert f"El webhook {receiver.url} no funciona" in page
    assert "no funciona" not in reception.get("/admin/").content.decode()
    assert "410" in supervisor.get(ENDPOINTS).content.decode()


def test_only_supervisors_see_webhooks(
    log_in: LogIn, supervisor: Client, receiver: Receiver
) -> None:
    fill(supervisor, url=receiver.url)
    book_next_week()
    endpoint, delivery = the_endpoint(), the_delivery()
    pages = (
        ENDPOINTS,
        f"{ENDPOINTS}add/",
        f"{ENDPOINTS}{endpoint.id}/change/",
        f"{ENDPOINTS}{endpoint.id}/renew-secret/",
        f"{ENDPOINTS}{endpoint.id}/send-test/",
        DELIVERIES,
        f"{DELIVERIES}{quote(delivery.id)}/change/",
    )
    for page in pages:
        assert supervisor.get(page).status_code == 200
    for role in ("viewer", "reception"):
        client = log_in(role)
        assert {client.get(page).status_code for page in pages} == {403}
        assert client.post(f"{ENDPOINTS}{endpoint.id}/renew-secret/").status_code == 403
        assert client.post(f"{ENDPOINTS}{endpoint.id}/send-test/").status_code == 403
    assert the_endpoint() == endpoint
