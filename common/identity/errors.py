"""Errors of identity verification that a customer can do something about.

None of them depends on whether the record exists.
"""

from collections.abc import Mapping
from typing import override

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.errors import NotAllowedError, NotFoundError
from common.identity.verification import Factor

FACTOR_LABELS: Mapping[str, Promise] = {
    Factor.NAME: gettext_lazy("your full name"),
    Factor.DNI: gettext_lazy("your identity number"),
    Factor.EMAIL: gettext_lazy("the first letters of your e-mail address"),
    Factor.CODE: gettext_lazy("the code you were given"),
}


def describe_factors(factors: object) -> str:
    """Return the factors in words: "your identity number or the first letters of …"."""
    assert isinstance(factors, list | tuple)
    return str(_(" or ")).join(str(FACTOR_LABELS[factor]) for factor in factors)


class SecondFactorNeededError(NotAllowedError):
    """The name alone isn't enough; one of the factors in `data["accepts"]` is needed, too."""

    code = "second_factor_needed"
    text = gettext_lazy("To be safe I also need %(factors)s.")

    @override
    def text_values(self) -> dict[str, object]:
        return {"factors": describe_factors(self.data["accepts"])}


class ContactNeededError(NotAllowedError):
    """Records are found by identity number or whole e-mail address, and the caller gave neither."""

    code = "contact_needed"
    text = gettext_lazy(
        "To find it I need your full name, and your identity number or your whole e-mail address."
    )


class AttemptsExceededError(NotAllowedError):
    """The caller failed too often; they may try again in `data["minutes"]`, whatever the record."""

    code = "attempts_exceeded"
    http_status = 429
    text = gettext_lazy(
        "I couldn't verify who you are. Please try again in %(minutes)s minutes, or call us."
    )


class AttemptTooSoonError(NotAllowedError):
    """Others failed for this number just before; try again in `data["seconds"]`."""

    code = "attempt_too_soon"
    http_status = 429
    text = gettext_lazy("Please wait %(seconds)s seconds and tell me again.")


class NotVerifiedError(NotFoundError):
    """The record doesn't exist, or it isn't the caller's: the answer is the same for both.

    `data["ask_for"]` lists factors that a customer hasn't offered and could.
    """

    @property
    @override
    def message(self) -> str:
        factors = self.data.get("ask_for")
        if not factors:
            return super().message
        return f"{super().message} " + _("Tell me also %(factors)s.") % {
            "factors": describe_factors(factors)
        }


class DniHiddenError(NotAllowedError):
    """The caller may not see identity numbers, so not change one; `data["permission"]` is the one missing."""

    # The code of any missing permission. This one is checked by the service, not by the view.
    code = "permission_denied"
    text = gettext_lazy("Only those who may see identity numbers in full may change one.")


class PhoneHiddenError(NotAllowedError):
    """The caller may not see telephone numbers, so not change one; `data["permission"]` is the one missing."""

    code = "permission_denied"
    text = gettext_lazy("Only those who may see telephone numbers in full may change one.")
