"""All reads and writes of the profile of the business. Domain values go in and come out."""

from typing import Any

from business.domain import BusinessProfile, ProfileVersion
from business.models import PROFILE_ID, ProfileItem, ProfileVersionItem
from common.dynamodb.transactions import Transaction
from common.errors import StaleVersionError

IS_UNCHANGED = "the profile is unchanged"


def get_current() -> ProfileVersion:
    """Return the current version by a consistent read; version 0 if none is stored."""
    item = ProfileItem.find(PROFILE_ID)
    return ProfileVersion() if item is None else version_from_item(item)


def latest_versions(limit: int) -> list[ProfileVersion]:
    """Return the latest versions, the current one first."""
    partition, _ = ProfileVersionItem.key(PROFILE_ID)
    found = ProfileVersionItem.query(
        partition,
        ProfileVersionItem.sk.startswith(ProfileVersionItem.SK_PREFIX),
        scan_index_forward=False,
        limit=limit,
    )
    return [version_from_item(item) for item in found]


def add_version(version: ProfileVersion) -> None:
    """Store a version as the current one, behind the one that it follows.

    Raises:
        StaleVersionError: another version is current.

    """
    values: dict[str, Any] = {
        "number": version.number,
        "texts": version.profile.to_json(),
        "saved_by": version.saved_by,
        "saved_at": version.saved_at,
    }
    is_first = ProfileItem.pk.does_not_exist()
    follows = is_first if version.number == 1 else ProfileItem.number == version.number - 1
    transaction = Transaction()
    current = ProfileItem(*ProfileItem.key(PROFILE_ID), **values)
    transaction.put_item(current, condition=follows, name=IS_UNCHANGED)
    transaction.put_item(ProfileVersionItem(*ProfileVersionItem.key_of(version.number), **values))
    transaction.commit(on_conflict=StaleVersionError())


def version_from_item(item: ProfileItem | ProfileVersionItem) -> ProfileVersion:
    """Return the version that an item stores."""
    return ProfileVersion(
        number=int(item.number),
        profile=BusinessProfile.from_json(item.texts),
        saved_by=item.saved_by,
        saved_at=item.saved_at,
    )
