"""The queryset over records: supported queries return the right records, all others raise an error."""

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldError
from django.db.models import CharField, Exists, F, Model, Q, QuerySet, Subquery
from pytest_django import DjangoAssertNumQueries

import appointments.demo
import orders.demo
from appointments.admin_records import Appointment
from common.clock import now as real_now
from common.dynamodb.paging import Page
from orders.admin_records import Order, OrderItem
from staff.queryset import MAX_RECORDS_READ, SUPPORTED_METHODS, TooManyRecordsError
from staff.record_filter import RecordFilter, UnsupportedQueryError
from staff.sources import MAX_RECORDS_SEARCHED, RecordReader

pytestmark = [pytest.mark.store, pytest.mark.django_db]

MODELS: list[Any] = [Order, OrderItem, Appointment]


def public_methods(cls: type) -> list[str]:
    names = [name for name in dir(cls) if not name.startswith("_")]
    return [name for name in names if callable(getattr(cls, name))]


# --- Unsupported queries


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", sorted(set(public_methods(QuerySet)) - SUPPORTED_METHODS))
def test_unsupported_public_method_is_refused_by_name(model: Any, name: str) -> None:
    for queryset in (model.objects.all(), model.objects):
        if hasattr(queryset, name):
            with pytest.raises(UnsupportedQueryError, match=rf"\b{name}\(\)"):
                getattr(queryset, name)()


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda o: o.filter(customer_name__icontains="a"), "customer_name__icontains"),
        (lambda o: o.filter(customer_name="a"), r"filter\(customer_name"),
        (lambda o: o.filter(tracking_number__isnull=True), "tracking_number__isnull"),
        (lambda o: o.filter(Q(id="1") | Q(id="2")), "alternative"),
        (lambda o: o.filter(~Q(status="pending")), "negated"),
        (lambda o: o.filter(lines__name="a"), "own fields"),
        (lambda o: o.filter(created_at__gte=F("updated_at")), "expression"),
        (lambda o: o.filter(created_at__year=2026), "created_at"),
        (lambda o: o.order_by("total"), "order by total"),
        (lambda o: o.order_by("created_at", "total"), "several fields"),
        (lambda o: o.order_by("?"), r"order by \?"),
        (lambda o: o.order_by("pk"), "order by pk"),
        (lambda o: o.order_by("-pk", "created_at"), "several fields: -pk, created_at"),
        (lambda o: o.distinct("status"), "distinct"),
        (lambda o: o.using("other"), "the database other"),
        (lambda o: o.search("perez") & o.search("nobody"), "joined by &"),
        (lambda o: o.filter(status="pending") & o.none(), "two querysets joined by &"),
        (lambda o: o.search("perez") | o.search("nobody"), r"joined by \|"),
        (lambda o: o.none() | o.all(), r"two querysets joined by \|"),
        (lambda o: o.search("perez") ^ o.search("nobody"), r"joined by \^"),
        (lambda o: o.search("perez").search("nobody"), r"search\(\) after"),
        (lambda o: o.all()[:2].search("perez"), r"search\(\) after a slice"),
        (lambda o: o.all()[:2].starting_at("2026"), r"starting_at\(\) after a slice"),
        (lambda o: o.all()[:2].read_page(0, 25).records, r"read_page\(\) after a slice"),
        (lambda o: o.starting_at("2026").starting_at("2025"), r"starting_at\(\) after"),
        (lambda o: o.filter(Exists(o.all())), "own fields: Exact"),
    ],
)
def test_query_that_no_index_serves_is_refused(build: Callable[[Any], Any], named: str) -> None:
    with pytest.raises(UnsupportedQueryError, match=named):
        list(build(Order.objects.all()))


REFUSED_BY_DJANGO_OR_DOMAIN: dict[str, Callable[[Any], object]] = {
    "negative": lambda o: o[-1],
    "negative start": lambda o: o[-3:],
    "negative stop": lambda o: o[:-1],
    "behind the last": lambda o: o[9],
    "filtered slice": lambda o: o[:3].filter(status="pending"),
    "ordered slice": lambda o: o[:3].order_by("created_at"),
    "reversed slice": lambda o: o[:3].reverse(),
    "last of a slice": lambda o: o[:3].last(),
    "none": lambda o: list(o.filter(status=None)),
    "unknown value": lambda o: list(o.filter(status="lost")),
    "unknown field": lambda o: list(o.filter(nothing="like that")),
}


@pytest.mark.parametrize("name", REFUSED_BY_DJANGO_OR_DOMAIN)
def test_query_that_django_or_the_domain_refuses_is_refused(records: datetime, name: str) -> None:
    errors = (TypeError, ValueError, IndexError, FieldError, UnsupportedQueryError)
    with pytest.raises(errors):
        REFUSED_BY_DJANGO_OR_DOMAIN[name](Order.objects.all())


def test_records_never_reach_sql() -> None:
    orders = Order.objects.filter(status="pending")
    attempts: list[Callable[[], object]] = [
        lambda: str(orders.query),
        lambda: orders.query.get_count("default"),
        lambda: orders.query.has_results("default"),
        lambda: list(User.objects.filter(username__in=orders)),
        lambda: list(User.objects.filter(Exists(orders))),
        lambda: list(User.objects.annotate(order=Subquery(orders, output_field=CharField()))),
        lambda: orders._raw_delete("default"),  # noqa: SLF001 -- Django calls it
        lambda: orders._update([]),  # noqa: SLF001 -- Django calls it
        lambda: Order(id="1").save(),
        lambda: Order(id="1").save_base(),
        lambda: Order(id="1").delete(),
    ]
    for attempt in attempts:
        with pytest.raises(UnsupportedQueryError):
            attempt()


# --- Supported queries


@pytest.fixture
def records(empty_tables: str) -> datetime:
    now = real_now()
    orders.demo.seed(now=now)
    appointments.demo.seed(now=now)
    return now


def ids(found: Any) -> list[str]:
    return [record.id for record in found]


NEWEST_FIRST = ["1", "2", "3", "5", "4"]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda o: o.all(), NEWEST_FIRST),
        (lambda o: o.reverse(), NEWEST_FIRST[::-1]),
        (lambda o: o.order_by("created_at"), NEWEST_FIRST[::-1]),
        (lambda o: o.order_by("created_at").reverse(), NEWEST_FIRST),
        (lambda o: o.order_by(F("created_at").desc()), NEWEST_FIRST),
        (lambda o: o.order_by("-created_at", "-pk"), NEWEST_FIRST),
        (lambda o: o.filter(status="shipped"), ["3"]),
        (lambda o: o.filter(customer_email="juan.perez@email.com"), ["1", "2"]),
        (lambda o: o.filter(customer_email=" Juan.Perez@email.com"), ["1", "2"]),
        (lambda o: o.filter(customer_email="juan.perez@email.com", status="pending"), ["1"]),
        (lambda o: o.filter(pk__in=["4", "1", "1", "none"]), ["1", "4"]),
        (lambda o: o.filter(pk__in=["4", "1"], status="pending"), ["1"]),
        (lambda o: o.filter(pk__in=[]), []),
        (lambda o: o.filter(status="pending").filter(status="shipped"), []),
        (lambda o: o.filter(status="pending").filter(status="pending"), ["1"]),
        (lambda o: o.complex_filter({"status": "pending"}), ["1"]),
        (lambda o: o.none(), []),
        (lambda o: o.distinct().using("default"), NEWEST_FIRST),
        (lambda o: o.all()[1:3], ["2", "3"]),
        (lambda o: o.all()[1:], NEWEST_FIRST[1:]),
        (lambda o: o.all()[1:][:2], ["2", "3"]),
        (lambda o: o.all()[::2], NEWEST_FIRST[::2]),
        (lambda o: o.all()[2:2], []),
        (lambda o: [o.all()[1:][0]], ["2"]),
        (lambda o: [o.reverse().first(), o.reverse().last()], ["4", "1"]),
        (lambda o: [r for r in o.all() if r in o.filter(status="shipped")], ["3"]),
        (lambda o: copy.deepcopy(o.search("perez")), ["1", "2"]),
        (lambda o: pickle.loads(pickle.dumps(o.search("perez"))), ["1", "2"]),
        (lambda o: o.search("perez").order_by("created_at").distinct(), ["2", "1"]),
        (lambda o: o.search("perez")[1:], ["2"]),
        (lambda o: o.search("perez").none(), []),
        (lambda o: o.all().iterator(), NEWEST_FIRST),
        (lambda o: [o.first(), o.last()], ["1", "4"]),
        (lambda o: [o.get(pk="2")], ["2"]),
        (lambda o: o.search("PEREZ juan"), ["1", "2"]),
        (lambda o: o.search("3"), ["3"]),
        (lambda o: o.search("Juan.Perez@email.com"), ["1", "2"]),
        (lambda o: o.search("producto d"), ["3", "4"]),
        (lambda o: o.search("perez").filter(status="processing"), ["2"]),
        (lambda o: o.search("nobody"), []),
    ],
)
def test_supported_query_returns_its_records_without_sql(
    records: datetime,
    build: Callable[[Any], Any],
    expected: list[str],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert ids(build(Order.objects.all())) == expected


def test_instants_limit_a_list_at_both_ends(records: datetime) -> None:
    at = Order.objects.get(pk="3").created_at
    tick = timedelta(milliseconds=1)

    assert ids(Order.objects.filter(created_at__gte=at)) == ["1", "2", "3"]
    assert ids(Order.objects.filter(created_at__gte=at + tick)) == ["1", "2"]
    assert ids(Order.objects.filter(created_at__lt=at)) == ["5", "4"]
    assert ids(Order.objects.filter(created_at__lt=at + tick)) == ["3", "5", "4"]


def test_narrower_of_two_limits_applies(records: datetime) -> None:
    at = {order.id: order.created_at for order in Order.objects.all()}
    for first, second in (("3", "5"), ("5", "3")):
        found = Order.objects.filter(created_at__gte=at[first]).filter(created_at__gte=at[second])
        assert ids(found) == ["1", "2", "3"]


def test_instant_within_a_day_limits_appointments(records: datetime) -> None:
    at = Appointment.objects.get(pk="2").starts_at
    tick = timedelta(milliseconds=1)

    assert "2" in ids(Appointment.objects.filter(starts_at__gte=at))
    assert "2" not in ids(Appointment.objects.filter(starts_at__gte=at + tick))
    assert "2" not in ids(Appointment.objects.filter(starts_at__lt=at))
    assert "2" in ids(Appointment.objects.filter(starts_at__lt=at + tick))


def test_count_and_exists_agree_with_the_records(records: datetime) -> None:
    assert Order.objects.count() == 5
    assert Order.objects.filter(status="pending").exists()
    assert not Order.objects.filter(customer_email="nobody@email.com").exists()


def test_missing_or_ambiguous_record_raises_as_in_django(records: datetime) -> None:
    with pytest.raises(Order.DoesNotExist):
        Order.objects.get(pk="999")
    with pytest.raises(Order.MultipleObjectsReturned):
        Order.objects.get(customer_email="juan.perez@email.com")


def test_items_of_an_order_have_their_own_ids(records: datetime) -> None:
    lines = OrderItem.objects.filter(order=Order.objects.get(pk="1"))

    assert ids(lines) == ["1:0", "1:1"]
    assert OrderItem.objects.get(pk="1:1").name == "Producto B"


# --- Limits


class ListSource:
    """Records from memory; their ids are their positions."""

    conditions: frozenset[str] = frozenset()
    sort_fields: frozenset[str] = frozenset()
    email_field = "customer_email"

    def __init__(self, count: int) -> None:
        self.count = count

    def find_by_id(self, record_id: str) -> Any:
        return None

    def read_page(
        self, record_filter: RecordFilter, *, cursor: str | None, limit: int
    ) -> Page[Any]:
        return Page(items=[Order.from_stored(id=str(position)) for position in range(self.count)])

    def search_text(self, record: Model) -> str:
        return "needle" if record.pk in {"5", str(self.count - 1)} else "hay"


@pytest.mark.parametrize(
    ("count", "found", "stopped_after"),
    [(MAX_RECORDS_SEARCHED, 2, None), (MAX_RECORDS_SEARCHED + 1, 1, MAX_RECORDS_SEARCHED)],
)
def test_search_stops_at_its_limit_and_reports_it(
    count: int, found: int, stopped_after: int | None
) -> None:
    reader = RecordReader[Any](ListSource(count))

    assert len(list(reader.search(RecordFilter(search_text="Needle")))) == found
    assert reader.stopped_after == stopped_after


def test_page_beyond_the_limit_is_refused(records: datetime) -> None:
    assert Order.objects.all().read_page(MAX_RECORDS_READ - 25, 25).records == []
    with pytest.raises(TooManyRecordsError):
        Order.objects.all().read_page(MAX_RECORDS_READ - 24, 25)


def test_page_knows_whether_another_one_follows(records: datetime) -> None:
    assert Order.objects.all().read_page(0, 4).has_next
    assert not Order.objects.all().read_page(0, 5).has_next


def test_instants_of_records_are_aware(records: datetime) -> None:
    assert Order.objects.get(pk="1").created_at.tzinfo is UTC
