"""Django app configuration of `notifications`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """E-mails to customers."""

    name = "notifications"
    verbose_name = _("E-mails")
