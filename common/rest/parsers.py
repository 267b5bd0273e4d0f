"""Parsers of request bodies: limited in size, UTF-8 only, and every error is a client error.

Other charsets can encode texts that a response in UTF-8 can't contain.
"""

import codecs
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
    """JSON, with or without a byte order mark, as some Windows programs write one.

    A body that is nested too deep for Python's stack is a client error.
    """

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        _refuse_other_charsets(media_type)
        try:
            content = _read_limited(stream, parser_context).read()
            text = io.BytesIO(content.removeprefix(codecs.BOM_UTF8))
            body = super().parse(text, media_type, parser_context)
            refuse_lone_surrogates(body)
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
        return super().parse(_read_limited(stream, parser_context), media_type, parser_context)


class MultiPartParser(parsers.MultiPartParser):
    """A form as the browsable API sends it. Django reads no more of it than its Content-Length."""

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


def refuse_lone_surrogates(value: object) -> None:
    r"""Refuse lone surrogates: JSON allows `"\ud800"`, but UTF-8 can't encode it.

    Raises:
        ParseError: a text or a name in `value` contains one.

    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ParseError(_("JSON parse error: half of a surrogate pair.")) from error


def _refuse_other_charsets(media_type: str | None) -> None:
    _name, parameters = parse_header_parameters(media_type or "")
    if parameters.get("charset", "utf-8").lower() not in CHARSETS:
        raise UnsupportedMediaType(media_type or "")


def _read_limited(stream: IO[Any], context: Mapping[str, Any] | None) -> IO[bytes]:
    """Return the body as read; the length of a chunked body is unknown until then."""
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
