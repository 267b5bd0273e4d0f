"""A follow-up: its status, its contact and how long it is stored."""

from datetime import UTC, datetime, timedelta

import pytest

from follow_ups.domain import DONE_LIFETIME, OPEN_LIFETIME, FollowUp, FollowUpStatus

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 30, 13, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MESSAGE = FollowUp(
    id="f1", customer_name="Ana Ruiz", message="Un presupuesto", created_at=NOW, updated_at=NOW
)


def test_contact_names_what_is_known() -> None:
    def contact(phone: str, email: str) -> str:
        return FollowUp(
            id="f1",
            customer_name="Ana",
            message="m",
            phone=phone,
            email=email,
            created_at=NOW,
            updated_at=NOW,
        ).contact

    assert contact("", "") == ""
    assert contact("11 4555-1234", "") == "11 4555-1234"
    assert contact("11 4555-1234", "ana@correo.com") == "11 4555-1234, ana@correo.com"


def test_status_changes_name_who_did_it_and_when() -> None:
    done = MESSAGE.with_status(FollowUpStatus.DONE, by="carla", at=LATER)
    assert (done.status, done.done_by, done.updated_at) == (FollowUpStatus.DONE, "carla", LATER)
    reopened = done.with_status(FollowUpStatus.OPEN, by="luis", at=LATER)
    assert (reopened.status, reopened.done_by) == (FollowUpStatus.OPEN, "")
    assert done.with_status(FollowUpStatus.DONE, by="luis", at=LATER) is done


def test_follow_up_expires_sooner_when_it_is_done() -> None:
    assert MESSAGE.expires_at == NOW + OPEN_LIFETIME
    done = MESSAGE.with_status(FollowUpStatus.DONE, by="carla", at=LATER)
    assert done.expires_at == LATER + DONE_LIFETIME
