"""What staff have written about the business; what they left empty comes from the settings. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any

MAX_LENGTHS: Mapping[str, int] = MappingProxyType(
    {"name": 80, "address": 120, "phone": 40, "handover": 40, "emergency": 200, "notes": 400}
)
"""How many characters each text may have; all of them are in the prompt, which has to stay short."""
MAX_PERSONA_LENGTH = 40
MAX_VERSIONS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessProfile:
    """The texts of the business; an empty one is not set.

    Attributes:
        name: The name under which the assistant, the page and the staff site present the business.
        address: Street, number and town.
        phone: The number that the assistant gives.
        handover: The number for customers who want a person.
        takes_messages: Whether the assistant offers to take a message for the staff.
        emergency: What a customer with an emergency is told to do.
        notes: Further facts, as sentences.
        personas: The assistant's name by the voice that speaks.

    """

    name: str = ""
    address: str = ""
    phone: str = ""
    handover: str = ""
    takes_messages: bool = True
    emergency: str = ""
    notes: str = ""
    personas: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the values as they are stored."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "BusinessProfile":
        """Return the profile of stored values; those that this version doesn't know are left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileVersion:
    """One version of the profile: what it said, who saved it, and when. Version 0 is stored nowhere."""

    number: int = 0
    profile: BusinessProfile = field(default_factory=BusinessProfile)
    saved_by: str = ""
    saved_at: datetime | None = None


def changed_fields(before: BusinessProfile, after: BusinessProfile) -> list[str]:
    """Return the names of the fields in which two profiles differ."""
    return [
        each.name
        for each in fields(BusinessProfile)
        if getattr(before, each.name) != getattr(after, each.name)
    ]
