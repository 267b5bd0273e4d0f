"""Transactions whose conditions have names, so that a refused one says which condition failed."""

from collections.abc import Callable, Collection
from enum import IntEnum

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from common.dynamodb.client import shared_client
from common.dynamodb.tables import Table
from common.errors import BusyError


class ConditionsFailedError(Exception):
    """Some conditions of a transaction didn't hold, so nothing was written; `failed` names them."""

    def __init__(self, failed: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(failed)))
        self.failed = failed


class _Kind(IntEnum):
    """PynamoDB sends the writes of a transaction sorted so, whatever the order of the calls."""

    DELETE = 0
    PUT = 1
    UPDATE = 2


UNGUARDED = "nothing"
"""The name of no condition: of a write that rides on another one's, or may happen in any case."""

MAX_WRITES = 100
"""How many writes DynamoDB takes in one transaction."""


class Transaction:
    """Writes that happen together or not at all; each condition has a name that says what it guards."""

    def __init__(self) -> None:
        self._writes: list[tuple[_Kind, str, Callable[[TransactWrite], None]]] = []

    def put(self, item: Table, *, only_if: Condition | None = None, named: str = UNGUARDED) -> None:
        """Store `item` whole, if `only_if` holds for what is there."""
        self._writes.append((_Kind.PUT, named, lambda write: write.save(item, condition=only_if)))

    def change(
        self,
        item: Table,
        *,
        attributes: Collection[str] | None = None,
        only_if: Condition,
        named: str,
    ) -> None:
        """Write the attributes that our model knows, or only those named; leave the others as stored."""
        actions = _assignments(item, attributes)
        self._writes.append(
            (_Kind.UPDATE, named, lambda write: write.update(item, actions, condition=only_if))
        )

    def delete(
        self, item: Table, *, only_if: Condition | None = None, named: str = UNGUARDED
    ) -> None:
        """Delete `item`, if `only_if` holds for what is there."""
        self._writes.append(
            (_Kind.DELETE, named, lambda write: write.delete(item, condition=only_if))
        )

    def commit(self) -> None:
        """Write.

        Raises:
            ConditionsFailedError: some conditions don't hold.
            BusyError: another transaction is at one of the items just now.

        """
        # The answer's reasons come in the order in which PynamoDB sends.
        writes = sorted(self._writes, key=lambda write: write[0])
        try:
            with TransactWrite(connection=shared_client.root()) as transaction:
                for _, _, add in writes:
                    add(transaction)
        except TransactWriteError as error:
            raise _refusal(error, [name for _, name, _ in writes]) from error


def _assignments(item: Table, only: Collection[str] | None) -> list[Action]:
    actions: list[Action] = []
    for name, attribute in item.get_attributes().items():
        is_key = attribute.is_hash_key or attribute.is_range_key
        if not is_key and (only is None or name in only):
            value = getattr(item, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


def _refusal(error: TransactWriteError, names: list[str]) -> Exception:
    if error.cause_response_code == "TransactionInProgressException":
        return BusyError(reason="contention")
    reasons = error.cancellation_reasons
    if failed := frozenset(
        name
        for name, reason in zip(names, reasons, strict=False)
        if reason is not None and reason.code == "ConditionalCheckFailed"
    ):
        return ConditionsFailedError(failed)
    if any(reason is not None and reason.code == "TransactionConflict" for reason in reasons):
        return BusyError(reason="contention")
    return error
