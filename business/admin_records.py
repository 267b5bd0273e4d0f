"""The model that carries the admin's permissions for the profile; it is no table."""

from typing import override

from django.db import models
from django.utils.translation import gettext_lazy as _


class Profile(models.Model):
    """The profile of the business; its values are in DynamoDB."""

    class Meta:
        """Not in SQL, and nothing to add or delete."""

        managed = False
        default_permissions = ("view", "change")
        verbose_name = _("what the assistant knows")
        verbose_name_plural = _("what the assistant knows")

    @override
    def __str__(self) -> str:
        return str(_("What the assistant knows"))
