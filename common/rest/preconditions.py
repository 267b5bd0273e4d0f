"""What a REST request says besides its body: which version it means, and which try it is.

`ETag` is a record's `updatedAt` in quotes. A change with `If-Match` happens only to that version: else
it is answered 412. A body that carries the `updatedAt` it was read with is a condition, too: else 409.
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


def required_version(request: Request, said_in_body: datetime | None) -> datetime | None:
    """Return the version that the request means to change, or None if any will do.

    Raises:
        StaleVersionError: `If-Match` names no version of ours, so none that is there.

    """
    header = request.headers.get(IF_MATCH)
    if header is None:
        return said_in_body
    if header.strip() == "*":
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise StaleVersionError
    try:
        return from_iso(match[1])
    except ValueError as error:
        raise StaleVersionError from error


def idempotency_key(request: Request) -> str:
    """Return what makes creating something happen once: the key, with whoever sends it; or a new one.

    Raises:
        ValidationError: the key isn't 1 to 255 visible ASCII characters.

    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return opaque_id()
    if not _KEY.fullmatch(key):
        raise ValidationError({IDEMPOTENCY_KEY: [_("1 to 255 visible ASCII characters.")]})
    return f"rest:{request.user.pk}:{key}"
