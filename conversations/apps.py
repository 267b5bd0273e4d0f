"""The conversations room as Django knows it."""

from typing import override

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    """What is kept of calls, with the models that the admin's permissions hang on."""

    name = "conversations"
    verbose_name = _("Conversations")

    @override
    def ready(self) -> None:
        # Without this, `makemigrations` would find no models wherever the admin isn't loaded.
        from conversations import admin_records  # noqa: F401, PLC0415 -- models need the app registry
