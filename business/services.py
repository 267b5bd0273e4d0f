"""Read and save the profile of the business.

`get_profile` and `save_profile` block on DynamoDB and raise `UnavailableError` if it does not answer.
Calls and pages use `PROFILES`, which remembers the profile for some seconds.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from business import repository
from business.domain import MAX_VERSIONS_SHOWN, BusinessProfile, ProfileVersion
from business.validation import clean_profile
from common.errors import DomainError, StaleVersionError

logger = logging.getLogger(__name__)

PAGE_WAITS_S = 0.5
"""How long a page waits for the profile; then it is shown with the one read before."""


def get_profile() -> ProfileVersion:
    """Return the current version."""
    return repository.get_current()


def validate_profile(profile: BusinessProfile) -> None:
    """Raise `InvalidFieldError` if a text can't be part of the prompt."""
    clean_profile(profile)


def list_versions() -> list[ProfileVersion]:
    """Return the versions that are shown, the current one first, and the one before them."""
    return repository.latest_versions(MAX_VERSIONS_SHOWN + 1)


def save_profile(
    profile: BusinessProfile, *, follows: int, saved_by: str, now: datetime
) -> ProfileVersion:
    """Save the profile as a new version and return it; without a difference, return the current one.

    Args:
        profile: The texts.
        follows: The number of the version that the user saw.
        saved_by: The user's name.
        now: The current instant.

    Raises:
        InvalidFieldError: a text can't be part of the prompt.
        StaleVersionError: somebody else saved another version meanwhile.

    """
    cleaned = clean_profile(profile)
    current = repository.get_current()
    if current.number != follows:
        raise StaleVersionError
    if cleaned == current.profile:
        return current
    version = ProfileVersion(number=follows + 1, profile=cleaned, saved_by=saved_by, saved_at=now)
    repository.add_version(version)
    PROFILES.forget()
    return version


class ProfileCache:
    """The profile as this process last read it; an empty one until it is read.

    It is read again after `BUSINESS_PROFILE_AGE_S`, so that all servers know a change soon. If DynamoDB
    does not answer, the last one stays. Any thread may use it.
    """

    def __init__(
        self,
        read: Callable[[], ProfileVersion] = get_profile,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._now = now
        self._lock = threading.Lock()
        self._profile = BusinessProfile()
        self._read_at = float("-inf")

    @property
    def current(self) -> BusinessProfile:
        """The last profile that was read."""
        return self._profile

    @property
    def is_stale(self) -> bool:
        """Whether it is time to read again."""
        max_age_s: float | None = settings.BUSINESS_PROFILE_AGE_S
        return max_age_s is not None and self._now() - self._read_at >= max_age_s

    def refresh(self) -> None:
        """Read the profile if it is stale; blocks on DynamoDB."""
        with self._lock:
            if not self.is_stale:
                return
            self._read_at = self._now()  # a store that doesn't answer isn't asked by each caller
        try:
            self._profile = self._read().profile
        except DomainError as error:
            logger.warning("business profile not read", extra={"code": error.code})

    def refreshed(self, *, within_s: float = PAGE_WAITS_S) -> BusinessProfile:
        """Return the profile, read again if it is stale and DynamoDB answers soon."""
        if self.is_stale:
            reading = threading.Thread(target=self.refresh, daemon=True)
            reading.start()
            reading.join(within_s)
        return self._profile

    def forget(self) -> None:
        """Read again at the next use."""
        self._read_at = float("-inf")


PROFILES = ProfileCache()


def business_name() -> str:
    """Return the name of the business, as staff or the settings say it."""
    return PROFILES.refreshed().name or str(settings.BUSINESS_NAME)


def mail_signature() -> dict[str, str]:
    """Return what stands below each e-mail: name, address and phone number; unknown ones are empty."""
    profile = PROFILES.refreshed()
    return {
        "name": profile.name or str(settings.BUSINESS_NAME),
        "address": profile.address or str(settings.BUSINESS_ADDRESS),
        "phone": profile.phone or str(settings.BUSINESS_PHONE),
    }
