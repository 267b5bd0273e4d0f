"""A receiver on this machine, to which webhooks may go."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.webhooks.factories import Receiver, running_receiver


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_LOCAL_RECEIVERS = True
    with running_receiver() as receiver:
        yield receiver
