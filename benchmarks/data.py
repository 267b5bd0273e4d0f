"""How lists of orders, appointments and conversations behave as the tables grow. `make bench-data`.

On the DynamoDB stand-in, with 500 records of each kind and then with 5,000, it opens first pages of
REST and admin lists, filtered and not, and counts the DynamoDB requests behind each. Times are
compared within this one run; machines differ, ratios less so.

The stand-in itself goes through all items of a table for each query, which DynamoDB does not. So
growth is judged by what a page takes from DynamoDB, its requests and its bytes, which no machine's
mood changes. This process's own processor time and the time on the wall are shown beside it. Pages of two
filters at once are compared by ten records, which both sizes hold. Where few records match, a page reads
on, six requests at most (`common.dynamodb.index_queries`), and may be short: the last rows are of such pages, on which
nothing matches. How far they read depends on the table until that bound, so their growth is shown only.

Held to (exit status 1 where one fails):
- a first page costs at most 8 DynamoDB requests, and no Scan;
- a REST list of 100 takes at most 1.3 times the PynamoDB queries it stands on;
- an admin list page takes less than a second, in the best of seven rounds: what else runs on the
  machine is not the page's doing;
- a page with 5,000 records takes at most 1.2 times the requests and bytes it takes with 500, but for
  the pages on which nothing matches.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django  # noqa: E402 -- after the path and the settings' name

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.utils.timezone import get_default_timezone, localdate  # noqa: E402

import appointments.models  # noqa: E402
import appointments.repository  # noqa: E402
import conversations.items  # noqa: E402
import conversations.models  # noqa: E402
import orders.models  # noqa: E402
import orders.repository  # noqa: E402
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus  # noqa: E402
from common.dynamodb.client import reset_client, shared_client  # noqa: E402
from common.dynamodb.tables import create_tables  # noqa: E402
from common.timestamps import to_iso  # noqa: E402
from conversations.domain import (  # noqa: E402
    Conversation,
    ConversationStatistics,
    Speaker,
    ToolCall,
    ToolOutcome,
    Utterance,
)
from orders.domain import Order, OrderItem, OrderStatus, assign_item_ids, calculate_total  # noqa: E402

SMALL, LARGE = 500, 5_000
LIVE = 30
ROUNDS = 7
MAX_REQUESTS = 8
MAX_REST_RATIO = 1.3
MAX_ADMIN_S = 1.0
MAX_GROWTH = 1.2
# The pages show what is due today, so the records lie around the day of the run: nine in the morning.
NOW = datetime.combine(localdate(), time(9), tzinfo=get_default_timezone())
A_DAY = (NOW - timedelta(days=3)).date()
LAST_WEEK, YESTERDAY = (to_iso(NOW - timedelta(days=days)) for days in (7, 1))
DOCTORS = ["Dr. Rodríguez", "Dra. Gómez", "Dr. Sosa", "Dra. Fernández"]
ONE_DOCTOR, ONE_CUSTOMER = "Dra. Vega", "mayorista@email.com"

REST = [
    "/orders",
    "/orders?status=pending",
    "/orders?customerEmail=customer3@email.com",
    "/orders?customerEmail=customer3@email.com&status=pending&limit=10",
    f"/orders?createdFrom={LAST_WEEK}&createdTo={YESTERDAY}",
    f"/orders?createdFrom={LAST_WEEK}&status=pending",
    "/orders?ordering=createdAt",
    "/appointments",
    f"/appointments?date={A_DAY}",
    f"/appointments?dateFrom={LAST_WEEK[:10]}&dateTo={YESTERDAY[:10]}",
    f"/appointments?dateFrom={YESTERDAY[:10]}&ordering=date&limit=10",
    "/appointments?status=scheduled",
    "/appointments?doctorName=Dr.+Rodríguez",
    "/appointments?doctorName=Dr.+Rodríguez&status=scheduled&limit=10",
    f"/appointments?doctorName=Dr.+Rodríguez&date={A_DAY}",
    "/appointments?patientEmail=patient3@email.com",
    "/appointments?patientEmail=patient3@email.com&doctorName=Dr.+Rodríguez&limit=10",
    f"/appointments/availability?doctorName=Dr.+Rodríguez&date={A_DAY}",
]
ADMIN = [
    "/admin/orders/order/",
    "/admin/orders/order/?status=pending",
    "/admin/orders/order/?days=7",
    "/admin/orders/order/?days=7&status=pending",
    "/admin/orders/order/?q=customer3@email.com",
    "/admin/appointments/appointment/",
    "/admin/appointments/appointment/?status=scheduled",
    "/admin/appointments/appointment/?day=today",
    "/admin/appointments/appointment/?day=coming",
    "/admin/appointments/appointment/?doctor_name=Dr.+Rodríguez",
    "/admin/appointments/appointment/?q=patient3@email.com",
    "/admin/conversations/conversation/",
    "/admin/conversations/conversation/?state=ended",
    "/admin/conversations/conversation/?state=live",
    "/admin/conversations/conversation/?days=7",
    "/admin/conversations/conversation/?had_errors=yes",
    "/admin/conversations/toolrun/",
    "/admin/conversations/toolrun/?name=consultarOrder",
    "/admin/",
]
MATCHING_NOTHING = [
    f"/orders?customerEmail={ONE_CUSTOMER}&status=pending",
    "/appointments?doctorName=Dra.+Vega&status=cancelled&limit=10",
    f"/admin/orders/order/?q={ONE_CUSTOMER}&status=pending",
    "/admin/appointments/appointment/?doctor_name=Dra.+Vega&status=cancelled",
    "/admin/appointments/appointment/?doctor_name=Dra.+Vega&status=cancelled&o=2",
]


@dataclass(slots=True)
class Page:
    """One page's figures: requests, and seconds of processor and wall for each size of tables."""

    path: str
    requests: dict[int, Counter[str]] = field(default_factory=dict)
    taken_bytes: dict[int, int] = field(default_factory=dict)
    wall_s: dict[int, float] = field(default_factory=dict)
    own_s: dict[int, float] = field(default_factory=dict)

    @property
    def growth(self) -> float:
        """How much more the page takes from DynamoDB with the larger tables."""
        requests = self.requests[LARGE].total() / self.requests[SMALL].total()
        return max(requests, self.taken_bytes[LARGE] / self.taken_bytes[SMALL])


@contextmanager
def stand_in() -> Iterator[str]:
    """Run a DynamoDB in memory."""
    command = [str(ROOT / ".venv-dynamodb" / "bin" / "python"), "-m", "local.dynamodb"]
    with subprocess.Popen(
        [*command, "--port", "0", "--in-memory", "--until-stdin-closes"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


# The records


def order(number: int) -> Order:
    """Return one of many orders. Every filter has a full page in both sizes of the table, two at once ten."""
    items = assign_item_ids(
        OrderItem(name=f"Producto {n}", quantity=n, price=Decimal("12.50")) for n in (1, 2, 3)
    )
    made_at = NOW - timedelta(minutes=97 * number)
    return Order(
        id=str(100_000 + number),
        customer_name=f"Cliente {number}",
        customer_email=f"customer{number % 5}@email.com",
        items=items,
        total=calculate_total(items),
        status=list(OrderStatus)[number // 5 % len(OrderStatus)],
        created_at=made_at,
        updated_at=made_at,
        estimated_delivery=made_at + timedelta(days=5),
        dni=str(20_000_000 + number),
    )


def appointment(number: int) -> Appointment:
    """Return one of many appointments, a doctor's every half hour, around today."""
    slot = number // len(DOCTORS)
    starts_at = NOW + timedelta(days=slot // 20 - 5, minutes=30 * (slot % 20) - 60)
    return Appointment(
        id=str(100_000 + number),
        patient_name=f"Paciente {number}",
        patient_email=f"patient{number % 5}@email.com",
        doctor_name=DOCTORS[number % len(DOCTORS)],
        starts_at=starts_at,
        duration_min=30,
        kind=AppointmentKind.CONSULTATION,
        status=list(AppointmentStatus)[slot % len(AppointmentStatus)],
        notes="",
        created_at=NOW,
        updated_at=NOW,
    )


def delivered_order(number: int) -> Order:
    """Return one of many orders of one customer, all delivered, older than the others."""
    made_at = NOW - timedelta(days=900, minutes=number)
    return replace(
        order(number),
        id=str(200_000 + number),
        customer_email=ONE_CUSTOMER,
        status=OrderStatus.DELIVERED,
        created_at=made_at,
        updated_at=made_at,
    )


def booked_appointment(number: int) -> Appointment:
    """Return one of many appointments of one doctor, all booked, before the others."""
    return replace(
        appointment(number),
        id=str(200_000 + number),
        patient_email=f"somebody{number}@email.com",
        doctor_name=ONE_DOCTOR,
        starts_at=NOW - timedelta(days=900, minutes=30 * number),
        status=AppointmentStatus.SCHEDULED,
    )


def conversation(number: int) -> Conversation:
    """Return one of many conversations, one every eight minutes up to now; thirty of them go on."""
    now = NOW
    began = now - timedelta(minutes=8 * number)
    return Conversation(
        id=str(100_000 + number),
        is_ended=number >= LIVE,
        reason="client",
        started_at=began,
        updated_at=began,
        heartbeat_at=now,
        ended_at=None if number < LIVE else began + timedelta(minutes=3),
        expires_at=now + timedelta(days=30),
        voice="carlos",
        language="es",
        model_id="amazon.nova-2-sonic-v1:0",
        wire="sonic.audio.v1",
        resume_hash="",
        statistics=ConversationStatistics(
            turns=4, tool_calls=1, error_codes=("throttled",) if number % 5 == 0 else ()
        ),
    )


def tool_run(number: int, began: datetime) -> ToolCall:
    """Return the one tool run of a conversation."""
    return ToolCall(
        call_id=str(100_000 + number),
        tool_use_id="tool",
        name=["consultarOrder", "consultarTurno"][number % 2],
        arguments={"orderId": str(100_000 + number), "dni": "******78"},
        arguments_hash="",
        outcome=list(ToolOutcome)[number % len(ToolOutcome)],
        error_code=None,
        started_at=began,
        duration_ms=40.0,
        turn=1,
    )


def conversation_rows(number: int) -> Iterator[Any]:
    """Yield the items of one conversation."""
    one = conversation(number)
    said = Utterance(turn=1, segment=1, speaker=Speaker.USER, text="una palabra", at=one.started_at)
    yield conversations.items.conversation_to_item(one)
    yield conversations.items.utterance_to_item(one.id, said, one.expires_at)
    yield conversations.items.tool_call_to_item(tool_run(number, one.started_at), one.expires_at)


def fill(numbers: range) -> None:
    """Store these orders, appointments and conversations."""
    with conversations.models.ConversationItem.batch_write() as batch:
        for number in numbers:
            for row in conversation_rows(number):
                batch.save(row)
    with orders.models.Order.batch_write() as batch:
        for number in numbers:
            batch.save(orders.repository._row(order(number)))
            batch.save(orders.repository._row(delivered_order(number)))
    with appointments.models.Appointment.batch_write() as batch:
        for number in numbers:
            batch.save(appointments.repository._row(appointment(number)))
            batch.save(appointments.repository._row(booked_appointment(number)))


# The measurements


@contextmanager
def counted(page: Page, size: int) -> Iterator[None]:
    """Note what the page takes from DynamoDB meanwhile."""
    page.requests[size] = Counter()
    page.taken_bytes[size] = 0

    def count(model: Any, http_response: Any, **_: Any) -> None:
        page.requests[size][model.name] += 1
        page.taken_bytes[size] += len(http_response.content)

    events = shared_client.root().client.meta.events
    events.register("after-call.dynamodb", count)
    try:
        yield
    finally:
        events.unregister("after-call.dynamodb", count)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long `work` takes on the wall, and of this process's processor time."""
    wall, own = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - own


def opened(client: Client, path: str) -> None:
    """Open a page, which must come."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])


def measure(client: Client, pages: list[Page], size: int) -> None:
    """Time every page, in rounds over all of them, so that the machine's moods are shared."""
    for page in pages:
        opened(client, page.path)
        with counted(page, size):
            opened(client, page.path)
    rounds = [
        [seconds(lambda path=page.path: opened(client, path)) for page in pages]  # type: ignore[misc]
        for _ in range(ROUNDS)
    ]
    for page, times in zip(pages, zip(*rounds, strict=True), strict=True):
        page.wall_s[size] = min(wall for wall, _ in times)
        page.own_s[size] = min(own for _, own in times)


def bare_queries() -> None:
    """Do what the list of the 100 newest orders stands on, and nothing more."""
    for status in OrderStatus:
        query = orders.models.Order.by_status.query(
            status, scan_index_forward=False, limit=101, page_size=101
        )
        list(query)


def rest_ratio(client: Client) -> float:
    """Return the time of `/orders?limit=100` over that of its bare queries, in pairs."""
    for warm in (bare_queries, lambda: opened(client, "/orders?limit=100")):
        warm()
    pairs = [
        seconds(lambda: opened(client, "/orders?limit=100"))[0] / seconds(bare_queries)[0]
        for _ in range(ROUNDS)
    ]
    return median(pairs)


# What is shown


def verdict(holds: bool) -> str:
    """Return the word at the end of a row."""
    return "ok" if holds else "TOO MUCH"


def both(times: dict[int, float]) -> str:
    """Return milliseconds with the smaller and with the larger tables."""
    return f"{times[SMALL] * 1000:.0f} → {times[LARGE] * 1000:.0f}"


def show(pages: list[Page], ratio: float) -> bool:
    """Print the table; return whether everything holds."""
    heads = f"{'requests':>9}{'scans':>6}{'KB @500':>9}{'KB @5000':>9}{'growth':>8}"
    print(f"{'page':78}{heads}{'own ms':>12}{'wall ms':>12}")
    good = True
    for page in pages:
        requests = page.requests[LARGE]
        total, scans = requests.total(), requests["Scan"]
        fits = total <= MAX_REQUESTS and not scans
        fits = fits and (page.growth <= MAX_GROWTH or page.path in MATCHING_NOTHING)
        if page.path.startswith("/admin"):
            fits = fits and page.wall_s[LARGE] < MAX_ADMIN_S
        good = good and fits
        small, large = page.taken_bytes[SMALL] / 1e3, page.taken_bytes[LARGE] / 1e3
        figures = f"{total:>9}{scans:>6}{small:>9.1f}{large:>9.1f}{page.growth:>8.2f}"
        times = f"{both(page.own_s):>12}{both(page.wall_s):>12}"
        print(f"{page.path:78}{figures}{times}  {verdict(fits)}")
    print(
        f"REST list of 100 over its bare queries: {ratio:.2f}  {verdict(ratio <= MAX_REST_RATIO)}"
    )
    return good and ratio <= MAX_REST_RATIO


def main() -> int:
    """Fill, measure, show."""
    pages = [Page(path) for path in [*REST, *ADMIN, *MATCHING_NOTHING]]
    with (
        stand_in() as url,
        override_settings(
            DYNAMODB_ENDPOINT_URL=url,
            CLINIC_DOCTORS=[*DOCTORS, ONE_DOCTOR],
            ALLOWED_HOSTS=["testserver"],
        ),
    ):
        reset_client()
        create_tables()
        call_command("migrate", verbosity=0)
        client = Client()
        client.force_login(get_user_model().objects.create_superuser("bench"))
        fill(range(SMALL))
        measure(client, pages, SMALL)
        fill(range(SMALL, LARGE))
        measure(client, pages, LARGE)
        ratio = rest_ratio(client)
        reset_client()
    return 0 if show(pages, ratio) else 1


if __name__ == "__main__":
    sys.exit(main())
