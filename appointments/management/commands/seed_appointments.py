"""`manage.py seed_appointments`: store the demo appointments if the table is empty."""

from typing import Any

from appointments import demo
from common import clock
from common.seed_command import SeedCommand


class Command(SeedCommand):
    help = "Store five demo appointments if the table is empty."

    def handle(self, *_args: Any, fresh: bool, **_options: Any) -> None:
        self.refuse_fresh_on_aws(fresh=fresh)
        self.stdout.write(f"{demo.seed(now=clock.now(), fresh=fresh)} appointments stored.")
