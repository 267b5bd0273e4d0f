"""What the model is told of a tool's result, and what the assistant says of it."""

from datetime import date

import pytest

from appointments.availability import Availability
from tests.appointments.factories import CLINIC, MONDAY, NOW, TUESDAY
from voice.tools.results import availability_result


@pytest.mark.pure
@pytest.mark.parametrize(
    ("last", "said"),
    [
        (MONDAY, "No hay turnos libres en esos días. "),
        (TUESDAY, "No encontré turnos libres hasta el lunes 23 de noviembre. "),
    ],
)
def test_days_that_were_not_searched_are_not_said_to_be_full(last: date, said: str) -> None:
    found = Availability(free_starts=(), last=last, searched_until=MONDAY)

    result = availability_result(found, now=NOW, time_zone=CLINIC)

    assert result["say"].startswith(said)
    assert result["searchedUntil"] == MONDAY.isoformat()
