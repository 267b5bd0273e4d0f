"""Changes of identity numbers and telephone numbers by staff who see them masked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from common.errors import NotAllowedError
from common.identity.errors import DniHiddenError, PhoneHiddenError
from common.identity.verification import mask_dni

type HiddenField = Literal["dni", "phone"]

_REFUSALS: Mapping[HiddenField, tuple[type[NotAllowedError], str]] = MappingProxyType(
    {
        "dni": (DniHiddenError, "orders.view_dni"),
        "phone": (PhoneHiddenError, "appointments.view_phone"),
    }
)
"""By field, the error for those who may not see it, and the permission that they lack."""


def check_hidden_change(
    provided: dict[str, Any], field: HiddenField, current: str | None, *, is_visible: bool
) -> dict[str, Any]:
    """Return the provided fields without `field` if its value is only the mask of the stored one.

    Args:
        provided: The fields to change.
        field: The field, which need not be among them.
        current: The stored number.
        is_visible: Whether the caller may see it in full, and so may change it.

    Raises:
        DniHiddenError, PhoneHiddenError: the number is to change, and the caller may not see it.

    """
    if field not in provided:
        return provided
    if (provided[field] or None) == mask_dni(current):
        return {name: value for name, value in provided.items() if name != field}
    # The stored number is refused too: accepting it would confirm a guess.
    if not is_visible:
        error, permission = _REFUSALS[field]
        raise error(permission=permission)
    return provided
