"""The Django app of the maintenance commands."""

from django.apps import AppConfig


class MaintenanceConfig(AppConfig):
    """The app of the maintenance commands."""

    name = "maintenance"
    default_auto_field = "django.db.models.BigAutoField"
