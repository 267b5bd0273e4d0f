"""A process that leases sessions one by one, as fast as it can; it prints how many it got.

session_leaser.py DYNAMODB_URL PROCESS_ID ATTEMPTS LIMIT
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django
from django.conf import settings

django.setup()

from common.errors import BusyError  # noqa: E402 -- after Django is set up
from conversations import services  # noqa: E402 -- as above
from tests.conversations.stored_calls import NOW  # noqa: E402 -- as above


def main(url: str, process_id: str, attempts: str, limit: str) -> None:
    settings.DYNAMODB_ENDPOINT_URL = url
    opened = 0
    for _ in range(int(attempts)):
        while True:
            try:
                leases = services.lease_sessions(
                    region="us-east-1",
                    process_id=process_id,
                    opened=opened,
                    requested=1,
                    limit=int(limit),
                    now=NOW,
                )
                break
            except BusyError:  # too many at once: nothing was leased
                continue
        opened = leases.leased_by(process_id, now=NOW)
    print(opened)  # noqa: T201 -- for the test that started it


if __name__ == "__main__":
    main(*sys.argv[1:])
