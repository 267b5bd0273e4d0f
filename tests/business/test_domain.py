"""The texts of the business as they are stored and compared."""

import pytest

from business.domain import BusinessProfile, ProfileVersion, changed_fields

pytestmark = pytest.mark.pure

PROFILE = BusinessProfile(name="Clínica del Sol", personas={"lupe": "Marta"}, takes_messages=False)


def test_profile_is_read_as_it_was_stored() -> None:
    assert BusinessProfile.from_json(PROFILE.to_json()) == PROFILE
    assert BusinessProfile.from_json({"name": "Sol", "of_a_later_version": 1}).name == "Sol"
    assert ProfileVersion().profile == BusinessProfile()


def test_changed_fields_are_named() -> None:
    assert changed_fields(PROFILE, PROFILE) == []
    assert changed_fields(BusinessProfile(), PROFILE) == ["name", "takes_messages", "personas"]
