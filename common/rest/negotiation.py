"""The choice of a response's media type by `Accept` and `?format=`."""

from collections.abc import Iterable
from typing import Any, override

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation


class ContentNegotiation(DefaultContentNegotiation):
    """REST framework's negotiation, with an error that names an unknown `format`."""

    @override
    def filter_renderers(self, renderers: Iterable[Any], format: str) -> list[Any]:
        """Return the renderers of this format.

        Raises:
            ValidationError: there is none; REST framework would respond that the path is unknown.

        """
        available = list(renderers)
        found = [renderer for renderer in available if renderer.format == format]
        if not found:
            formats = ", ".join(sorted({renderer.format for renderer in available}))
            raise ValidationError(
                {"format": [_("Only these: %(formats)s.") % {"formats": formats}]}
            )
        return found
