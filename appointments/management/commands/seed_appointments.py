"""`manage.py seed_appointments`: store the demo appointments and the waiting list if the table is empty."""

from typing import Any

from appointments import demo
from common import clock
from common.seed_command import SeedCommand


class Command(SeedCommand):
    help = "Store five demo appointments and two waiting patients if the table is empty."

    def handle(self, *_args: Any, fresh: bool, **_options: Any) -> None:
        self.refuse_fresh_on_aws(fresh=fresh)
        now = clock.now()
        stored = demo.seed(now=now, fresh=fresh)
        self.stdout.write(f"{stored} appointments stored.")
        if stored:
            waiting = demo.seed_waiting_list(now=now)
            self.stdout.write(f"{waiting} patients of the waiting list stored.")
