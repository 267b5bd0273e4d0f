"""Paths of the gateway: the tickets for calls."""

from django.urls import path

from voice.gateway import views

urlpatterns = [
    path("voice/tickets", views.tickets, name="tickets"),
]
