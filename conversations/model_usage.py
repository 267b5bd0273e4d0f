"""How long calls use the model: per network address and day, and in all per day and month."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

DAILY_COUNT_LIFETIME = timedelta(days=2)
MONTHLY_COUNT_LIFETIME = timedelta(days=62)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLimits:
    """The budget, in minutes; 0: no limit."""

    address_day: int
    day: int
    month: int

    @property
    def are_set(self) -> bool:
        """Whether anything is limited."""
        return bool(self.address_day or self.day or self.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSubjects:
    """The keys under which the usage of calls from some addresses is counted.

    Days and months are those of UTC. Addresses are hashes.
    """

    by_address: Mapping[str, str]
    """The key of each address."""
    day: str
    month: str

    @classmethod
    def at(cls, now: datetime, address_hashes: Mapping[str, str]) -> "UsageSubjects":
        """Return the keys for addresses with these hashes."""
        day = f"{now:%Y%m%d}"
        keys = {address: f"address-{day}-{each}" for address, each in address_hashes.items()}
        return cls(by_address=keys, day=f"all-{day}", month=f"all-{now:%Y%m}")

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, each once."""
        return (*dict.fromkeys(self.by_address.values()), self.day, self.month)

    def expiry(self, now: datetime) -> dict[str, datetime]:
        """Return when each count expires."""
        daily = dict.fromkeys(self.keys, now + DAILY_COUNT_LIFETIME)
        return {**daily, self.month: now + MONTHLY_COUNT_LIFETIME}

    def amounts(self, seconds_by_address: Mapping[str, int]) -> dict[str, int]:
        """Return by how much each count grows."""
        amounts = dict.fromkeys(self.keys, 0)
        for address, seconds in seconds_by_address.items():
            for key in (self.by_address[address], self.day, self.month):
                amounts[key] += seconds
        return amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """Seconds so far."""

    by_address: Mapping[str, int]
    """On this day."""
    day: int = 0
    month: int = 0

    def used_share(self, limits: UsageLimits) -> float:
        """Return which share of the budget of all calls is used, of the day or the month."""
        return max(_share(self.day, limits.day), _share(self.month, limits.month))

    def exhausted_addresses(self, limits: UsageLimits) -> frozenset[str]:
        """Return the addresses that have no budget left."""
        if self.used_share(limits) >= 1:
            return frozenset(self.by_address)
        return frozenset(
            address
            for address, seconds in self.by_address.items()
            if _share(seconds, limits.address_day) >= 1
        )


def _share(seconds: int, limit_minutes: int) -> float:
    return seconds / (60 * limit_minutes) if limit_minutes else 0.0
