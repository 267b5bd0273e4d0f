"""The pages of links, for the site; the Lambda function has none."""

from django.urls import path, re_path

from appointments.links import views
from appointments.links.domain import LinkAction

_ACTIONS = "|".join(action.value for action in LinkAction)

urlpatterns = [
    path("turno/<str:token>", views.link_page, name="appointment-link"),
    re_path(
        rf"^turno/(?P<token>[^/]+)/(?P<action>{_ACTIONS})$",
        views.link_page,
        name="appointment-link-action",
    ),
]
