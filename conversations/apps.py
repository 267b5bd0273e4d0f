"""The conversations room as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    """What is kept of calls."""

    name = "conversations"
    verbose_name = _("Conversations")
