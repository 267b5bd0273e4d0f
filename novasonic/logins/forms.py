"""The login forms of the staff site and of the browsable API."""

from typing import override

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, ngettext

from novasonic.logins.limits import Refusal


class RefusalMessage(AuthenticationForm):
    """Says why a login is refused although the password may be right."""

    @override
    def get_invalid_login_error(self) -> ValidationError:
        refusal: Refusal | None = getattr(self.request, "login_refusal", None)
        if refusal is None:
            return super().get_invalid_login_error()
        return ValidationError(refusal_text(refusal), code=refusal.code)


class LoginForm(RefusalMessage):
    """The login form of the browsable API."""


class StaffLoginForm(RefusalMessage, AdminAuthenticationForm):
    """The login form of the staff site."""


def refusal_text(refusal: Refusal, *, is_code: bool = False) -> str:
    """Return what somebody reads whose password or code is not looked at."""
    if refusal.code == "logins_busy":
        return gettext("Too many people are logging in at the moment. Try again in half a minute.")
    minutes = -(-refusal.wait_s // 60)
    if is_code:
        return ngettext(
            "Too many wrong codes. Try again in %(minutes)d minute, or ask whoever manages the site.",
            "Too many wrong codes. Try again in %(minutes)d minutes, or ask whoever manages the site.",
            minutes,
        ) % {"minutes": minutes}
    return ngettext(
        "Too many wrong passwords. Try again in %(minutes)d minute, or ask whoever manages the site.",
        "Too many wrong passwords. Try again in %(minutes)d minutes, or ask whoever manages the site.",
        minutes,
    ) % {"minutes": minutes}
