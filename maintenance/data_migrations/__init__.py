"""The migrations of the stored data, in the order in which they are applied.

Django's own migrations are for SQL; these are for DynamoDB. To add one: a module `m0003_…` with a
subclass of `Migration` (see `base`), a line here, and a test with items as they were stored before.
"""

from maintenance.data_migrations.base import Migration
from maintenance.data_migrations.m0001_earlier_system import EarlierSystem
from maintenance.data_migrations.m0002_doctor_days import DoctorDays

MIGRATIONS: tuple[Migration, ...] = (EarlierSystem(), DoctorDays())


def migration_named(name: str) -> Migration | None:
    """Return the migration with this name, or whose number it is; None if there is none."""
    return next((m for m in MIGRATIONS if name in {m.name, m.name.partition("_")[0]}), None)
