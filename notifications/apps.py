"""Django app configuration of `notifications`."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """E-mails to customers."""

    name = "notifications"
    verbose_name = _("E-mails")

    @override
    def ready(self) -> None:
        # Where the admin isn't loaded, `makemigrations` finds the models only through this import.
        from notifications import admin_records  # noqa: F401, PLC0415 -- models need the app registry
