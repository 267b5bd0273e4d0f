"""The HTTP paths of the gateway."""

from django.urls import path

from voice.gateway import views

urlpatterns = [
    path("voice/tickets", views.create_ticket, name="tickets"),
]
