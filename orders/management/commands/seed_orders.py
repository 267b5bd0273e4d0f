"""`manage.py seed_orders`: store the demo orders if the table is empty."""

from typing import Any

from common import clock
from common.seed_command import SeedCommand
from orders import demo


class Command(SeedCommand):
    help = "Store five demo orders if the table is empty."

    def handle(self, *_args: Any, fresh: bool, **_options: Any) -> None:
        self.refuse_fresh_on_aws(fresh=fresh)
        self.stdout.write(f"{demo.seed(now=clock.now(), fresh=fresh)} orders stored.")
