"""Measure lists of orders, appointments and conversations as the tables grow. Run: `make bench-data`.

On the DynamoDB stand-in, with 500 records of each kind and then with 5,000, the benchmark opens first
pages of REST and admin lists, with and without filters, and counts the DynamoDB requests of each. Times
are compared within one run only.

The stand-in reads all items of a table for each query, which DynamoDB does not. So growth is judged by the
requests and bytes that a page reads from DynamoDB, which do not depend on the machine. Processor time of
this process and wall time are shown, too. Pages with two filters have ten matching records in both sizes.
Where few records match, a page continues to read, six requests at most (`common.dynamodb.indexes`), and may
be short: the last rows are pages on which nothing matches. How far they read depends on the table up to
that limit, so their growth is shown but not judged.

The exit status is 1 unless all of these are true:
- a first page costs at most 8 DynamoDB requests, the start page of the admin, which has seven lists, at
  most 12, and no Scan;
- a REST list of 100 takes at most 1.3 times as long as its PynamoDB queries alone;
- an admin list page takes less than half a second of this process's processor time in the fastest of seven
  rounds: its wall time is that of the stand-in, and of other load on the machine;
- a page with 5,000 records needs at most 1.2 times the requests and bytes that it needs with 500, except
  for the pages on which nothing matches.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from itertools import batched
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks.django_setup import ROOT

# isort: split
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils.timezone import get_default_timezone, localdate

import appointments.repository
import conversations.items
import conversations.models
import orders.models
import orders.repository
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from common.dynamodb.client import reset_client, shared_client
from common.dynamodb.tables import create_tables
from common.timestamps import to_iso
from conversations.domain import (
    Conversation,
    ConversationStatistics,
    Speaker,
    ToolCall,
    ToolOutcome,
    Utterance,
)
from orders.domain import Order, OrderItem, OrderStatus, assign_item_ids, calculate_total

SMALL, LARGE = 500, 5_000
ACTIVE_CALLS = 30
TRANSACTION_SIZE = 100
ROUNDS = 7
MAX_REQUESTS = 8
START_PAGE, MAX_REQUESTS_START_PAGE = "/admin/", 12
MAX_REST_RATIO = 1.3
MAX_ADMIN_CPU_S = 0.5
MAX_GROWTH = 1.2
# The pages show what is due today, so the records are placed around today, nine in the morning.
NOW = datetime.combine(localdate(), time(9), tzinfo=get_default_timezone())
LAST_WEEK, YESTERDAY = (to_iso(NOW - timedelta(days=days)) for days in (7, 1))
# Days in which there are the same appointments in both sizes of the tables.
PAST_DAYS, PAST_SLOTS = 4, 5
FIRST_DAY, A_DAY, LAST_DAY = ((NOW + timedelta(days=days)).date() for days in (-2, 1, 4))
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
    f"/appointments?dateFrom={FIRST_DAY}&dateTo={LAST_DAY}",
    f"/appointments?dateFrom={YESTERDAY[:10]}&ordering=date&limit=10",
    "/appointments?status=scheduled",
    "/appointments?doctorName=Dr.+Rodríguez",
    "/appointments?doctorName=Dr.+Rodríguez&status=scheduled&limit=10",
    f"/appointments?doctorName=Dr.+Rodríguez&date={A_DAY}",
    "/appointments?patientEmail=patient3@email.com",
    "/appointments?patientEmail=patient3@email.com&doctorName=Dr.+Rodríguez&limit=10",
    f"/appointments/availability?doctorName=Dr.+Rodríguez&date={A_DAY}",
    "/appointments/free-times?limit=100",
    "/appointments/free-times?doctorName=Dr.+Rodríguez&partOfDay=morning",
]
CALENDAR = "/admin/appointments/appointment/calendar/"
WEEK = f"from={FIRST_DAY}&until={LAST_DAY}"
ADMIN = [
    CALENDAR,
    f"{CALENDAR}events/?{WEEK}",
    f"{CALENDAR}events/?{WEEK}&doctor=Dr.+Rodríguez",
    f"{CALENDAR}day/?date={A_DAY}",
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
    START_PAGE,
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
    """Figures of one page for each size of the tables: requests, bytes, wall and processor seconds."""

    path: str
    requests: dict[int, Counter[str]] = field(default_factory=dict)
    received_bytes: dict[int, int] = field(default_factory=dict)
    wall_s: dict[int, float] = field(default_factory=dict)
    cpu_s: dict[int, float] = field(default_factory=dict)

    @property
    def growth(self) -> float:
        """Ratio of requests or bytes, whichever grew more, between the larger and the smaller tables."""
        # A page of what the process remembers makes no request.
        requests = self.requests[LARGE].total() / max(self.requests[SMALL].total(), 1)
        return max(requests, self.received_bytes[LARGE] / max(self.received_bytes[SMALL], 1))


@contextmanager
def run_dynamodb() -> Iterator[str]:
    """Run the DynamoDB stand-in in memory and yield its URL."""
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


# Records


def make_order(number: int) -> Order:
    """Return one of many orders.

    Every single filter has a full page of matches in both sizes of the table, two filters ten matches.
    """
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


def make_appointment(number: int) -> Appointment:
    """Return one of many appointments: a few for each doctor in the last days, then one every half hour.

    The coming ones of each doctor fill a page in both sizes of the table.
    """
    slot = number // len(DOCTORS)
    if slot < PAST_DAYS * PAST_SLOTS:
        day, place = divmod(slot, PAST_SLOTS)
        day -= PAST_DAYS
    else:
        day, place = divmod(slot - PAST_DAYS * PAST_SLOTS, 20)
    starts_at = NOW + timedelta(days=day, minutes=30 * place - 60)
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


def make_delivered_order(number: int) -> Order:
    """Return one of many orders of one customer, all delivered, older than the others."""
    made_at = NOW - timedelta(days=900, minutes=number)
    return replace(
        make_order(number),
        id=str(200_000 + number),
        customer_email=ONE_CUSTOMER,
        status=OrderStatus.DELIVERED,
        created_at=made_at,
        updated_at=made_at,
    )


def make_booked_appointment(number: int) -> Appointment:
    """Return one of many appointments of one doctor, all booked, before the others."""
    return replace(
        make_appointment(number),
        id=str(200_000 + number),
        patient_email=f"somebody{number}@email.com",
        doctor_name=ONE_DOCTOR,
        starts_at=NOW - timedelta(days=900, minutes=30 * number),
        status=AppointmentStatus.SCHEDULED,
    )


def make_conversation(number: int) -> Conversation:
    """Return one of many conversations, one every eight minutes up to now; thirty are still active."""
    started_at = NOW - timedelta(minutes=8 * number)
    return Conversation(
        id=str(100_000 + number),
        is_ended=number >= ACTIVE_CALLS,
        reason="client",
        started_at=started_at,
        updated_at=started_at,
        heartbeat_at=NOW,
        ended_at=None if number < ACTIVE_CALLS else started_at + timedelta(minutes=3),
        expires_at=NOW + timedelta(days=30),
        voice="carlos",
        language="es",
        model_id="amazon.nova-2-sonic-v1:0",
        wire="sonic.audio.v1",
        resume_hash="",
        statistics=ConversationStatistics(
            turns=4, tool_calls=1, error_codes=("throttled",) if number % 5 == 0 else ()
        ),
    )


def make_tool_call(number: int, started_at: datetime) -> ToolCall:
    """Return the only tool call of a conversation."""
    return ToolCall(
        call_id=str(100_000 + number),
        tool_use_id="tool",
        name=["consultarOrder", "consultarTurno"][number % 2],
        arguments={"orderId": str(100_000 + number), "dni": "******78"},
        arguments_hash="",
        outcome=list(ToolOutcome)[number % len(ToolOutcome)],
        error_code=None,
        started_at=started_at,
        duration_ms=40.0,
        turn=1,
    )


def conversation_items(number: int) -> Iterator[Any]:
    """Yield the items of one conversation."""
    conversation = make_conversation(number)
    started_at, expires_at = conversation.started_at, conversation.expires_at
    utterance = Utterance(
        turn=1, segment=1, speaker=Speaker.USER, text="una palabra", at=started_at
    )
    tool_call = make_tool_call(number, started_at)
    yield conversations.items.conversation_to_item(conversation)
    yield conversations.items.utterance_to_item(conversation.id, utterance, expires_at)
    yield conversations.items.tool_call_to_item(tool_call, expires_at)


def store_records(numbers: range) -> None:
    """Store the orders, appointments and conversations with these numbers."""
    with conversations.models.ConversationItem.batch_write() as batch:
        for number in numbers:
            for item in conversation_items(number):
                batch.save(item)
    for make_order_of_kind in (make_order, make_delivered_order):
        for batch_of_orders in batched(map(make_order_of_kind, numbers), TRANSACTION_SIZE):
            assert orders.repository.add_orders(batch_of_orders)
    for make_appointment_of_kind in (make_appointment, make_booked_appointment):
        for batch_of_appointments in batched(
            map(make_appointment_of_kind, numbers), TRANSACTION_SIZE
        ):
            assert appointments.repository.add_appointments(batch_of_appointments, [])


# Measurements


@contextmanager
def count_requests(page: Page, size: int) -> Iterator[None]:
    """Count the requests to DynamoDB, and the bytes received, within the context."""
    page.requests[size] = Counter()
    page.received_bytes[size] = 0

    def count(model: Any, http_response: Any, **_: Any) -> None:
        page.requests[size][model.name] += 1
        page.received_bytes[size] += len(http_response.content)

    events = shared_client.root().client.meta.events
    events.register("after-call.dynamodb", count)
    try:
        yield
    finally:
        events.unregister("after-call.dynamodb", count)


def measure_time(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall time and this process's processor time of `work`, in seconds."""
    wall, cpu = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - cpu


def open_page(client: Client, path: str) -> None:
    """Request a page and check that it succeeds."""
    response = client.get(path)
    assert response.status_code == 200, (path, response.status_code, response.content[:300])


def measure(client: Client, pages: list[Page], size: int) -> None:
    """Measure every page, in rounds over all pages, so that other load affects all of them alike."""
    for page in pages:
        open_page(client, page.path)
        with count_requests(page, size):
            open_page(client, page.path)
    rounds = [
        [measure_time(partial(open_page, client, page.path)) for page in pages]
        for _ in range(ROUNDS)
    ]
    for page, times in zip(pages, zip(*rounds, strict=True), strict=True):
        page.wall_s[size] = min(wall for wall, _ in times)
        page.cpu_s[size] = min(cpu for _, cpu in times)


def query_newest_orders() -> None:
    """Make the DynamoDB queries of the list of the 100 newest orders, and nothing else."""
    for status in OrderStatus:
        query = orders.models.Order.by_status.query(
            status, scan_index_forward=False, limit=101, page_size=101
        )
        list(query)


def rest_ratio(client: Client) -> float:
    """Return the time of `/orders?limit=100` divided by the time of its queries: the median of pairs."""
    open_list = partial(open_page, client, "/orders?limit=100")
    for warm_up in (query_newest_orders, open_list):
        warm_up()
    ratios = [
        measure_time(open_list)[0] / measure_time(query_newest_orders)[0] for _ in range(ROUNDS)
    ]
    return median(ratios)


# Report


def verdict(is_within_limits: bool) -> str:
    """Return the text at the end of a row."""
    return "ok" if is_within_limits else "TOO MUCH"


def format_ms(times: dict[int, float]) -> str:
    """Return the milliseconds for the smaller and the larger tables."""
    return f"{times[SMALL] * 1000:.0f} → {times[LARGE] * 1000:.0f}"


def print_report(pages: list[Page], ratio: float) -> bool:
    """Print the table and return whether every page is within the limits."""
    heads = f"{'requests':>9}{'scans':>6}{'KB @500':>9}{'KB @5000':>9}{'growth':>8}"
    print(f"{'page':78}{heads}{'cpu ms':>12}{'wall ms':>12}")
    all_fit = True
    for page in pages:
        requests = page.requests[LARGE]
        total, scans = requests.total(), requests["Scan"]
        limit = MAX_REQUESTS_START_PAGE if page.path == START_PAGE else MAX_REQUESTS
        fits = total <= limit and not scans
        fits = fits and (page.growth <= MAX_GROWTH or page.path in MATCHING_NOTHING)
        if page.path.startswith("/admin"):
            fits = fits and page.cpu_s[LARGE] < MAX_ADMIN_CPU_S
        all_fit = all_fit and fits
        small, large = page.received_bytes[SMALL] / 1e3, page.received_bytes[LARGE] / 1e3
        figures = f"{total:>9}{scans:>6}{small:>9.1f}{large:>9.1f}{page.growth:>8.2f}"
        times = f"{format_ms(page.cpu_s):>12}{format_ms(page.wall_s):>12}"
        print(f"{page.path:78}{figures}{times}  {verdict(fits)}")
    print(
        f"REST list of 100, divided by its queries: {ratio:.2f}  {verdict(ratio <= MAX_REST_RATIO)}"
    )
    return all_fit and ratio <= MAX_REST_RATIO


def main() -> int:
    """Store the records, measure the pages, print the report."""
    pages = [Page(path) for path in [*REST, *ADMIN, *MATCHING_NOTHING]]
    with (
        run_dynamodb() as url,
        override_settings(
            DYNAMODB_ENDPOINT_URL=url,
            CLINIC_DOCTORS=[*DOCTORS, ONE_DOCTOR],
            CLINIC_HOLIDAYS="none",
            ALLOWED_HOSTS=["testserver"],
        ),
    ):
        reset_client()
        create_tables()
        call_command("migrate", verbosity=0)
        client = Client()
        client.force_login(get_user_model().objects.create_superuser("bench"))
        store_records(range(SMALL))
        measure(client, pages, SMALL)
        store_records(range(SMALL, LARGE))
        measure(client, pages, LARGE)
        ratio = rest_ratio(client)
        reset_client()
    return 0 if print_report(pages, ratio) else 1


if __name__ == "__main__":
    sys.exit(main())
