"""The forms of the browsable API."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

LABELS = {
    "/orders": ["Cliente", "Correo electrónico", "Productos", "Total", "DNI"],
    "/appointments": [
        *("Paciente", "Correo electrónico", "Profesional", "Día y hora", "Minutos", "Tipo"),
        *("Notas", "DNI", "Teléfono"),
    ],
}


@pytest.mark.parametrize("path", LABELS)
def test_fields_have_labels_in_words(superuser: User, path: str) -> None:
    client = Client(headers={"accept": "text/html", "accept-language": "es"})
    client.force_login(superuser)
    page = client.get(path).content.decode()
    form = page.partition('id="post-object-form"')[2].partition("</form>")[0]
    labels = re.findall(r"<label[^>]*>\s*(.*?)\s*</label>", form, re.DOTALL)
    assert labels == LABELS[path]
