"""Puts our staff site in the place of Django's own."""

from django.contrib.admin.apps import AdminConfig


class StaffConfig(AdminConfig):
    """Django's admin, with our site."""

    default_site = "novasonic.admin_site.StaffSite"
