"""Run one migration from start to end: apply, compare the tables, and undo if something went wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.dynamodb.failures import describe_unavailability
from common.errors import UnavailableError
from maintenance.data_migrations.base import Migration
from maintenance.inspection import Inspection
from maintenance.integrity import IntegrityReport
from maintenance.migrating import (
    LeaseLostError,
    MigrationError,
    MigrationRunner,
    MigrationStateError,
    Outcome,
    UndoOutcome,
)

type Inspect = Callable[[], Inspection]
type OnChange = Callable[[int], None]


class MigrationInterruptedError(MigrationError):
    """DynamoDB failed half-way; what was changed stays, and the migration can go on."""


class MigrationUndoneError(MigrationError):
    """The migration went wrong and was undone; its cause says what went wrong."""

    def __init__(self, name: str, cause: Exception, undone: UndoOutcome) -> None:
        self.undone = undone
        detail = " ".join(str(cause).split()) or type(cause).__name__
        text = f"{name} failed and was undone, {undone.restored} items restored. It failed with: {detail}"
        if undone.kept:
            text += (
                f". {len(undone.kept)} items were changed by others since and stay as they are: "
                + ", ".join(undone.kept)
            )
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What a migration did, with the tables before and after."""

    migration: Migration
    outcome: Outcome
    integrity: IntegrityReport

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.migration.name,
            **outcome_as_dict(self.outcome),
            "integrity": self.integrity.as_dict(),
        }


def outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    """Return plain values for JSON."""
    return {
        "changed": outcome.changed,
        "changes": dict(sorted(outcome.by_reason.items())),
        "repairs": dict(sorted(outcome.report.repairs.items())),
        "problems": outcome.report.problems,
    }


def run_migration(
    runner: MigrationRunner,
    migration: Migration,
    *,
    before: Inspection,
    inspect: Inspect,
    backup: str | None,
    on_change: OnChange,
) -> MigrationResult:
    """Apply a migration, or go on with it, and undo it if it fails or damages something.

    Args:
        runner: Applies and undoes it.
        migration: The migration.
        before: The tables as they are.
        inspect: Inspects the tables again.
        backup: Where the backup is that was made before.
        on_change: Called with the number of items that were changed just now.

    Raises:
        LeaseLostError: another process works on it.
        MigrationStateError: its undoing was interrupted.
        MigrationInterruptedError: DynamoDB failed; run it again to go on.
        MigrationUndoneError: it failed, or records are gone or unreadable afterwards; it was undone.

    """
    try:
        outcome = runner.apply(migration, backup=backup, on_change=on_change)
        integrity = IntegrityReport(before, inspect())
        if violations := integrity.violations():
            raise MigrationError("; ".join(violations))  # noqa: TRY301 -- undone like any other failure
        runner.finish(migration, outcome)
    except (LeaseLostError, MigrationStateError):
        raise
    except UnavailableError as error:
        runner.release(migration)
        raise _interrupted(migration, error) from error
    except KeyboardInterrupt:
        runner.release(migration)
        raise
    except Exception as error:  # a migration's plan may raise anything; all of it is undone
        raise _undone(runner, migration, error, on_change) from error
    return MigrationResult(migration, outcome, integrity)


def _interrupted(migration: Migration, error: UnavailableError) -> MigrationInterruptedError:
    return MigrationInterruptedError(
        f"{migration.name} was interrupted. {describe_unavailability(error)} What was changed stays; run "
        f"it again to go on, or with --undo {migration.name}."
    )


def _undone(
    runner: MigrationRunner, migration: Migration, error: Exception, on_change: OnChange
) -> MigrationError:
    try:
        return MigrationUndoneError(
            migration.name, error, runner.undo(migration, on_change=on_change)
        )
    except UnavailableError as failure:
        return MigrationInterruptedError(
            f"{migration.name} failed with: {error}. Undoing it was interrupted, too. "
            f"{describe_unavailability(failure)} Run it with --undo {migration.name}."
        )
