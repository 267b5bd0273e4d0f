"""The staff page of failed logins: supervisors let somebody try again by deleting a row.

The page of the business is registered by `novasonic.business_admin`.
"""

from typing import override

from django.contrib import admin
from django.http import HttpRequest

from novasonic.business_admin import ProfileAdmin
from novasonic.models import FailedLogins

__all__ = ["FailedLoginsAdmin", "ProfileAdmin"]


@admin.register(FailedLogins)
class FailedLoginsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Read and delete only: the rows are counts."""

    list_display = ("account", "address", "failures", "expires_at")
    search_fields = ("account", "address")
    ordering = ("-expires_at",)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: FailedLogins | None = None) -> bool:
        return False
