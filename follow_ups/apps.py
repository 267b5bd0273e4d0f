"""Django app configuration of `follow_ups`."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FollowUpsConfig(AppConfig):
    """Follow-ups, and the model that carries the admin's permissions for them."""

    name = "follow_ups"
    verbose_name = _("Messages of customers")

    @override
    def ready(self) -> None:
        # Where the admin isn't loaded, `makemigrations` finds the models only through this import.
        from follow_ups import admin_records  # noqa: F401, PLC0415 -- models need the app registry
