"""The voice page, and the tickets for its calls."""

from django.urls import path

from voice import views

urlpatterns = [
    path("", views.call_page, name="call"),
    path("voice/tickets", views.tickets, name="tickets"),
    path("favicon.ico", views.icon),
]
