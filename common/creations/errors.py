"""The error of a caller who creates too much."""

from django.utils.translation import gettext_lazy as _

from common.errors import NotAllowedError


class TooManyCreationsError(NotAllowedError):
    """The call, contact, address or day has reached its limit, which `data["limited"]` names."""

    code = "too_many_creations"
    http_status = 429
    text = _("I can't add more for now. Somebody of our staff can: please call us.")
