"""The application with the second factors: an application of its own, because the REST function has none."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SecondFactorConfig(AppConfig):
    """The application, as the start page of the staff calls it."""

    name = "novasonic.second_factor"
    label = "second_factor"
    verbose_name = _("Two-step verification")
