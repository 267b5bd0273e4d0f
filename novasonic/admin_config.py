"""Django's admin, with the staff site in place of its own."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """The application that INSTALLED_APPS names instead of `django.contrib.admin`."""

    default_site = "novasonic.admin_site.StaffSite"
