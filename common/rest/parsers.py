"""Reading bodies: never more than a limit, and never with an error that isn't the client's to mend.

Text is UTF-8, of a body and of a query: other charsets hold what no answer can say back.
"""

import io
import json
from collections.abc import Mapping
from typing import IO, Any, override

from django.conf import settings
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext_lazy as _
from rest_framework import parsers
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType


class BodyTooLargeError(APIException):
    """The body is longer than `API_MAX_BODY_BYTES`."""

    status_code = 413
    default_code = "body_too_large"
    default_detail = _("The body is too large.")


CHARSETS = {"utf-8", "utf8"}


class JSONParser(parsers.JSONParser):
    """JSON. Nesting beyond Python's stack is a mistake in the body, not a fault of ours."""

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        _refuse_other_charsets(media_type)
        try:
            body = super().parse(_limited(stream, parser_context), media_type, parser_context)
            refuse_half_characters(body)
        except RecursionError as error:
            raise ParseError(_("JSON parse error: nested too deep.")) from error
        return body


class FormParser(parsers.FormParser):
    """An HTML form."""

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        _refuse_other_charsets(media_type)
        return super().parse(_limited(stream, parser_context), media_type, parser_context)


class MultiPartParser(parsers.MultiPartParser):
    """An HTML form as the browsable API sends it. Django reads only as much as the header says."""

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        _refuse_other_charsets(media_type)
        _refuse_if_too_large(parser_context)
        return super().parse(stream, media_type, parser_context)


def refuse_half_characters(value: object) -> None:
    r"""Refuse half of a surrogate pair: `"\ud800"` is JSON, but no text that could be said back.

    Raises:
        ParseError: some text of `value`, or some name in it, has one.

    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ParseError(_("JSON parse error: half of a surrogate pair.")) from error


def _refuse_other_charsets(media_type: str | None) -> None:
    _name, parameters = parse_header_parameters(media_type or "")
    if parameters.get("charset", "utf-8").lower() not in CHARSETS:
        raise UnsupportedMediaType(media_type or "")


def _limited(stream: IO[Any], context: Mapping[str, Any] | None) -> IO[bytes]:
    """Return the body, read; a chunked one has no length until then."""
    _refuse_if_too_large(context)
    body = stream.read(settings.API_MAX_BODY_BYTES + 1)
    if len(body) > settings.API_MAX_BODY_BYTES:
        raise BodyTooLargeError
    return io.BytesIO(body)


def _refuse_if_too_large(context: Mapping[str, Any] | None) -> None:
    request = (context or {}).get("request")
    length = "" if request is None else request.META.get("CONTENT_LENGTH", "")
    if str(length).isdecimal() and int(length) > settings.API_MAX_BODY_BYTES:
        raise BodyTooLargeError
