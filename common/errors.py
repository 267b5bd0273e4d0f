"""The errors that are foreseen: each has a code, an HTTP status and a sentence for people.

    DomainError
     ├─ NotFoundError             404   order_not_found, appointment_not_found …
     ├─ ConflictError             409   slot_taken, order_closed …
     │   ├─ StaleVersionError           stale_version
     │   └─ IdempotencyConflictError    idempotency_conflict
     ├─ RuleError                 422   empty_order, appointment_in_the_past …
     │   ├─ InvalidFieldError           invalid_field
     │   └─ InvalidCursorError    400   invalid_cursor
     ├─ NotAllowedError           403
     │   └─ IdentityMissingError        identity_missing
     └─ UnavailableError          503   unavailable
         └─ BusyError                   busy

Rooms derive their own from these, beside their services. Whatever isn't in the tree is a fault of
ours: it travels to the door it came in by, and is logged there once. Three doors translate the
tree, and nobody else catches it whole: REST (`common.rest.envelope`), the staff pages and the voice tools.
"""

from typing import ClassVar, override

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common.field_labels import field_label


class DomainError(Exception):
    """Something foreseen went wrong.

    `text` is the sentence for people, with `%(name)s` places that `words()` fills; `data` holds what
    a caller needs to go on: plain values, dates and lists of those, with names in snake_case.
    """

    code: ClassVar[str]
    http_status: ClassVar[int]
    text: ClassVar[str | Promise]

    def __init__(self, **data: object) -> None:
        super().__init__(self.code)
        self.data: dict[str, object] = data

    @property
    def message(self) -> str:
        """The sentence, in the language that is active now."""
        return str(self.text) % self.words()

    def words(self) -> dict[str, object]:
        """Return what fills the places of `text`: the data, but for names that only programs know."""
        return self.data

    def __str__(self) -> str:
        # The code alone: `data` may name people, and this ends in logs.
        return self.code


class NotFoundError(DomainError):
    """The thing isn't there, or isn't this caller's: the two are answered alike."""

    code = "not_found"
    http_status = 404
    text = _("There is nothing here under that number.")


class ConflictError(DomainError):
    """The thing is in a state that doesn't allow it."""

    code = "conflict"
    http_status = 409
    text = _("That isn't possible any more.")


class StaleVersionError(ConflictError):
    """Somebody else changed the thing after it was read.

    `data["current_version"]` is its `updated_at` now, where that is known.
    """

    code = "stale_version"
    text = _("Somebody else has just changed this. Please look again.")


class IdempotencyConflictError(ConflictError):
    """The same token came with another request."""

    code = "idempotency_conflict"
    text = _("This request was already used for something else.")


class RuleError(DomainError):
    """The request is well formed, but a rule of the business forbids it."""

    code = "rule"
    http_status = 422
    text = _("That isn't possible.")


class InvalidFieldError(RuleError):
    """One value can't be used. `data["field"]` names it."""

    code = "invalid_field"
    text = _("The value given for %(field)s can't be used.")

    @override
    def words(self) -> dict[str, object]:
        return {"field": field_label(str(self.data["field"]))}


class InvalidCursorError(RuleError):
    """It isn't a cursor of ours, it is too old, or it is one for another list."""

    code = "invalid_cursor"
    http_status = 400
    text = _("The list can't go on from there. Please begin again.")


class NotAllowedError(DomainError):
    """The caller may not do this, whatever the thing's state."""

    code = "not_allowed"
    http_status = 403
    text = _("You aren't allowed to do that.")


class IdentityMissingError(NotAllowedError):
    """The caller has said nothing that shows who they are."""

    code = "identity_missing"
    text = _("Please say your full name or your identity number first.")


class UnavailableError(DomainError):
    """The data store doesn't serve us now. `data["reason"]` says why, in one word of ours."""

    code = "unavailable"
    http_status = 503
    text = _("Our records can't be reached at the moment. Please try again shortly.")


class BusyError(UnavailableError):
    """Too many changes of the same thing at once; each lost its turn too often."""

    code = "busy"
    text = _("Many people are changing this at once. Please try again.")
