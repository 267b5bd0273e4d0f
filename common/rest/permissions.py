"""Who may use the REST API: staff, each as far as their roles' permissions go.

A view that serves records names their permissions (`record = "orders.order"`): to read one needs
`orders.view_order`, to make one `add_`, to change one `change_`, to delete one `delete_`. A view that
names none is for all staff.
"""

from typing import TYPE_CHECKING, override

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # the framework's views load this module
    from rest_framework.views import APIView

SEE_DNI = "orders.view_dni"
VERBS = {"GET": "view", "HEAD": "view", "POST": "add", "PUT": "change", "PATCH": "change"}


class StaffOrOpenReads(BasePermission):
    """Staff may do what their roles allow. Anybody may read, but only where `API_OPEN_READS` says so."""

    @override
    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request may go on."""
        if settings.API_OPEN_READS and request.method in SAFE_METHODS:
            return True
        if not (request.user.is_authenticated and request.user.is_staff):
            return False
        record = getattr(view, "record", None)
        if record is None or request.method == "OPTIONS":
            return True
        return request.user.has_perm(_permission(record, request.method or ""))


def may_see_dni(request: Request | None) -> bool:
    """Whether the answer may show identity numbers in full: to staff only, with the permission."""
    if request is None:
        return False
    # Where reads are open, people with a login who aren't staff get here. Whom an issuer vouches for is staff.
    return bool(request.user.is_staff and request.user.has_perm(SEE_DNI))


def _permission(record: str, method: str) -> str:
    app, _, model = record.partition(".")
    return f"{app}.{VERBS.get(method, 'delete')}_{model}"
