"""The page on which staff describe the business: form, preview, history, permissions."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from business import services
from business.domain import BusinessProfile
from business.services import PROFILES
from tests.admin.conftest import messages
from voice.calls.configuration import call_settings, refresh_business

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

URL = "/admin/business/profile/"
TYPED = {
    "name": "Clínica del Sol",
    "address": "San Martín 450",
    "takes_messages": "on",
    "persona_lupe": "Marta",
}


@pytest.fixture(autouse=True)
def fresh_profile(settings: Settings) -> Iterator[None]:
    """Let this process read what is stored at each use, and nothing afterwards."""
    settings.BUSINESS_PROFILE_AGE_S = 0
    yield
    PROFILES.__init__()  # type: ignore[misc]  # as a new process has it


def typed(version: int, button: str = "save", **changes: str) -> dict[str, str]:
    return {**TYPED, "version": str(version), button: "", **changes}


def shown(page: Any) -> dict[str, list[str]]:
    return {
        name: [str(each) for each in texts] for name, texts in page.context["form"].errors.items()
    }


def test_saved_texts_are_in_the_next_call_and_on_all_pages(supervisor: Client) -> None:
    page = supervisor.post(URL, typed(0), follow=True)
    assert messages(page)[0].startswith("Guardado. Lo saben las llamadas")
    assert '<div id="site-name"><a href="/admin/">Clínica del Sol</a>' in page.content.decode()
    assert "Clínica del Sol" in Client().get("/").content.decode()

    calls = call_settings()
    assert "Soy Marta, la asistente de Clínica del Sol." in calls.directives("es", "lupe").greeting
    assert "Dirección: San Martín 450." in calls.system_prompt("es", "lupe", calls.now())


async def test_call_reads_the_texts_before_it_starts(settings: Settings) -> None:
    settings.BUSINESS_PROFILE_AGE_S = 10
    services.save_profile(
        BusinessProfile(name="Clínica del Mar"), follows=0, saved_by="c", now=call_settings().now()
    )
    await refresh_business()
    assert PROFILES.current.name == "Clínica del Mar"


def test_preview_stores_nothing(supervisor: Client) -> None:
    page = supervisor.post(URL, typed(0, "preview"))
    greetings = {each["voice"]: each["greeting"] for each in page.context["preview"]}
    assert "Soy Marta, la asistente de Clínica del Sol." in greetings["lupe"]
    assert "San Martín 450" in page.context["preview"][0]["prompt"]
    assert services.get_profile().number == 0


def test_history_says_who_changed_what_and_brings_it_back(supervisor: Client) -> None:
    supervisor.post(URL, typed(0))
    supervisor.post(URL, typed(1, name="Clínica del Mar"))
    page = supervisor.get(URL)
    [latest, first] = page.context["versions"]
    assert latest["version"].saved_by == "supervisor"
    assert [(each["before"], each["after"]) for each in latest["changes"]] == [
        ("Clínica del Sol", "Clínica del Mar")
    ]
    assert len(first["changes"]) == 3
    form = supervisor.get(f"{URL}?version=1").context["form"]
    assert (form.initial["name"], form.initial["version"]) == ("Clínica del Sol", 2)


def test_second_of_two_editors_overwrites_nothing(supervisor: Client) -> None:
    supervisor.post(URL, typed(0))
    page = supervisor.post(URL, typed(0, name="Clínica del Mar"))
    assert list(shown(page)) == ["__all__"]
    assert services.get_profile().profile.name == "Clínica del Sol"
    same = supervisor.post(URL, typed(1), follow=True)
    assert messages(same) == ["Ya estaba así; no se cambió nada."]


def test_text_that_the_prompt_cannot_have_is_refused_at_its_field(supervisor: Client) -> None:
    page = supervisor.post(URL, typed(0, notes="Ver [FINAL]"))
    [text] = shown(page)["notes"]
    assert text.startswith("Los corchetes y las llaves")
    assert list(shown(supervisor.post(URL, typed(0, name="x" * 81)))) == ["name"]
    assert services.get_profile().number == 0


def test_reception_reads_and_viewers_see_nothing(reception: Client, viewer: Client) -> None:
    page = reception.get(URL)
    assert page.status_code == 200
    assert all(field.disabled for field in page.context["form"].fields.values())
    assert reception.post(URL, typed(0)).status_code == 403
    assert viewer.get(URL).status_code == 403
    assert services.get_profile().number == 0
