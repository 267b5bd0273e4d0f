"""The headers `If-Match` and `Idempotency-Key` of REST requests, and `ETag` of responses.

`ETag` is a record's `updatedAt` in quotes. A change with `If-Match` applies only to that version;
otherwise the response is 412. A body that contains the `updatedAt` it was read with has the same
condition; there the response is 409.
"""

import re
from datetime import datetime

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from common.errors import StaleVersionError
from common.ids import opaque_id
from common.timestamps import UNVERSIONED, from_iso, to_iso

IDEMPOTENCY_KEY = "Idempotency-Key"
IF_MATCH = "If-Match"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG = re.compile(r'"([0-9TZ:.\-]{24})"')


def etag(updated_at: datetime | None) -> str:
    """Return the entity tag of a record's version."""
    return f'"{to_iso(updated_at or UNVERSIONED)}"'


def required_version(request: Request, version_in_body: datetime | None) -> datetime | None:
    """Return the version that the record must have for the change; None for any version.

    Raises:
        StaleVersionError: `If-Match` is not an entity tag of this API, so no record has it.

    """
    header = request.headers.get(IF_MATCH)
    if header is None:
        return version_in_body
    if header.strip() == "*":
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise StaleVersionError
    try:
        return from_iso(match[1])
    except ValueError as error:
        raise StaleVersionError from error


def idempotency_token(request: Request) -> str:
    """Return the token of a creating request: its key and its user; without a key, a new token.

    Raises:
        ValidationError: the key isn't 1 to 255 visible ASCII characters.

    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return opaque_id()
    if not _KEY.fullmatch(key):
        raise ValidationError({IDEMPOTENCY_KEY: [_("1 to 255 visible ASCII characters.")]})
    return f"rest:{request.user.pk}:{key}"
