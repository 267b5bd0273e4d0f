"""The pages of offers, for the site; the Lambda function has none."""

from django.urls import path, re_path

from appointments.waiting_list import views

_ANSWERS = "|".join(answer.value for answer in views.Answer)

urlpatterns = [
    path("espera/<str:token>", views.offer_page, name="waiting-offer"),
    re_path(rf"^espera/(?P<token>[^/]+)/(?P<answer>{_ANSWERS})$", views.offer_page),
]
