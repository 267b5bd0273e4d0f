"""The appointments room as Django knows it."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AppointmentsConfig(AppConfig):
    """Appointments, with the models that the admin's permissions hang on."""

    name = "appointments"
    verbose_name = _("Appointments")

    @override
    def ready(self) -> None:
        # Without this, `makemigrations` would find no models wherever the admin isn't loaded.
        from appointments import admin_records  # noqa: F401, PLC0415 -- models need the app registry
