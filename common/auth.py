"""Who may use the REST API."""

from typing import TYPE_CHECKING, override

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # the framework's views load this module
    from rest_framework.views import APIView


class StaffOrOpenReads(BasePermission):
    """Staff may do everything. Anybody may read, but only where `API_OPEN_READS` says so."""

    @override
    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request may go on."""
        if settings.API_OPEN_READS and request.method in SAFE_METHODS:
            return True
        return bool(request.user.is_authenticated and request.user.is_staff)
