"""The staff page of second factors: supervisors see who has one, and reset it."""

from typing import Any, override

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from novasonic.second_factor import devices
from novasonic.second_factor.models import SecondFactor

MAX_NAMES_SHOWN = 20

# django-otp's own pages show the keys.
admin.site.unregister([StaticDevice, TOTPDevice])


@admin.register(SecondFactor)
class SecondFactorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Read and delete only; a key is shown to nobody after it was set up."""

    list_display = ("account", "since", "last_used")
    list_display_links = None
    search_fields = ("user__username",)
    ordering = ("user__username",)
    fields = ("account", "since", "last_used")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("user"), ordering="user__username")
    def account(self, device: SecondFactor) -> str:
        """Return the user's name."""
        return str(device)

    @admin.display(description=gettext_lazy("since"), ordering="created_at")
    def since(self, device: SecondFactor) -> Any:
        """Return when it was set up."""
        return device.created_at

    @admin.display(description=gettext_lazy("last used"), ordering="last_used_at")
    def last_used(self, device: SecondFactor) -> Any:
        """Return when a code of it was last right."""
        return device.last_used_at

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user").filter(confirmed=True)

    @override
    def has_module_permission(self, request: HttpRequest) -> bool:
        return devices.is_enabled() and super().has_module_permission(request)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether this user may reset that second factor.

        Nobody resets their own here, which needs a code, and only superusers reset those of superusers.
        """
        if not super().has_delete_permission(request, obj):
            return False
        if not isinstance(obj, SecondFactor):
            return True
        if obj.user_id == request.user.pk:
            return False
        return bool(request.user.is_superuser or not obj.user.is_superuser)

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        names = devices.staff_without()
        shown = ", ".join(names[:MAX_NAMES_SHOWN]) + (" …" if len(names) > MAX_NAMES_SHOWN else "")
        subtitle = _("Without a second factor: %(names)s") % {"names": shown or _("nobody")}
        return super().changelist_view(request, {"subtitle": subtitle, **(extra_context or {})})

    @override
    def delete_model(self, request: HttpRequest, obj: SecondFactor) -> None:
        devices.remove(obj.user)

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for device in queryset:
            devices.remove(device.user)
