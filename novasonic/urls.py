"""The URLs of the site. `/health`, `/ready` and `/metrics` are served before: see `health.py`."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView, PasswordResetConfirmView
from django.urls import include, path, reverse_lazy

from novasonic.logins.views import ApiLoginView

# The browsable API reverses these names. REST framework's own login has no limits' message.
api_login_urls = [
    path("login/", ApiLoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]

urlpatterns = [
    path("", include("voice.web.urls")),
    path("", include("voice.gateway.urls")),
    path("", include("orders.urls")),
    path("", include("appointments.urls")),
    path("", include("appointments.links.urls")),
    path("", include("appointments.feeds.urls")),
    path("", include("appointments.waiting_list.urls")),
    path(
        "admin/invitation/<uidb64>/<token>/",
        PasswordResetConfirmView.as_view(success_url=reverse_lazy("admin:login")),
        name="invitation",
    ),
    path("admin/", admin.site.urls),
    path("api-auth/", include((api_login_urls, "rest_framework"))),
    path("api/", include("novasonic.api_docs")),
]

handler404 = "common.rest.envelope.not_found"
handler500 = "common.rest.envelope.server_error"
