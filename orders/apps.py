"""Django's configuration of the `orders` app."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    """Orders. The admin models exist for their permissions; they have no tables."""

    name = "orders"
    verbose_name = _("Orders")

    @override
    def ready(self) -> None:
        # Without this, `makemigrations` would find no models wherever the admin isn't loaded.
        from orders import admin_records, product_records  # noqa: F401, PLC0415 -- models need the app registry
