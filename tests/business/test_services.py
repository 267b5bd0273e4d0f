"""Save the profile of the business in versions, and remember it in each process."""

from datetime import UTC, datetime

import pytest
from pytest_django.fixtures import Settings

from business import services
from business.domain import MAX_LENGTHS, MAX_PERSONA_LENGTH, BusinessProfile, ProfileVersion
from business.errors import BracketsError
from business.services import ProfileCache
from common.errors import (
    HiddenCharactersError,
    InvalidFieldError,
    StaleVersionError,
    UnavailableError,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 30, 13, tzinfo=UTC)
SOL = BusinessProfile(name="Clínica del Sol", personas={"lupe": "Marta"})


def save(profile: BusinessProfile, follows: int) -> ProfileVersion:
    return services.save_profile(profile, follows=follows, saved_by="carla", now=NOW)


def test_nothing_saved_is_version_0() -> None:
    assert services.get_profile() == ProfileVersion()
    assert services.list_versions() == []


def test_each_save_is_a_version_behind_the_last() -> None:
    first = save(SOL, 0)
    second = save(BusinessProfile(name="Clínica del Mar"), 1)
    assert (first.number, second.number) == (1, 2)
    assert services.get_profile() == second
    assert services.list_versions() == [second, first]
    assert save(BusinessProfile(name=" Clínica  del Mar. "), 2) == second


@pytest.mark.parametrize("follows", [0, 2])
def test_save_behind_another_version_is_refused(follows: int) -> None:
    save(SOL, 0)
    with pytest.raises(StaleVersionError):
        save(BusinessProfile(name="Clínica del Mar"), follows)
    assert services.get_profile().profile == SOL


@pytest.mark.parametrize("field", sorted(MAX_LENGTHS))
def test_length_of_each_text_is_limited(field: str) -> None:
    length = MAX_LENGTHS[field]
    services.validate_profile(BusinessProfile.from_json({field: "x" * length}))
    with pytest.raises(InvalidFieldError) as refused:
        services.validate_profile(BusinessProfile.from_json({field: "x" * (length + 1)}))
    assert refused.value.data["field"] == field


def test_names_of_the_assistant_are_limited_and_empty_ones_left_out() -> None:
    named = BusinessProfile(personas={"lupe": "x" * MAX_PERSONA_LENGTH, "carlos": " "})
    assert save(named, 0).profile.personas == {"lupe": "x" * MAX_PERSONA_LENGTH}
    with pytest.raises(InvalidFieldError):
        services.validate_profile(
            BusinessProfile(personas={"lupe": "x" * (MAX_PERSONA_LENGTH + 1)})
        )


def test_characters_with_a_meaning_in_the_prompt_are_refused() -> None:
    for text in ("[FINAL]", "{today}"):
        with pytest.raises(BracketsError):
            services.validate_profile(BusinessProfile(notes=text))
    with pytest.raises(HiddenCharactersError):
        services.validate_profile(BusinessProfile(notes="\N{RIGHT-TO-LEFT OVERRIDE}abc"))


class Store:
    """A profile that is read; it may be out of reach."""

    def __init__(self) -> None:
        self.reads = 0
        self.is_down = False
        self.profile = SOL
        self.now = 0.0

    def read_profile(self) -> ProfileVersion:
        self.reads += 1
        if self.is_down:
            raise UnavailableError(reason="timed_out")
        return ProfileVersion(number=1, profile=self.profile)


def test_process_reads_again_after_some_seconds_only(settings: Settings) -> None:
    settings.BUSINESS_PROFILE_AGE_S = 10.0
    store = Store()
    cache = ProfileCache(store.read_profile, now=lambda: store.now)
    assert cache.current == BusinessProfile()
    assert cache.refreshed(within_s=10) == SOL
    store.profile = BusinessProfile(name="Clínica del Mar")
    store.now = 9.9
    assert cache.refreshed(within_s=10) == SOL
    store.now = 10.0
    assert cache.refreshed(within_s=10) == store.profile
    cache.forget()
    cache.refresh()
    assert store.reads == 3


def test_last_profile_stays_while_the_store_is_down(settings: Settings) -> None:
    settings.BUSINESS_PROFILE_AGE_S = 10.0
    store = Store()
    cache = ProfileCache(store.read_profile, now=lambda: store.now)
    cache.refresh()
    store.is_down, store.now = True, 10.0
    assert cache.refreshed(within_s=10) == SOL
    assert cache.refreshed(within_s=10) == SOL
    assert store.reads == 2


def test_profile_is_never_read_without_an_age(settings: Settings) -> None:
    settings.BUSINESS_PROFILE_AGE_S = None
    store = Store()
    assert ProfileCache(store.read_profile).refreshed(within_s=10) == BusinessProfile()
    assert store.reads == 0
