"""The tree of expected errors. Each has a code, an HTTP status and a text for people.

    DomainError
     ├─ NotFoundError             404   order_not_found, appointment_not_found …
     ├─ ConflictError             409   slot_taken, order_not_cancellable …
     │   ├─ StaleVersionError           stale_version
     │   ├─ VersionNotMatchedError 412  version_not_matched
     │   └─ IdempotencyConflictError    idempotency_conflict
     ├─ RuleError                 422   empty_order, appointment_in_the_past …
     │   ├─ InvalidFieldError           invalid_field; some say what is wrong with the value
     │   └─ InvalidCursorError    400   invalid_cursor
     ├─ NotAllowedError           403
     │   └─ IdentityMissingError        identity_missing
     └─ UnavailableError          503   unavailable
         └─ BusyError                   busy

Each domain package derives its own errors from these, in its `errors.py`; so do `common.identity` and
`common.creations`, some with a status of their own. An error outside the tree is a bug: it reaches the
interface that got the request and is logged there, once. The three interfaces translate the whole tree,
and nothing else catches it: REST (`common.rest.envelope`), the admin (`staff.admin`,
`novasonic.admin_site`) and the voice tools (`voice.tools.registry`).
"""

from typing import ClassVar, override

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common.field_labels import field_label


class DomainError(Exception):
    """The base class of all expected errors.

    Attributes:
        code: The error's name for programs, e.g. "slot_taken".
        http_status: The status of the REST response.
        text: The text for people; `text_values()` fills its `%(name)s` placeholders.
        data: What a caller needs to react: plain values, dates and lists of those, by names in
            snake_case.

    """

    code: ClassVar[str]
    http_status: ClassVar[int]
    text: ClassVar[str | Promise]

    def __init__(self, **data: object) -> None:
        super().__init__(self.code)
        self.data: dict[str, object] = data

    @property
    def message(self) -> str:
        """The text in the active language, with its placeholders filled."""
        return str(self.text) % self.text_values()

    def text_values(self) -> dict[str, object]:
        """Return the values of the placeholders: the data, with codes replaced by labels."""
        return self.data

    def __str__(self) -> str:
        # The code alone: logs contain this, and `data` may contain personal data.
        return self.code


class NotFoundError(DomainError):
    """The record does not exist, or it isn't the caller's: the answer is the same for both."""

    code = "not_found"
    http_status = 404
    text = _("There is nothing here under that number.")


class ConflictError(DomainError):
    """The record is in a state that does not allow the change."""

    code = "conflict"
    http_status = 409
    text = _("That isn't possible any more.")


class StaleVersionError(ConflictError):
    """Somebody else changed the record after the caller read it.

    `data["current_version"]` is its current `updated_at`, where that is known.
    """

    code = "stale_version"
    text = _("Somebody else has just changed this. Please look again.")


class VersionNotMatchedError(ConflictError):
    """The conditional headers of a request exclude the stored version, without any other change.

    Either `If-Match` names no version of this API, or `If-None-Match` names the stored one.
    `data["current_version"]` is the stored `updated_at`, where that is known.
    """

    code = "version_not_matched"
    http_status = 412
    text = _(
        "If-Match or If-None-Match excludes this version. Send the ETag exactly as you got it."
    )


class IdempotencyConflictError(ConflictError):
    """Another request was sent with the same idempotency token."""

    code = "idempotency_conflict"
    text = _("This request was already used for something else.")


class RuleError(DomainError):
    """The request is well formed, but a rule of the business forbids it."""

    code = "rule"
    http_status = 422
    text = _("That isn't possible.")


class InvalidFieldError(RuleError):
    """One value is invalid; `data["field"]` names its field."""

    code = "invalid_field"
    text = _("The value given for %(field)s can't be used.")

    @override
    def text_values(self) -> dict[str, object]:
        return {"field": field_label(str(self.data["field"]))}


class HiddenCharactersError(InvalidFieldError):
    """A text contains characters that aren't shown, or that change the order of the others."""

    text = _("%(field)s has characters that can't be seen. Type it again instead of pasting it.")


class AccentedEmailError(InvalidFieldError):
    """An e-mail address has accents or other letters beside a to z before its `@`."""

    text = _(
        "The e-mail address has an accent, an ñ or another special letter before the @. "
        "Addresses have only plain letters there."
    )


class InvalidCursorError(RuleError):
    """The cursor is invalid, expired, or belongs to another list."""

    code = "invalid_cursor"
    http_status = 400
    text = _("The list can't go on from there. Please begin again.")


class NotAllowedError(DomainError):
    """The caller lacks the permission."""

    code = "not_allowed"
    http_status = 403
    text = _("You aren't allowed to do that.")


class IdentityMissingError(NotAllowedError):
    """The caller gave neither a name nor an identity number."""

    code = "identity_missing"
    text = _("Please say your full name or your identity number first.")


class UnavailableError(DomainError):
    """The data store is unavailable; `data["reason"]` is a code that says why."""

    code = "unavailable"
    http_status = 503
    text = _("Our records can't be reached at the moment. Please try again shortly.")


class BusyError(UnavailableError):
    """Too many changes of the same record at once."""

    code = "busy"
    text = _("Many people are changing this at once. Please try again.")
