"""REST paths of appointments, without a slash at the end."""

from rest_framework.routers import SimpleRouter

from appointments.views import AppointmentViewSet
from appointments.waiting_list.rest import WaitingListViewSet

router = SimpleRouter(trailing_slash=False)
router.register("appointments", AppointmentViewSet, basename="appointment")
router.register("waiting-list", WaitingListViewSet, basename="waiting-list")

urlpatterns = router.urls
