"""Django app configuration of `conversations`."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    """Stored conversations, and the models that carry the admin's permissions for them."""

    name = "conversations"
    verbose_name = _("Conversations")

    @override
    def ready(self) -> None:
        # Where the admin isn't loaded, `makemigrations` finds the models only through this import.
        from conversations import admin_records  # noqa: F401, PLC0415 -- models need the app registry
