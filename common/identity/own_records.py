"""Find a customer's records by what they say of themselves: name, and identity number or e-mail address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.errors import IdentityMissingError
from common.identity.attempts import SubjectKind
from common.identity.errors import ContactNeededError
from common.identity.lockout import hash_text, verify_or_count_failure
from common.identity.verification import (
    Customer,
    Factor,
    FactorRule,
    Owner,
    Verification,
    digits,
    offered_factors,
    parse_spoken_email,
    verify,
)

RULE = FactorRule.NAME_AND_OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """By what a customer's records are found: one of the two."""

    dni: str | None = None
    email: str | None = None


def find_own_records[T](
    customer: Customer,
    find: Callable[[Contact], Sequence[T]],
    owner_of: Callable[[T], Owner],
    *,
    now: datetime,
) -> list[T]:
    """Return the records that a customer finds by identity number or e-mail address, and that are theirs.

    The name must be right, too, and nothing they said wrong. Of a customer who gave both, records are
    found by the address only if none of the number is theirs: their records may have no number. If
    nothing is theirs, a failure is counted for the call, the address, the
    name and the contact, in the same way whether or not there are records of that contact.

    Args:
        customer: Who asks.
        find: Returns the records with an identity number or e-mail address.
        owner_of: Returns what a record says of its owner.
        now: The current instant.

    Raises:
        ContactNeededError: the customer gave neither an identity number nor a whole e-mail address.
        IdentityMissingError: the customer gave no name.
        AttemptsExceededError, AttemptTooSoonError: as in `verify_or_count_failure`.

    """
    dni, email = digits(customer.dni or ""), parse_spoken_email(customer.email or "")
    contacts = [Contact(dni=dni)] if dni else []
    if "@" in email:
        contacts.append(Contact(email=email))
    if not contacts:
        raise ContactNeededError(accepts=[Factor.DNI, Factor.EMAIL])
    if Factor.NAME not in offered_factors(customer):
        raise IdentityMissingError
    records: list[T] = []
    own: list[T] = []
    for contact in contacts:
        found = find(contact)
        records += found
        own = [
            each
            for each in found
            if verify(customer, owner_of(each), RULE) is Verification.VERIFIED
        ]
        if own:
            break
    first = next(iter(own or records), None)
    is_verified = verify_or_count_failure(
        customer,
        kind=SubjectKind.CONTACT,
        record_id=hash_text(email if "@" in email else dni),
        owner=None if first is None else owner_of(first),
        rule=RULE,
        now=now,
    )
    return own if is_verified else []
