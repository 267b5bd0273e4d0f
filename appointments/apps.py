"""Django's configuration of the `appointments` app."""

from importlib import import_module
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
        for module in (
            "admin_records",
            "schedule_admin_records",
            "information_admin_records",
            "waiting_list_admin_records",
        ):
            import_module(f"appointments.{module}")
