"""The map of HTTP paths. `/health` and `/ready` answer before it: see `asgi.py`."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("voice.urls")),
    path("", include("orders.urls")),
    path("", include("appointments.urls")),
    path("admin/", admin.site.urls),
    path("api-auth/", include("rest_framework.urls")),
    path("api/", include("novasonic.api")),
]

handler404 = "common.http.nothing_here"
handler500 = "common.http.our_fault"
