"""`manage.py seed_products`: store the demo catalogue if there is none."""

from typing import Any

from common import clock
from common.seed_command import SeedCommand
from orders import demo


class Command(SeedCommand):
    help = "Store the demo products if the catalogue is empty."

    def handle(self, *_args: Any, fresh: bool, **_options: Any) -> None:
        self.refuse_fresh_on_aws(fresh=fresh)
        stored = demo.seed_products(now=clock.now(), fresh=fresh)
        self.stdout.write(f"{stored} products stored.")
