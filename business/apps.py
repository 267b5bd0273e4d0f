"""Django app configuration of `business`."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BusinessConfig(AppConfig):
    """The business, and the model that carries the admin's permissions for it."""

    name = "business"
    verbose_name = _("Business")

    @override
    def ready(self) -> None:
        # Where the admin isn't loaded, `makemigrations` finds the models only through this import.
        from business import admin_records  # noqa: F401, PLC0415 -- models need the app registry
