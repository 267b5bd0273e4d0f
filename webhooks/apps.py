"""Django app configuration of `webhooks`."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    """Signed webhooks."""

    name = "webhooks"
    verbose_name = _("Webhooks")

    @override
    def ready(self) -> None:
        # Where the admin isn't loaded, `makemigrations` finds the models only through this import.
        from webhooks import admin_records  # noqa: F401, PLC0415 -- models need the app registry
