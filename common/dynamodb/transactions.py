"""Write several items in one transaction, each under a named condition.

A transaction that DynamoDB cancels says which conditions failed by their names, so that the caller
can answer each failure with its own error.
"""

from collections.abc import Callable, Collection, Mapping
from enum import IntEnum

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from common.dynamodb.client import shared_client
from common.dynamodb.tables import Table
from common.errors import BusyError, DomainError

UNCONDITIONAL = "unconditional"
"""The name of a write that has no condition."""

MAX_WRITES = 100
"""How many writes DynamoDB accepts in one transaction."""


type Write = Callable[["Transaction"], None]
"""Adds a write to a transaction. One module makes it, another one sends it together with its own."""


class ConditionsFailedError(Exception):
    """Some conditions of a transaction failed, so nothing was written; `failed` names them."""

    def __init__(self, failed: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(failed)))
        self.failed = failed


class _Kind(IntEnum):
    """The order in which PynamoDB sends the writes of a transaction, whatever the order of the calls."""

    CHECK = 0
    DELETE = 1
    PUT = 2
    UPDATE = 3


class Transaction:
    """Writes that DynamoDB applies together or not at all."""

    def __init__(self) -> None:
        self._writes: list[tuple[_Kind, str, Callable[[TransactWrite], None]]] = []

    def check_item(self, item: Table, *, condition: Condition, name: str = UNCONDITIONAL) -> None:
        """Require `condition` of the stored item with the key of `item`, and write nothing to it."""
        self._writes.append(
            (
                _Kind.CHECK,
                name,
                lambda write: write.condition_check(
                    type(item), item.pk, item.sk, condition=condition
                ),
            )
        )

    def put_item(
        self, item: Table, *, condition: Condition | None = None, name: str = UNCONDITIONAL
    ) -> None:
        """Replace the stored item with `item`, if `condition` is true of what is stored."""
        self._writes.append((_Kind.PUT, name, lambda write: write.save(item, condition=condition)))

    def update_item(
        self,
        item: Table,
        *,
        attributes: Collection[str] | None = None,
        condition: Condition,
        name: str,
    ) -> None:
        """Write `attributes` of `item`, if `condition` is true of what is stored.

        Args:
            item: The item with its new values; None removes an attribute.
            attributes: Which attributes to write, by their Python names; None means all that the
                model declares. The stored item keeps all others.
            condition: What must be true of the stored item.
            name: The condition's name.

        """
        actions = _assignments(item, attributes)
        self._writes.append(
            (_Kind.UPDATE, name, lambda write: write.update(item, actions, condition=condition))
        )

    def delete_item(
        self, item: Table, *, condition: Condition | None = None, name: str = UNCONDITIONAL
    ) -> None:
        """Delete the stored item, if `condition` is true of it."""
        self._writes.append(
            (_Kind.DELETE, name, lambda write: write.delete(item, condition=condition))
        )

    def commit(self, *, on_conflict: DomainError | Mapping[str, DomainError] | None = None) -> None:
        """Send the transaction.

        Args:
            on_conflict: The error to raise when a condition fails. With a mapping, the errors by
                the conditions' names; the first entry whose condition failed is raised.

        Raises:
            DomainError: a condition failed, and `on_conflict` has an error for it.
            ConditionsFailedError: a condition failed, and `on_conflict` has none.
            BusyError: another transaction is writing one of the items.

        """
        try:
            self._send()
        except ConditionsFailedError as failure:
            if isinstance(on_conflict, DomainError):
                raise on_conflict from failure
            for name, error in (on_conflict or {}).items():
                if name in failure.failed:
                    raise error from failure
            raise

    def try_commit(self) -> bool:
        """Send the transaction; return False if a condition failed.

        Raises:
            BusyError: another transaction is writing one of the items.

        """
        try:
            self._send()
        except ConditionsFailedError:
            return False
        return True

    def _send(self) -> None:
        # DynamoDB returns the cancellation reasons in the order in which PynamoDB sends the writes.
        writes = sorted(self._writes, key=lambda write: write[0])
        try:
            with TransactWrite(connection=shared_client.root()) as transaction:
                for _, _, add_to in writes:
                    add_to(transaction)
        except TransactWriteError as error:
            raise _translated(error, [name for _, name, _ in writes]) from error


def _assignments(item: Table, only: Collection[str] | None) -> list[Action]:
    actions: list[Action] = []
    for name, attribute in item.get_attributes().items():
        is_key = attribute.is_hash_key or attribute.is_range_key
        if not is_key and (only is None or name in only):
            value = getattr(item, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


def _translated(error: TransactWriteError, names: list[str]) -> Exception:
    """Return the error that says why DynamoDB cancelled the transaction; `names` are of its writes."""
    if error.cause_response_code == "TransactionInProgressException":
        return BusyError(reason="contention")
    codes = [None if reason is None else reason.code for reason in error.cancellation_reasons]
    failed = frozenset(
        name for name, code in zip(names, codes, strict=False) if code == "ConditionalCheckFailed"
    )
    if failed:
        return ConditionsFailedError(failed)
    if "TransactionConflict" in codes:
        return BusyError(reason="contention")
    return error
