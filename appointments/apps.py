"""Django's configuration of the `appointments` app."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AppointmentsConfig(AppConfig):
    """Appointments. The admin models exist for their permissions; they have no tables."""

    name = "appointments"
    verbose_name = _("Appointments")

    @override
    def ready(self) -> None:
        # Without this, `makemigrations` would find no models wherever the admin isn't loaded.
        from appointments import admin_records  # noqa: F401, PLC0415 -- models need the app registry
