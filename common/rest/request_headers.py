"""The conditional headers and `Idempotency-Key` of REST requests, and `ETag` of responses.

`ETag` is a record's `updatedAt` in quotes. A change with `If-Match` applies only to the versions it
names; otherwise the response is 412. A body that contains the `updatedAt` it was read with has the same
condition; there the response is 409. `If-None-Match` excludes versions: a read of one of them is
answered with 304, a change of one with 412. Both headers are lists, or `*` for any version
(RFC 9110, section 13.1).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from common.errors import StaleVersionError, VersionNotMatchedError
from common.ids import opaque_id
from common.timestamps import UNVERSIONED, from_iso, to_iso

IDEMPOTENCY_KEY = "Idempotency-Key"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"
WEAK = "W/"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ETAG = re.compile(r'"([0-9TZ:.\-]{24})"')


def etag(updated_at: datetime | None) -> str:
    """Return the entity tag of a record's version."""
    return f'"{to_iso(updated_at or UNVERSIONED)}"'


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The value of `If-Match` or `If-None-Match`: a list of entity tags, or `*`.

    Attributes:
        is_any: Whether it is `*`.
        strong: The strong tags, with their quotes.
        weak: The weak tags, without `W/`.

    """

    is_any: bool
    strong: frozenset[str]
    weak: frozenset[str]

    @classmethod
    def parse(cls, value: str) -> "EntityTags":
        """Return the header's value; what isn't an entity tag is left out."""
        tags = parse_etags(value)
        weak = frozenset(tag.removeprefix(WEAK) for tag in tags if tag.startswith(WEAK))
        strong = frozenset(tag for tag in tags if not tag.startswith(WEAK))
        return cls(is_any=tags == ["*"], strong=strong, weak=weak)

    @property
    def versions(self) -> list[datetime]:
        """The versions that the strong tags name."""
        return [version for tag in self.strong if (version := _version(tag)) is not None]

    def match_strongly(self, version: datetime | None) -> bool:
        """Whether they name the version as `If-Match` requires it: a weak tag equals none."""
        return self.is_any or etag(version) in self.strong

    def match_weakly(self, version: datetime | None) -> bool:
        """Whether they name the version as `If-None-Match` requires it: weak tags count."""
        return self.is_any or etag(version) in self.strong | self.weak


def _version(tag: str) -> datetime | None:
    """Return the version that a strong tag of this API names; None for any other tag."""
    match = _ETAG.fullmatch(tag)
    try:
        return from_iso(match[1]) if match else None
    except ValueError:
        return None


def required_version(
    request: Request,
    *,
    version_in_body: datetime | None,
    read_current_version: Callable[[], datetime | None],
) -> datetime | None:
    """Return the version that the record must have for the change; None for any version.

    Args:
        request: The request, whose conditional headers count more than its body.
        version_in_body: The `updatedAt` in the body, if there is one.
        read_current_version: Returns the stored record's `updated_at`. It is called only if the headers
            name several versions or exclude some; the change then applies to the version it returned.

    Raises:
        VersionNotMatchedError: `If-Match` names no version of this API, or the record has a version
            that `If-None-Match` excludes.
        StaleVersionError: the record has none of the versions in `If-Match`.

    """
    if_match, if_none_match = _entity_tags(request, IF_MATCH), _entity_tags(request, IF_NONE_MATCH)
    if if_match is None and if_none_match is None:
        return version_in_body
    if if_match is not None and if_none_match is None:
        if if_match.is_any:
            return None
        if len(if_match.versions) == 1:
            return if_match.versions[0]
    current = read_current_version() or UNVERSIONED
    check_if_match(request, current)
    if if_none_match is not None and if_none_match.match_weakly(current):
        raise VersionNotMatchedError(current_version=current)
    return current


def check_if_match(request: Request, current: datetime | None) -> None:
    """Refuse the request if its `If-Match` excludes the record's current version.

    Raises:
        VersionNotMatchedError: it names no version of this API.
        StaleVersionError: it names other versions.

    """
    if_match = _entity_tags(request, IF_MATCH)
    if if_match is None or if_match.match_strongly(current):
        return
    error = StaleVersionError if if_match.versions else VersionNotMatchedError
    raise error(current_version=current or UNVERSIONED)


def is_known_to_client(request: Request, current: datetime | None) -> bool:
    """Whether `If-None-Match` of a reading request contains the record's current version."""
    if_none_match = _entity_tags(request, IF_NONE_MATCH)
    return if_none_match is not None and if_none_match.match_weakly(current)


def has_condition(request: Request) -> bool:
    """Whether a header of the request makes it conditional."""
    return IF_MATCH in request.headers or IF_NONE_MATCH in request.headers


def _entity_tags(request: Request, header: str) -> EntityTags | None:
    value = request.headers.get(header)
    return None if value is None else EntityTags.parse(value)


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
