"""How the profile of the business is stored in DynamoDB. These are PynamoDB models, not Django's."""

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute

from common.dynamodb.attributes import InstantAttribute
from common.dynamodb.tables import Table


class _ProfileItem(Table):
    """The attributes of a version."""

    table_setting = "CALLS_TABLE"
    key_prefix = "BUSINESS"

    number = NumberAttribute()
    texts = JSONAttribute()
    saved_by = UnicodeAttribute(attr_name="savedBy")
    saved_at = InstantAttribute(attr_name="savedAt")


class ProfileItem(_ProfileItem):
    """The current version."""


class ProfileVersionItem(_ProfileItem):
    """Each version, the current one included; they don't expire."""

    SK_PREFIX = "VERSION#"

    @classmethod
    def key_of(cls, number: int) -> tuple[str, str]:
        """Return PK and SK of a version, so that they are in the order of their numbers."""
        return cls.key(PROFILE_ID)[0], f"{cls.SK_PREFIX}{number:08}"


PROFILE_ID = "profile"
