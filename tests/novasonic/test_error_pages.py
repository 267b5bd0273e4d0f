"""The site's own pages for errors, in the browser's language."""

import pytest
from django.test import Client, RequestFactory
from django.test.utils import override_settings
from django.urls import get_callable
from django.utils import translation

from novasonic.urls import handler500

BROWSER = {"accept": "text/html", "accept-language": "es-AR"}


@pytest.mark.parametrize("debug", [False])
def test_unknown_address_has_a_page_of_the_site(debug: bool) -> None:
    with override_settings(DEBUG=debug):
        response = Client().get("/nada/", headers=BROWSER)
    assert response.status_code == 404
    assert "No hay nada en esta dirección" in response.text
    assert "staff/error-page.css" in response.text
    assert '<html lang="es">' in response.text


def test_failure_has_a_page_of_the_site(rf: RequestFactory) -> None:
    with translation.override("es"):
        response = get_callable(handler500)(rf.get("/", headers=BROWSER))
    assert response.status_code == 500
    assert "Probá de nuevo en un momento" in response.content.decode()
