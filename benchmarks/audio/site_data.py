"""Prepare a site for the benchmark: 5,000 orders, and staff who are logged in.

    python -m benchmarks.audio.site_data          with the site's environment

Prints the cookie of the session.
"""

from benchmarks.data import LARGE, TRANSACTION_SIZE, make_order

# isort: split
from itertools import batched

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

import orders.repository
from common.dynamodb.tables import create_tables


def main() -> None:
    """Store everything."""
    create_tables()
    call_command("migrate", verbosity=0)
    for batch in batched(map(make_order, range(LARGE)), TRANSACTION_SIZE):
        assert orders.repository.add_orders(batch)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("bench"))
    name = settings.SESSION_COOKIE_NAME
    print(f"{name}={client.cookies[name].value}")


if __name__ == "__main__":
    main()
