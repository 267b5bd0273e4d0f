"""The project's own tables in the SQL database, beside Django's users and sessions."""

from typing import override

from django.db import models
from django.utils.translation import gettext_lazy as _


class FailedLogins(models.Model):
    """The failed logins of one account, address or browser: see `novasonic.logins.limits`.

    Attributes:
        key: The kind of count and a hash of whose it is.
        account: The account's name; empty if there is no such account.

    """

    key = models.CharField(max_length=80, primary_key=True)
    account = models.CharField(_("user"), max_length=150, blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    failures = models.PositiveIntegerField(_("failed logins"))
    expires_at = models.DateTimeField(_("until"), db_index=True)

    class Meta:
        """How the admin calls them."""

        verbose_name = _("failed logins")
        verbose_name_plural = _("failed logins")

    @override
    def __str__(self) -> str:
        return f"{self.account or '–'} ({self.address})"
