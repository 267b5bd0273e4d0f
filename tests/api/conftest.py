"""A member of staff with all permissions, and clients of the REST API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

import appointments.demo
import orders.demo
from common import clock
from common.rest import tokens

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("boss", password="x")


@pytest.fixture
def bearer(superuser: User) -> str:
    """Return the value of an Authorization header."""
    return "Bearer " + tokens.issue_token(
        superuser.username, now=clock.now(), lifetime=timedelta(hours=1)
    )


@pytest.fixture
def rest(bearer: str, empty_tables: str) -> Client:
    """Return a client with that header; the demo data is stored."""
    orders.demo.seed(now=clock.now())
    appointments.demo.seed(now=clock.now())
    return Client(headers={"Authorization": bearer})


@pytest.fixture
def staff_with(db: None) -> Callable[..., Client]:
    """Return a function that logs a user in who has the named permissions."""

    def log_in(*codenames: str) -> Client:
        user: Any = User.objects.create_user(f"staff-{len(codenames)}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return log_in
