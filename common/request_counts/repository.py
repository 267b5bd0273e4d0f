"""All reads and writes of counts of requests."""

from datetime import datetime, timedelta

from pynamodb.exceptions import PutError, UpdateError

from common.errors import BusyError
from common.request_counts.models import RequestCount

ATTEMPTS = 3


def count_request(client: str, *, now: datetime, period: timedelta) -> tuple[int, datetime]:
    """Count a request of a client; return how many it has sent in its period, and when that ends.

    A period begins with the first request after the end of the last one.

    Raises:
        BusyError: other requests of this client are counted at the same time, again and again.

    """
    row = RequestCount(*RequestCount.key(client))
    is_over = RequestCount.pk.does_not_exist() | (RequestCount.expires_at <= now)
    for _ in range(ATTEMPTS):
        try:
            row.update([RequestCount.requests.add(1)], condition=RequestCount.expires_at > now)
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
        else:
            return int(row.requests), row.expires_at
        row.requests, row.expires_at = 1, now + period
        try:
            row.save(condition=is_over)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
        else:
            return 1, row.expires_at
    raise BusyError(reason="contention")
