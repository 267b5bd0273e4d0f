"""Errors that callers of `business.services` can expect."""

from django.utils.translation import gettext_lazy as _

from common.errors import InvalidFieldError


class BracketsError(InvalidFieldError):
    """A text has brackets or braces, which mean something else in the prompt."""

    text = _("Brackets and braces have a meaning of their own for the assistant: leave them out.")
