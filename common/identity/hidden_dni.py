"""Changes of identity numbers and telephone numbers by staff who see them masked."""

from typing import Any

from common.identity.errors import DniHiddenError, PhoneHiddenError
from common.identity.verification import mask_dni


def check_dni_change(
    provided: dict[str, Any], current: str | None, *, sees_dni: bool
) -> dict[str, Any]:
    """Return the provided fields without a `dni` that is only the mask of the stored one.

    Args:
        provided: The fields to change.
        current: The stored identity number.
        sees_dni: Whether the caller may see identity numbers in full, and so may change one.

    Raises:
        DniHiddenError: the number is to change, and the caller may not see it.

    """
    if "dni" not in provided:
        return provided
    if (provided["dni"] or None) == mask_dni(current):
        return {name: value for name, value in provided.items() if name != "dni"}
    # The stored number is refused too: accepting it would confirm a guess.
    if not sees_dni:
        raise DniHiddenError(permission="orders.view_dni")
    return provided


def check_phone_change(
    provided: dict[str, Any], current: str | None, *, sees_phone: bool
) -> dict[str, Any]:
    """Return the provided fields without a `phone` that is only the mask of the stored one.

    Args:
        provided: The fields to change.
        current: The stored telephone number.
        sees_phone: Whether the caller may see telephone numbers in full, and so may change one.

    Raises:
        PhoneHiddenError: the number is to change, and the caller may not see it.

    """
    if "phone" not in provided:
        return provided
    if (provided["phone"] or None) == mask_dni(current):
        return {name: value for name, value in provided.items() if name != "phone"}
    if not sees_phone:
        raise PhoneHiddenError(permission="appointments.view_phone")
    return provided
