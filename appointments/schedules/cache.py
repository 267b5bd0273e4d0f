"""The stored professionals and special days, as this process read them a short time ago.

Every booking and every search needs them, and they change a few times a week.
"""

from appointments.schedules import repository
from appointments.schedules.domain import Professional, SpecialDay
from common.dynamodb.cached_read import CachedRead

type Stored = tuple[list[Professional], list[SpecialDay]]

shared_cache = CachedRead[Stored](repository.read_all)
