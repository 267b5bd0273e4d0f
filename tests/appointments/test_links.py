"""What a link is bound to and what it allows: pure, and its token."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core import signing
from pytest_django.fixtures import Settings

from appointments.domain import TRANSITIONS, Appointment, AppointmentKind, AppointmentStatus
from appointments.links.domain import (
    ALLOWED_ACTIONS,
    RESULTS,
    AppointmentLink,
    LinkAction,
    LinkProblem,
)
from appointments.links.tokens import (
    MAX_TOKEN_LENGTH,
    link_path,
    link_token,
    link_url,
    parse_link,
)
from common.site_address import site_url

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
APPOINTMENT = Appointment(
    id="123456",
    patient_name="Ana Martínez",
    patient_email="ana@email.com",
    doctor_name="Dr. Sosa",
    starts_at=datetime(2099, 11, 23, 13, tzinfo=UTC),
    duration_min=30,
    kind=AppointmentKind.CONSULTATION,
    status=AppointmentStatus.SCHEDULED,
    created_at=NOW,
    updated_at=NOW,
)
START = APPOINTMENT.starts_at


def problem_after(changed: Appointment | None, *, now: datetime = NOW) -> LinkProblem | None:
    return AppointmentLink.to_appointment(APPOINTMENT).problem_with(changed, now=now)


@pytest.mark.parametrize(
    "changed",
    [
        APPOINTMENT,
        replace(APPOINTMENT, status=AppointmentStatus.CONFIRMED, updated_at=START),
        replace(APPOINTMENT, notes="con turno previo", patient_email="Ana@email.com"),
    ],
)
def test_link_stays_valid_after_changes_of_other_fields(changed: Appointment) -> None:
    assert problem_after(changed) is None


@pytest.mark.parametrize(
    "changed",
    [
        None,
        replace(APPOINTMENT, starts_at=START + timedelta(minutes=30)),
        replace(APPOINTMENT, patient_email="otra@email.com"),
        replace(APPOINTMENT, created_at=NOW + timedelta(seconds=1)),
        replace(APPOINTMENT, created_at=None),
    ],
)
def test_link_is_replaced_by_a_change_of_what_it_is_bound_to(changed: Appointment | None) -> None:
    assert problem_after(changed) is LinkProblem.REPLACED


def test_link_expires_when_the_appointment_starts() -> None:
    assert problem_after(APPOINTMENT, now=START - timedelta(microseconds=1)) is None
    assert problem_after(APPOINTMENT, now=START) is LinkProblem.EXPIRED


def test_link_allows_what_the_transitions_of_statuses_allow() -> None:
    assert set(ALLOWED_ACTIONS) == set(AppointmentStatus)
    for status, actions in ALLOWED_ACTIONS.items():
        for action, result in RESULTS.items():
            assert (action in actions) == (result in TRANSITIONS[status])
        is_open = replace(APPOINTMENT, status=status).is_open
        assert (LinkAction.MOVE in actions) == is_open


# --- Tokens


def test_token_names_its_link_and_fits_in_an_address() -> None:
    token = link_token(APPOINTMENT)

    assert parse_link(token) == AppointmentLink.to_appointment(APPOINTMENT)
    assert len(token) < 150
    assert all(char.isalnum() or char in "-_." for char in token)


def test_token_with_any_changed_character_is_refused() -> None:
    token = link_token(APPOINTMENT)
    for position, char in enumerate(token):
        other = "A" if char != "A" else "B"
        changed = parse_link(token[:position] + other + token[position + 1 :])
        # The last character of each part of base64 has bits that mean nothing.
        assert changed in (None, parse_link(token)), position


@pytest.mark.parametrize("token", ["", ".", "x.y", "é.ñ", "a" * (MAX_TOKEN_LENGTH + 1), "a.b.c"])
def test_text_that_is_no_token_is_refused(token: str) -> None:
    assert parse_link(token) is None


def test_token_signed_for_another_purpose_is_refused() -> None:
    content = [APPOINTMENT.id, "0" * 20, int(START.timestamp())]
    assert parse_link(signing.Signer(sep=".", salt="voice.tickets").sign_object(content)) is None
    assert parse_link(signing.Signer(sep=".", salt="appointments.links").sign_object([1])) is None


def test_token_of_another_secret_key_is_refused(settings: Settings) -> None:
    token = link_token(APPOINTMENT)
    settings.SECRET_KEY = "another-secret-key-of-the-tests"
    assert parse_link(token) is None


def test_link_has_the_address_of_the_site(settings: Settings) -> None:
    settings.SITE_URL = "https://voz.example.com"
    assert link_url(APPOINTMENT) == f"https://voz.example.com/turno/{link_token(APPOINTMENT)}"
    assert link_path(APPOINTMENT, LinkAction.MOVE).endswith("/mover")


def test_link_without_site_url_has_the_port_of_this_machine() -> None:
    assert site_url() == f"http://localhost:{settings.WS_PORT}"
