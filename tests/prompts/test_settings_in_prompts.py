"""The settings of the business in the prompts and the greeting, and what the simulator reads in them."""

import datetime as dt

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from nova_sonic_simulator.dialogue.setup import read_style
from voice.calls.configuration import call_settings, read_documents
from voice.prompts import LANGUAGES, directive_texts, load_prompt

NOW = dt.datetime(2026, 11, 30, 13, 30, tzinfo=dt.UTC)
MODELS = ["amazon.nova-2-sonic-v1:0", "amazon.nova-2-5-sonic-v1:0"]


def fill_settings(settings: Settings) -> None:
    settings.BUSINESS_NAME = "Clínica del Sol"
    settings.BUSINESS_ADDRESS = "San Martín 450, Córdoba"
    settings.BUSINESS_PHONE = "0351 455-0000"
    settings.HANDOVER = "0351 455-0001"
    settings.CLINIC_DOCTORS = ["Dra. Gómez"]
    settings.CLINIC_OPENING_HOURS = "Mon-Fri 08:30-20:00"


@pytest.mark.parametrize("model", MODELS)
def test_settings_of_the_business_are_in_prompt_and_greeting(
    settings: Settings, model: str
) -> None:
    fill_settings(settings)
    settings.NOVA_SONIC_MODEL_ID = model
    calls = call_settings()
    prompt = calls.system_prompt("es", "lupe", NOW)
    for fact in (
        "Lupe, la asistente virtual de Clínica del Sol.",
        "Dirección: San Martín 450, Córdoba.",
        "Teléfono: 0351 455-0000.",
        "más tarde o que puede llamar al 0351 455-0001.",
        "Profesionales: Dra. Gómez.",
        "Horario de los turnos: de lunes a viernes de 8:30 a 20.",
    ):
        assert fact in prompt
    greeting = calls.directives("es", "lupe").greeting
    assert "Soy Lupe, la asistente de Clínica del Sol." in greeting


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("is_filled", [False, True])
def test_simulator_introduces_itself_with_the_business_name(
    settings: Settings, model: str, is_filled: bool
) -> None:
    if is_filled:
        fill_settings(settings)
    settings.NOVA_SONIC_MODEL_ID = model
    style = read_style(call_settings().system_prompt("es", "carlos", NOW))
    assert style.introduction == f"Carlos, el asistente virtual de {settings.BUSINESS_NAME}"
    assert style.language == "es"
    assert style.end_marker == ("[FINAL]" if model == MODELS[0] else None)


def test_documents_are_read_at_start_for_the_first_call() -> None:
    directive_texts.cache_clear()
    load_prompt.cache_clear()
    read_documents()
    misses = directive_texts.cache_info().misses, load_prompt.cache_info().misses
    for language in LANGUAGES:
        call_settings().system_prompt(language, django_settings.NOVA_SONIC_VOICE, NOW)
        call_settings().directives(language, django_settings.NOVA_SONIC_VOICE)
    assert (directive_texts.cache_info().misses, load_prompt.cache_info().misses) == misses
