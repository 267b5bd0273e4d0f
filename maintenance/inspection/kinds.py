"""The kinds of items in each table, and how the server reads each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from appointments import models as appointment_models
from appointments import repository as appointment_repository
from appointments.information import repository as information_repository
from appointments.information.models import InformationItem
from appointments.schedules import repository as schedule_repository
from appointments.schedules.models import ScheduleItem
from appointments.waiting_list import repository as waiting_list_repository
from appointments.waiting_list.models import WaitingItem
from business.models import ProfileItem, ProfileVersionItem
from common.creations.models import CreationCount
from common.dynamodb.bulk import key_of
from common.dynamodb.items import unreadable_attributes
from common.dynamodb.tables import Table
from common.identity.models import FailedAttempts, KnownAddress
from common.request_counts.models import RequestCount
from conversations import items as conversation_items
from conversations import models as conversation_models
from follow_ups.models import FollowUpItem
from follow_ups.repository import follow_up_from_item
from maintenance import models as maintenance_models
from notifications.models import MessageItem
from notifications.repository import message_from_raw
from orders import models as order_models
from orders import product_repository
from orders import repository as order_repository
from webhooks.models import DeliveryItem, EndpointItem
from webhooks.repository import delivery_from_raw, endpoint_from_raw

type Item = Mapping[str, Any]


def _is_stored(_item: Item) -> None:
    """Accept what the model reads: the item has no domain value of its own."""


@dataclass(frozen=True, slots=True)
class ItemKind:
    """One kind of item: its name, its model, and the function that returns its domain value."""

    name: str
    model: type[Table]
    parse: Callable[[Item], object] = _is_stored
    sort_key: str | None = None
    """What SK starts with; None if it equals PK."""

    def matches(self, item: Item) -> bool:
        """Whether an item's keys are those of this kind."""
        pk, sk = key_of(item)
        has_sort_key = sk == pk if self.sort_key is None else sk.startswith(self.sort_key)
        return pk.startswith(f"{self.model.key_prefix}#") and has_sort_key

    def problems(self, item: Item) -> list[str]:
        """Return why the server can't read an item; an empty list if it can."""
        if unreadable := list(unreadable_attributes(self.model, item)):
            return unreadable
        try:
            self.parse(item)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
            return [f"{type(error).__name__}: {_without_personal_data(error)}"]
        return []


def _without_personal_data(error: Exception) -> str:
    """Return the error's text if it is about a code such as a status, else what it is called."""
    text = str(error)
    return text if text.endswith(("Status", "Kind", "Outcome", "Speaker", "Stage")) else "a value"


ORDER = ItemKind("order", order_models.Order, order_repository.order_from_raw)
APPOINTMENT = ItemKind(
    "appointment", appointment_models.Appointment, appointment_repository.appointment_from_raw
)
DOCTOR_DAY = ItemKind(
    "doctor's day", appointment_models.DoctorDay, appointment_repository.calendar_day_from_raw
)
PATIENT_DAY = ItemKind(
    "patient's day", appointment_models.PatientDay, appointment_repository.calendar_day_from_raw
)
CALENDAR_DAYS = (DOCTOR_DAY, PATIENT_DAY)
CONVERSATION = ItemKind(
    "conversation",
    conversation_models.ConversationItem,
    lambda item: conversation_items.conversation_from_item(
        conversation_models.ConversationItem.from_raw_data(dict(item))
    ),
)
UTTERANCE = ItemKind(
    "utterance",
    conversation_models.UtteranceItem,
    lambda item: conversation_items.utterance_from_item(
        conversation_models.UtteranceItem.from_raw_data(dict(item))
    ),
    sort_key=conversation_models.UtteranceItem.SK_PREFIX,
)
TOOL_CALL = ItemKind(
    "tool call",
    conversation_models.ToolCallItem,
    lambda item: conversation_items.tool_call_from_item(
        conversation_models.ToolCallItem.from_raw_data(dict(item))
    ),
    sort_key=conversation_models.ToolCallItem.SK_PREFIX,
)
CHECKPOINT = ItemKind("checkpoint", conversation_models.CheckpointItem, sort_key="MEMORY")


def calendar_day_problems(item: Mapping[str, Any]) -> list[str]:
    """Return what the server can't read of an item that stores a calendar day."""
    return next((kind.problems(item) for kind in CALENDAR_DAYS if kind.matches(item)), [])


KINDS: Mapping[str, tuple[ItemKind, ...]] = {
    "orders": (
        ORDER,
        ItemKind("product", order_models.Product, product_repository.product_from_raw),
        ItemKind("token", order_models.OrderToken),
        ItemKind("failed attempts", FailedAttempts),
        ItemKind("known address", KnownAddress),
        ItemKind("creation counts", CreationCount),
        ItemKind("request count", RequestCount),
    ),
    "appointments": (
        APPOINTMENT,
        *CALENDAR_DAYS,
        ItemKind("schedule", ScheduleItem, schedule_repository.value_from_raw, sort_key=""),
        ItemKind(
            "information", InformationItem, information_repository.entry_from_raw, sort_key=""
        ),
        ItemKind("waiting entry", WaitingItem, waiting_list_repository.entry_from_raw, sort_key=""),
        ItemKind(
            "reservation",
            appointment_models.ReservationItem,
            appointment_repository.reservation_end_from_raw,
            sort_key=appointment_repository.RESERVATION_PREFIX,
        ),
        ItemKind("token", appointment_models.AppointmentToken),
        ItemKind("message", MessageItem, message_from_raw, sort_key=MessageItem.SK_PREFIX),
        ItemKind("webhook", EndpointItem, endpoint_from_raw, sort_key=EndpointItem.SK_PREFIX),
        ItemKind("delivery", DeliveryItem, delivery_from_raw, sort_key=DeliveryItem.SK_PREFIX),
    ),
    "calls": (
        CONVERSATION,
        UTTERANCE,
        TOOL_CALL,
        CHECKPOINT,
        ItemKind("used ticket", conversation_models.UsedTicketItem),
        ItemKind("model usage", conversation_models.ModelUsageItem),
        ItemKind(
            "session leases",
            conversation_models.SessionLeasesItem,
            lambda item: conversation_items.session_leases_from_item(
                conversation_models.SessionLeasesItem.from_raw_data(dict(item))
            ),
        ),
        ItemKind("business profile", ProfileItem),
        ItemKind(
            "business profile version",
            ProfileVersionItem,
            sort_key=ProfileVersionItem.SK_PREFIX,
        ),
        ItemKind(
            "follow-up",
            FollowUpItem,
            lambda item: follow_up_from_item(FollowUpItem.from_raw_data(dict(item))),
        ),
        ItemKind("data migration", maintenance_models.MigrationRecord),
        ItemKind("undo item", maintenance_models.UndoItem, sort_key=""),
    ),
}
"""By the labels of the tables."""


def kind_of(table: str, item: Item) -> ItemKind | None:
    """Return the kind of an item of the table with this label, or None if it has none."""
    return next((kind for kind in KINDS[table] if kind.matches(item)), None)
