"""The voice page."""

from django.urls import path

from voice import views

urlpatterns = [path("", views.call_page, name="call")]
