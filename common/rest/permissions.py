"""Permissions of the REST API: staff, as far as the permissions of their roles allow.

A view that serves records names their model (`permission_model = "orders.order"`). Reading needs
`orders.view_order`, creating `add_`, changing `change_`, deleting `delete_`. A view without it is
open to all staff.
"""

from typing import TYPE_CHECKING, override

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # REST framework's views import this module
    from rest_framework.views import APIView

VIEW_DNI = "orders.view_dni"
"""The permission to see identity numbers in full, of appointments too."""
VIEW_PHONE = "appointments.view_phone"
"""The permission to see the telephone numbers of patients in full."""
ACTIONS = {"GET": "view", "HEAD": "view", "POST": "add", "PUT": "change", "PATCH": "change"}


class StaffOrOpenReads(BasePermission):
    """Staff may do what their roles allow. If `API_OPEN_READS` is set, anybody may read."""

    @override
    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request is allowed."""
        if settings.API_OPEN_READS and request.method in SAFE_METHODS:
            return True
        if not (request.user.is_authenticated and request.user.is_staff):
            return False
        model = getattr(view, "permission_model", None)
        if model is None or request.method == "OPTIONS":
            return True
        return request.user.has_perm(_required_permission(model, request.method or ""))


def may_see_dni(request: Request | None) -> bool:
    """Whether the response may show full identity numbers: only to staff with the permission."""
    if request is None:
        return False
    # With open reads, users who aren't staff come here, too. A token's user is always staff.
    return bool(request.user.is_staff and request.user.has_perm(VIEW_DNI))


def may_see_phone(request: Request | None) -> bool:
    """Whether the response may show full telephone numbers: only to staff with the permission."""
    if request is None:
        return False
    return bool(request.user.is_staff and request.user.has_perm(VIEW_PHONE))


def _required_permission(model: str, method: str) -> str:
    app, _, name = model.partition(".")
    return f"{app}.{ACTIONS.get(method, 'delete')}_{name}"
