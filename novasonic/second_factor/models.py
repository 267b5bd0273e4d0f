"""The second factors as staff see them: django-otp's table under a name of its own."""

from typing import override

from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice


class SecondFactor(TOTPDevice):  # type: ignore[misc]  # django-otp has no types
    """The authenticator app of one user. Its permissions are apart from those of django-otp."""

    class Meta:
        """How the admin calls them."""

        proxy = True
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    @override
    def __str__(self) -> str:
        return str(self.user.get_username())
