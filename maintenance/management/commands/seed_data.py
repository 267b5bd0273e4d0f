"""`manage.py seed_data`: store many made-up orders and appointments."""

from argparse import ArgumentParser
from datetime import date
from typing import Any, override

from django.conf import settings
from django.core.management.base import CommandError

from appointments import clinic
from appointments.domain import local_day
from common import clock
from maintenance.commands import MaintenanceCommand
from maintenance.sample_data import (
    DOCTORS,
    MAX_RECORDS,
    MAX_SEED,
    MIN_RECORDS,
    MIN_SEED,
    SampleOptions,
)
from maintenance.seeding import Seeder
from maintenance.tables import configured_tables


class Command(MaintenanceCommand):
    help = (
        f"Store COUNT made-up records, {MIN_RECORDS} to {MAX_RECORDS:,}: half of them orders, half "
        "appointments of the days around today. With the same COUNT, seed and day they are always the "
        "same, so a second run changes nothing. Appointments are booked in their doctors' days."
    )
    writes_data = True

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("count", type=int, metavar="COUNT")
        parser.add_argument(
            "--only", choices=["orders", "appointments"], help="only these, all COUNT of them"
        )
        parser.add_argument(
            "--seed",
            type=int,
            default=MIN_SEED,
            help=f"another seed, {MIN_SEED} to {MAX_SEED}, gives other records with other ids (%(default)s)",
        )
        parser.add_argument(
            "--today",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="the day to which dates are relative (default: today at the clinic)",
        )
        parser.add_argument(
            "--delete", action="store_true", help="delete the COUNT records of this seed instead"
        )

    def handle(self, *_args: Any, count: int, **options: Any) -> None:
        if not MIN_RECORDS <= count <= MAX_RECORDS:
            raise CommandError(f"COUNT must be {MIN_RECORDS} to {MAX_RECORDS}.")
        if not MIN_SEED <= options["seed"] <= MAX_SEED:
            raise CommandError(f"--seed must be {MIN_SEED} to {MAX_SEED}.")
        self.refuse_production(allow_production=options["allow_production"])
        client, tables = self.bulk_client(), configured_tables()
        self.require_tables(client, tables)
        seeder = Seeder(client, tables, _sample_options(options["seed"], options["today"]))
        orders, appointments = _split(count, options["only"])
        with self.progress("deleted" if options["delete"] else "stored", total=count) as progress:
            if options["delete"]:
                seeder.delete(orders=orders, appointments=appointments, on_item=progress.advance)
                taken = 0
            else:
                taken = seeder.store(
                    orders=orders, appointments=appointments, on_item=progress.advance
                )
        done = "deleted" if options["delete"] else "stored"
        self.stdout.write(f"{orders:,} orders and {appointments:,} appointments {done}.")
        if taken:
            self.stdout.write(
                f"{taken:,} appointments are cancelled: others have booked their times."
            )


def _sample_options(seed: int, today: date | None) -> SampleOptions:
    time_zone = clinic.time_zone()
    return SampleOptions(
        seed=seed,
        today=today or local_day(clock.now(), time_zone),
        time_zone=time_zone,
        opening_hours=clinic.opening_hours(),
        doctors=settings.CLINIC_DOCTORS or DOCTORS,
    )


def _split(count: int, only: str | None) -> tuple[int, int]:
    """Return how many orders and how many appointments `count` records are."""
    match only:
        case "orders":
            return count, 0
        case "appointments":
            return 0, count
        case _:
            return count - count // 2, count // 2
