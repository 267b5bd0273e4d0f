"""URLs of the voice page."""

from django.urls import path

from voice.web import views

urlpatterns = [
    path("", views.call_page, name="call"),
    path("favicon.ico", views.favicon),
]
