"""The addresses of feeds, for the site; the Lambda function has none."""

from django.urls import path

from appointments.feeds.views import feed

urlpatterns = [path("agenda/<slug:professional_id>/<slug:signature>.ics", feed, name="feed")]
